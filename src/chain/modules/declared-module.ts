/**
 * A declared module (define-module.ts) as a Module of the ledger: decodes its calls, runs them (running-call.ts), and names
 * their faults and events. What evaluates the module's code is handed in: the code itself (tests), or the file in its own
 * context (node/modules).
 *
 *   payload: call u8 | its arguments
 *   state 0x40 | module u8 | map u8 | key -> value        (a cell has no key)
 *   event (number of its place, from 1 on): its fields
 */
import { assert } from "../../base/assert.ts";
import { refuse } from "../../base/fault.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { DeclaredCode, ModuleHost } from "./define-module.ts";
import type { Description, Json, Module } from "./module.ts";
import type { ModuleForm } from "./module-form.ts";
import { install, MODULE_OUT_OF_UNITS, MODULE_PANIC, runCall } from "./running-call.ts";
import { PLAIN_VALUES, type ValueCodec, type ValueMaker } from "./value-codec.ts";
import { textOfFields } from "./value-text.ts";

/** What a call may cost on a chain. */
export interface UnitLimits {
  readonly callUnitsMax: number;
  /** Units that each coin of the fee pays for. When 0, a call has callUnitsMax whatever it pays. */
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
  /** The text of the bundled file. Code that runs here as it is has none. */
  readonly file?: string;
  start(units: number): ModuleInstance;
}

export interface DeclaredCall {
  readonly index: number;
  readonly args: unknown;
}

export interface DeclaredModule extends Module<DeclaredCall> {
  readonly form: ModuleForm;
  /** The text of the bundled file, as {@link ModuleCode.file} has it. */
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
  const installed = install(id, code, limits);
  const { calls, events } = installed;
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
        return { index: reader.u8(), args: call.codec.read(reader, PLAIN_VALUES) };
      });
    },
    encodeCall: payloadBytes,
    spends: () => 0n,
    execute: (call, context) => runCall(installed, call, context),
    faultName: (number) => faultNameOf(form, number),
    describeCall({ index, args }) {
      const call = calls[index];
      assert(call !== undefined, "a decoded call is one of the module");
      return { type: call.name, ...(call.codec.toJson(args) as Description) };
    },
    describeEvent: (event) => describeEvent(events, event),
    eventText({ kind, data }) {
      const event = form.events[kind - 1];
      assert(event !== undefined, "a module emits events that it declares");
      const fields = decode(data, event.name, textOfFields(event.fields));
      assert(fields.ok, "an event of a module decodes");
      return { name: event.name, fields: fields.value };
    },
  };
}

function describeEvent(
  events: readonly { readonly name: string; readonly codec: ValueCodec }[],
  { kind, data }: { readonly kind: number; readonly data: Uint8Array },
): Description {
  const event = events[kind - 1];
  assert(event !== undefined, "a module emits events that it declares");
  const fields = decode(data, event.name, (reader) => event.codec.read(reader, PLAIN_VALUES));
  assert(fields.ok, "an event of a module decodes");
  return { type: event.name, ...(event.codec.toJson(fields.value) as Record<string, Json>) };
}

/** Where one word ends and the next begins, as in NotAValidator and URLTooLong. */
const WORDS = /(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g;

/** REGISTRY_NOT_OWNER for the fault NotOwner of the module registry. */
export function faultNameOf({ name, faults }: ModuleForm, code: number): string | undefined {
  if (code === MODULE_PANIC) return "MODULE_PANIC";
  if (code === MODULE_OUT_OF_UNITS) return "MODULE_OUT_OF_UNITS";
  const fault = faults[code - 1];
  if (fault === undefined) return undefined;
  return `${name}_${fault.name.replace(WORDS, "_")}`.toUpperCase();
}
