/** The versions of a chain's modules, as JSON-RPC asks a node for them. These are shapes alone. */
import type { Hash } from "../base/bytes.ts";
import type { ModuleRecord } from "../chain/governance/module-versions.ts";
import type { ModuleVersion } from "../chain/types/module-version.ts";

/** A version that is voted in and does not run on this node as it is. */
export interface ModuleTrouble extends ModuleVersion {
  /** `missing`: its file is not here; `unfit`: it may not follow the version that runs, which goes on. */
  readonly why: "missing" | "unfit";
  readonly detail: string;
  /** The height from which on it is to run, as things stand. */
  readonly fromHeight: bigint;
}

export interface ModulesApi {
  /** What runs at the head and what is planned, by number. */
  records(): readonly ModuleRecord[];
  troubles(): readonly ModuleTrouble[];
  /** The bundled file with this hash, if this node has it. */
  fileOf(hash: Hash): string | undefined;
}
