/**
 * What may enter the log: asked before a signature is checked, and again before a message takes effect, since the
 * state may have moved between. Everything outside is dropped, so n replicas cost O(n * L) memory whatever a faulty
 * one sends; its STATUS is how a sender that lags gets help.
 * Source: pbft.md 1.4 (memory bounds), 1.5 (last paragraph), 1.15.
 */
import { equalBytes } from "../../base/bytes.ts";
import { checkpointChoice } from "./checkpoints.ts";
import type { Core } from "./core.ts";
import type { PbftBody, VoteBody } from "./messages.ts";
import type { Tally } from "./tally.ts";

/** A pure query: known sender, this epoch, inside the window, not a duplicate. */
export function wantsMessage(core: Core, body: PbftBody): boolean {
  if (core.head === undefined || core.mode === "halted") return false;
  if (body.epoch !== core.epoch || body.from === core.self) return false;
  switch (body.type) {
    case "pre-prepare":
      return inLog(core, body, 0n, 1n) && wantsProposal(core, body);
    case "prepare": {
      if (!inLog(core, body, 0n, 1n)) return false;
      const round = core.slots.find(body.height, body.view);
      return round === undefined || wantsVote(round.prepares, body, round.prepared);
    }
    case "commit": {
      if (!inLog(core, body, -1n, 1n)) return false;
      const slot = core.slots.get(body.height);
      const decided = slot?.certificate !== undefined || body.height <= core.committed;
      const tally = slot?.rounds.get(body.view)?.commits;
      return tally === undefined ? !decided : wantsVote(tally, body, decided);
    }
    case "checkpoint": {
      if (!core.isCheckpoint(body.height) || body.height <= core.stable) return false;
      if (body.height > core.logTop) return false;
      const tally = core.checkpoints.get(body.height);
      return tally === undefined || wantsVote(tally, { ...body, hash: checkpointChoice(body) }, false);
    }
    case "status":
      // Anyone can send an old STATUS of another once more, which must not take the place of the real one.
      if (body.lastCommitted < core.seen[body.from]!.committed) return false;
      return !core.answered.status.has(body.from);
    case "fetch":
      return !core.answered.fetch.has(body.from);
    case "block":
      return core.fetching !== undefined && equalBytes(core.fetching.hash, body.hash);
    case "checkpoint-certificate":
      return body.height > (core.awaitedCertificate?.height ?? core.stable);
  }
}

/** Views around the own one, heights in (low, low + 2L]. */
function inLog(core: Core, { view, height }: VoteBody, viewsBelow: bigint, viewsAbove: bigint): boolean {
  if (view < core.view + viewsBelow || view > core.view + viewsAbove) return false;
  return height > core.lowWatermark && height <= core.logTop;
}

/** The first PRE-PREPARE for a place, and one that contradicts it. */
function wantsProposal(core: Core, { height, view, hash }: VoteBody): boolean {
  const round = core.slots.find(height, view);
  if (round?.proposal === undefined) return true;
  return !round.equivocated && !equalBytes(round.proposal.message.hash, hash);
}

/** A vote that can still change something, or the proof that its sender contradicts itself. */
function wantsVote(
  tally: Tally,
  { from, hash }: { readonly from: number; readonly hash: Uint8Array },
  decided: boolean,
): boolean {
  if (tally.of(from) === undefined) return !decided;
  return tally.conflicts(from, hash);
}
