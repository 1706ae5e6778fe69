/** Modules of a chain inside a test: what defineModule made, run in this process, or a source that is bundled first. */
import { asHash, type Hash, utf8 } from "../base/bytes.ts";
import type { Genesis } from "../chain/genesis/genesis.ts";
import { CALL_UNITS_DEFAULT } from "../chain/genesis/genesis-modules.ts";
import { codeInProcess, type ModuleCode } from "../chain/modules/declared-module.ts";
import type { DeclaredCode } from "../chain/modules/define-module.ts";
import { formOf, type ModuleForm } from "../chain/modules/module-form.ts";
import { ModuleLibrary } from "../chain/modules/module-library.ts";
import { MODULE_NUMBER_MIN } from "../chain/types/module-version.ts";
import { taggedHash } from "../crypto/hash.ts";

/** What stands for a file in the genesis of a test: code that runs as it is has none. */
const hashForm = taggedHash("quorate/unbundled-module/v1");

interface Found {
  readonly code: ModuleCode;
  readonly hash: Hash;
}

/** The part of a genesis that names these modules, numbered from 16 on. @throws RangeError for one that is none */
export async function ownModules(
  modules: readonly (DeclaredCode | string)[],
  callUnitsMax = CALL_UNITS_DEFAULT,
): Promise<Pick<Genesis, "modules" | "code">> {
  if (modules.length === 0) return {};
  const found = await Promise.all(
    modules.map((one) => (typeof one === "string" ? bundled(one) : inProcess(one))),
  );
  const limits = { callUnitsMax, unitsPerFee: 0n };
  const list = found.map(({ code: { form }, hash }, i) => ({
    name: form.name,
    version: form.version,
    number: MODULE_NUMBER_MIN + i,
    hash,
  }));
  const library = new ModuleLibrary(limits);
  for (const { hash, code } of found) library.add(hash, code);
  return { modules: { ...limits, list }, code: library };
}

function inProcess(code: DeclaredCode): Found {
  const form = formOf(code);
  if (!form.ok) throw new RangeError(form.fault.detail);
  return { code: codeInProcess(code, form.value), hash: hashOfForm(form.value) };
}

async function bundled(path: string): Promise<Found> {
  // Loaded when it is used: most tests bundle nothing.
  const { bundleModule } = await import("../node/modules/bundle-module.ts");
  const made = await bundleModule(path);
  if (!made.ok) throw new RangeError(made.fault.detail);
  return made.value;
}

function hashOfForm(form: ModuleForm): Hash {
  return asHash(hashForm(utf8(JSON.stringify(form))));
}
