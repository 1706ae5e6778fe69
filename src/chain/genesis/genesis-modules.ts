/**
 * The declared modules that a genesis names: their numbers in transactions, and the SHA-256 of the files whose code
 * every node runs. A parsed genesis says which; one that is executed has their code too.
 */
import { type Hash, utf8 } from "../../base/bytes.ts";
import type { Writer } from "../../codec/writer.ts";
import type { UnitLimits } from "../modules/declared-module.ts";

export interface GenesisModule {
  readonly name: string;
  /** The module byte of its transactions, 16 to 255. */
  readonly number: number;
  readonly version: number;
  /** SHA-256 of the bundled file. */
  readonly hash: Hash;
}

export interface GenesisModules extends UnitLimits {
  readonly list: readonly GenesisModule[];
}

/** Modules of one genesis; a file with more is refused. */
export const GENESIS_MODULES_MAX = 64;
/** The least number of a declared module; below it are the modules that every chain has. */
export const MODULE_NUMBER_MIN = 16;
export const MODULE_NUMBER_MAX = 255;
/** Steps and costs of one call: some milliseconds (docs/modules.md). */
export const CALL_UNITS_DEFAULT = 1_000_000;

const SECTION = utf8("modules");

/** A section of its own, and nothing where there are none: the hash of such a genesis is what it was. */
export function encodeGenesisModules(writer: Writer, modules: GenesisModules | undefined): void {
  if (modules === undefined) return;
  const sorted = [...modules.list].sort((a, b) => a.number - b.number);
  writer.bytes8(SECTION).u32(modules.callUnitsMax).u64(modules.unitsPerFee);
  writer.list(sorted, (w, { number, name, version, hash }) =>
    w.u8(number).bytes8(utf8(name)).u32(version).raw(hash),
  );
}
