/**
 * How the validators behave as primaries, as far as this replica sees it: who has been silent, and whose blocks come
 * late although those of others do not, and whose views failed. Views pass over them: a primary that is known to be down
 * costs no timeout at its turn, and one that stays just below T_req, or proposes nothing, loses the role and its next
 * turns. It is a matter of liveness alone: a view may be skipped by any replica for any reason, f+1 make the others join, and at most f turns in a row are
 * passed over, so that no view is ever without a correct candidate.
 * Source: pbft.md 1.7; Clement et al., NSDI 2009 (Aardvark compares a primary with those before it); docs/adr/0006.
 */
import { must } from "../../base/assert.ts";
import type { ValidatorId, ViewChangeReason } from "../engine.ts";
import type { Core } from "./core.ts";
import { primaryOf } from "./quorum.ts";

/** A validator of which nothing was received for so many status intervals is silent. */
const SILENT_INTERVALS = 5;
/** A turn that others are compared with has at least so many items that were waited for. */
const ITEMS_MIN = 8;
/** Items that waited for more than a whole status interval, before a turn is called slow. */
const LATE_MIN = 2;
/** A slow turn takes more than T0 / 8 an item, and so many times as long as another validator's last turn. */
const SLOW_SHARE = 8;
const SLOW_TIMES = 3;
/** Turns that a slow primary, or one whose view failed, is passed over: 1, then 2, 4, ... at most so many. */
const SKIPS_MAX = 16;

/**
 * The turn of one primary: items that were waited for (pbft.md 1.7, "pending"), and how many of them waited through a
 * whole status interval. One that is done within milliseconds is never late, whenever a client sends it: when an
 * interval ends is no secret, so crossing one end must not count.
 */
export interface Turn {
  items: number;
  late: number;
}

/** What one validator did as the primary. */
export interface Conduct {
  /** The status interval in which something of it was received last. */
  lastMessageTick: number;
  /** Its last turn that had enough items. */
  turn: Turn | undefined;
  /** How many of its turns are still to be passed over, and how many the next slow turn costs. */
  skips: number;
  penalty: number;
}

export function conductOf({ conduct }: Pick<Core, "conduct">, validator: ValidatorId): Conduct {
  return must(conduct[validator], "every validator has a conduct");
}

export function newConduct(): Conduct {
  return { lastMessageTick: 0, turn: undefined, skips: 0, penalty: 1 };
}

/**
 * Of the f + 1 views from `view` on, the first whose primary is not silent and, in a rotation, not to be passed over for
 * what it did. Where there is none, the first whose primary is not silent: a silent one costs more. When all are
 * silent nothing is known, and none is passed over.
 */
export function skipTo(core: Core, view: bigint, isRotation: boolean): bigint {
  const candidates = Array.from({ length: core.quorum.f + 1 }, (_, i) => view + BigInt(i));
  const primary = (at: bigint): ValidatorId => primaryOf(core.epoch, at, core.quorum.n);
  const alive = candidates.filter((at) => !isSilent(core, primary(at)));
  const good = isRotation ? alive.find((at) => !isPassedOver(core, primary(at))) : undefined;
  return good ?? alive[0] ?? view;
}

function isSilent(core: Core, validator: ValidatorId): boolean {
  return (
    validator !== core.self && core.tick - conductOf(core, validator).lastMessageTick >= SILENT_INTERVALS
  );
}

/** Itself included: a replica whose own view failed expects of the others that they pass over it, and goes along. */
function isPassedOver(core: Core, validator: ValidatorId): boolean {
  return conductOf(core, validator).skips > 0;
}

/** This replica moves from its view to `target`: the turns between them count as passed over. */
export function notePassedOver(core: Core, target: bigint): void {
  for (let turn = 1n; turn < target - core.view && turn <= BigInt(core.quorum.n); turn++) {
    const conduct = conductOf(core, primaryOf(core.epoch, core.view + turn, core.quorum.n));
    conduct.skips = Math.max(0, conduct.skips - 1);
  }
}

/** The awaited item is done, by agreement in this view. @returns whether the primary is to be replaced as slow. */
export function noteDone(core: Core): boolean {
  const { turn } = core;
  turn.items++;
  if (core.tick > core.awaitedSince + 1) turn.late++;
  return core.primary !== core.self && turn.late >= LATE_MIN && isSlow(core);
}

/** Whether leaving the view for this reason is held against its primary. */
export function isFailure(core: Core, reason: ViewChangeReason): boolean {
  switch (reason) {
    case "rotation":
    case "slow": // judged by the turn
      return false;
    case "join":
      // What others hold against it is believed only by who waits for it too: through the end of an interval, or for NEW-VIEW.
      if (core.mode === "view-change") return core.timerRuns("new-view");
      return core.awaited !== undefined && core.tick > core.awaitedSince;
    default:
      return true;
  }
}

/** The view is left: its turn is kept to compare others with, and its primary is judged. */
export function endTurn(core: Core, hasFailed: boolean): void {
  const { turn } = core;
  const conduct = conductOf(core, core.primary);
  // Others may have seen one more late item and moved on: they and this replica should pass over the same turns.
  const isLong = turn.late >= LATE_MIN - 1;
  if (hasFailed) noteFailure(core);
  else if (isLong) blame(core, conduct);
  else if (turn.items >= ITEMS_MIN) forgive(conduct);
  if (turn.items >= ITEMS_MIN || isLong) conduct.turn = turn;
  core.turn = { items: 0, late: 0 };
}

/** The primary of this view was slow, opened it too late, brought nothing forward or contradicted itself. */
export function noteFailure(core: Core): void {
  const conduct = conductOf(core, core.primary);
  conduct.skips = conduct.penalty;
  conduct.penalty = Math.min(2 * conduct.penalty, SKIPS_MAX);
}

/** A whole turn without a late item: what was held against the primary before counts half. */
function forgive(conduct: Conduct): void {
  conduct.skips = 0;
  conduct.penalty = Math.max(1, conduct.penalty / 2);
}

function blame(core: Core, conduct: Conduct): void {
  if (isSlow(core)) {
    noteFailure(core);
    // If it was the network that became slow, what came before convicts no second one: turns are compared anew.
    for (const each of core.conduct) each.turn = undefined;
  } else if (isUnhurried(core)) {
    // Nobody is quicker: the network is slow, and no primary is to blame for what it did before.
    for (const each of core.conduct) each.skips = 0;
  } else {
    conduct.penalty = 1;
  }
}

/**
 * More than f others were quicker: what f of them did may be a lie, or from before the network became slow. While
 * fewer have had a turn, all those who had one.
 */
function isSlow(core: Core): boolean {
  if (!isUnhurried(core)) return false;
  const { items, late } = core.turn;
  const turns = core.conduct.flatMap(({ turn }, id) =>
    id !== core.primary && turn !== undefined && turn.items >= ITEMS_MIN ? [turn] : [],
  );
  const quicker = turns.filter((turn) => turn.items * late >= SLOW_TIMES * items * (turn.late + 1));
  return quicker.length >= Math.max(1, Math.min(core.quorum.f + 1, turns.length));
}

/** More than T0 / 8 an item. */
function isUnhurried({ turn: { items, late }, options }: Core): boolean {
  const { requestTimeoutMs, statusIntervalMs } = options.settings;
  return items * requestTimeoutMs < late * statusIntervalMs * SLOW_SHARE;
}
