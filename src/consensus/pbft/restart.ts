/**
 * The first input: from the chain's head, the newest committed heads, the stored checkpoint and the journal to a
 * replica that goes on where it stopped. It signs nothing that contradicts the journal, sends its own last messages
 * again and asks for STATUS. Blocks that were not committed are executed again before anything is built on them.
 * Source: pbft.md 1.12 (Restart), 1.6 (CHECKPOINT is re-sent).
 */
import { equalBytes, hex } from "../../base/bytes.ts";
import type { Head, Input, SealedHead } from "../engine.ts";
import { certify } from "./agreement.ts";
import { openCheckpointCertificate } from "./certificate.ts";
import { signCheckpoint } from "./checkpoints.ts";
import { advanceHead, recordCommitted } from "./commitment.ts";
import type { Core } from "./core.ts";
import type { PbftMessage, PrePrepare } from "./gate.ts";
import { decodeVoteRecord } from "./journal.ts";
import { armHeartbeat } from "./proposing.ts";
import { broadcastStatus } from "./repair.ts";
import type { Proposal } from "./slots.ts";
import { phaseOf, type VoteRecord } from "./votebook.ts";

type Started = Extract<Input<PbftMessage>, { kind: "started" }>;

/** @throws Error when the journal or the checkpoint is not this validator's, or newer than this program. */
export function start(core: Core, { head, journal, checkpoint, recent }: Started): void {
  if (checkpoint !== undefined) restoreCheckpoint(core, checkpoint);
  if (head.height < core.stable) {
    throw new Error(`the chain ends at height ${head.height}, below its stable checkpoint ${core.stable}`);
  }
  advanceHead(core, head);
  core.committedAtTick = core.committed;
  const heads = (recent ?? []).map(headOf);
  for (const committed of heads) recordCommitted(core, committed);
  for (const record of journal) replay(core, decodeVoteRecord(record, core.options));
  for (const committed of heads) signCheckpoint(core, committed);
  signCheckpoint(core, head);
  resume(core);
  broadcastStatus(core);
  armHeartbeat(core);
}

function restoreCheckpoint(core: Core, bytes: Uint8Array): void {
  const opened = openCheckpointCertificate(core.options, bytes);
  if (!opened.ok) {
    throw new Error(`the stored checkpoint is damaged or of another chain: ${opened.fault.detail}`);
  }
  core.stable = opened.value.height;
  core.stableCertificate = opened.value;
}

function headOf({ head: { hash, summary } }: SealedHead): Head {
  const { height, stateRoot, nextValidatorsHash } = summary;
  return { height, hash, stateRoot, nextValidatorsHash };
}

/** One own vote back into votebook and log. A crash before the rotation leaves records at or below h: void. */
function replay(core: Core, record: VoteRecord): void {
  const { vote } = record;
  const { view, height, hash } = vote;
  if (height <= core.stable) return;
  if (core.votebook.find(view, height, phaseOf(record)) !== undefined) {
    throw new Error(`the journal holds two votes of one phase at view ${view}, height ${height}`);
  }
  core.votebook.enter(record, -1);
  const round = core.slots.round(height, view);
  switch (record.type) {
    case "pre-prepare":
      round.proposal = restored(record.vote);
      if (view === core.view && height > core.proposedTop) core.proposedTop = height;
      return;
    case "prepare":
      round.proposal = restored(record.proposal);
      round.prepares.add(core.self, hash, vote.signature);
      return;
    case "commit":
      for (const { signer, signature } of record.certificate.prepares) {
        round.prepares.add(signer, hash, signature);
      }
      round.prepared = true;
      round.commits.add(core.self, hash, vote.signature);
      certify(core, record.vote, round);
      return;
  }
}

/** Accepted, since it was voted for; its execution was lost with the process. */
function restored(message: PrePrepare): Proposal {
  return { message, state: "accepted", executed: false };
}

/** Own messages above the head once more, and their blocks executed anew, in order. */
function resume(core: Core): void {
  let parent = core.head!.hash;
  for (let height = core.committed + 1n; height <= core.logTop; height++) {
    const proposal = core.slots.find(height, core.view)?.proposal;
    if (proposal === undefined) break;
    const { block, hash, view } = proposal.message;
    if (!equalBytes(block.header.previousHash, parent)) break;
    core.checking.set(hex(hash), { height, view });
    core.emit({ kind: "check-block", block, certified: true });
    parent = hash;
  }
  for (const { record } of core.votebook.all()) {
    if (record.vote.height > core.committed && record.vote.view === core.view) core.broadcast(record.vote);
  }
}
