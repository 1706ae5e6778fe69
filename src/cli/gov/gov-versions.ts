/** Versions in `quorate gov`: of the rules, and of the modules that a chain runs, by their bundled files. */
import { parseBytes32, ZERO_HASH } from "../../base/bytes.ts";
import type { Change } from "../../chain/governance/change.ts";
import { MODULE_NUMBER_MIN, type ModuleVersion } from "../../chain/types/module-version.ts";
import { badInput, CliError, EXIT, valueOrThrow } from "../exit.ts";
import type { Membership } from "./gov-call.ts";

type Modules = Membership["modules"];

/** @param path of a bundled file @param asked the number of a new module */
export async function moduleChange(path: string, modules: Modules, asked?: number): Promise<Change> {
  const [{ loadModule, moduleHash }, { readModuleFile }] = await Promise.all([
    import("../../node/modules/load-module.ts"),
    import("../../node/modules/module-files.ts"),
  ]);
  const text = valueOrThrow(readModuleFile(path));
  const code = loadModule(text);
  if (!code.ok) throw new CliError(EXIT.badInput, "MALFORMED", `${path}: ${code.fault.detail}`);
  const { name, version } = code.value.form;
  const known = modules.find((one) => one.name === name);
  if (known !== undefined && asked !== undefined && asked !== known.number)
    throw badInput(`--number ${asked}: ${name} is module ${known.number} of this chain`);
  const number = known?.number ?? asked ?? freeNumber(modules);
  return { kind: "module", module: { name, number, version, hash: moduleHash(text) } };
}

/** The vote that takes a planned version back: for what runs now. */
export function keptModule(name: string, modules: Modules): Change {
  const known = modules.find((one) => one.name === name);
  if (known === undefined) throw badInput(`this chain has no module "${name}"; it has ${namesOf(modules)}`);
  if (known.planned === null)
    throw badInput(
      `${name} ${known.version} runs, and no other version is planned: there is nothing to take back`,
    );
  const hash = known.version === 0 ? ZERO_HASH : parseBytes32(known.sha256);
  if (hash === undefined) throw new CliError(EXIT.broken, "BAD_ANSWER", `not a SHA-256: ${known.sha256}`);
  const module = { name, number: known.number, version: known.version, hash } as ModuleVersion;
  return { kind: "module", module };
}

export function describeModules(modules: Modules): readonly string[] {
  return modules.flatMap(({ name, number, version, sha256, since, planned, trouble }) => {
    const runs = version === 0 ? "runs not yet" : `${version} since epoch ${since}, SHA-256 ${sha256}`;
    const next =
      planned === null
        ? []
        : [`  ${planned.version} from epoch ${planned.since} on, SHA-256 ${planned.sha256}`];
    return [`module ${name} (${number}): ${runs}`, ...next, ...(trouble === null ? [] : [`  ${trouble}`])];
  });
}

export function describeRules({ rules: { current, next, nextFrom, known } }: Membership): string {
  const planned = next === current ? "" : `, rules ${next} from height ${nextFrom} on`;
  const unknown = next > known ? ` (the node's program knows rules 1 to ${known}: it stops there)` : "";
  return `rules ${current}${planned}${unknown}`;
}

function freeNumber(modules: Modules): number {
  const taken = modules.map(({ number }) => number);
  let number = MODULE_NUMBER_MIN;
  while (taken.includes(number)) number++;
  return number;
}

function namesOf(modules: Modules): string {
  return modules.map(({ name }) => name).join(", ") || "none";
}
