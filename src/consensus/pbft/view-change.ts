/**
 * Leaving a view: when this replica asks for another primary, what its VIEW-CHANGE proves, whom it joins, and how
 * the new primary opens the view. Once it has asked for a view it never votes below it again; what it had helped to
 * commit stands in its P.
 * Source: pbft.md 1.7 (T_nv), 1.8; Castro & Liskov, OSDI 1999, §4.4.
 */
import { assert } from "../../base/assert.ts";
import { EMPTY, equalBytes } from "../../base/bytes.ts";
import type { ViewChangeReason } from "../engine.ts";
import { baseOf, encodeCheckpointCertificate } from "./certificate.ts";
import { type CertifiedHead, committedHead, preparedHead } from "./certified-head.ts";
import { rotationIsNear } from "./checkpoints.ts";
import type { Core } from "./core.ts";
import { enterView } from "./enter-view.ts";
import { encodeEvidence } from "./evidence.ts";
import { encodeViewRecord } from "./journal.ts";
import { encodeMessage } from "./message-bytes.ts";
import type { CarriedBlock, NewViewBody, ViewChangeBody } from "./messages.ts";
import { carriedVote, chooseAsked, decide, type Proofs, type ViewChange } from "./new-view.ts";
import { endTurn, isFailure, noteFailure, notePassedOver, skipTo } from "./primary-conduct.ts";
import { answerNewView, sendStatus } from "./repair.ts";
import type { Signing } from "./signed-messages.ts";
import type { Slot } from "./slots.ts";
import { attemptMax, isUnfair, timeoutMs } from "./timeouts.ts";
import { sameRequest } from "./window.ts";

/** A planned rotation is nobody's failure, and a slow primary's blocks did come in time: the timeouts stay short. */
const KEEPS_TIMEOUTS: readonly ViewChangeReason[] = ["rotation", "slow"];

/** Asks for `view`. From now on nothing is voted on below it, ever. */
function* startViewChange(core: Core, view: bigint, reason: ViewChangeReason): Signing {
  assert(view > core.view, `a view change from ${core.view} to ${view}`);
  assert(!core.isStopped, "a replica that has stopped asks for a view");
  const hasFailed = isFailure(core, reason);
  if (core.mode === "normal") endTurn(core, hasFailed);
  else if (hasFailed) noteFailure(core);
  notePassedOver(core, view);
  leaveView(core, view);
  if (!KEEPS_TIMEOUTS.includes(reason)) core.attempt = Math.min(core.attempt + 1, attemptMax(core));
  const proofs = ownProofs(core, view);
  const own: ViewChange = yield* core.sign(viewChangeBody(core, view, proofs), proofs);
  core.ownViewChange = own;
  core.viewChanges[core.self] = own;
  core.emit({ kind: "journal", record: encodeViewRecord(own) });
  core.broadcast(own);
  core.announce({ type: "view-change", from: core.self, view, reason });
  core.setTimer("resend", core.options.settings.resendIntervalMs);
}

/** The next view that makes sense: above the own one and above that of any certificate held, past silent primaries. */
function nextView(core: Core): bigint {
  return skipTo(core, (core.certifiedView > core.view ? core.certifiedView : core.view) + 1n, false);
}

/** The view that a planned rotation asks for: the next one, past primaries that are silent or were slow. */
function rotationView(core: Core): bigint {
  return skipTo(core, core.view + 1n, true);
}

function leaveView(core: Core, view: bigint): void {
  core.view = view;
  core.mode = "view-change";
  core.newView = undefined;
  core.carriedTop = 0n;
  core.proposedTop = 0n;
  core.building = undefined;
  core.pacing = false;
  core.heartbeatDue = false;
  core.awaited = undefined;
  core.newViewUntil = undefined;
  core.askedBeforeLeaving = false;
  for (const name of ["block", "empty", "request", "new-view", "quick", "fairness"] as const) {
    core.clearTimer(name);
  }
  core.pruneViews();
}

function ownProofs(core: Core, view: bigint): Proofs {
  return { proof: core.stableCertificate, entries: certifiedHeads(core, view) };
}

function viewChangeBody(core: Core, view: bigint, { proof, entries }: Proofs): ViewChangeBody {
  return {
    type: "view-change",
    from: core.self,
    epoch: core.epoch,
    view,
    stableCheckpoint: core.stable,
    checkpoint: proof === undefined ? EMPTY : encodeCheckpointCertificate(proof),
    certified: entries.map(({ bytes }) => bytes),
  };
}

/** P: without a hole, each the parent of the next, at most L heights above the checkpoint. */
function certifiedHeads(core: Core, view: bigint): CertifiedHead[] {
  const entries: CertifiedHead[] = [];
  let parent = core.stableCertificate?.hash ?? baseOf(core.options).hash;
  const top = core.stable + BigInt(core.options.parameters.logWindow);
  for (let height = core.stable + 1n; height <= top; height++) {
    const slot = core.slots.get(height);
    const entry = slot === undefined ? undefined : bestEntry(slot, view);
    if (entry === undefined || !equalBytes(entry.head.header.previousHash, parent)) break;
    entries.push(entry);
    parent = entry.head.hash;
  }
  return entries;
}

/** The certificate of the highest view below `view`: a block that was committed counts with its own view. */
function bestEntry(slot: Slot, view: bigint): CertifiedHead | undefined {
  const entries: CertifiedHead[] = [];
  if (slot.sealed !== undefined) entries.push(committedHead(slot.sealed.head, slot.sealed.certificate));
  const { certificate } = slot;
  const head = certificate === undefined ? undefined : slot.head(certificate.hash);
  if (certificate !== undefined && head !== undefined) entries.push(committedHead(head, certificate));
  if (slot.prepared !== undefined) entries.push(preparedHead(slot.prepared));
  return entries
    .filter((entry) => entry.view < view)
    .reduce<CertifiedHead | undefined>((a, b) => (a !== undefined && a.view >= b.view ? a : b), undefined);
}

export function receiveViewChange(core: Core, message: ViewChange): void {
  const { from, view } = message;
  core.viewMessages.add(from);
  const held = core.viewChanges[from];
  if (held !== undefined && held.view === view) return reportConflict(core, held, message);
  if (held === undefined || held.view < view) {
    core.viewChanges[from] = message;
    core.announce({ type: "view-change", from, view });
  }
  answerNewView(core, from, view);
}

function reportConflict(core: Core, held: ViewChange, message: ViewChange): void {
  const { from, view } = message;
  if (sameRequest(held, message)) return answerNewView(core, from, view);
  core.viewChangeConflicts.add(from);
  core.emit({ kind: "report-fault", author: from, evidence: encodeEvidence(held, message) });
  core.announce({ type: "equivocation", from, view, height: 0n });
}

/** What has become due: a rotation, the end of a view whose primary contradicted itself, joining, the timer of the new view, opening it. */
export function* settleViews(core: Core): Signing {
  if (core.isStopped || core.isRecovering) return;
  if (core.mode === "normal" && core.rotatedView === core.view) {
    yield* startViewChange(core, rotationView(core), "rotation");
  }
  if (core.mode === "normal" && core.slowView === core.view) {
    yield* startViewChange(core, nextView(core), "slow");
  }
  if (core.mode === "normal" && core.convictedView === core.view) {
    yield* startViewChange(core, nextView(core), "equivocation");
  }
  yield* join(core);
  if (core.mode !== "view-change") return;
  waitForNewView(core);
  yield* openView(core);
}

/** f+1 replicas want more: one of them is correct. Never fewer, however high the view. */
function* join(core: Core): Signing {
  // It is asked after each step, and hardly ever does anybody want more.
  const wanted: bigint[] = [];
  for (const held of core.viewChanges)
    if (held !== undefined && held.view > core.view) wanted.push(held.view);
  const view = wanted.sort((a, b) => (a > b ? -1 : 1))[core.quorum.f];
  if (view === undefined) return;
  const isNear = view <= core.view + 1n + BigInt(core.quorum.f);
  const isPlanned = core.mode === "normal" && isNear && rotationIsNear(core);
  yield* startViewChange(core, view, isPlanned ? "rotation" : "join");
}

/** T_nv runs once a quorum asks for this view or a higher one: a lone replica stays one view ahead. */
function waitForNewView(core: Core): void {
  if (core.timerRuns("new-view")) return;
  const asking = core.viewChanges.filter((held) => held !== undefined && held.view >= core.view);
  if (asking.length >= core.quorum.quorum) core.setTimer("new-view", timeoutMs(core));
}

/** The new primary: with a quorum of VIEW-CHANGEs for exactly this view it signs O. */
function* openView(core: Core): Signing {
  const own = core.ownViewChange;
  if (core.primary !== core.self || own === undefined || own.view !== core.view) return;
  const asked = chooseAsked(core.viewChanges, own, core.quorum.quorum);
  if (asked === undefined) return;
  const decision = decide(asked, baseOf(core.options).hash);
  const body: NewViewBody = {
    type: "new-view",
    from: core.self,
    epoch: core.epoch,
    view: core.view,
    viewChanges: asked.map((each) => encodeMessage(each, each.signature, EMPTY)),
    carried: [],
  };
  const carried: CarriedBlock[] = [];
  for (const { head } of decision.carried) {
    const unsigned = { height: head.summary.height, hash: head.hash, signature: EMPTY };
    const { signature } = yield* core.sign(carriedVote(body, unsigned));
    carried.push({ ...unsigned, signature });
  }
  const message = yield* core.sign({ ...body, carried }, { asked, decision });
  yield* enterView(core, message);
  core.broadcast(message);
}

/** T_req has expired. What may be missing only here is asked for first, for one interval (§1.8). */
export function* requestExpired(core: Core): Signing {
  if (core.mode !== "normal" || core.awaited === undefined || core.isRecovering) return;
  const interval = BigInt(core.options.parameters.checkpointInterval);
  const lags = core.committed >= core.stable + interval || core.certifiedView > core.view;
  if (lags && !core.askedBeforeLeaving) {
    core.askedBeforeLeaving = true;
    yield* sendStatus(core);
    core.setTimer("request", core.options.settings.statusIntervalMs);
    return;
  }
  yield* startViewChange(core, nextView(core), "timeout");
}

/** T_nv has expired: no NEW-VIEW came, or it led to nothing. */
export function* newViewExpired(core: Core): Signing {
  if (core.isStopped || core.isRecovering) return;
  yield* startViewChange(core, nextView(core), "new-view-timeout");
}

/** T_fair has expired. */
export function* fairnessExpired(core: Core): Signing {
  if (!core.isRecovering && isUnfair(core)) yield* startViewChange(core, nextView(core), "unfair");
}

/** T_resend: the identical VIEW-CHANGE once more, and a STATUS so that others tell what is missing. */
export function* resendViewChange(core: Core): Signing {
  if (core.mode !== "view-change" || core.ownViewChange === undefined) return;
  core.broadcast(core.ownViewChange);
  yield* sendStatus(core);
  core.setTimer("resend", core.options.settings.resendIntervalMs);
}
