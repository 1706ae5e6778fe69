/**
 * One call of a declared module while it runs: gives the code the state, events and faults that its declaration has, counts
 * what it costs, and says in the same code on every node how it failed.
 */
import { assert, InvariantError } from "../../base/assert.ts";
import { EMPTY, hex0x } from "../../base/bytes.ts";
import { EVENTS_PER_RECEIPT_MAX } from "../../base/limits.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { moduleKey } from "../state/state-keys.ts";
import type { DeclaredCall, ModuleCode, ModuleInstance, UnitLimits } from "./declared-module.ts";
import type { ModuleHost } from "./define-module.ts";
import { type ExecutionContext, ModuleFault } from "./module.ts";
import { codecOf, codecOfFields, type ValueCodec, ValueError } from "./value-codec.ts";

/** What one call did that its module does not declare. The numbers are receipts' codes in every declared module. */
export const MODULE_PANIC = 65_535;
export const MODULE_OUT_OF_UNITS = 65_534;

/** What a call costs, in units. A step is an entry into a function or a turn of a loop, counted by the bundled file. */
const UNITS = { call: 500, read: 200, write: 500, event: 200, perByte: 2 } as const;

/** What runs calls: the codecs of a declaration are found once, not by each call. */
interface InstalledModule {
  readonly code: ModuleCode;
  readonly limits: UnitLimits;
  readonly calls: readonly NamedCodec[];
  readonly events: readonly NamedCodec[];
  readonly maps: readonly InstalledMap[];
}

interface NamedCodec {
  readonly name: string;
  readonly codec: ValueCodec;
}

interface InstalledMap {
  readonly name: string;
  /** What each key of the map begins with. For a cell it is the whole key. */
  readonly prefix: Uint8Array;
  readonly key: ValueCodec | undefined;
  readonly value: ValueCodec;
}

/** @param id the number that genesis gives it */
export function install(id: number, code: ModuleCode, limits: UnitLimits): InstalledModule {
  const { calls, events, state } = code.form;
  return {
    code,
    limits,
    calls: calls.map(({ name, fields }) => ({ name, codec: codecOfFields(fields) })),
    events: events.map(({ name, fields }) => ({ name, codec: codecOfFields(fields) })),
    maps: state.map(({ name, key, value }, map) => ({
      name,
      prefix: moduleKey(id, map, EMPTY),
      key: key === undefined ? undefined : codecOf(key),
      value: codecOf(value),
    })),
  };
}

/** @throws ModuleFault */
export function runCall(
  installed: InstalledModule,
  { index, args }: DeclaredCall,
  context: ExecutionContext,
): void {
  const { code, limits, calls } = installed;
  const instance = started(code, unitsFor(limits, context.fee) - UNITS.call);
  const host = new RunningCall(installed, instance, context);
  let thrown: { readonly error: unknown } | undefined;
  try {
    // Made by the code's own context, anew for each run: the code may change them.
    instance.run(index, calls[index]?.codec.copy(args, code.values), host);
  } catch (error) {
    thrown = { error };
  }
  host.checkWorld();
  if (instance.unitsLeft() < 0) throw outOfUnits();
  const stopped = host.stopped ?? thrown;
  if (stopped !== undefined) throw faultOf(host, stopped.error, code.form.name);
}

/** Evaluates the file, which takes units as well: a fee may not pay for so many. */
function started(code: ModuleCode, units: number): ModuleInstance {
  try {
    return code.start(units);
  } catch (error) {
    const message = messageOf(error);
    if (STACK_OVERFLOW.test(message)) throw usedUpStack(code.form.name, message);
    // It was evaluated with more units when it was loaded, and has seen nothing of the call: only they can be wanting.
    throw outOfUnits();
  }
}

function outOfUnits(): ModuleFault {
  return new ModuleFault(MODULE_OUT_OF_UNITS, "the call costs more than it may");
}

/** How deep the stack is differs from machine to machine: a receipt that depends on it would split the chain. */
function usedUpStack(module: string, message: string): InvariantError {
  return new InvariantError(`module ${module} used up the stack of this machine: ${message}`);
}

function unitsFor({ callUnitsMax, unitsPerFee }: UnitLimits, fee: bigint): number {
  const paid = unitsPerFee * fee;
  return unitsPerFee === 0n || paid > BigInt(callUnitsMax) ? callUnitsMax : Number(paid);
}

function faultOf(host: RunningCall, error: unknown, module: string): ModuleFault {
  const index = host.declaredFault(error);
  if (index !== undefined) return new ModuleFault(index + 1, "a declared fault");
  const message = messageOf(error);
  if (STACK_OVERFLOW.test(message)) throw usedUpStack(module, message);
  return new ModuleFault(MODULE_PANIC, message);
}

const STACK_OVERFLOW = /^Maximum call stack size exceeded/;

/** Runs none of the module's code: a message that is not plain data is not read. */
function messageOf(error: unknown): string {
  if (typeof error === "string") return error;
  if (error === null || typeof error !== "object") return String(error);
  const message: unknown = Object.getOwnPropertyDescriptor(error, "message")?.value;
  return typeof message === "string" ? message : "a value that is no Error was thrown";
}

/** The world of one call. Its methods throw into the module's code, which can catch nothing (bundle-module.ts). */
class RunningCall implements ModuleHost {
  readonly sender: `0x${string}`;
  readonly txid: `0x${string}`;
  readonly height: number;
  readonly timeMs: number;
  readonly #module: InstalledModule;
  readonly #instance: ModuleInstance;
  readonly #context: ExecutionContext;
  /** Made for the first one: most calls throw none, and each would cost the collector more than the call. */
  #faults: WeakMap<object, number> | undefined;
  /** The key that was asked for last, where it cannot change: what is read is written next, as a rule. */
  #lastMap = -1;
  #lastKey: unknown;
  #lastStateKey: Uint8Array = EMPTY;
  #events = 0;
  /** What a method of this class threw: code that runs here as it is may have caught it. */
  stopped: { readonly error: unknown } | undefined;
  /** The state could not be read or written: nothing that the module did. */
  #worldFailure: { readonly error: unknown } | undefined;

  constructor(module: InstalledModule, instance: ModuleInstance, context: ExecutionContext) {
    this.#module = module;
    this.#instance = instance;
    this.#context = context;
    this.sender = hex0x(context.sender);
    this.txid = hex0x(context.txid);
    this.height = Number(context.height);
    this.timeMs = Number(context.timeMs);
  }

  get(map: number, key: unknown): unknown {
    this.#checkStopped();
    try {
      const declared = this.#map(map);
      const found = this.#read(declared, map, key);
      return found === undefined ? undefined : this.#open(declared, found);
    } catch (error) {
      throw this.#stop(error);
    }
  }

  has(map: number, key: unknown): boolean {
    this.#checkStopped();
    try {
      return this.#read(this.#map(map), map, key) !== undefined;
    } catch (error) {
      throw this.#stop(error);
    }
  }

  set(map: number, key: unknown, value: unknown): void {
    this.#checkStopped();
    try {
      const declared = this.#map(map);
      const stateKey = this.#key(declared, map, key);
      const bytes = encode(declared.value, value, declared.name);
      this.#instance.spend(UNITS.write + UNITS.perByte * (stateKey.length + bytes.length));
      this.#change(stateKey, bytes);
    } catch (error) {
      throw this.#stop(error);
    }
  }

  delete(map: number, key: unknown): void {
    this.#checkStopped();
    try {
      const stateKey = this.#key(this.#map(map), map, key);
      this.#instance.spend(UNITS.write + UNITS.perByte * stateKey.length);
      // Where nothing is, nothing changes: the tree need not look.
      if (this.#find(stateKey) !== undefined) this.#change(stateKey, undefined);
    } catch (error) {
      throw this.#stop(error);
    }
  }

  emit(event: number, fields: unknown): void {
    this.#checkStopped();
    try {
      const declared = this.#module.events[event];
      assert(declared !== undefined, "a context has the events that are declared");
      if (++this.#events > EVENTS_PER_RECEIPT_MAX) {
        throw new ValueError(`more than ${EVENTS_PER_RECEIPT_MAX} events in one call`);
      }
      const data = encode(declared.codec, fields, declared.name);
      this.#instance.spend(UNITS.event + UNITS.perByte * data.length);
      this.#context.emit(event + 1, data);
    } catch (error) {
      throw this.#stop(error);
    }
  }

  fault(index: number, error: Error): void {
    this.#faults ??= new WeakMap();
    this.#faults.set(error, index);
  }

  declaredFault(error: unknown): number | undefined {
    return typeof error === "object" && error !== null ? this.#faults?.get(error) : undefined;
  }

  /** @throws what kept the state from being read: the node has to stop. */
  checkWorld(): void {
    if (this.#worldFailure !== undefined) throw this.#worldFailure.error;
  }

  #map(map: number): InstalledMap {
    const declared = this.#module.maps[map];
    assert(declared !== undefined, "a context has the maps that are declared");
    return declared;
  }

  #key({ name, prefix, key: codec }: InstalledMap, map: number, key: unknown): Uint8Array {
    if (codec === undefined) return prefix;
    if (typeof key === "object") return keyOf(prefix, codec, key, name);
    if (this.#lastMap !== map || this.#lastKey !== key) {
      this.#lastStateKey = keyOf(prefix, codec, key, name);
      this.#lastMap = map;
      this.#lastKey = key;
    }
    return this.#lastStateKey;
  }

  #read(declared: InstalledMap, map: number, key: unknown): Uint8Array | undefined {
    const stateKey = this.#key(declared, map, key);
    const found = this.#find(stateKey);
    this.#instance.spend(UNITS.read + UNITS.perByte * (stateKey.length + (found?.length ?? 0)));
    return found;
  }

  #open({ name, value }: InstalledMap, bytes: Uint8Array): unknown {
    const { form, values } = this.#module.code;
    const decoded = decode(bytes, name, (reader) => value.read(reader, values));
    assert(decoded.ok, `a value of ${form.name}.${name} decodes`);
    return decoded.value;
  }

  #find(stateKey: Uint8Array): Uint8Array | undefined {
    try {
      return this.#context.state.get(stateKey);
    } catch (error) {
      this.#worldFailure = { error };
      throw error;
    }
  }

  #change(stateKey: Uint8Array, bytes: Uint8Array | undefined): void {
    try {
      if (bytes === undefined) this.#context.state.delete(stateKey);
      else this.#context.state.put(stateKey, bytes);
    } catch (error) {
      this.#worldFailure = { error };
      throw error;
    }
  }

  #checkStopped(): void {
    if (this.stopped !== undefined) throw this.stopped.error;
  }

  #stop(error: unknown): unknown {
    this.stopped = { error };
    if (error instanceof InvariantError) this.#worldFailure ??= { error };
    return error;
  }
}

function keyOf(prefix: Uint8Array, codec: ValueCodec, key: unknown, name: string): Uint8Array {
  const writer = new Writer(prefix.length + codec.bytesMax).raw(prefix);
  codec.write(writer, key, `${name}'s key`);
  return writer.finish();
}

/** Bytes that are reserved for a value whose bound is above them. */
const VALUE_BYTES = 256;

function encode(codec: ValueCodec, value: unknown, path: string): Uint8Array {
  const writer = new Writer(Math.min(codec.bytesMax, VALUE_BYTES));
  codec.write(writer, value, path);
  return writer.finish();
}
