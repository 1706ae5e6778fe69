/**
 * Quorum arithmetic: how many replicas make a decision, and who leads a view. Counts only; whose signatures count
 * is decided where they are verified. Not 2f+1, which breaks intersection at n = 2, 3, 5, 6, 8, 9.
 * Source: pbft.md 1.1; Castro & Liskov, OSDI 1999, §3 and §4.1.
 */
import { assert } from "../../base/assert.ts";
import type { ValidatorId } from "../engine.ts";

export interface Quorum {
  /** The number of validators of the epoch. */
  readonly n: number;
  /** The number of faulty validators that are tolerated: floor((n-1)/3). */
  readonly f: number;
  /** Q: any two quorums share a correct validator, and the correct ones alone make one. */
  readonly quorum: number;
  /** W = f+1: at least one correct validator. */
  readonly weak: number;
}

/** @param n number of validators, at least 1. */
export function quorumOf(n: number): Quorum {
  assert(Number.isInteger(n) && n >= 1, `a validator set of ${n} members`);
  const f = Math.floor((n - 1) / 3);
  return { n, f, quorum: Math.ceil((n + f + 1) / 2), weak: f + 1 };
}

/** The primary of a view: (epoch + view) mod n. */
export function primaryOf(epoch: bigint, view: bigint, n: number): ValidatorId {
  return Number((epoch + view) % BigInt(n));
}
