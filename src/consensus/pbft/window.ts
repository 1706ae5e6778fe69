/**
 * What may enter the log: asked before a signature is checked, and again before a message takes effect, since the
 * state may have moved between. Everything outside is dropped, so n replicas cost O(n * L) memory whatever a faulty
 * one sends; its STATUS is how a sender that lags gets help.
 * Source: pbft.md 1.4 (memory bounds), 1.5 (last paragraph), 1.15.
 */
import { EMPTY, equalBytes, hex } from "../../base/bytes.ts";
import { FETCHES_PER_INTERVAL_MAX, VIEW_MESSAGES_PER_INTERVAL_MAX } from "../../base/limits.ts";
import { checkpointChoice } from "./checkpoints.ts";
import type { Core } from "./core.ts";
import type { NewViewBody, PbftBody, ViewChangeBody, VoteBody } from "./messages.ts";
import type { VoteTally } from "./tally.ts";

/** A pure query: known sender, this epoch, inside the window, not a duplicate. */
export function wantsMessage(core: Core, body: PbftBody): boolean {
  if (core.head === undefined || core.isStopped) return false;
  if (body.epoch !== core.epoch) return false;
  // An own NEW-VIEW may come back by others: one that is not known here is a proof of amnesia.
  if (body.from === core.self && body.type !== "new-view") return false;
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
      // The certificate of min_s came with the NEW-VIEW: nothing below it is worth counting.
      if (!core.isCheckpoint(body.height) || body.height <= core.lowWatermark) return false;
      // Beyond the window only what is executed here: many may sync past their windows while no checkpoint is stable.
      if (body.height > core.logTop && !core.ownCheckpoints.has(body.height)) return false;
      const tally = core.checkpoints.get(body.height);
      return tally === undefined || wantsVote(tally, { ...body, hash: checkpointChoice(body) }, false);
    }
    case "status":
      // Only its author can bring it (the driver compares), and whoever has lost its database tells a lower height.
      return !core.answered.status.has(body.from);
    case "view-change":
      return wantsViewChange(core, body);
    case "new-view":
      return wantsNewView(core, body);
    case "fetch":
      return core.fetches.of(body.from) < FETCHES_PER_INTERVAL_MAX;
    case "block":
      return core.missing.has(hex(body.hash));
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
  if (!equalBytes(round.proposal.vote.hash, hash)) return !round.equivocated;
  return core.slots.get(height)?.body(hash) === undefined;
}

/** A newer one of its sender, the proof that it contradicts itself, or a sign that it missed a NEW-VIEW. */
function wantsViewChange(core: Core, body: ViewChangeBody): boolean {
  const { from, view } = body;
  if (core.viewMessages.of(from) >= VIEW_MESSAGES_PER_INTERVAL_MAX) return false;
  const held = core.viewChanges[from];
  if (held === undefined || held.view < view) return view > core.view || isAnswered(core, body);
  if (held.view > view) return false;
  if (!core.viewChangeConflicts.has(from) && !sameRequest(held, body)) return true;
  return isAnswered(core, body);
}

function isAnswered(core: Core, { from, view }: ViewChangeBody): boolean {
  if (core.mode === "view-change") return view === core.view && core.viewChanges[from]?.view !== view;
  return view <= core.view && core.newView !== undefined && !core.answered.newView.has(from);
}

export function sameRequest(a: ViewChangeBody, b: ViewChangeBody): boolean {
  return (
    a.stableCheckpoint === b.stableCheckpoint &&
    equalBytes(a.checkpoint, b.checkpoint) &&
    a.certified.length === b.certified.length &&
    a.certified.every((entry, i) => equalBytes(entry, b.certified[i] ?? EMPTY))
  );
}

/** A NEW-VIEW is wanted of a higher view, or of the one that is waited for. An old one does nothing. */
function wantsNewView(core: Core, { from, view }: NewViewBody): boolean {
  if (core.viewMessages.of(from) >= VIEW_MESSAGES_PER_INTERVAL_MAX) return false;
  return view > core.view || (view === core.view && core.mode === "view-change");
}

/** A vote that can still change something, or the proof that its sender contradicts itself. */
function wantsVote(
  tally: VoteTally,
  { from, hash }: { readonly from: number; readonly hash: Uint8Array },
  decided: boolean,
): boolean {
  if (tally.of(from) === undefined) return !decided;
  return tally.conflicts(from, hash);
}
