/**
 * Keys of the state as people name them: the path that state_query takes, the module whose entry it is, and its value
 * opened. The opposite way to module-state.ts and to rpc/schemas/state-path.ts.
 */
import { hex0x } from "../../base/bytes.ts";
import { decode } from "../../codec/reader.ts";
import { decodeAccount } from "../state/account.ts";
import { decodeFirstAnchor, decodeSenderAnchor } from "./anchor-declaration.ts";
import type { Json } from "./module.ts";
import type { ModuleForm } from "./module-form.ts";
import { openValue } from "./module-state.ts";
import { codecOf, PLAIN_VALUES } from "./value-codec.ts";

/** A module of the chain's own, as far as its state is read by it. */
export interface NamedForm {
  /** The module byte of its transactions. */
  readonly id: number;
  readonly form: Pick<ModuleForm, "name" | "state">;
}

export interface StateName {
  /**
   * The path that state_query takes, where the entry has one, such as registry/assets/0x... Else the key
   * itself in hex.
   */
  readonly path: string;
  /**
   * The number of the module whose calls write it, as transactions name it. Undefined where the chain itself
   * writes it.
   */
  readonly module: number | undefined;
  /** For an entry of a declared module: the module's name, that of the map or cell, and the key. */
  readonly declared?: { readonly module: string; readonly map: string; readonly key: Json };
  /** A stored value as JSON: its bytes in hex where nothing says more of them. */
  open(value: Uint8Array): Json;
}

const ACCOUNT = 0x01;
const ANCHOR = 0x02;
const ANCHOR_BY = 0x03;
const MODULE = 0x40;
const GOVERNANCE: ReadonlyMap<number, string> = new Map([
  [0x05, "gov/epoch"],
  [0x06, "gov/proposal"],
  [0x07, "gov/open"],
]);

/** @param forms of the declared modules */
export function nameStateKey(key: Uint8Array, forms: readonly NamedForm[]): StateName {
  const fixed = nameFixedKey(key, forms);
  if (fixed !== undefined) return fixed;
  const rest = key.subarray(1);
  switch (key[0]) {
    case ACCOUNT:
      return { path: `account/${hex0x(rest)}`, module: undefined, open: openAccount };
    case ANCHOR:
      return { path: `anchor/${hex0x(rest)}`, module: 2, open: openFirstAnchor };
    case ANCHOR_BY: {
      const [digest, sender] = [rest.subarray(0, 32), rest.subarray(32)];
      return { path: `anchor/${hex0x(digest)}/${hex0x(sender)}`, module: 2, open: openSenderAnchor };
    }
    case MODULE:
      return nameModuleKey(key, forms) ?? unnamed(key, key[1]);
    default: {
      const name = GOVERNANCE.get(key[0] ?? -1);
      if (name === undefined) return unnamed(key, undefined);
      return { path: rest.length === 0 ? name : `${name}/${BigInt(hex0x(rest))}`, module: 3, open: hex0x };
    }
  }
}

function unnamed(key: Uint8Array, module: number | undefined): StateName {
  return { path: hex0x(key), module, open: hex0x };
}

function nameModuleKey(key: Uint8Array, forms: readonly NamedForm[]): StateName | undefined {
  const own = forms.find(({ id }) => id === key[1]);
  const state = own?.form.state[key[2] ?? -1];
  return own === undefined || state === undefined ? undefined : nameEntry(own, state, key.subarray(3));
}

/** A key of a module that every chain has, where its form is among those given. */
function nameFixedKey(key: Uint8Array, forms: readonly NamedForm[]): StateName | undefined {
  for (const own of forms) {
    const [first] = key;
    const state = own.form.state.find(({ prefix }) => prefix !== undefined && Number(prefix) === first);
    if (state !== undefined) return nameEntry(own, state, key.subarray(1));
  }
  return undefined;
}

/** @param rest of the key, behind what says which map it is of */
function nameEntry(
  own: NamedForm,
  state: ModuleForm["state"][number],
  rest: Uint8Array,
): StateName | undefined {
  const opened = openEntryKey(state, rest);
  if (opened === undefined) return undefined;
  const module = own.form.name;
  const parts = partsOf(state.key, opened);
  return {
    path: [module, state.name, ...parts].join("/"),
    module: own.id,
    declared: { module, map: state.name, key: opened },
    open: (value) => {
      const read = openValue(state, value);
      return read.ok ? read.value : hex0x(value);
    },
  };
}

/** The key of an entry as JSON, which is null for a cell. Undefined for bytes that are no key of this map. */
function openEntryKey(state: ModuleForm["state"][number], bytes: Uint8Array): Json | undefined {
  const { key: type } = state;
  if (type === undefined) return bytes.length === 0 ? null : undefined;
  const codec = codecOf(type);
  const read = decode(bytes, state.name, (reader) => codec.read(reader, PLAIN_VALUES));
  return read.ok ? codec.toJson(read.value) : undefined;
}

/** Parts of a path: one for each field of a struct. */
function partsOf(type: ModuleForm["state"][number]["key"], key: Json): readonly string[] {
  if (type === undefined) return [];
  const values = type.kind === "struct" ? Object.values(key as Record<string, Json>) : [key];
  return values.map((one) => (typeof one === "object" ? JSON.stringify(one) : String(one)));
}

function openAccount(value: Uint8Array): Json {
  const { balance, nonce } = decodeAccount(value);
  return { balance: String(balance), nonce: Number(nonce) };
}

function openFirstAnchor(value: Uint8Array): Json {
  const { count, sender, height, timeMs } = decodeFirstAnchor(value);
  return { count, sender: hex0x(sender), height: Number(height), time: Number(timeMs) };
}

function openSenderAnchor(value: Uint8Array): Json {
  const { ordinal, height, timeMs } = decodeSenderAnchor(value);
  return { ordinal, height: Number(height), time: Number(timeMs) };
}
