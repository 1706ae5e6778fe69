/**
 * What of the state is asked for: the path for nodes, and the key and the decoding for whoever does not believe them. In
 * Node or a browser.
 */
import { accept, refuse, type Verdict } from "../base/fault.ts";
import { builtInOfPath } from "../chain/modules/built-in-forms.ts";
import type { DeclaredCode } from "../chain/modules/define-module.ts";
import type { Json } from "../chain/modules/module.ts";
import { type StateForms, stateFormsOf } from "../chain/modules/module-form.ts";
import { entryAt, entryKeyFromJson, openValue } from "../chain/modules/module-state.ts";
import { parseStatePath } from "../rpc/schemas/state-path.ts";

export interface StateQuestion<T> {
  /** The path as state_query takes it. */
  readonly path: string;
  readonly key: Uint8Array;
  /** @throws for bytes that no chain stores there */
  readonly decode: (bytes: Uint8Array | undefined) => T;
  /** The names and types are what a node told. */
  readonly isClaimed?: boolean;
}

export interface AccountState {
  readonly balance: string;
  readonly nonce: number;
}

/** One that nobody has used has 0 and 0. @param address 0x-hex */
export function accountQuestion(address: string): Verdict<StateQuestion<AccountState>> {
  const path = `account/${address}`;
  const parsed = parseStatePath(path);
  if (!parsed.ok) return refuse("malformed", `an account: expected 0x and 64 hex digits, found "${address}"`);
  const { key, decode } = parsed.value;
  const NOTHING = { balance: "0", nonce: 0 };
  return accept({
    ...{ path, key },
    decode: (bytes) => (bytes === undefined ? NOTHING : (decode(bytes) as unknown as AccountState)),
  });
}

/** @param forms of the chain's modules, as state_getModules tells them; without: the paths that every chain has */
export function pathQuestion(path: string, forms: readonly ClaimedForm[]): Verdict<StateQuestion<Json>> {
  const [kind = "", name = "", ...parts] = path.split("/");
  const builtIn = builtInOfPath(kind, name);
  const own =
    builtIn === undefined ? forms.find((one) => one.name === kind) : { ...builtIn, number: builtIn.id };
  if (own === undefined) {
    const parsed = parseStatePath(path);
    if (!parsed.ok) return refuse("malformed", parsed.fault.detail);
    const { key, decode } = parsed.value;
    return accept({ path, key, decode: (bytes) => (bytes === undefined ? null : decode(bytes)) });
  }
  const place = entryAt({ id: own.number, form: own.form }, name, parts);
  if (!place.ok) return place;
  const { state, key, isWhole } = place.value;
  if (!isWhole) return refuse("malformed", `${path}: ${parts.length} parts of a key that has more`);
  return accept({ path, key, decode: opener(state), isClaimed: builtIn === undefined });
}

/** What state_getModules says of a module. */
export interface ClaimedForm {
  readonly name: string;
  readonly number: number;
  readonly form: StateForms;
}

export interface EntryPlaceOrder {
  /** What defineModule made. */
  readonly module: DeclaredCode;
  /** The map or cell. */
  readonly state: string;
  /** The key as the declaration has it. A cell has none. */
  readonly key?: unknown;
}

/** @param number of the module on the chain, undefined: the chain has none of that name and version */
export function entryQuestion(
  { module, state, key }: EntryPlaceOrder,
  numberOf: (forms: StateForms) => Verdict<number>,
): Verdict<StateQuestion<Json>> {
  const form = stateFormsOf(module);
  if (!form.ok) return form;
  const number = module.fixed === undefined ? numberOf(form.value) : accept(module.fixed.number);
  if (!number.ok) return number;
  const place = entryKeyFromJson({ id: number.value, form: form.value }, state, key);
  if (!place.ok) return place;
  const type = place.value.state.key;
  const parts =
    type?.kind === "struct"
      ? Object.keys(type.fields).map((name) => (key as Record<string, unknown>)[name])
      : type === undefined
        ? []
        : [key];
  const path = [form.value.name, state, ...parts.map(String)].join("/");
  return accept({ path, key: place.value.key, decode: opener(place.value.state) });
}

/** The number of a module on the chain. @param who lists the modules, for the refusal */
export function numberOf(
  modules: readonly { readonly name: string; readonly number: number; readonly version: number }[],
  { name, version }: StateForms,
  who: string,
): Verdict<number> {
  const named = modules.find((one) => one.name === name);
  if (named === undefined) return refuse("invalid", `${who} names no module ${name}`);
  // A vote may have activated it since: it reads what its older ones wrote.
  if (named.version <= version) return accept(named.number);
  const words = `the declaration is ${name} ${version}, ${who} names version ${named.version}`;
  return refuse("invalid", words);
}

function opener(state: Parameters<typeof openValue>[0]): (bytes: Uint8Array | undefined) => Json {
  return (bytes) => {
    if (bytes === undefined) return null;
    const opened = openValue(state, bytes);
    if (!opened.ok) throw new Error(opened.fault.detail);
    return opened.value;
  };
}
