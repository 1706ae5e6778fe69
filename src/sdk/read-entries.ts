/** A page of the entries of a declared module's map, with the types of its declaration, in Node or a browser. */
import type { DeclaredCode } from "../chain/modules/define-module.ts";
import { codecOf } from "../chain/modules/value-codec.ts";
import type { TypeForm, TypeOf } from "../chain/modules/value-types.ts";
import type { NodeCalls } from "./node-calls.ts";

/** Maps of a declaration by their names. */
export type StateTypes = Readonly<
  Record<string, { readonly key?: TypeForm | undefined; readonly value: TypeForm }>
>;

/** A declared module with the types of its state. */
export interface DeclaredState<S> extends DeclaredCode {
  readonly state: S;
}

export interface EntriesOrder {
  /** Values of the first fields of keys that have several. */
  readonly under?: readonly (string | number | bigint)[];
  /** What the encoding of the rest of the key begins with, as 0x-hex. */
  readonly prefix?: string;
  /** How many entries a page has, from 1 to 1,000. It is 100 by default. */
  readonly limit?: number;
  /** Where the page begins: the cursor that the page before ended with. */
  readonly cursor?: string | undefined;
}

export interface EntriesPage<K, V> {
  /** Ascending by the encoding of their keys. */
  readonly entries: readonly { readonly key: K; readonly value: V }[];
  /** Undefined: there is no further page. */
  readonly cursor: string | undefined;
  /** The height of the block whose state it is. A later page may be of a later one. */
  readonly height: number;
  readonly blockHash: string;
}

type KeyOf<T> = T extends { readonly key: infer K } ? TypeOf<K> : never;

/** What Client.entries gives of one map. */
export type EntriesOf<S extends StateTypes, N extends keyof S> = EntriesPage<
  KeyOf<S[N]>,
  TypeOf<S[N]["value"]>
>;

export async function readEntries<S extends StateTypes, N extends keyof S & string>(
  client: NodeCalls,
  module: DeclaredState<S>,
  name: N,
  { under = [], prefix, limit = 100, cursor }: EntriesOrder,
): Promise<EntriesOf<S, N>> {
  const { name: moduleName } = module.declaration;
  const state = module.state[name];
  if (state?.key === undefined) throw new RangeError(`${moduleName} declares no map "${name}"`);
  const [keys, values] = [codecOf(state.key), codecOf(state.value)];
  const page = await client.call("state_query", {
    path: [moduleName, name, ...under].join("/"),
    limit,
    ...(prefix === undefined ? {} : { prefix }),
    ...(cursor === undefined ? {} : { cursor }),
  });
  const entries = (page.entries ?? []).map((entry) => ({
    key: keys.fromJson(entry.key, "key") as KeyOf<S[N]>,
    value: values.fromJson(entry.value, "value") as TypeOf<S[N]["value"]>,
  }));
  return { entries, cursor: page.cursor ?? undefined, height: page.height, blockHash: page.blockHash };
}
