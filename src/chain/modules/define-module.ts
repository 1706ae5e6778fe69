/**
 * `quorate/module`: what the author of a module writes with. `defineModule` takes one declaration of calls, state,
 * events and faults; codecs, typed clients, JSON, proofs and tables follow from it. It is bundled into every module,
 * so it imports value-types.ts alone and uses nothing that a module may not use (docs/modules.md). How a node runs a
 * declaration is declared-module.ts's matter; the two meet in ModuleHost, whose number is MODULE_ABI.
 */
import type { FieldsOf, Hex, TypeForm, ValueType } from "./value-types.ts";

export type { Hex, TypeForm, TypeOf, ValueType } from "./value-types.ts";
export {
  address,
  bool,
  bytes,
  choice,
  hash,
  height,
  list,
  option,
  struct,
  text,
  time,
  uint,
} from "./value-types.ts";

/**
 * The version of the interface between a bundled file and a node. A node refuses a file that names another
 * one.
 */
export const MODULE_ABI = 1;

/** The fields of a call's arguments or of an event. */
export type CallFields = Readonly<Record<string, TypeForm>>;
type FieldTypes = CallFields;

/** Entries of the state by a key. */
export interface MapType<K, V> {
  readonly key: ValueType<K>;
  readonly value: ValueType<V>;
}
/** One entry of the state. */
export interface CellType<V> {
  readonly key?: undefined;
  readonly value: ValueType<V>;
}
export type EventType<F extends FieldTypes> = { readonly fields: F };

export interface CallType<F extends FieldTypes, Context> {
  readonly fields: F;
  readonly run: (context: Context, args: FieldsOf<F>) => void;
}

// biome-ignore lint/suspicious/noExplicitAny: a type of any value is wanted, whichever way it is used
type Any = any;
type StateTypes = Readonly<Record<string, MapType<Any, Any> | CellType<Any>>>;
type EventTypes = Readonly<Record<string, EventType<FieldTypes>>>;
type Faults = Readonly<Record<string, string>>;

export interface StateMap<K, V> {
  /** Undefined for a key that has no entry. */
  get(key: K): V | undefined;
  has(key: K): boolean;
  set(key: K, value: V): void;
  delete(key: K): void;
}

export interface StateCell<V> {
  /** Undefined before it was set. */
  get(): V | undefined;
  set(value: V): void;
  delete(): void;
}

/** What a call sees of the world: nothing else is the same on every node. */
export interface ModuleContext<S, E, F> {
  /** The account that signed the transaction. */
  readonly sender: Hex;
  readonly txid: Hex;
  /** The height of the block that holds the call. */
  readonly height: number;
  /**
   * The block's time in ms since the Unix epoch. Where blocks are mined it is the median of the eleven before
   * it.
   */
  readonly timeMs: number;
  readonly state: {
    readonly [K in keyof S]: S[K] extends MapType<infer Key, infer Value>
      ? StateMap<Key, Value>
      : S[K] extends CellType<infer Value>
        ? StateCell<Value>
        : never;
  };
  readonly emit: {
    readonly [K in keyof E]: E[K] extends EventType<infer Fields>
      ? (fields: FieldsOf<Fields>) => void
      : never;
  };
  /** A declared fault, to be thrown: it undoes the call. */
  fault(name: keyof F & string): Error;
}

export interface ModuleDeclaration<S, E, F> {
  /** The module's name: a lower-case letter, then letters and digits, at most 32 characters. */
  readonly name: string;
  /** The version, which is 1 unless said. The number goes up with every change of what a call does. */
  readonly version?: number;
  readonly state?: S;
  readonly events?: E;
  /** What each declared fault means in a few words, by its name. */
  readonly faults?: F;
}

/** The context of calls that stand inside the declaration, where TypeScript cannot know its other parts yet. */
export interface LooseContext extends Omit<ModuleContext<unknown, unknown, Faults>, "state" | "emit"> {
  readonly state: Any;
  readonly emit: Any;
}

type Calls<Context> = Readonly<Record<string, CallType<Any, Context>>>;

/** A call of a module, with the types of its arguments: what Wallet.call takes. */
export interface CallOf<F extends FieldTypes = FieldTypes> {
  readonly module: DeclaredCode;
  readonly call: string;
  readonly fields: F;
}

/** A declaration whatever its types are. */
export interface DeclaredCode {
  readonly declaration: ModuleDeclaration<
    Readonly<Record<string, { readonly key?: TypeForm | undefined; readonly value: TypeForm }>>,
    EventTypes,
    Faults
  > & { readonly calls: Readonly<Record<string, { readonly fields: FieldTypes }>> };
  /** Runs a call by its place in the declaration. */
  readonly run: (call: number, args: unknown, host: ModuleHost) => void;
  /** The bytes of a module that every chain has. A node takes them from no module's file. */
  readonly fixed?: FixedBytes;
}

/** Where the bytes of a module that every chain has differ from those of declared ones. */
export interface FixedBytes {
  /** The module byte of its transactions. */
  readonly number: number;
  /** What stands before the arguments of a call, instead of the call's place. */
  readonly openings: Readonly<Record<string, Hex>>;
  /** What the keys of a map, or a cell, begin with, instead of the module's number and the map's place. */
  readonly prefixes: Readonly<Record<string, Hex>>;
}

export type DefinedModule<S, E, F, C> = DeclaredCode & {
  readonly state: S;
  readonly events: E;
  readonly faults: F;
} & { readonly [K in keyof C]: C[K] extends CallType<infer Fields, Any> ? CallOf<Fields> : never };

/** The node's side of a running call, by the places of maps, events and faults in the declaration. */
export interface ModuleHost {
  readonly sender: Hex;
  readonly txid: Hex;
  readonly height: number;
  readonly timeMs: number;
  get(map: number, key: unknown): unknown;
  has(map: number, key: unknown): boolean;
  set(map: number, key: unknown, value: unknown): void;
  delete(map: number, key: unknown): void;
  emit(event: number, fields: unknown): void;
  /** The node knows `error` again when it is thrown. */
  fault(index: number, error: Error): void;
}

/** Entries of the state by a key: `map(hash, struct({ owner: address }))`. */
export function map<K, V>(key: ValueType<K>, value: ValueType<V>): MapType<K, V> {
  return { key, value };
}

/** One entry of the state. */
export function cell<V>(value: ValueType<V>): CellType<V> {
  return { value };
}

export function event<const F extends FieldTypes>(fields: F): EventType<F> {
  return { fields };
}

/** A call: its arguments, and what it does. It is synchronous; a throw undoes all that it wrote. */
export function call<const F extends FieldTypes, Context = LooseContext>(
  fields: F,
  run: (context: Context, args: FieldsOf<F>) => void,
): CallType<F, Context> {
  return { fields, run };
}

/**
 * One module: its state, events and faults, and its calls, which know the types of all these when they are the second
 * argument.
 * @example
 * export default defineModule(
 *   { name: "counter", state: { total: cell(uint(64)) } },
 *   { add: call({ n: uint(32) }, (ctx, { n }) => ctx.state.total.set((ctx.state.total.get() ?? 0n) + BigInt(n))) },
 * );
 */
export function defineModule<
  const S extends StateTypes = Record<never, never>,
  const E extends EventTypes = Record<never, never>,
  const F extends Faults = Record<never, never>,
  C extends Calls<ModuleContext<S, E, F>> = Record<never, never>,
>(declaration: ModuleDeclaration<S, E, F>, calls: C): DefinedModule<S, E, F, C>;
export function defineModule<
  const S extends StateTypes = Record<never, never>,
  const E extends EventTypes = Record<never, never>,
  const F extends Faults = Record<never, never>,
  C extends Calls<LooseContext> = Record<never, never>,
>(declaration: ModuleDeclaration<S, E, F> & { readonly calls: C }): DefinedModule<S, E, F, C>;
export function defineModule(
  given: ModuleDeclaration<StateTypes, EventTypes, Faults>,
  second?: Calls<Any>,
): unknown {
  const calls = second ?? (given as { readonly calls?: Calls<Any> }).calls ?? {};
  const { name, version, state = {}, events = {}, faults = {} } = given;
  // Evaluated anew for each call of a chain: nothing is made here that only a part of them would need.
  const module: Record<string, unknown> = {
    declaration:
      version === undefined
        ? { name, state, events, faults, calls }
        : { name, version, state, events, faults, calls },
    state,
    events,
    faults,
    run: (index: number, args: unknown, host: ModuleHost) =>
      Object.values(calls)[index]?.run(contextOf(state, events, faults, host), args as Any),
  };
  for (const call of Object.keys(calls)) {
    if (!Object.hasOwn(module, call)) module[call] = { module, call, fields: calls[call]?.fields };
  }
  return module;
}

function contextOf(maps: StateTypes, events: EventTypes, faults: Faults, host: ModuleHost): unknown {
  const state: Record<string, unknown> = {};
  let map = 0;
  for (const name of Object.keys(maps)) {
    state[name] = maps[name]?.key === undefined ? cellOf(map, host) : mapOf(map, host);
    map++;
  }
  const emit: Record<string, unknown> = {};
  let event = 0;
  for (const name of Object.keys(events)) emit[name] = emitOf(event++, host);
  return {
    sender: host.sender,
    txid: host.txid,
    height: host.height,
    timeMs: host.timeMs,
    state,
    emit,
    fault(name: string) {
      const index = Object.keys(faults).indexOf(name);
      const error = new Error(name);
      if (index >= 0) host.fault(index, error);
      return error;
    },
  };
}

function emitOf(index: number, host: ModuleHost) {
  return (fields: unknown) => host.emit(index, fields);
}

function mapOf(index: number, host: ModuleHost) {
  return {
    get: (key: unknown) => host.get(index, key),
    has: (key: unknown) => host.has(index, key),
    set: (key: unknown, value: unknown) => host.set(index, key, value),
    delete: (key: unknown) => host.delete(index, key),
  };
}

function cellOf(index: number, host: ModuleHost) {
  return {
    get: () => host.get(index, undefined),
    set: (value: unknown) => host.set(index, undefined, value),
    delete: () => host.delete(index, undefined),
  };
}
