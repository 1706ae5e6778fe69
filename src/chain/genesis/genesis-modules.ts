/**
 * The declared modules that a genesis names: their numbers in transactions, and the SHA-256 of the files whose code
 * every node runs. A parsed genesis says which; one that is executed has their code too.
 */
import { utf8 } from "../../base/bytes.ts";
import type { Writer } from "../../codec/writer.ts";
import type { UnitLimits } from "../modules/declared-module.ts";
import type { ModuleVersion } from "../types/module-version.ts";

export interface GenesisModules extends UnitLimits {
  readonly list: readonly ModuleVersion[];
}

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
