/**
 * Checkpoints: every K heights the replicas sign their executed state; Q equal signatures make it stable, the window
 * moves up and everything at or below is forgotten. A replica whose own state differs from what a quorum signed has
 * diverged and stops.
 * Source: pbft.md 1.6; Castro & Liskov, OSDI 1999, §4.3.
 */
import { assert } from "../../base/assert.ts";
import { concatBytes, equalBytes } from "../../base/bytes.ts";
import type { Head } from "../engine.ts";
import { forgetMissing } from "./bodies.ts";
import {
  type CheckpointCertificate,
  type CheckpointFacts,
  describeCheckpoint,
  encodeCheckpointCertificate,
} from "./certificate.ts";
import type { Core } from "./core.ts";
import { encodeEpochRecord, encodeRotatedRecord, encodeViewRecord, encodeVoteRecord } from "./journal.ts";
import type { Checkpoint, CheckpointData } from "./message-verifier.ts";
import type { CheckpointBody } from "./messages.ts";
import type { NewView, ViewChange } from "./new-view.ts";
import type { Signing } from "./signed-messages.ts";
import { VoteTally } from "./tally.ts";

/** What a CHECKPOINT is counted by: all that it says. */
export function checkpointChoice({ hash, stateRoot, nextValidatorsHash }: CheckpointFacts): Uint8Array {
  return concatBytes(hash, stateRoot, nextValidatorsHash);
}

/** Signs the state at a checkpoint height that has been executed here. Nothing is journaled: the state is durable. */
export function* signCheckpoint(core: Core, head: Head): Signing {
  const { height, hash, stateRoot, nextValidatorsHash } = head;
  if (core.isStopped || !core.isCheckpoint(height) || height <= core.stable) return;
  if (core.ownCheckpoints.has(height)) return;
  const facts = { height, hash, stateRoot, nextValidatorsHash };
  const body: CheckpointBody = { type: "checkpoint", from: core.self, epoch: core.epoch, ...facts };
  const message = yield* core.sign(body);
  core.ownCheckpoints.set(height, message);
  forgetOldCheckpoints(core);
  core.broadcast(message);
  countCheckpoint(core, message);
}

export function receiveCheckpoint(core: Core, message: Checkpoint): void {
  countCheckpoint(core, message);
}

export function receiveCheckpointCertificate(core: Core, { certificate }: CheckpointData): void {
  stabilise(core, certificate);
}

/** CHECKPOINTs are sent again until they are stable, or a lost one would stop the chain at H for good (§1.6). */
export function resendCheckpoints(core: Core): void {
  for (const message of core.ownCheckpoints.values()) core.broadcast(message);
}

/**
 * A certificate that came before its state was executed here takes effect once it was; that of min_s too when a
 * higher one is awaited, or votes up to min_s + L would lie above what P covers (§1.9).
 */
export function settleAwaited(core: Core): void {
  const opened = core.newView?.decision.checkpoint;
  if (opened !== undefined && opened.height <= core.committed) stabilise(core, opened);
  const awaited = core.awaitedCertificate;
  if (awaited === undefined || awaited.height > core.committed) return;
  core.awaitedCertificate = undefined;
  stabilise(core, awaited);
}

/** While a long range is synced, h stays behind: of the own CHECKPOINTs the newest 2L/K are kept. */
function forgetOldCheckpoints(core: Core): void {
  const { logWindow, checkpointInterval } = core.options.parameters;
  if (core.ownCheckpoints.size <= (2 * logWindow) / checkpointInterval) return;
  const [oldest] = core.ownCheckpoints.keys();
  if (oldest === undefined) return;
  core.ownCheckpoints.delete(oldest);
  core.checkpoints.delete(oldest);
}

function countCheckpoint(core: Core, message: Checkpoint): void {
  const { height, from, signature } = message;
  let tally = core.checkpoints.get(height);
  if (tally === undefined) {
    tally = new VoteTally(core.quorum.n);
    core.checkpoints.set(height, tally);
  }
  const choice = checkpointChoice(message);
  tally.add(from, choice, signature);
  if (tally.count(choice) < core.quorum.quorum) return;
  const { hash, stateRoot, nextValidatorsHash } = message;
  const signatures = tally.signatures(choice, core.quorum.quorum);
  stabilise(core, { height, hash, stateRoot, nextValidatorsHash, signatures });
}

/** h := s, once the state at s is held here and is the one that a quorum signed. */
export function stabilise(core: Core, certificate: CheckpointCertificate): void {
  if (certificate.height <= core.stable || core.isStopped) return;
  if (certificate.height > core.committed) {
    const awaited = core.awaitedCertificate;
    if (awaited === undefined || awaited.height < certificate.height) core.awaitedCertificate = certificate;
    core.requestSync(certificate.height);
    return;
  }
  const own = core.ownCheckpoints.get(certificate.height);
  if (own !== undefined && !equalBytes(checkpointChoice(own), checkpointChoice(certificate))) {
    const quorum = describeCheckpoint(certificate);
    core.halt(certificate.height, `own state is ${describeCheckpoint(own)}, a quorum signed ${quorum}`);
    return;
  }
  assert(certificate.signatures.length >= core.quorum.quorum, "a checkpoint is stable by a quorum");
  if (certificate.height === core.epochEnd) endEpoch(core, certificate);
  else moveWindow(core, certificate);
  assert(core.stable === certificate.height, "the window begins at the stable checkpoint");
  assert(
    core.journalCut >= core.stable || core.isStopped,
    "the journal is cut where the window begins, or above",
  );
}

/**
 * A quorum holds the state after the epoch's last block: what was voted in the epoch matters no more, and never speaks
 * in another one. The proof is durable before the journal is begun anew.
 */
function endEpoch(core: Core, certificate: CheckpointCertificate): void {
  const { height } = certificate;
  core.stable = height;
  core.stableCertificate = certificate;
  core.mode = "ended";
  core.clearTimers();
  core.emit({ kind: "store-checkpoint", height, certificate: encodeCheckpointCertificate(certificate) });
  core.emit({
    kind: "rotate-journal",
    records: [encodeEpochRecord(core.epoch + 1n, core.options.transition)],
  });
  core.announce({ type: "checkpoint-stable", height });
  core.emit({ kind: "end-epoch", epoch: core.epoch });
}

/**
 * The certificate is durable before the journal is cut; what is carried over are the votes above it (§1.12). While a
 * database that is younger than the journal is fetched, lower checkpoints become stable: the cut stays where it was.
 */
function moveWindow(core: Core, certificate: CheckpointCertificate): void {
  const { height } = certificate;
  planRotation(core, height);
  core.stable = height;
  core.stableCertificate = certificate;
  core.slots.prune(height);
  core.castVotes.prune(height);
  for (const map of [core.checkpoints, core.ownCheckpoints]) {
    for (const held of map.keys()) if (held <= height) map.delete(held);
  }
  for (const [hash, place] of core.checking) if (place.height <= height) core.checking.delete(hash);
  core.emit({ kind: "store-checkpoint", height, certificate: encodeCheckpointCertificate(certificate) });
  forgetMissing(core, height);
  core.journalCut = core.forgottenUpTo;
  core.emit({ kind: "rotate-journal", records: journalRecords(core) });
  core.announce({ type: "checkpoint-stable", height });
}

/** Writes where this replica stands among the views, in the order in which it came there, and its votes. */
function journalRecords(core: Core): Uint8Array[] {
  const { ownViewChange, newView } = core;
  const views: (ViewChange | NewView)[] = [];
  if (ownViewChange !== undefined) views.push(ownViewChange);
  // While it asks for a higher view than it has entered, its VIEW-CHANGE is what counts.
  if (core.mode === "normal" && newView !== undefined) views.push(newView);
  const votes = core.castVotes.all().map(({ record }) => encodeVoteRecord(record));
  const epoch = core.epoch === 0n ? [] : [encodeEpochRecord(core.epoch, core.options.transition)];
  return [...epoch, encodeRotatedRecord(core.journalCut), ...views.map(encodeViewRecord), ...votes];
}

/**
 * Planned rotation: at each R-th stable checkpoint whoever works in the view that committed it asks for the next
 * one. Who has moved on already does nothing, so it happens once, and who was left behind is in the right view again.
 */
function planRotation(core: Core, height: bigint): void {
  if (core.mode === "normal" && endsView(core, height)) core.rotatedView = core.view;
}

/** Whether the view ends by plan once the checkpoint at `height` is stable. */
function endsView(core: Core, height: bigint): boolean {
  const { rotationInterval, checkpointInterval } = core.options.parameters;
  if (rotationInterval === 0 || height % BigInt(rotationInterval * checkpointInterval) !== 0n) return false;
  return core.slots.get(height)?.sealed?.certificate.view === core.view;
}

/** Others ask for the next view because a checkpoint is stable with them that is not yet stable here. */
export function rotationIsNear(core: Core): boolean {
  return [...core.ownCheckpoints.keys()].some((height) => endsView(core, height));
}
