/**
 * Runs a declared module (define-module.ts) as a Module of the ledger: decodes its calls, gives each the state, events
 * and faults that it declares, counts what it costs, and says in the same code on every node how a call failed. What
 * evaluates the module's code is handed in: the code itself (tests), or the file in its own context (node/modules).
 *
 *   payload: call u8 | its arguments
 *   state 0x40 | module u8 | map u8 | key -> value        (a cell has no key)
 *   event (number of its place, from 1 on): its fields
 */
import { assert, InvariantError } from "../../base/assert.ts";
import { hex0x } from "../../base/bytes.ts";
import { refuse } from "../../base/fault.ts";
import { EVENTS_PER_RECEIPT_MAX } from "../../base/limits.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { DeclaredCode, ModuleHost } from "./define-module.ts";
import { type Description, type ExecutionContext, type Json, type Module, ModuleFault } from "./module.ts";
import type { ModuleForm } from "./module-form.ts";
import { entryKey } from "./module-state.ts";
import { codecOf, codecOfFields, PLAIN_VALUES, ValueError, type ValueMaker } from "./value-codec.ts";

/** What one call did that its module does not declare. The numbers are receipts' codes in every declared module. */
const MODULE_PANIC = 65_535;
const MODULE_OUT_OF_UNITS = 65_534;

/** What a call costs, in units. A step is an entry into a function or a turn of a loop, counted by the bundled file. */
const UNITS = { call: 500, read: 200, write: 500, event: 200, perByte: 2, step: 1 } as const;

/** What a call may cost on a chain. */
export interface UnitLimits {
  readonly callUnitsMax: number;
  /** Units that each coin of the fee pays for; 0: a call has callUnitsMax whatever it pays. */
  readonly unitsPerFee: bigint;
}

/** A module's code, evaluated anew for each call, so that nothing but the ledger remembers. */
export interface ModuleInstance {
  run(call: number, args: unknown, host: ModuleHost): void;
  /** Takes from what the call may cost. @throws when that is used up */
  spend(units: number): void;
  /** Negative when it was used up. */
  unitsLeft(): number;
}

export interface ModuleCode {
  readonly form: ModuleForm;
  /** Makes the objects that the code is given. */
  readonly values: ValueMaker;
  /** The bundled file; code that runs here as it is has none. */
  readonly file?: string;
  start(units: number): ModuleInstance;
}

export interface DeclaredCall {
  readonly index: number;
  readonly args: unknown;
  /** The bytes of a decoded call: the code is given arguments of its own each time, since it may change them. */
  readonly payload?: Uint8Array;
}

export interface DeclaredModule extends Module<DeclaredCall> {
  readonly form: ModuleForm;
  /** {@link ModuleCode.file} */
  readonly file?: string;
}

/** Runs a module's code here as it is: steps are not counted, and nothing keeps it from remembering. */
export function codeInProcess(code: DeclaredCode, form: ModuleForm): ModuleCode {
  return {
    form,
    values: PLAIN_VALUES,
    start(units) {
      let left = units;
      return {
        run: code.run,
        spend(cost) {
          left -= cost;
          if (left < 0) throw new Error("out of units");
        },
        unitsLeft: () => left,
      };
    },
  };
}

/** @param id the number that genesis gives it */
export function createDeclaredModule(id: number, code: ModuleCode, limits: UnitLimits): DeclaredModule {
  const { form } = code;
  const calls = form.calls.map(({ name, fields }) => ({ name, codec: codecOfFields(fields) }));
  const events = form.events.map(({ name, fields }) => ({ name, codec: codecOfFields(fields) }));
  const payloadBytes = (call: DeclaredCall) => {
    const writer = new Writer(64).u8(call.index);
    calls[call.index]?.codec.write(writer, call.args, "");
    return writer.finish();
  };
  return {
    id,
    name: form.name,
    form,
    ...(code.file === undefined ? {} : { file: code.file }),
    decodeCall(payload) {
      const [index = 0] = payload;
      const call = calls[index];
      if (call === undefined)
        return refuse(
          "unknown-call",
          `${form.name} ${form.version} has calls 0 to ${calls.length - 1}, not ${index}`,
        );
      return decode(payload, form.name, (reader) => {
        return { index: reader.u8(), args: call.codec.read(reader, PLAIN_VALUES), payload };
      });
    },
    encodeCall: payloadBytes,
    spends: () => 0n,
    execute: (call, context) => runCall({ id, code, limits }, call, context),
    faultName: (number) => faultNameOf(form, number),
    describeCall({ index, args }) {
      const call = calls[index];
      assert(call !== undefined, "a decoded call is one of the module");
      return { type: call.name, ...(call.codec.toJson(args) as Description) };
    },
    describeEvent: (event) => describeEvent(events, event),
  };
}

function describeEvent(
  events: readonly { readonly name: string; readonly codec: ReturnType<typeof codecOf> }[],
  { kind, data }: { readonly kind: number; readonly data: Uint8Array },
): Description {
  const event = events[kind - 1];
  assert(event !== undefined, "a module emits events that it declares");
  const fields = decode(data, event.name, (reader) => event.codec.read(reader, PLAIN_VALUES));
  assert(fields.ok, "an event of a module decodes");
  return { type: event.name, ...(event.codec.toJson(fields.value) as Record<string, Json>) };
}

/** REGISTRY_NOT_OWNER for the fault NotOwner of the module registry. */
function faultNameOf({ name, faults }: ModuleForm, code: number): string | undefined {
  if (code === MODULE_PANIC) return "MODULE_PANIC";
  if (code === MODULE_OUT_OF_UNITS) return "MODULE_OUT_OF_UNITS";
  const fault = faults[code - 1];
  if (fault === undefined) return undefined;
  return `${name}_${fault.name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_")}`.toUpperCase();
}

interface Installed {
  readonly id: number;
  readonly code: ModuleCode;
  readonly limits: UnitLimits;
}

function runCall({ id, code, limits }: Installed, call: DeclaredCall, context: ExecutionContext): void {
  const instance = started(code, unitsFor(limits, context.fee) - UNITS.call);
  const host = new RunningCall(id, code, instance, context);
  let thrown: { readonly error: unknown } | undefined;
  try {
    instance.run(call.index, argumentsOf(code, call), host);
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

/** Made by the code's own context, anew for each run. */
function argumentsOf({ form, values }: ModuleCode, { index, args, payload }: DeclaredCall): unknown {
  const fields = form.calls[index]?.fields;
  if (payload === undefined || fields === undefined) return args;
  const decoded = decode(payload.subarray(1), form.name, (reader) =>
    codecOfFields(fields).read(reader, values),
  );
  assert(decoded.ok, "a call was decoded before");
  return decoded.value;
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
  readonly #id: number;
  readonly #form: ModuleForm;
  readonly #values: ValueMaker;
  readonly #instance: ModuleInstance;
  readonly #context: ExecutionContext;
  /** Made for the first one: most calls throw none, and each would cost the collector more than the call. */
  #faults: WeakMap<object, number> | undefined;
  /** The key that was asked for last: what is read is written next, as a rule. */
  #last: { readonly map: number; readonly key: string; readonly stateKey: Uint8Array } | undefined;
  #events = 0;
  /** What a method of this class threw: code that runs here as it is may have caught it. */
  stopped: { readonly error: unknown } | undefined;
  /** The state could not be read or written: nothing that the module did. */
  #worldFailure: { readonly error: unknown } | undefined;

  constructor(id: number, { form, values }: ModuleCode, instance: ModuleInstance, context: ExecutionContext) {
    this.#id = id;
    this.#form = form;
    this.#values = values;
    this.#instance = instance;
    this.#context = context;
    this.sender = hex0x(context.sender);
    this.txid = hex0x(context.txid);
    this.height = Number(context.height);
    this.timeMs = Number(context.timeMs);
  }

  spend(units: number): void {
    this.#instance.spend(units);
  }

  get(map: number, key: unknown): unknown {
    return this.#guard(() => {
      const found = this.#read(map, key);
      if (found === undefined) return undefined;
      const { name, value } = this.#map(map);
      const decoded = decode(found, name, (reader) => codecOf(value).read(reader, this.#values));
      assert(decoded.ok, `a value of ${this.#form.name}.${name} decodes`);
      return decoded.value;
    });
  }

  has(map: number, key: unknown): boolean {
    return this.#guard(() => this.#read(map, key) !== undefined);
  }

  set(map: number, key: unknown, value: unknown): void {
    this.#guard(() => {
      const { name, value: type } = this.#map(map);
      const stateKey = this.#key(map, key);
      const writer = new Writer(64);
      codecOf(type).write(writer, value, `${name}`);
      const bytes = writer.finish();
      this.spend(UNITS.write + UNITS.perByte * (stateKey.length + bytes.length));
      this.#world(() => this.#context.state.put(stateKey, bytes));
    });
  }

  delete(map: number, key: unknown): void {
    this.#guard(() => {
      const stateKey = this.#key(map, key);
      this.spend(UNITS.write + UNITS.perByte * stateKey.length);
      // Where nothing is, nothing changes: the tree need not look.
      if (this.#world(() => this.#context.state.get(stateKey)) === undefined) return;
      this.#world(() => this.#context.state.delete(stateKey));
    });
  }

  emit(event: number, fields: unknown): void {
    this.#guard(() => {
      const declared = this.#form.events[event];
      assert(declared !== undefined, "a context has the events that are declared");
      if (++this.#events > EVENTS_PER_RECEIPT_MAX) {
        throw new ValueError(`more than ${EVENTS_PER_RECEIPT_MAX} events in one call`);
      }
      const codec = codecOfFields(declared.fields);
      const writer = new Writer(codec.bytesMax); // at most EVENT_BYTES_MAX: it need not grow
      codec.write(writer, fields, declared.name);
      const data = writer.finish();
      this.spend(UNITS.event + UNITS.perByte * data.length);
      this.#context.emit(event + 1, data);
    });
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

  #map(map: number) {
    const declared = this.#form.state[map];
    assert(declared !== undefined, "a context has the maps that are declared");
    return declared;
  }

  #key(map: number, key: unknown): Uint8Array {
    if (typeof key !== "string") return entryKey(this.#id, map, this.#map(map), key);
    if (this.#last?.map !== map || this.#last.key !== key) {
      this.#last = { map, key, stateKey: entryKey(this.#id, map, this.#map(map), key) };
    }
    return this.#last.stateKey;
  }

  #read(map: number, key: unknown): Uint8Array | undefined {
    const stateKey = this.#key(map, key);
    this.spend(UNITS.read + UNITS.perByte * stateKey.length);
    const found = this.#world(() => this.#context.state.get(stateKey));
    if (found !== undefined) this.spend(UNITS.perByte * found.length);
    return found;
  }

  #guard<T>(work: () => T): T {
    if (this.stopped !== undefined) throw this.stopped.error;
    try {
      return work();
    } catch (error) {
      this.stopped = { error };
      if (error instanceof InvariantError) this.#worldFailure ??= { error };
      throw error;
    }
  }

  #world<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.#worldFailure = { error };
      throw error;
    }
  }
}
