/**
 * The primary's part: when a block is built and proposed. Heights are contiguous, at most W_p above the last
 * committed one and never above H; there must be work, or T_empty has passed; blocks keep their distance
 * (blockTimeMs). A height that this replica has proposed once is never proposed with another block.
 * Source: pbft.md 1.5 (Propose), 1.14 (pipelining, T_empty).
 */
import { assert } from "../../base/assert.ts";
import { equalBytes, type Hash } from "../../base/bytes.ts";
import { type Block, encodeBlock } from "../../chain/types/block.ts";
import { endsEpoch } from "../../chain/types/validator-set.ts";
import type { WaitingTransaction } from "../engine.ts";
import { knowsCommitted } from "./agreement.ts";
import type { Core } from "./core.ts";
import type { VoteBody } from "./messages.ts";
import type { Signing } from "./signed-messages.ts";
import { armFairness } from "./timeouts.ts";

export function poolChanged(core: Core, oldest: WaitingTransaction | undefined): void {
  core.oldest = oldest;
  if (oldest === undefined) core.clearTimer("fairness");
  else armFairness(core);
  core.pending = oldest !== undefined;
  if (core.pending && core.building !== undefined) core.pendingAgain = true;
}

/** Orders a block if this replica may propose the next height now. */
export function propose(core: Core): void {
  if (core.mode !== "normal" || core.primary !== core.self || core.building !== undefined) return;
  if (core.pacing || !(core.pending || core.heartbeatDue)) return;
  const height = nextHeight(core);
  const parent = parentOf(core, height);
  if (parent === undefined || !mayPropose(core, height)) return;
  const allowEmpty = core.heartbeatDue;
  core.building = { parent, height, allowEmpty, tick: core.tick };
  core.pendingAgain = false;
  core.emit({ kind: "build-block", parent, allowEmpty });
}

export function* receiveBuilt(core: Core, parent: Hash, block: Block): Signing {
  const order = core.building;
  if (order === undefined || !equalBytes(order.parent, parent)) return;
  core.building = undefined;
  // The head may have moved by sync meanwhile: then the block is stale.
  const { height } = order;
  const stillParent = parentOf(core, height);
  if (core.mode !== "normal" || core.primary !== core.self || nextHeight(core) !== height) return;
  if (stillParent === undefined || !equalBytes(stillParent, parent) || !mayPropose(core, height)) return;
  assert(block.summary.height === height, `built height ${block.summary.height}, ordered ${height}`);
  assert(equalBytes(block.header.previousHash, parent), "built on another parent than ordered");
  yield* castProposal(core, block);
}

export function nothingToBuild(core: Core, parent: Hash): void {
  const order = core.building;
  if (order === undefined || !equalBytes(order.parent, parent)) return;
  core.building = undefined;
  core.pending = core.pendingAgain;
  if (!order.allowEmpty) return;
  // Not even an empty block: the head is on the move. Ordering again at once would spin until it has moved.
  core.heartbeatDue = false;
  armHeartbeat(core);
}

/** A build order whose answer never came ("or not at all") is given anew after two intervals. */
export function renewBuildOrder(core: Core): void {
  if (core.building !== undefined && core.tick >= core.building.tick + 2) core.building = undefined;
}

/** T_empty starts anew with each block; a backup watches it too, since an empty block is then pending work. */
export function armHeartbeat(core: Core): void {
  const { emptyBlocksMs } = core.options.settings;
  core.heartbeatDue = false;
  if (emptyBlocksMs !== undefined && core.mode === "normal") core.setTimer("empty", emptyBlocksMs);
}

/** Void while a proposal is on its way: its commitment arms the timer again. */
export function heartbeatFired(core: Core): void {
  if (core.proposedTop <= core.committed) core.heartbeatDue = true;
}

function nextHeight(core: Core): bigint {
  const tops = [core.committed, core.carriedTop, core.proposedTop];
  return tops.reduce((a, b) => (a > b ? a : b)) + 1n;
}

function mayPropose(core: Core, height: bigint): boolean {
  const depth = BigInt(core.options.parameters.pipelineDepth);
  if (height > core.committed + depth || height > core.highWatermark) return false;
  if (height <= core.lowWatermark || core.committed < core.minHeight) return false;
  if (!knowsCommitted(core)) return false;
  if (endsTheEpoch(core, height - 1n)) return false;
  return core.castVotes.find(core.view, height, "prepare") === undefined;
}

/** Whether what is proposed at a height is the last block of the epoch: nothing is built on it here. */
function endsTheEpoch(core: Core, height: bigint): boolean {
  const proposal = core.slots.find(height, core.view)?.proposal;
  return proposal !== undefined && endsEpoch(proposal.head.summary);
}

/** The block at height - 1: committed, or proposed in this view, executed here, and resting on the committed one. */
function parentOf(core: Core, height: bigint): Hash | undefined {
  const { head } = core;
  if (head === undefined || height - 1n === head.height) return head?.hash;
  const first = core.slots.find(head.height + 1n, core.view)?.proposal;
  if (first === undefined || !equalBytes(first.head.header.previousHash, head.hash)) return undefined;
  const parent = core.slots.find(height - 1n, core.view)?.proposal;
  return parent?.executed === true ? parent.vote.hash : undefined;
}

function* castProposal(core: Core, block: Block): Signing {
  const { hash } = block;
  const { height } = block.summary;
  const place = { from: core.self, epoch: core.epoch, view: core.view, height, hash };
  const body: VoteBody<"pre-prepare"> = { type: "pre-prepare", ...place };
  const message = yield* core.sign(body, { block, blockBytes: encodeBlock(block) });
  core.castVote({ type: "pre-prepare", vote: message });
  const { block: _, blockBytes: __, ...vote } = message;
  const { header, summary } = block;
  core.slots.at(height).keepBody(message);
  core.slots.round(height, core.view).proposal = {
    vote,
    head: { hash, header, summary },
    carried: false,
    state: "accepted",
    executed: true,
  };
  core.proposedTop = height;
  core.heartbeatDue = false;
  const { blockTimeMs } = core.options.settings;
  if (blockTimeMs > 0) {
    core.pacing = true;
    core.setTimer("block", blockTimeMs);
  }
}
