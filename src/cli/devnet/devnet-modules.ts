/** The modules of a devnet: bundled from the sources that its start names, or those that its folder has. */
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { CALL_UNITS_DEFAULT, MODULE_NUMBER_MIN } from "../../chain/genesis/genesis-modules.ts";
import { valueOrThrow } from "../exit.ts";
import { type DevnetPlan, devnetModules } from "./devnet-plan.ts";

interface DevnetModules {
  /** With its modules. */
  readonly plan: DevnetPlan;
  /** Bundled files by the names of their modules. */
  readonly files: ReadonlyMap<string, string>;
}

/** @param sources in the order of their numbers, from 16 on; none: as the folder has them. @throws CliError */
export async function modulesOfDevnet(
  dir: string,
  sources: readonly string[],
  planned: DevnetPlan,
): Promise<DevnetModules> {
  const withModules = (modules: Genesis["modules"]): DevnetPlan =>
    modules === undefined ? planned : { ...planned, genesis: { ...planned.genesis, modules } };
  if (sources.length === 0) {
    return { plan: withModules(devnetModules(dir)), files: new Map() };
  }
  const { bundleModule } = await import("../../node/modules/bundle-module.ts");
  const files = new Map<string, string>();
  const list = [];
  for (const source of sources) {
    const { text, hash, code } = valueOrThrow(await bundleModule(source));
    const { name, version } = code.form;
    list.push({ name, version, number: MODULE_NUMBER_MIN + list.length, hash });
    files.set(name, text);
  }
  return { plan: withModules({ callUnitsMax: CALL_UNITS_DEFAULT, unitsPerFee: 0n, list }), files };
}
