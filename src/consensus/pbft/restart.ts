/**
 * The first input: from the chain's head, the newest committed heads, the stored checkpoint and the journal to a
 * replica that goes on where it stopped. It signs nothing that contradicts the journal, sends its own last messages
 * again and asks for STATUS. Blocks that were not committed are executed again before anything is built on them.
 * Source: pbft.md 1.12 (Restart), 1.6 (CHECKPOINT is re-sent).
 */
import { must } from "../../base/assert.ts";
import { equalBytes, hex } from "../../base/bytes.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import type { Head, Input, SealedHead } from "../engine.ts";
import { certify, lock } from "./agreement.ts";
import { phaseOf, type VoteRecord } from "./cast-votes.ts";
import { openCheckpointCertificate } from "./certificate.ts";
import { signCheckpoint, stabilise } from "./checkpoints.ts";
import { advanceHead, recordCommitted } from "./commitment.ts";
import type { Core } from "./core.ts";
import { adoptNewView, installCarried } from "./enter-view.ts";
import { decodeRecord, type JournalRecord } from "./journal.ts";
import type { PbftMessage, ProposalVote } from "./message-verifier.ts";
import type { NewView } from "./new-view.ts";
import { armHeartbeat } from "./proposing.ts";
import { beginRecovery } from "./recovery.ts";
import { broadcastStatus } from "./repair.ts";
import type { Signing } from "./signed-messages.ts";
import type { AcceptedProposal } from "./slots.ts";

type Started = Extract<Input<PbftMessage>, { kind: "started" }>;

/** @throws Error when the journal or the checkpoint is not this validator's, or newer than this program. */
export function* start(core: Core, { head, journal, checkpoint, recent }: Started): Signing {
  if (checkpoint !== undefined) restoreCheckpoint(core, checkpoint);
  if (head.height < core.stable) {
    throw new Error(`the chain ends at height ${head.height}, below its stable checkpoint ${core.stable}`);
  }
  advanceHead(core, head);
  core.committedAt.tick = core.committed;
  core.committedAt.tickBefore = core.committed;
  for (const sealed of recent ?? []) recordCommitted(core, sealed);
  const context = { ...core.options, n: core.quorum.n, logWindow: core.options.parameters.logWindow };
  const records = journal.map((record) => decodeRecord(record, context));
  for (const record of records) {
    if (record.type !== "epoch" || record.epoch === core.epoch) continue;
    throw new Error(`the journal is of epoch ${record.epoch}, this replica works in ${core.epoch}`);
  }
  for (const record of records) standAmongViews(core, record);
  if (records.some(({ type }) => type === "amnesia")) {
    core.halt(head.height, "peers have shown votes of this key that its journal lacks", "amnesia");
    return;
  }
  for (const record of records) {
    if ("vote" in record) replay(core, record);
  }
  core.pruneViews();
  beginRecovery(core);
  for (const sealed of recent ?? []) yield* signCheckpoint(core, headOf(sealed));
  yield* signCheckpoint(core, head);
  yield* resume(core);
  yield* broadcastStatus(core);
  armHeartbeat(core);
}

/** The last record says it: the view asked for, or the one entered. It never goes back. */
function standAmongViews(core: Core, record: JournalRecord): void {
  if (record.type === "rotated" && record.height > core.journalCut) core.journalCut = record.height;
  if (record.type === "view-change") {
    core.ownViewChange = record.message;
    core.viewChanges[core.self] = record.message;
    core.view = record.message.view;
    core.mode = "view-change";
    core.newView = undefined;
    core.carriedTop = 0n;
  } else if (record.type === "new-view") adoptNewView(core, record.message);
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

/** One own vote back into record of cast votes and log. A crash before the rotation leaves records at or below h: void. */
function replay(core: Core, record: VoteRecord): void {
  const { vote } = record;
  const { view, height, hash } = vote;
  if (height <= core.forgottenUpTo) return;
  if (core.castVotes.find(view, height, phaseOf(record)) !== undefined) {
    throw new Error(`the journal holds two votes of one phase at view ${view}, height ${height}`);
  }
  core.castVotes.enter(record, -1);
  const round = core.slots.round(height, view);
  switch (record.type) {
    case "pre-prepare":
      core.slots.at(height).keepBody(record.vote);
      round.proposal = restored(record.vote, record.vote.block);
      if (view === core.view && height > core.proposedTop) core.proposedTop = height;
      return;
    case "prepare":
      if (record.body !== undefined) core.slots.at(height).keepBody(record.body);
      round.proposal = restored(record.proposal, core.slots.get(height)?.head(hash));
      round.prepares.add(core.self, hash, vote.signature);
      return;
    case "commit":
      for (const { signer, signature } of record.certificate.prepares) {
        round.prepares.add(signer, hash, signature);
      }
      round.prepared = true;
      lock(core, record.certificate);
      round.commits.add(core.self, hash, vote.signature);
      certify(core, record.vote, round);
      return;
  }
}

/** Accepted, since it was voted for; its execution was lost with the process. */
function restored(signed: ProposalVote, head: BlockHead | undefined): AcceptedProposal | undefined {
  if (head === undefined) return undefined; // carried over: the NEW-VIEW brings the head back
  const { type, from, epoch, view, height, hash, signature } = signed;
  const vote = { type, from, epoch, view, height, hash, signature } as ProposalVote;
  const { header, summary } = head;
  return { vote, head: { hash, header, summary }, carried: false, state: "accepted", executed: false };
}

/** Own messages above the head once more, and their blocks executed anew, in order. */
function* resume(core: Core): Signing {
  if (core.mode === "view-change") return resumeViewChange(core);
  if (core.newView !== undefined) yield* resumeView(core, core.newView);
  let parent = must(core.head, "a started replica has a head").hash;
  for (let height = core.committed + 1n; height <= core.logTop; height++) {
    const proposal = core.slots.find(height, core.view)?.proposal;
    if (proposal?.state !== "accepted") break;
    const { vote, head } = proposal;
    const body = core.slots.at(height).body(vote.hash);
    if (body === undefined || !equalBytes(head.header.previousHash, parent)) break;
    core.checking.set(hex(vote.hash), { height, view: vote.view });
    core.emit({ kind: "check-block", block: body.block, certified: true });
    parent = vote.hash;
  }
  for (const { record } of core.castVotes.all()) {
    if (record.vote.height > core.committed && record.vote.view === core.view) core.broadcast(record.vote);
  }
}

function resumeViewChange(core: Core): void {
  if (core.ownViewChange !== undefined) core.broadcast(core.ownViewChange);
  core.setTimer("resend", core.options.settings.resendIntervalMs);
}

/** What the view carries over, with the votes given for it; the primary of the view opens it once more. */
function* resumeView(core: Core, newView: NewView): Signing {
  const { checkpoint } = newView.decision;
  if (checkpoint !== undefined) stabilise(core, checkpoint);
  if (core.mode !== "normal") return;
  yield* installCarried(core, newView);
  if (newView.from === core.self) core.broadcast(newView);
}
