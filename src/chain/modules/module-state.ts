/**
 * Entries of a declared module's state by name: the keys and values of its maps and cells, for whoever has the form and
 * not the code. Keys sort by their encoding, so that the first fields of a struct are the beginning of a range.
 */
import { must } from "../../base/assert.ts";
import { EMPTY, parseHex } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { moduleKey } from "../state/state-keys.ts";
import type { DeclaredCall } from "./declared-module.ts";
import type { Json } from "./module.ts";
import type { ModuleForm } from "./module-form.ts";
import { codecOf, codecOfFields, PLAIN_VALUES, ValueError } from "./value-codec.ts";
import type { TypeForm } from "./value-types.ts";

type StateForm = ModuleForm["state"][number];

/** What the keys of a map begin with. */
function prefixOf(module: number, map: number, { prefix }: StateForm): Uint8Array {
  if (prefix === undefined) return moduleKey(module, map, EMPTY);
  return must(parseHex(prefix), "a fixed prefix is hex");
}

/** @throws ValueError for a key that the map cannot have */
function entryKey(module: number, map: number, state: StateForm, key: unknown): Uint8Array {
  const { name, key: type } = state;
  const writer = new Writer(48).raw(prefixOf(module, map, state));
  if (type !== undefined) codecOf(type).write(writer, key, `${name}'s key`);
  return writer.finish();
}

/** A map or cell of a module, and a key in it or the beginning of keys. */
export interface EntryPlace {
  readonly state: StateForm;
  /** The key of the entry in the state. */
  readonly key: Uint8Array;
  /** Whether the key is whole. */
  readonly isWhole: boolean;
}

/**
 * Where entries of a map stand.
 * @param parts of the key, as in a path: one for a plain key, one for each field of a struct, fewer for a range
 */
export function entryAt(
  { id, form }: { readonly id: number; readonly form: Pick<ModuleForm, "name" | "state"> },
  name: string,
  parts: readonly string[],
): Verdict<EntryPlace, "malformed"> {
  const map = form.state.findIndex((one) => one.name === name);
  const state = form.state[map];
  if (state === undefined) {
    const known = form.state.map((one) => one.name).join(", ") || "none";
    return refuse("malformed", `${form.name}/${name}: no such state; there are ${known}`);
  }
  const types = keyParts(state.key);
  if (parts.length > types.length) {
    return refuse(
      "malformed",
      `${form.name}/${name}: ${parts.length} parts of a key, it has ${types.length}`,
    );
  }
  try {
    const writer = new Writer(40).raw(prefixOf(id, map, state));
    for (const [i, part] of parts.entries()) {
      const [field, type] = types[i] as readonly [string, TypeForm];
      const codec = codecOf(type);
      codec.write(writer, codec.fromJson(part, field), field);
    }
    return accept({ state, key: writer.finish(), isWhole: parts.length === types.length });
  } catch (error) {
    return valueFault(error, `${form.name}/${name}`);
  }
}

/** The fields of a struct, or the key itself. A cell has none. */
function keyParts(key: TypeForm | undefined): readonly (readonly [string, TypeForm])[] {
  if (key === undefined) return [];
  return key.kind === "struct" ? Object.entries(key.fields) : [["key", key]];
}

/** A stored value as JSON. */
export function openValue({ name, value }: StateForm, bytes: Uint8Array): Verdict<Json, "malformed"> {
  return openAs(value, name, bytes);
}

/** Reads a key from JSON, as a map's declaration has it. Leave it undefined for a cell. */
export function entryKeyFromJson(
  { id, form }: { readonly id: number; readonly form: Pick<ModuleForm, "name" | "state"> },
  name: string,
  json: unknown,
): Verdict<EntryPlace, "malformed"> {
  const place = entryAt({ id, form }, name, []);
  if (!place.ok) return place;
  const { state } = place.value;
  try {
    const value = state.key === undefined ? undefined : codecOf(state.key).fromJson(json, "key");
    return accept({ state, key: entryKey(id, form.state.indexOf(state), state, value), isWhole: true });
  } catch (error) {
    return valueFault(error, `${form.name}/${name}`);
  }
}

/** The call of a module by its name and its arguments as JSON. */
export function callFromJson(
  form: ModuleForm,
  name: string,
  args: unknown,
): Verdict<DeclaredCall, "malformed"> {
  const index = form.calls.findIndex((call) => call.name === name);
  const call = form.calls[index];
  if (call === undefined) {
    const known = form.calls.map((one) => one.name).join(", ");
    return refuse("malformed", `${form.name}.${name}: no such call; there are ${known}`);
  }
  try {
    return accept({ index, args: codecOfFields(call.fields).fromJson(args, "") });
  } catch (error) {
    return valueFault(error, `${form.name}.${name}`);
  }
}

/** The bytes of a call that was made of JSON. */
export function encodeCall(form: ModuleForm, { index, args }: DeclaredCall): Uint8Array {
  const call = form.calls[index];
  const { opening } = call ?? {};
  const writer = new Writer(64).raw(opening === undefined ? Uint8Array.of(index) : openingBytes(opening));
  if (call !== undefined) codecOfFields(call.fields).write(writer, args, "");
  return writer.finish();
}

function openingBytes(opening: string): Uint8Array {
  return must(parseHex(opening), "the opening of a call is hex");
}

function openAs(type: TypeForm, name: string, bytes: Uint8Array): Verdict<Json, "malformed"> {
  const codec = codecOf(type);
  const value = decode(bytes, name, (reader) => codec.read(reader, PLAIN_VALUES));
  return value.ok ? accept(codec.toJson(value.value)) : value;
}

function valueFault(error: unknown, where: string): Verdict<never, "malformed"> {
  if (error instanceof ValueError) return refuse("malformed", `${where}: ${error.message}`);
  throw error;
}
