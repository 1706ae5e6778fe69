/**
 * The version of a chain's rules: what later releases execute in another way begins where the validators say so, at an
 * epoch, and a program that does not know it stops before. Every chain begins with version 1; this program knows no
 * other. The state has a record only once a version was approved.
 *
 *   0x08: version now u32 | next version u32 | the epoch from which on it holds u64
 *
 * Sources: docs/protocol.md, "Rules"; docs/adr/0036-03.
 */
import { must } from "../../base/assert.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { StateReader, StateWriter } from "../modules/module.ts";
import { rulesKey } from "../state/state-keys.ts";
import { type Governance, readGovernance } from "./governance-state.ts";

/** The highest version that this program executes by. */
export const RULES_KNOWN = 1;
/** A version is a small number that people count up. */
export const RULES_MAX = 1_000_000;

export interface RulesRecord {
  /** What held when the next one was approved. */
  readonly current: number;
  readonly next: number;
  /** The first epoch in which the next version holds. It may have begun already. */
  readonly epoch: bigint;
}

const FIRST: RulesRecord = { current: 1, next: 1, epoch: 0n };

/** @throws InvariantError when the record does not decode. */
function readRules(state: StateReader): RulesRecord {
  const value = state.get(rulesKey());
  if (value === undefined) return FIRST;
  const read = decode(value, "rules", (reader) => ({
    current: reader.u32(),
    next: reader.u32(),
    epoch: reader.u64(),
  }));
  return must(read.ok ? read.value : undefined, "the record of rules that execution wrote decodes");
}

/** The version that holds in an epoch, which is not long past. */
function rulesIn({ current, next, epoch: from }: RulesRecord, epoch: bigint): number {
  return epoch >= from ? next : current;
}

/** A version is approved: it holds from the next epoch on. One that was approved before and has not begun is forgotten. */
export function approveRules(state: StateWriter, version: number, { epoch }: Governance): void {
  const current = rulesIn(readRules(state), epoch);
  const writer = new Writer(16).u32(current).u32(version);
  state.put(rulesKey(), writer.u64(epoch + 1n).finish());
}

/**
 * Says why a version cannot be approved, or undefined when it can. The one that holds now takes a planned one
 * back.
 */
export function rulesProblem(state: StateReader, version: number, { epoch }: Governance): string | undefined {
  const current = rulesIn(readRules(state), epoch);
  if (version >= current && version <= RULES_MAX) return undefined;
  return `rules ${version}: it must be from ${current}, which holds now, to ${RULES_MAX}`;
}

/** What holds for the next block, and what is planned behind the end of its epoch. */
export interface RulesState {
  readonly current: number;
  /** Differs from `current` where a change was approved. */
  readonly next: number;
  /** The first height of `next`, as things stand. */
  readonly nextFrom: bigint;
}

/** The versions that hold and are planned. Undefined where the validators never change: version 1 holds for ever. */
export function rulesState(state: StateReader): RulesState | undefined {
  const governance = readGovernance(state);
  if (governance === undefined) return undefined;
  const record = readRules(state);
  const current = rulesIn(record, governance.epoch);
  return { current, next: rulesIn(record, governance.epoch + 1n), nextFrom: governance.lastHeight + 1n };
}

/** The next block's rules are not known here: this program can neither make nor judge it. */
export class UnknownRules extends Error {
  override readonly name = "UnknownRules";

  /** @param height the first that follows the rules @param known the highest that this program knows */
  constructor(version: number, height: bigint, known: number) {
    super(
      `rules ${version} hold from height ${height} on, by a vote of the validators, and this program knows rules 1 to ${known}: ` +
        "it takes no block there. Install a newer release and start the node again; nothing has to be fetched anew",
    );
  }
}

/** @param height of the block that comes next @throws UnknownRules */
export function checkRules(state: StateReader, height: bigint, known: number): void {
  const standing = rulesState(state);
  if (standing !== undefined && standing.current > known) {
    throw new UnknownRules(standing.current, height, known);
  }
}
