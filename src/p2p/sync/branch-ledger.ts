/**
 * What fetching and serving branches needs of the chain, written by this floor; node/ implements it. Blocks are
 * named by their hashes: the work behind one is what this node computed itself, never what a peer says.
 * Source: pow.md 2.8.
 */
import type { Hash } from "../../base/bytes.ts";
import type { HeadRefusal, HeadsResult } from "../../chain/forks/header-admission.ts";
import type { BlockHead } from "../../chain/types/block.ts";

/** A block whose header is known here. */
export interface KnownBlock {
  readonly hash: Hash;
  readonly height: bigint;
  /** The work of the whole branch up to this block. */
  readonly work: bigint;
  readonly hasBody: boolean;
  /** How many bytes its transactions take. */
  readonly bodyBytes: number;
  /** It or an ancestor is invalid. */
  readonly hasInvalidAncestor: boolean;
}

/** wrong: the body is not the one of this block; whoever sent it is at fault, the block is not. */
export type BodyOutcome = "added" | "known" | "wrong";

export interface EncodedBody {
  readonly hash: Hash;
  readonly body: Uint8Array;
}

/** Judges heads that nobody stores, by all the rules of the branch that they would make. */
export interface BranchScan {
  /** The work of the whole branch up to the last head that was added. */
  readonly work: bigint;
  /** The last head that was added, or the block before the first. */
  readonly last: Hash;
  /**
   * Heads in ascending order, the first on the last one added. @returns why the first head is refused that is;
   * nothing is to be added then.
   */
  add(heads: readonly BlockHead[]): HeadRefusal | undefined;
}

export interface BranchLedger {
  /** The head that all blocks up to it were executed for. */
  head(): KnownBlock;
  /** The heaviest known header that is not built on an invalid block. */
  bestHeader(): KnownBlock;
  find(hash: Hash): KnownBlock | undefined;
  /** The block, the ten before it, then ever wider steps, and block 0. */
  locatorFrom(hash: Hash): readonly Hash[];
  /**
   * The bodies that the branch up to `tip` lacks, ascending, at most `countMax` and the lowest ones; none when the
   * branch is built on an invalid block. What is on its way already is left out.
   */
  missing(tip: Hash, countMax: number): readonly Hash[];
  /**
   * Heads in ascending order. @param workProven work that is known to stand behind these and the heads after them
   * @throws Error when the disk fails
   */
  addHeads(heads: readonly BlockHead[], workProven: bigint): Promise<HeadsResult>;
  /** Begins to read through what follows a known block, before any of it is worth storing. */
  scan(parent: Hash): BranchScan | undefined;
  /**
   * Bodies from a peer, whose memory is not kept, in ascending order. @returns an outcome each, up to the first wrong
   * one. @throws Error when the disk fails.
   */
  addBodies(bodies: readonly EncodedBody[]): Promise<readonly BodyOutcome[]>;

  /** The first of the locator's blocks that is on the own chain; block 0 when none is. */
  forkPoint(locator: readonly Hash[]): Hash;
  isOnChain(hash: Hash): boolean;
  /** Heads of the own chain after the first of the locator's blocks that is on it. */
  headsAfter(locator: readonly Hash[], countMax: number, bytesMax: number): readonly BlockHead[];
  /** The encoded body. With `mayWait` it is waited for a moment long when it is on its way. */
  body(hash: Hash, mayWait: boolean): Promise<Uint8Array | undefined>;
  /**
   * Envelopes of one block, or none when the block is not here after a moment. @throws Error for an index
   * beyond its last.
   */
  transactions(hash: Hash, indexes: readonly number[]): Promise<readonly Uint8Array[]>;
}
