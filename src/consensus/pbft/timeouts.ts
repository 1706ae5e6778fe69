/**
 * How long this replica waits before it asks for another primary. T_req watches the oldest pending item, not "any
 * progress": a primary that commits something cheap now and then does not pass. T_fair watches that no transaction
 * waits while blocks have room. Timeouts double with each view change in a row and are capped. How long they are at
 * first is config (consensus.* in node/home/config-keys.ts); what happens when one has passed, and T_nv, which watches
 * that a view opens, is view-change.ts.
 * Source: pbft.md 1.7; Clement et al., NSDI 2009 (slow primary).
 */
import { equalBytes } from "../../base/bytes.ts";
import type { Awaited, Core } from "./core.ts";
import { noteDone } from "./primary-conduct.ts";

/** T(k) = min(T0 * 2^k, T_max), ms. */
export function timeoutMs(core: Core): number {
  const { requestTimeoutMs, timeoutMaxMs } = core.options.settings;
  return Math.min(requestTimeoutMs * 2 ** core.attempt, timeoutMaxMs);
}

/** The least k at which T(k) is T_max: k grows no further, or as many quick commits would have to bring it down. */
export function attemptMax(core: Core): number {
  const { requestTimeoutMs, timeoutMaxMs } = core.options.settings;
  return Math.max(0, Math.ceil(Math.log2(timeoutMaxMs / requestTimeoutMs)));
}

/** Starts T_req for the oldest pending item, ends it when that item is done. Comes last in each step. */
export function watchPending(core: Core): void {
  if (core.mode !== "normal" || core.isRecovering) return;
  if (core.timerRuns("new-view")) {
    if (!newViewIsProven(core)) return;
    core.clearTimer("new-view");
    core.newViewUntil = undefined;
  }
  if (core.awaited !== undefined && isPending(core, core.awaited)) return;
  if (core.awaited !== undefined && noteDone(core)) core.slowView = core.view;
  core.awaited = oldestPending(core);
  core.awaitedSince = core.tick;
  core.askedBeforeLeaving = false;
  if (core.awaited === undefined) {
    core.clearTimer("request");
    core.clearTimer("quick");
  } else startRequestTimer(core);
}

/** Blocks arrive by state transfer: the primary is not to blame for what they hold. */
export function postpone(core: Core): void {
  if (core.mode !== "normal" || core.awaited === undefined) return;
  core.awaitedSince = core.tick;
  startRequestTimer(core);
}

function startRequestTimer(core: Core): void {
  const delayMs = timeoutMs(core);
  core.setTimer("request", delayMs);
  if (core.attempt > 0) core.setTimer("quick", delayMs / 4);
}

/** The first height above the one at its acceptance is committed, or nothing is pending. */
function newViewIsProven(core: Core): boolean {
  if (core.newViewUntil === undefined || core.committed >= core.newViewUntil) return true;
  return oldestPending(core) === undefined;
}

/** The transaction that waits longest; without one, a block in agreement, or the heartbeat that is due. */
function oldestPending(core: Core): Awaited | undefined {
  const candidates: Awaited[] = [];
  if (core.oldest !== undefined) candidates.push({ kind: "transaction", hash: core.oldest.hash });
  candidates.push({ kind: "height", height: core.committed + 1n });
  candidates.push({ kind: "heartbeat" });
  return candidates.find((item) => isPending(core, item));
}

function isPending(core: Core, item: Awaited): boolean {
  // At H only stability is missing: that is nobody's fault but a lost CHECKPOINT's, and those are sent again.
  const blocked = core.committed >= core.highWatermark;
  switch (item.kind) {
    case "transaction":
      return !blocked && core.oldest !== undefined && equalBytes(core.oldest.hash, item.hash);
    case "height": {
      if (item.height <= core.committed) return false;
      if (item.height <= core.carriedTop) return true;
      return core.slots.find(item.height, core.view)?.proposal?.state === "accepted";
    }
    case "heartbeat":
      return !blocked && core.heartbeatDue;
  }
}

/** A commit of this replica's own agreement, before a quarter of the timeout has passed. */
export function noteQuickCommit(core: Core): void {
  if (!core.timerRuns("quick")) return;
  core.clearTimer("quick");
  core.attempt = Math.max(0, core.attempt - 1);
}

/** Length of T_fair: longer after each view that a transaction has survived, at most T_max. */
function fairnessMs(core: Core): number {
  const { fairnessTimeoutMs, timeoutMaxMs } = core.options.settings;
  const { unfair, oldest } = core;
  const same = unfair !== undefined && oldest !== undefined && equalBytes(unfair.hash, oldest.hash);
  const views = same ? Math.min(unfair.count, 40) : 0;
  return Math.min(Math.max(fairnessTimeoutMs, timeoutMs(core)) * 2 ** views, timeoutMaxMs);
}

/** T_fair begins with the view, or with the first transaction that waits in it. */
export function armFairness(core: Core): void {
  if (core.mode !== "normal" || core.oldest === undefined || core.timerRuns("fairness")) return;
  core.setTimer("fairness", fairnessMs(core));
}

/** @returns whether the oldest transaction has waited too long although blocks had room for it. */
export function isUnfair(core: Core): boolean {
  if (core.mode !== "normal" || core.oldest === undefined) return false;
  const length = fairnessMs(core);
  if (core.oldest.ageMs < length || !core.lastBlockHadRoom || core.committed >= core.highWatermark) {
    core.setTimer("fairness", Math.max(length - core.oldest.ageMs, length / 4));
    return false;
  }
  const { hash } = core.oldest;
  const before = core.unfair !== undefined && equalBytes(core.unfair.hash, hash) ? core.unfair.count : 0;
  core.unfair = { hash, count: before + 1 };
  return true;
}
