/**
 * Loads a module's bundled file: evaluates it in a context of its own (hardened-context.ts) and gives what the ledger
 * runs. Every call evaluates the file anew, so that a call sees the ledger and nothing that an earlier one left; the
 * script is compiled once. It reads no file and judges no hash.
 *
 * This folder: declared modules as files: bundling, counting steps, evaluating, where a node keeps them. Not here: what
 * a call may do (chain/modules).
 */
import { createContext, Script } from "node:vm";
import type { Hash } from "../../base/bytes.ts";
import { utf8 } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import type { ModuleCode } from "../../chain/modules/declared-module.ts";
import { type DeclaredCode, MODULE_ABI, type ModuleHost } from "../../chain/modules/define-module.ts";
import { formOf } from "../../chain/modules/module-form.ts";
import { sha256 } from "../../crypto/hash.ts";
import { HARDENING, type HardenedContext } from "./hardened-context.ts";

/** The first line of a bundled file. */
export const BUNDLE_MARK = `// quorate module, interface ${MODULE_ABI}`;

/** What evaluating a bundled file gives. */
interface Evaluated {
  readonly module: DeclaredCode;
  spend(units: number): void;
  left(): number;
}

type Factory = (globals: object, units: number) => Evaluated;

/** Steps that a file may take to declare itself, when it is loaded. */
const LOADING_UNITS = 10_000_000;
/** The world is not as slow: this is for a file that no `quorate module build` has made. */
const LOADING_MS = 3_000;

/** What stands for a file in genesis.json: SHA-256 of its bytes. */
export function moduleHash(text: string): Hash {
  return sha256(utf8(text));
}

/** @param text of a bundled file. Faults: `malformed`, with what is wrong */
export function loadModule(text: string, loadingMs = LOADING_MS): Verdict<ModuleCode, "malformed"> {
  if (!text.startsWith(`${BUNDLE_MARK}\n`)) {
    return refuse(
      "malformed",
      `not a module's bundled file of this version: its first line is not "${BUNDLE_MARK}"; quorate module build makes one`,
    );
  }
  try {
    const own = Object.create(null) as { $q_load?: () => Evaluated };
    const context = createContext(own, { codeGeneration: { strings: false, wasm: false } });
    const world = new Script(HARDENING, { filename: "hardening.js" }).runInContext(
      context,
    ) as HardenedContext;
    const factory = new Script(text, { filename: "module.js" }).runInContext(context, {
      timeout: loadingMs,
    }) as Factory;
    // In the context's time as well: a file that nobody has instrumented may have a loop without an end.
    own.$q_load = () => {
      delete own.$q_load; // the file never sees a function of ours
      return factory(world.globals, LOADING_UNITS);
    };
    const { module } = new Script("$q_load()").runInContext(context, { timeout: loadingMs }) as Evaluated;
    const form = formOf(module);
    if (!form.ok) return form;
    return accept({
      form: form.value,
      values: world,
      file: text,
      start: (units) => startCall(factory(world.globals, units)),
    });
  } catch (error) {
    return refuse(
      "malformed",
      `the module's file does not run: ${(error as Error)?.message ?? String(error)}`,
    );
  }
}

function startCall({ module, spend, left }: Evaluated) {
  return {
    run: (call: number, args: unknown, host: ModuleHost) => module.run(call, args, host),
    spend,
    unitsLeft: left,
  };
}
