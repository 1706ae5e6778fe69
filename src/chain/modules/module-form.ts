/**
 * The form of a module: its declaration as data, in lists whose places are the numbers in bytes. What a node tells
 * clients of its modules, and what a verifier or an index reads values by. A form that no chain could live with is
 * refused here, when a module is built or loaded.
 */
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { EVENT_BYTES_MAX } from "../../base/limits.ts";
import { isTakenModuleName, MODULE_NAME, MODULE_VERSION_MAX } from "../types/module-version.ts";
import type { DeclaredCode } from "./define-module.ts";
import { codecOf, codecOfFields } from "./value-codec.ts";
import type { Hex, TypeForm } from "./value-types.ts";

export type FieldForms = Readonly<Record<string, TypeForm>>;

export interface ModuleForm {
  readonly name: string;
  readonly version: number;
  readonly calls: readonly {
    readonly name: string;
    readonly fields: FieldForms;
    /** The bytes before the arguments, where every chain has the module. Else it is the place of the call. */
    readonly opening?: Hex;
  }[];
  /** A cell has no key. */
  readonly state: readonly {
    readonly name: string;
    readonly key?: TypeForm | undefined;
    readonly value: TypeForm;
    /**
     * What its keys begin with, where every chain has the module. Else it is 0x40, the module's number and
     * the place of the map.
     */
    readonly prefix?: Hex;
  }[];
  readonly events: readonly { readonly name: string; readonly fields: FieldForms }[];
  readonly faults: readonly { readonly name: string; readonly means: string }[];
}

/** Calls, maps or events of one module; each has a number of one byte. */
const PARTS_MAX = 250;
const FAULTS_MAX = 10_000;
/** Bytes of an encoded key, of a value, of a call's arguments. */
const KEY_BYTES_MAX = 256;
const VALUE_BYTES_MAX = 64 * 1024;
const ARGUMENTS_BYTES_MAX = 60_000;
/** How deep types stand in each other. */
const DEPTH_MAX = 8;
const FIELDS_MAX = 64;
const NAME = /^[a-z][A-Za-z0-9]{0,31}$/;
const FAULT_NAME = /^[A-Z][A-Za-z0-9]{0,47}$/;
/** What a defined module has besides its calls, and what every object has. */
const TAKEN_NAMES = ["declaration", "state", "events", "faults", "run", "constructor", "then"];
/** @param code what a file exports, which may be anything */
export function formOf(code: DeclaredCode): Verdict<ModuleForm, "malformed"> {
  return checkForm(copyForm(code));
}

/** The form of a module that every chain has. Never of what came from a file or a node: `fixed` says where it reads. */
export function fixedFormOf(code: DeclaredCode): ModuleForm {
  const form = copyForm(code);
  const calls = form.calls.map((one) => ({ ...one, ...given("opening", code.fixed?.openings[one.name]) }));
  return { ...form, calls, state: fixedStates(code) };
}

function fixedStates(code: DeclaredCode): ModuleForm["state"] {
  return copyStates(code).map((one) => ({ ...one, ...given("prefix", code.fixed?.prefixes[one.name]) }));
}

function given<N extends string>(name: N, value: Hex | undefined): { readonly [K in N]?: Hex } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [K in N]?: Hex };
}

function copyForm(code: DeclaredCode): ModuleForm {
  const { declaration } = code;
  return {
    name: String(declaration.name),
    version: declaration.version ?? 1,
    calls: named(declaration.calls, ({ fields }) => ({ fields: copyFields(fields) })),
    state: copyStates(code),
    events: named(declaration.events, ({ fields }) => ({ fields: copyFields(fields) })),
    faults: named(declaration.faults, (means) => ({ means: String(means) })),
  };
}

/** What names and reads entries of a module's state. */
export type StateForms = Pick<ModuleForm, "name" | "version" | "state">;

/**
 * The part of a declaration that a verifier reads the state by. Whether a chain could live with the whole is not asked:
 * the genesis that names the module says so.
 */
export function stateFormsOf(code: DeclaredCode): Verdict<StateForms, "malformed"> {
  try {
    const { name, version = 1 } = code.declaration;
    return accept({ name: String(name), version, state: fixedStates(code) });
  } catch (error) {
    return refuse("malformed", `module: not a declaration: ${(error as Error).message}`);
  }
}

function copyStates({ declaration }: DeclaredCode): ModuleForm["state"] {
  return named(declaration.state, ({ key, value }) => ({
    ...(key === undefined ? {} : { key: copyType(key) }),
    value: copyType(value),
  }));
}

function named<T, R extends object>(
  entries: Readonly<Record<string, T>> | undefined,
  make: (entry: T) => R,
): ({ readonly name: string } & R)[] {
  return Object.entries(entries ?? {}).map(([name, entry]) => ({ name, ...make(entry) }));
}

/** A form as it came from a file, a node or a module's context. */
function checkForm(form: ModuleForm): Verdict<ModuleForm, "malformed"> {
  try {
    const problem = problemOf(form);
    return problem === undefined ? accept(form) : refuse("malformed", `module ${form.name}: ${problem}`);
  } catch (error) {
    return refuse("malformed", `module: not a declaration: ${(error as Error).message}`);
  }
}

function problemOf({ name, version, calls, state, events, faults }: ModuleForm): string | undefined {
  if (!MODULE_NAME.test(name))
    return "its name is a lower-case letter, then lower-case letters and digits, at most 32";
  if (isTakenModuleName(name)) return "the name is taken by the chain itself";
  if (!Number.isInteger(version) || version < 1 || version > MODULE_VERSION_MAX) {
    return `version ${version}, a whole number from 1 to ${MODULE_VERSION_MAX} is expected`;
  }
  if (calls.length === 0) return "it has no call";
  for (const [what, list] of [
    ["calls", calls],
    ["maps", state],
    ["events", events],
  ] as const) {
    if (list.length > PARTS_MAX) return `${list.length} ${what}, at most ${PARTS_MAX} are allowed`;
    const wrong = list.find((part) => !NAME.test(part.name));
    if (wrong !== undefined)
      return `${what}: "${wrong.name}": a name is a lower-case letter, then letters and digits`;
  }
  if (faults.length > FAULTS_MAX) return `${faults.length} faults, at most ${FAULTS_MAX} are allowed`;
  const fault = faults.find((one) => !FAULT_NAME.test(one.name));
  if (fault !== undefined)
    return `faults: "${fault.name}": a name is an upper-case letter, then letters and digits`;
  const typed = [...calls, ...events].find(({ fields }) => Object.hasOwn(fields, "type"));
  if (typed !== undefined)
    return `${typed.name}: a field may not be called "type", which names the call or event in JSON`;
  const taken = calls.find((one) => TAKEN_NAMES.includes(one.name));
  if (taken !== undefined) return `a call may not be called "${taken.name}"`;
  return sizeProblem({ calls, state, events });
}

function sizeProblem({
  calls,
  state,
  events,
}: Pick<ModuleForm, "calls" | "state" | "events">): string | undefined {
  for (const { name, fields } of calls) {
    const problem = fieldsProblem(fields, ARGUMENTS_BYTES_MAX);
    if (problem !== undefined) return `call ${name}: ${problem}`;
  }
  for (const { name, fields } of events) {
    const problem = fieldsProblem(fields, EVENT_BYTES_MAX);
    if (problem !== undefined) return `event ${name}: ${problem}`;
  }
  for (const { name, key, value } of state) {
    const problem =
      (key === undefined
        ? undefined
        : (typeProblem(key, 0) ?? tooLong(codecOf(key).bytesMax, KEY_BYTES_MAX, "a key"))) ??
      typeProblem(value, 0) ??
      tooLong(codecOf(value).bytesMax, VALUE_BYTES_MAX, "a value");
    if (problem !== undefined) return `state ${name}: ${problem}`;
  }
  return undefined;
}

function fieldsProblem(fields: FieldForms, bytesMax: number): string | undefined {
  return (
    typeProblem({ kind: "struct", fields }, 0) ??
    tooLong(codecOfFields(fields).bytesMax, bytesMax, "all of it")
  );
}

function tooLong(bytes: number, max: number, what: string): string | undefined {
  return bytes <= max ? undefined : `${what} may take ${bytes} bytes, at most ${max} are allowed`;
}

function typeProblem(type: TypeForm, depth: number): string | undefined {
  if (depth > DEPTH_MAX) return `types stand more than ${DEPTH_MAX} deep in each other`;
  switch (type.kind) {
    case "bool":
    case "hash":
    case "address":
    case "height":
    case "time":
      return undefined;
    case "uint":
      return [8, 16, 32, 64].includes(type.bits) ? undefined : `uint(${type.bits}): 8, 16, 32 or 64 bits`;
    case "text":
    case "bytes":
      return boundProblem(type.kind, type.bytesMax);
    case "choice":
      return type.names.length >= 1 &&
        type.names.length <= 255 &&
        type.names.every((one) => typeof one === "string")
        ? undefined
        : "choice: 1 to 255 names";
    case "list":
      return boundProblem("list", type.countMax) ?? typeProblem(type.item, depth + 1);
    case "option":
      return typeProblem(type.item, depth + 1);
    case "struct":
      return structProblem(type.fields, depth);
  }
  return `unknown type ${JSON.stringify((type as TypeForm).kind)}`;
}

function structProblem(fields: FieldForms, depth: number): string | undefined {
  const names = Object.keys(fields);
  if (names.length > FIELDS_MAX) return `${names.length} fields, at most ${FIELDS_MAX} are allowed`;
  for (const [name, field] of Object.entries(fields)) {
    if (!NAME.test(name)) return `"${name}": a field's name is a lower-case letter, then letters and digits`;
    const problem = typeProblem(field, depth + 1);
    if (problem !== undefined) return `${name}: ${problem}`;
  }
  return undefined;
}

function boundProblem(what: string, bound: number): string | undefined {
  return Number.isInteger(bound) && bound >= 0 && bound <= VALUE_BYTES_MAX
    ? undefined
    : `${what}(${bound}): a bound from 0 to ${VALUE_BYTES_MAX} is expected`;
}

function copyFields(fields: FieldForms): FieldForms {
  return Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, copyType(type)]));
}

/** Copies a type into this realm, so that the module's own code cannot change it later. */
function copyType(type: TypeForm): TypeForm {
  return JSON.parse(JSON.stringify(type)) as TypeForm;
}
