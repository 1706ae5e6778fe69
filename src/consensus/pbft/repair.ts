/**
 * Repair by STATUS: each interval a replica tells what it holds, and whoever holds more sends what is missing, at
 * most once per interval and peer. Only what was there a tick ago counts as missing: the rest may be on its way.
 * Without this, lost messages stop the chain.
 * Source: pbft.md 1.7 ("Repair by STATUS", answers 1, 2, 3 and 5).
 */
import { equalBytes } from "../../base/bytes.ts";
import { resendCheckpoints } from "./checkpoints.ts";
import { fetchAgain } from "./commitment.ts";
import type { Core } from "./core.ts";
import type { Fetch, Status } from "./gate.ts";
import { bitmapBytes, bitmapHas, type SlotStatus, type StatusBody } from "./messages.ts";
import { renewBuildOrder } from "./proposing.ts";

/** One interval has passed. */
export function tick(core: Core): void {
  core.tick++;
  core.committedAtTick = core.committed;
  core.answered.status.clear();
  core.answered.fetch.clear();
  core.syncRequested = 0n;
  renewBuildOrder(core);
  resendCheckpoints(core);
  fetchAgain(core);
  broadcastStatus(core);
}

export function broadcastStatus(core: Core): void {
  const body: StatusBody = {
    type: "status",
    from: core.self,
    epoch: core.epoch,
    view: core.view,
    mode: "normal",
    lowWatermark: core.lowWatermark,
    stableCheckpoint: core.stable,
    lastCommitted: core.committed,
    viewChangeTarget: 0n,
    slots: describeSlots(core),
  };
  core.broadcast(core.sign(body));
  core.setTimer("status", core.options.settings.statusIntervalMs);
}

/** The heights that may be in agreement: lc+1 .. lc+W_p, not above H. */
function describeSlots(core: Core): SlotStatus[] {
  const depth = BigInt(core.options.parameters.pipelineDepth);
  const slots: SlotStatus[] = [];
  for (let height = core.committed + 1n; height <= core.committed + depth; height++) {
    if (height > core.highWatermark) break;
    slots.push(describeSlot(core, height));
  }
  return slots;
}

function describeSlot(core: Core, height: bigint): SlotStatus {
  const round = core.slots.find(height, core.view);
  const empty = new Uint8Array(bitmapBytes(core.quorum.n));
  if (round?.proposal === undefined) return { prePrepare: false, prepares: empty, commits: empty };
  const { hash } = round.proposal.message;
  return { prePrepare: true, prepares: round.prepares.bitmap(hash), commits: round.commits.bitmap(hash) };
}

export function receiveStatus(core: Core, status: Status): void {
  core.answered.status.add(status.from);
  catchUp(core, status);
  answerStatus(core, status);
}

/** They are ahead: by more than the pipeline, or while nothing was committed here for an interval. */
function catchUp(core: Core, { lastCommitted }: Status): void {
  const depth = BigInt(core.options.parameters.pipelineDepth);
  const ahead = lastCommitted - core.ordered!.height;
  const stuck = core.committed === core.committedAtTick;
  if (ahead > (stuck ? 0n : depth)) core.requestSync(lastCommitted);
}

function answerStatus(core: Core, status: Status): void {
  const to = status.from;
  // (1) their stable checkpoint is older: the certificate of ours
  if (status.stableCheckpoint < core.stable && core.stableCertificate !== undefined) {
    const certificate = core.stableCertificate;
    const { height, hash } = certificate;
    const place = { from: core.self, epoch: core.epoch, height, hash };
    core.send(to, core.sign({ type: "checkpoint-certificate", ...place }, { certificate }));
  }
  // (2) ours is not yet stable: own CHECKPOINTs above it
  if (status.stableCheckpoint <= core.stable) {
    for (const message of core.ownCheckpoints.values()) core.send(to, message);
  }
  // (3) their chain is shorter: blocks with their certificates
  if (status.lastCommitted < core.committedAtTick) {
    core.emit({ kind: "serve-blocks", to, fromHeight: status.lastCommitted + 1n });
  }
  // (5) own votes that they lack
  if (status.view === core.view && status.mode === "normal") {
    status.slots.forEach((slot, i) => {
      resendVotes(core, status, status.lastCommitted + 1n + BigInt(i), slot);
    });
  }
}

function resendVotes(core: Core, { from, view }: Status, height: bigint, slot: SlotStatus): void {
  const proposal = core.votebook.find(view, height, "prepare");
  const commit = core.votebook.find(view, height, "commit");
  const proposalHeld =
    proposal?.record.type === "pre-prepare" ? slot.prePrepare : bitmapHas(slot.prepares, core.self);
  if (proposal !== undefined && proposal.tick < core.tick && !proposalHeld) {
    core.send(from, proposal.record.vote);
  }
  if (commit !== undefined && commit.tick < core.tick && !bitmapHas(slot.commits, core.self)) {
    core.send(from, commit.record.vote);
  }
}

/** Answers with the body, if it is held: it is until a stable checkpoint covers it. */
export function receiveFetch(core: Core, { from, hash }: Fetch): void {
  core.answered.fetch.add(from);
  const body = core.slots
    .all()
    .map((slot) => slot.body(hash))
    .find((held) => held !== undefined);
  if (body === undefined || !equalBytes(body.block.hash, hash)) return;
  const { block, blockBytes } = body;
  core.send(
    from,
    core.sign({ type: "block", from: core.self, epoch: core.epoch, hash }, { block, blockBytes }),
  );
}
