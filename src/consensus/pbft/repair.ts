/**
 * Repair by STATUS: each interval a replica tells what it holds, and whoever holds more sends what is missing, at
 * most once per interval and peer. Only what was there a tick ago counts as missing, or two ticks what is as large as a block: the
 * rest may be on its way. Without this, lost messages stop the chain.
 * Source: pbft.md 1.7 ("Repair by STATUS").
 */
import { must } from "../../base/assert.ts";
import type { ValidatorId } from "../engine.ts";
import { fetchAgain } from "./bodies.ts";
import { resendCheckpoints } from "./checkpoints.ts";
import type { Core } from "./core.ts";
import type { Status } from "./message-verifier.ts";
import { bitmapBytes, bitmapHas, type SlotStatus, type StatusBody } from "./messages.ts";
import { renewBuildOrder } from "./proposing.ts";
import { FIRST_PAUSE } from "./repeats.ts";
import type { Signing } from "./signed-messages.ts";

/** One interval has passed. */
export function* tick(core: Core): Signing {
  relayOldest(core);
  core.tick++;
  core.committedAt.tickBefore = core.committedAt.tick;
  core.committedAt.tick = core.committed;
  core.answered.status.clear();
  core.answered.newView.clear();
  core.fetches.clear();
  core.viewMessages.clear();
  core.syncRequested = 0n;
  renewBuildOrder(core);
  resendCheckpoints(core);
  yield* fetchAgain(core);
  yield* broadcastStatus(core);
}

/** T_status: tells the others, and again after the interval. */
export function* broadcastStatus(core: Core): Signing {
  yield* sendStatus(core);
  core.setTimer("status", core.options.settings.statusIntervalMs);
}

/** A transaction that has waited for an interval may never have reached the primary: it gets this node's copy. */
function relayOldest(core: Core): void {
  const { awaited, mode, primary, self } = core;
  if (mode !== "normal" || primary === self || awaited?.kind !== "transaction") return;
  if (core.awaitedSince < core.tick) {
    core.emit({ kind: "relay-transaction", to: primary, hash: awaited.hash });
  }
}

export function* sendStatus(core: Core): Signing {
  const body: StatusBody = {
    type: "status",
    from: core.self,
    epoch: core.epoch,
    view: core.view,
    mode: core.mode === "view-change" ? "view-change" : "normal",
    lowWatermark: core.lowWatermark,
    stableCheckpoint: core.stable,
    lastCommitted: core.committed,
    viewChangeTarget: core.ownViewChange?.view ?? 0n,
    slots: describeSlots(core),
  };
  core.broadcast(yield* core.sign(body));
}

/** The heights that may be in agreement: lc+1 .. lc+W_p, or what a NEW-VIEW carries over, not above H. */
function describeSlots(core: Core): SlotStatus[] {
  const depth = BigInt(core.options.parameters.pipelineDepth);
  const slots: SlotStatus[] = [];
  if (core.mode !== "normal") return slots;
  const top = core.carriedTop > core.committed + depth ? core.carriedTop : core.committed + depth;
  const most = core.committed + BigInt(core.options.parameters.logWindow);
  for (let height = core.committed + 1n; height <= top && height <= most; height++) {
    if (height > core.highWatermark) break;
    slots.push(describeSlot(core, height));
  }
  return slots;
}

function describeSlot(core: Core, height: bigint): SlotStatus {
  const round = core.slots.find(height, core.view);
  const empty = new Uint8Array(bitmapBytes(core.quorum.n));
  if (round?.proposal === undefined) return { prePrepare: false, prepares: empty, commits: empty };
  const { hash } = round.proposal.vote;
  return { prePrepare: true, prepares: round.prepares.bitmap(hash), commits: round.commits.bitmap(hash) };
}

export function* receiveStatus(core: Core, status: Status): Signing {
  core.answered.status.add(status.from);
  core.seenOf(status.from).inViewChange = status.mode === "view-change";
  catchUp(core, status);
  yield* answerStatus(core, status);
}

/** They are ahead: by more than the pipeline, or while nothing was committed here for an interval. */
function catchUp(core: Core, { lastCommitted }: Status): void {
  const depth = BigInt(core.options.parameters.pipelineDepth);
  const ahead = lastCommitted - must(core.ordered, "a started replica has ordered its head").height;
  const stuck = core.committed === core.committedAt.tick;
  if (ahead > (stuck ? 0n : depth)) core.requestSync(lastCommitted);
}

function* answerStatus(core: Core, status: Status): Signing {
  const to = status.from;
  // (1) their stable checkpoint is older: the certificate of ours
  if (status.stableCheckpoint < core.stable && core.stableCertificate !== undefined) {
    const certificate = core.stableCertificate;
    const { height, hash } = certificate;
    const place = { from: core.self, epoch: core.epoch, height, hash };
    core.send(to, yield* core.sign({ type: "checkpoint-certificate", ...place }, { certificate }));
  }
  // (2) ours is not yet stable: own CHECKPOINTs above it
  if (status.stableCheckpoint <= core.stable) {
    for (const message of core.ownCheckpoints.values()) core.send(to, message);
  }
  // (3) their chain is shorter: blocks with their certificates
  if (status.lastCommitted < core.committedAt.tickBefore) serveBlocks(core, to, status.lastCommitted + 1n);
  // (4) they are in a lower view, or wait for this one to be opened
  if (status.view < core.view || status.mode === "view-change") answerNewView(core, to, status.view);
  // (6) this replica waits for a view: its VIEW-CHANGE
  if (core.mode === "view-change" && core.ownViewChange !== undefined) core.send(to, core.ownViewChange);
  // (5) own votes that they lack
  if (status.view === core.view && status.mode === "normal" && core.mode === "normal") {
    status.slots.forEach((slot, i) => {
      resendVotes(core, status, status.lastCommitted + 1n + BigInt(i), slot);
    });
  }
}

/** At first f + 1 of the replicas send them, one of which is correct; all do when the peer still lacks them later. */
function serveBlocks(core: Core, to: ValidatorId, fromHeight: bigint): void {
  const { quorum, self, servedBlocks, tick } = core;
  const isFirst = servedBlocks.isFirst(to, fromHeight);
  if (!servedBlocks.take(to, fromHeight, tick)) return;
  const others = quorum.n - 1;
  const distance = (quorum.n + self - to) % quorum.n;
  const place = (distance + Number(fromHeight % BigInt(others))) % others;
  if (!isFirst || place <= quorum.f) core.emit({ kind: "serve-blocks", to, fromHeight });
}

/** Repair (4): whoever asks for a view that is open already is told so. */
export function answerNewView(core: Core, to: ValidatorId, view: bigint): void {
  if (core.mode !== "normal" || core.newView === undefined || view > core.view) return;
  if (core.answered.newView.has(to)) return;
  core.answered.newView.add(to);
  core.send(to, core.newView);
}

function resendVotes(core: Core, { from, view }: Status, height: bigint, slot: SlotStatus): void {
  const proposal = core.castVotes.find(view, height, "prepare");
  const commit = core.castVotes.find(view, height, "commit");
  if (proposal?.record.type === "pre-prepare") {
    const isOld = core.tick >= proposal.tick + FIRST_PAUSE;
    if (!slot.prePrepare && isOld && proposal.repeats.take(from, height, core.tick)) {
      core.send(from, proposal.record.vote);
    }
  } else if (proposal !== undefined && proposal.tick < core.tick && !bitmapHas(slot.prepares, core.self)) {
    core.send(from, proposal.record.vote);
  }
  if (commit !== undefined && commit.tick < core.tick && !bitmapHas(slot.commits, core.self)) {
    core.send(from, commit.record.vote);
  }
}
