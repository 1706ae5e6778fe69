/** Bundles a module from a text, and runs its calls on a state of its own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "../../../src/base/assert.ts";
import { asAddress, asHash } from "../../../src/base/bytes.ts";
import {
  createDeclaredModule,
  type DeclaredModule,
  type ModuleCode,
} from "../../../src/chain/modules/declared-module.ts";
import { ModuleFault, type StateReader } from "../../../src/chain/modules/module.ts";
import { callFromJson, entryAt, openValue } from "../../../src/chain/modules/module-state.ts";
import { StateOverlay } from "../../../src/chain/state/state-overlay.ts";
import type { Event } from "../../../src/chain/types/receipt.ts";
import { bundleModule } from "../../../src/node/modules/bundle-module.ts";

/** What bundleModule makes of a text. */
export async function bundleText(text: string) {
  const dir = mkdtempSync(join(tmpdir(), "quorate-module-"));
  try {
    const file = join(dir, "own.ts");
    writeFileSync(file, text);
    return await bundleModule(file);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** A module named `own` with these calls and a cell `n` of 64 bits, a map `m` from text to text, a fault `Wrong`. */
export async function moduleOf(calls: string, before = ""): Promise<TestLedger> {
  const made = await bundleText(`
    import { bytes, call, cell, defineModule, event, list, map, text, uint } from "quorate/module";
    ${before}
    export default defineModule(
      {
        name: "own",
        state: { n: cell(uint(64)), m: map(text(32), text(64)) },
        events: { e: event({ t: text(64) }) },
        faults: { Wrong: "for a test" },
      },
      { ${calls} },
    );`);
  if (!made.ok) throw new Error(made.fault.detail);
  return new TestLedger(made.value.code);
}

export class TestLedger {
  readonly state: StateOverlay;
  readonly module: DeclaredModule;
  readonly events: Event[] = [];

  constructor(
    code: ModuleCode,
    callUnitsMax = 1_000_000,
    base: StateReader = { get: () => undefined },
    unitsPerFee = 0n,
  ) {
    this.state = new StateOverlay(base);
    this.module = createDeclaredModule(20, code, { callUnitsMax, unitsPerFee });
  }

  /** What the call comes to: "ok", or the name of its fault and what was thrown. */
  run(name: string, args: unknown = {}): string {
    const made = callFromJson(this.module.form, name, args);
    if (!made.ok) throw new Error(made.fault.detail);
    const payload = this.module.encodeCall(made.value);
    return this.execute(this.module.decodeCall(payload));
  }

  execute(call: ReturnType<DeclaredModule["decodeCall"]>, fee = 0n): string {
    if (!call.ok) throw new Error(call.fault.detail);
    this.state.mark();
    try {
      this.module.execute(call.value, {
        height: 7n,
        timeMs: 1_000n,
        sender: asAddress(new Uint8Array(32).fill(1)),
        fee,
        txid: asHash(new Uint8Array(32).fill(2)),
        state: this.state,
        emit: (kind, data) => void this.events.push({ module: 20, kind, data }),
      });
      return "ok";
    } catch (error) {
      if (!(error instanceof ModuleFault)) throw error;
      this.state.takeBack();
      return `${this.module.faultName(error.code)}: ${error.message}`;
    }
  }

  entry(name: string, ...key: readonly string[]): unknown {
    const place = entryAt(this.module, name, key);
    if (!place.ok) throw new Error(place.fault.detail);
    const found = this.state.get(place.value.key);
    const value = found && openValue(place.value.state, found);
    return value === undefined ? undefined : must(value.ok ? value.value : undefined, "a stored value opens");
  }
}
