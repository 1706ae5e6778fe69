/**
 * Messages in which hashes stand for the transactions of the block that they bring: what a driver needs to send one, and to make
 * one whole again. Which messages those are is the engine's matter (pbft/compact-proposal.ts).
 * Source: docs/protocol.md, "Compact proposals".
 */
import type { Hash } from "../base/bytes.ts";
import type { Verdict } from "../base/fault.ts";
import type { Block, BlockHead } from "../chain/types/block.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import type { Parsed } from "./engine.ts";

/** A second form of the messages that bring a block; they parse as in their first. */
export interface CompactForm<P extends Parsed, M> {
  /** The block that a message brings, where it has a compact form. */
  blockOf(message: M): Block | undefined;
  /** The block that the sender of a message must hold, whatever form it got it in. */
  heldBy(message: M): Hash | undefined;
  /** @param isFresh whether the others may not have a transaction yet: it travels in full */
  encode(message: M, isFresh: (transaction: SignedTransaction) => boolean): Uint8Array | undefined;
  /** Checks every signature in it, and that the hashes are those of the block. */
  open(parsed: P): Verdict<OpenedCompact<M>>;
}

/** A message that lacks transactions of its block. */
export interface OpenedCompact<M> {
  readonly head: BlockHead;
  /** Hashes of the whole envelopes, in the block's order. */
  readonly hashes: readonly Hash[];
  /** Envelopes that came with it, undecoded. */
  readonly envelopes: readonly Uint8Array[];
  /** @param transactions those with the hashes, in their order */
  complete(transactions: readonly SignedTransaction[]): Verdict<M>;
}
