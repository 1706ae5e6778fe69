/**
 * The transitions that this node accepts, and those that its chain holds already: whoever judges a block behind one asks
 * here. One that does not hold under the set that it replaces is none. Source: docs/protocol.md, "Transition".
 */
import { equalBytes, type Hash, hex0x, showHash } from "../base/bytes.ts";
import { dropOldest } from "../base/drop-oldest.ts";
import { type Fault, fault } from "../base/fault.ts";
import { parseJson } from "../codec/field.ts";
import { DecodeError } from "../codec/reader.ts";
import { acceptedTransitionKey, transitionKey } from "../storage/database-keys.ts";
import type { Kv, KvOperation } from "../storage/kv.ts";
import type { ChainStore } from "./store.ts";
import type { BlockHead } from "./types/block.ts";
import {
  checkTransition,
  FLAG_TRANSITION,
  readTransition,
  showTransition,
  type Transition,
  transitionId,
} from "./types/transition.ts";
import type { ValidatorSet } from "./types/validator-set.ts";

/** Epochs for which it is remembered whether a transition would open them. */
const EPOCHS_REMEMBERED_MAX = 64;

export class Transitions {
  readonly #all: readonly Transition[];
  readonly #kv: Pick<Kv, "get"> | undefined;
  /** Whether a transition holds that opens an epoch, by the epoch. What was not asked about is not here. */
  readonly #known = new Map<bigint, boolean>();
  readonly #judged = new Map<bigint, Transition | undefined>();

  /** @param given those that the operator accepts */
  constructor(given: readonly Transition[] = [], kv?: Pick<Kv, "get">) {
    this.#all = given;
    this.#kv = kv;
  }

  /** Whether there is one that would open an epoch, good or bad. */
  mayOpen(epoch: bigint): boolean {
    const known = this.#known.get(epoch);
    if (known !== undefined) return known;
    const found = this.#find(epoch) !== undefined;
    this.#known.set(epoch, found);
    if (this.#known.size > EPOCHS_REMEMBERED_MAX) dropOldest(this.#known);
    return found;
  }

  /** The one that opens the epoch behind that of `replaced`, if it holds. */
  replacing(replaced: ValidatorSet): Transition | undefined {
    const epoch = replaced.epoch + 1n;
    if (!this.#judged.has(epoch)) {
      const found = this.#find(epoch);
      const holds = found !== undefined && checkTransition(found, replaced) === undefined;
      this.#judged.set(epoch, holds ? found : undefined);
    }
    return this.#judged.get(epoch);
  }

  /** The one that the operator accepts for an epoch, whether or not it is known yet that it holds. */
  given(epoch: bigint): Transition | undefined {
    return this.#all.findLast((one) => one.epoch === epoch);
  }

  isGiven(id: Hash): boolean {
    return this.#all.some((one) => equalBytes(transitionId(one), id));
  }

  /** What was given is what the chain holds, or comes before it holds one: {@link contradictionOf}. */
  #find(epoch: bigint): Transition | undefined {
    const given = this.given(epoch);
    const bytes = given === undefined ? this.#kv?.get(transitionKey(epoch)) : undefined;
    return bytes === undefined ? given : decodeStoredTransition(bytes);
  }
}

/** Decodes a transition as the database has it. @throws DecodeError when the bytes were changed */
export function decodeStoredTransition(bytes: Uint8Array): Transition {
  const json = parseJson(new TextDecoder().decode(bytes));
  const read = json.ok ? readTransition(json.value) : json;
  if (read.ok) return read.value;
  throw new DecodeError(`stored transition: ${read.fault.detail}`);
}

/** What the first block under a transition writes besides. */
export function transitionOperations(transition: Transition): KvOperation[] {
  const value = new TextEncoder().encode(JSON.stringify(showTransition(transition)));
  return [{ kind: "put", key: transitionKey(transition.epoch), value }];
}

/** Notes which one this node works by, before it votes under it. */
export function acceptanceOperations(transitions: readonly Transition[]): KvOperation[] {
  return transitions.map((one) => ({
    kind: "put",
    key: acceptedTransitionKey(one.epoch),
    value: transitionId(one),
  }));
}

/**
 * Two transitions of one epoch are two chains, and a key that worked by both would vote for both: whoever has accepted
 * one takes no other, whether or not the first has come to anything.
 */
export function contradictionOf(transition: Transition, kv: Pick<Kv, "get">): Fault | undefined {
  const accepted = kv.get(acceptedTransitionKey(transition.epoch));
  if (accepted === undefined || equalBytes(accepted, transitionId(transition))) return undefined;
  return secondTransition(transition, accepted as Hash);
}

/** @param accepted the id of the first */
export function secondTransition(
  { epoch, height }: Pick<Transition, "epoch" | "height">,
  accepted: Hash,
): Fault {
  const detail = `it opens epoch ${epoch} behind height ${height}, and this node has accepted ${hex0x(accepted)} for that epoch: it may have voted under it, and two sets for one height are two chains. Use that one on every node; if it came to nothing for good, the second must name new validator keys on new homes (docs/operations.md, "Quorum lost")`;
  return fault("second-transition", detail);
}

/** Whether a block is the first under a transition, as it says itself. */
export function isTransitionBlock({ summary }: Pick<BlockHead, "summary">): boolean {
  return (summary.flags & FLAG_TRANSITION) !== 0;
}

/**
 * Whether a transition fits what is final here; nothing final is given up for it.
 * @param replacedAt the set of an epoch, where it is known here
 */
export function misfitOf(
  transition: Transition,
  store: Pick<ChainStore, "hashAt" | "head" | "headHash">,
  replaced: ValidatorSet | undefined,
): Fault | undefined {
  const { height, parentHash } = transition;
  const bad = replaced && checkTransition(transition, replaced);
  if (bad !== undefined) return bad;
  const own = store.hashAt(height);
  if (own === undefined) return undefined;
  if (!equalBytes(own, parentHash)) {
    const detail = `it goes on from block ${showHash(parentHash)} at height ${height}; final here is ${showHash(own)}`;
    return fault("wrong-transition", detail);
  }
  const next = store.hashAt(height + 1n);
  const head = next && store.head(next);
  if (head === undefined || isUnder(head, transition)) return undefined;
  const detail = `it goes on from height ${height}, and block ${height + 1n} (${showHash(head.hash)}) is final here: it would be lost. The operators must sign a transition from the highest final block`;
  return fault("wrong-transition", detail);
}

function isUnder(head: BlockHead, transition: Transition): boolean {
  return isTransitionBlock(head) && equalBytes(head.summary.extra, transitionId(transition));
}
