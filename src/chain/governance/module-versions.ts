/**
 * Which versions of its declared modules a chain runs: those of genesis, until the validators vote another one in, which
 * runs from the next epoch on. The state after a block says what the next one is executed by; the last block of an epoch puts
 * what was planned in its place, if its file may follow the one that runs, so it is executed only with both files. The state
 * has a record only once a vote was approved.
 *
 *   0x0a: of each module that a vote has named, by its number:
 *         number u8 | name u8+bytes | version u32 | SHA-256 32 | first epoch u64
 *         | planned u8: 0, or 1 | version u32 | SHA-256 32 | first epoch u64
 *   version 0 with 32 zero bytes: the module begins with what is planned
 *
 * Sources: docs/protocol.md, "Versions of modules"; docs/adr/0041-01.
 */
import { must } from "../../base/assert.ts";
import { asHash, equalBytes, hex0x, ZERO_HASH } from "../../base/bytes.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { StateReader, StateWriter } from "../modules/module.ts";
import { moduleVersionsKey } from "../state/state-keys.ts";
import {
  MODULE_NUMBER_MAX,
  MODULE_NUMBER_MIN,
  MODULE_VERSION_MAX,
  MODULES_MAX,
  type ModuleVersion,
  readModuleVersion,
  writeModuleVersion,
} from "../types/module-version.ts";

/** A module of a chain as its state has it. */
export interface ModuleRecord extends ModuleVersion {
  /** The epoch from which on this version runs. With version 0 none runs yet. */
  readonly since: bigint;
  /** What is to take its place. */
  readonly planned?: PlannedVersion | undefined;
}

export interface PlannedVersion extends Pick<ModuleVersion, "version" | "hash"> {
  /** The epoch from which on it is to run. */
  readonly since: bigint;
}

/** The modules of a genesis, which stand in no record until a vote names them. */
export type FirstModules = { readonly list: readonly ModuleVersion[] } | undefined;

/**
 * The records of all modules, ascending by their numbers. @throws InvariantError when the record does not
 * decode.
 */
export function moduleRecords(state: StateReader, first: FirstModules): readonly ModuleRecord[] {
  const voted = readVoted(state);
  const others = (first?.list ?? []).filter(({ number }) => !voted.some((one) => one.number === number));
  return [...voted, ...others.map((one) => ({ ...one, since: 0n }))].sort((a, b) => a.number - b.number);
}

function readVoted(state: StateReader): readonly ModuleRecord[] {
  const value = state.get(moduleVersionsKey());
  if (value === undefined) return [];
  const read = decode(value, "modules", (reader) => reader.list(MODULES_MAX, readOne));
  return must(read.ok ? read.value : undefined, "the record of modules that execution wrote decodes");
}

function readOne(reader: Reader): ModuleRecord {
  const running = { ...readModuleVersion(reader), since: reader.u64() };
  if (reader.u8() === 0) return running;
  const planned = { version: reader.u32(), hash: asHash(reader.raw(32).slice()), since: reader.u64() };
  return { ...running, planned };
}

function writeVoted(state: StateWriter, records: readonly ModuleRecord[]): void {
  const writer = new Writer(128).list(records, (w, { planned, since, ...version }) => {
    writeModuleVersion(w, version).u64(since);
    return planned === undefined
      ? w.u8(0)
      : w.u8(1).u32(planned.version).raw(planned.hash).u64(planned.since);
  });
  state.put(moduleVersionsKey(), writer.finish());
}

/**
 * Says why a vote cannot activate this version, or undefined when it can. The one that runs now takes a
 * planned one back.
 */
export function moduleProblem(
  state: StateReader,
  first: FirstModules,
  { number, name, version, hash }: ModuleVersion,
): string | undefined {
  if (number < MODULE_NUMBER_MIN || number > MODULE_NUMBER_MAX)
    return `number ${number}: modules of a chain's own have ${MODULE_NUMBER_MIN} to ${MODULE_NUMBER_MAX}`;
  if (version > MODULE_VERSION_MAX) return `version ${version}, at most ${MODULE_VERSION_MAX}`;
  const records = moduleRecords(state, first);
  const known = records.find((one) => one.number === number);
  if (known === undefined) {
    const taken = records.find((one) => one.name === name);
    if (taken !== undefined) return `${name} is module ${taken.number} of this chain, not ${number}`;
    if (version === 0) return `this chain has no module ${number}`;
    return records.length < MODULES_MAX ? undefined : `${records.length} modules, at most ${MODULES_MAX}`;
  }
  if (known.name !== name) return `module ${number} of this chain is ${known.name}, not ${name}`;
  if (version > known.version) return undefined;
  if (version < known.version)
    return `version ${version}: ${name} ${known.version} runs, and versions only go up`;
  if (!equalBytes(hash, known.hash))
    return `${name} ${version} is the file of SHA-256 ${hex0x(known.hash)}: a changed file needs a higher version`;
  return known.planned === undefined
    ? `${name} ${version} runs already, and no other version is planned`
    : undefined;
}

/**
 * A version is approved: it runs from the next epoch on, or from the one behind it where this epoch ends with this block.
 * One that was approved before and does not run yet is forgotten.
 */
export function approveModule(
  state: StateWriter,
  first: FirstModules,
  change: ModuleVersion,
  { epoch, isLast }: { readonly epoch: bigint; readonly isLast: boolean },
): void {
  const { number, name, version, hash } = change;
  const voted = readVoted(state);
  const begun: ModuleRecord = moduleRecords(state, first).find((one) => one.number === number) ?? {
    ...{ number, name, version: 0, hash: ZERO_HASH, since: 0n },
  };
  const { planned: _, ...running } = begun;
  const since = epoch + (isLast ? 2n : 1n);
  const next = version === running.version ? running : { ...running, planned: { version, hash, since } };
  // A new module that was taken back leaves nothing.
  const kept = next.version === 0 && version === 0 ? [] : [next];
  const all = [...voted.filter((one) => one.number !== number), ...kept];
  writeVoted(
    state,
    all.sort((a, b) => a.number - b.number),
  );
}

/**
 * After the last block of an epoch: what was planned runs in the next one.
 * @param mayFollow what may not follow the version that runs is forgotten, and that one goes on
 */
export function turnModules(
  state: StateWriter,
  nextEpoch: bigint,
  mayFollow: (running: ModuleRecord, planned: ModuleVersion) => boolean,
): void {
  const voted = readVoted(state);
  if (!voted.some((record) => isDue(record, nextEpoch))) return;
  const turned = voted.flatMap((record): ModuleRecord[] => {
    const { planned, ...running } = record;
    if (planned === undefined || !isDue(record, nextEpoch)) return [record];
    if (mayFollow(record, { ...running, ...planned })) return [{ ...running, ...planned, since: nextEpoch }];
    return running.version === 0 ? [] : [running];
  });
  writeVoted(state, turned);
}

function isDue({ planned }: ModuleRecord, epoch: bigint): boolean {
  return planned !== undefined && planned.since <= epoch;
}
