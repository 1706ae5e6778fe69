/**
 * State as layers: an overlay keeps what was written above a base that it only reads. A block runs on an overlay of
 * its parent's ledger; what a transaction writes into it can be taken back while that transaction runs. Nothing
 * reaches the store before its block is committed.
 */
import { must } from "../../base/assert.ts";
import { byteText } from "../../base/bytes.ts";
import type { StateReader, StateWriter } from "../modules/module.ts";
import { type Account, checkAccount, decodeAccount, encodeAccount } from "./account.ts";

/** What changed: undefined = removed. */
export interface StateChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** Changes by the text of their key (byteText). There is at most one for a key. */
export type StateDiff = ReadonlyMap<string, StateChange>;

/** A layer that can be asked by the text of a key, so that a stack of them makes it once. */
export interface Layer extends StateReader {
  /** @param id byteText(key) */
  find(id: string, key: Uint8Array): Uint8Array | undefined;
}

function layerOf(reader: StateReader | Layer): Layer {
  if ("find" in reader) return reader;
  return { get: (key) => reader.get(key), find: (_, key) => reader.get(key) };
}

/** An account that was written: most are written again in the same block, so they become bytes when these are asked for. */
class AccountChange implements StateChange {
  readonly key: Uint8Array;
  readonly account: Account;
  #value: Uint8Array | undefined;

  constructor(key: Uint8Array, account: Account) {
    checkAccount(account);
    this.key = key;
    this.account = account;
  }

  get value(): Uint8Array {
    this.#value ??= encodeAccount(this.account);
    return this.#value;
  }
}

export class StateOverlay implements StateWriter, Layer {
  readonly #base: Layer;
  readonly #changes = new Map<string, StateChange>();
  /** What was written since the last mark, and what was there before: one list of each. */
  readonly #overwritten: string[] = [];
  readonly #before: (StateChange | undefined)[] = [];
  /** How much of the lists is in use: they are written over, since an emptied list would grow anew each time. */
  #marked = 0;
  /** The two keys that were used last, and their texts: most are read and then written. Keys are never changed. */
  #lastKey: Uint8Array | undefined;
  #lastId = "";
  #otherKey: Uint8Array | undefined;
  #otherId = "";

  constructor(base: StateReader) {
    this.#base = layerOf(base);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.find(this.#idOf(key), key);
  }

  find(id: string, key: Uint8Array): Uint8Array | undefined {
    const change = this.#changes.get(id);
    return change === undefined ? this.#base.find(id, key) : change.value;
  }

  account(key: Uint8Array): Account | undefined {
    const id = this.#idOf(key);
    const change = this.#changes.get(id);
    if (change instanceof AccountChange) return change.account;
    const value = change === undefined ? this.#base.find(id, key) : change.value;
    return value === undefined ? undefined : decodeAccount(value);
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#write({ key, value });
  }

  putAccount(key: Uint8Array, account: Account): void {
    this.#write(new AccountChange(key, account));
  }

  delete(key: Uint8Array): void {
    this.#write({ key, value: undefined });
  }

  /** The changes so far; the map is live. */
  diff(): StateDiff {
    return this.#changes;
  }

  /** What is written from now on can be taken back until the next mark. */
  mark(): void {
    this.#marked = 0;
  }

  /** Takes back what was written since the mark: the diff is what it was, in its order too. */
  takeBack(): void {
    while (this.#marked > 0) {
      const id = must(this.#overwritten[--this.#marked], "both lists are in use so far");
      const before = this.#before[this.#marked];
      if (before === undefined) this.#changes.delete(id);
      else this.#changes.set(id, before);
    }
  }

  #write(change: StateChange): void {
    const id = this.#idOf(change.key);
    this.#overwritten[this.#marked] = id;
    this.#before[this.#marked++] = this.#changes.get(id);
    this.#changes.set(id, change);
  }

  #idOf(key: Uint8Array): string {
    if (key === this.#lastKey) return this.#lastId;
    const id = key === this.#otherKey ? this.#otherId : byteText(key);
    this.#otherKey = this.#lastKey;
    this.#otherId = this.#lastId;
    this.#lastKey = key;
    this.#lastId = id;
    return id;
  }
}

/** Asks `base` for each key once: for as long as it does not change, during the execution of one block. */
export class ReadOnce implements Layer {
  readonly #base: Layer;
  readonly #known = new Map<string, Uint8Array | undefined>();

  constructor(base: StateReader) {
    this.#base = layerOf(base);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.find(byteText(key), key);
  }

  find(id: string, key: Uint8Array): Uint8Array | undefined {
    const known = this.#known.get(id);
    if (known !== undefined || this.#known.has(id)) return known;
    const value = this.#base.find(id, key);
    this.#known.set(id, value);
    return value;
  }

  /** All that was asked for, by the text of its key; the map is live. */
  known(): ReadonlyMap<string, Uint8Array | undefined> {
    return this.#known;
  }
}

/** A reader that sees `diff` above `base`. */
export function readThrough(diff: StateDiff, base: StateReader): Layer {
  const below = layerOf(base);
  const find = (id: string, key: Uint8Array) => {
    const change = diff.get(id);
    return change === undefined ? below.find(id, key) : change.value;
  };
  return { get: (key) => find(byteText(key), key), find };
}

/**
 * The prior values of everything `diff` touches: applying it to the state after `diff` gives back `before`.
 * @param known values of `before` that need not be read again, by the text of their key
 */
export function invertDiff(
  diff: StateDiff,
  before: StateReader,
  known: ReadonlyMap<string, Uint8Array | undefined> = NOTHING_KNOWN,
): StateDiff {
  const inverse = new Map<string, StateChange>();
  for (const [id, { key }] of diff) {
    inverse.set(id, { key, value: known.has(id) ? known.get(id) : before.get(key) });
  }
  return inverse;
}

const NOTHING_KNOWN: ReadonlyMap<string, undefined> = new Map();
