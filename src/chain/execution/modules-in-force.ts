/**
 * The modules that a block is executed by: versions as the state has them (module-versions.ts), code as far as it is here
 * (modules/module-library.ts). Who lacks a file gives no verdict on a block that needs it.
 */
import { must } from "../../base/assert.ts";
import { byteText, hex0x } from "../../base/bytes.ts";
import type { Genesis } from "../genesis/genesis.ts";
import { readGovernance } from "../governance/governance-state.ts";
import { type ModuleRecord, moduleRecords } from "../governance/module-versions.ts";
import type { StateReader } from "../modules/module.ts";
import { type LibraryFault, ModuleLibrary, UNIT_LIMITS_DEFAULT } from "../modules/module-library.ts";
import { BUILT_IN_MODULES, type ModuleSet } from "../modules/module-set.ts";
import { upgradeProblems } from "../modules/module-upgrade.ts";
import type { ConsensusRules } from "../rules.ts";
import { moduleVersionsKey } from "../state/state-keys.ts";
import type { BlockHead } from "../types/block.ts";
import type { ModuleVersion } from "../types/module-version.ts";

/** A version whose code is not here, or that may not follow the one which runs. */
export interface AwaitedModule extends ModuleVersion {
  readonly why: LibraryFault;
  readonly detail: string;
}

export interface ModulesInForce {
  /** Those that are here. */
  readonly set: ModuleSet;
  readonly missing: readonly AwaitedModule[];
}

/** A genesis with the code of its modules. */
export type GenesisCode = Pick<Genesis, "modules" | "code">;

/** The library of whoever was given none. */
const NO_CODE = new ModuleLibrary(UNIT_LIMITS_DEFAULT);

/** The last answer that missed nothing: a block is built, judged and followed by the pool with the same. */
let last:
  | { readonly record: string; readonly code: Genesis["code"]; readonly found: ModulesInForce }
  | undefined;

/** The modules of block 1, which genesis names. @throws InvariantError when their code was not loaded */
export function modulesOf({ modules, code }: GenesisCode): ModuleSet {
  if (modules === undefined) return BUILT_IN_MODULES;
  const set = must(code, "whoever executes a chain has loaded its modules").setOf(modules.list);
  const isWhole = set.own().length === modules.list.length;
  return must(isWhole ? set : undefined, "whoever executes a chain has loaded each of its modules");
}

/** The modules that run in the block after `state`. */
export function modulesOn(genesis: GenesisCode, state: StateReader): ModulesInForce {
  const { modules, code = NO_CODE } = genesis;
  const value = state.get(moduleVersionsKey());
  if (value === undefined) return { set: modulesOf(genesis), missing: [] };
  const record = byteText(value);
  if (last?.record === record && last.code === code) return last.found;
  const running = moduleRecords(state, modules).filter(({ version }) => version > 0);
  const missing = running.flatMap((wanted): AwaitedModule[] => {
    const found = code.find(wanted);
    return found.ok ? [] : [{ ...wanted, why: found.fault.code, detail: found.fault.detail }];
  });
  const found = { set: code.setOf(running), missing };
  if (missing.length === 0) last = { record, code, found };
  return found;
}

/** What is planned and is not ready to run here: its file is missing, or may not follow the one that runs. */
export function plannedModules(genesis: GenesisCode, state: StateReader): readonly AwaitedModule[] {
  return moduleRecords(state, genesis.modules).flatMap((planning): AwaitedModule[] => {
    const { planned, ...running } = planning;
    if (planned === undefined) return [];
    const wanted = { ...running, ...planned };
    const problem = followProblem(genesis, planning, wanted);
    return problem === undefined ? [] : [{ ...wanted, ...problem }];
  });
}

/** What keeps a version from taking the place of the one that runs, or undefined when nothing does. */
export function followProblem(
  { code = NO_CODE }: GenesisCode,
  running: ModuleRecord | undefined,
  wanted: ModuleVersion,
): Pick<AwaitedModule, "why" | "detail"> | undefined {
  const found = code.find(wanted);
  if (!found.ok) return { why: found.fault.code, detail: found.fault.detail };
  if (running === undefined || running.version === 0) return undefined;
  const before = code.find(running);
  if (!before.ok) return { why: "missing", detail: `${running.name} ${running.version} is not here` };
  const problems = upgradeProblems(before.value.form, found.value.form);
  return problems.length === 0 ? undefined : { why: "unfit", detail: problems.join("; ") };
}

/**
 * What a node must have to execute the block behind `parent`, and has not. The list is empty when it can. An epoch that
 * a transition breaks off has no last block, so what was planned for it waits, and the members have the new epoch to
 * take it back.
 * @param state after `parent`
 */
export function missingModules(
  genesis: GenesisCode,
  state: StateReader,
  parent: BlockHead,
  rules: ConsensusRules,
): readonly AwaitedModule[] {
  if (state.get(moduleVersionsKey()) === undefined) return [];
  const { missing } = modulesOn(genesis, state);
  if (rules.kind === "final" && rules.transitionOn(parent) !== undefined) return missing;
  const awaited = plannedModules(genesis, state).filter(({ why }) => why === "missing");
  if (awaited.length === 0) return missing;
  const governance = must(readGovernance(state), "a chain that plans modules has members");
  return governance.lastHeight === parent.summary.height + 1n ? [...missing, ...awaited] : missing;
}

/** The next block cannot be executed here: the file of a module is not here. */
export class MissingModule extends Error {
  override readonly name = "MissingModule";
  readonly modules: readonly ModuleVersion[];

  /** @param height of that block */
  constructor(modules: readonly (ModuleVersion & Partial<Pick<AwaitedModule, "detail">>)[], height: bigint) {
    const named = modules.map(({ name, version, hash }) => `${name} ${version} (SHA-256 ${hex0x(hash)})`);
    const commands = modules.map(({ hash }) => fetchCommand(hash));
    const why = modules.flatMap(({ detail }) => detail ?? []).join("; ");
    super(
      `block ${height} is executed with ${named.join(" and ")}, by a vote of the validators, and the file is not here${why === "" ? "" : ` (${why})`}. Fetch it ` +
        `from a node that has it (${commands.join("; ")}) and start the node again; no block has to be fetched anew`,
    );
    this.modules = modules;
  }
}

/** The command that fetches a file, as it is typed, but for the names in capitals. */
export function fetchCommand(hash: Uint8Array): string {
  return `quorate module fetch ${hex0x(hash)} --rpc URL --out HOME/modules`;
}
