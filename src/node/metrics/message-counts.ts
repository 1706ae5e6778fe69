/** Counts of consensus messages for the metrics `pbft_messages_total` and `pbft_invalid_messages_total`. */
import type { ValidatorId } from "../../consensus/engine.ts";

/** Proposals that came with hashes in place of transactions. */
export interface CompactCounts {
  /** All of them. */
  received: number;
  /** Those of which transactions were not here, and how many of these there were. */
  incomplete: number;
  missing: number;
  /** Questions for missing transactions. */
  asked: number;
}

export interface MessageCounts {
  readonly received: Map<string, number>;
  readonly sent: Map<string, number>;
  readonly refused: Map<string, number>;
  /** Signatures in proposals, by the proposer, that the native library refused. */
  readonly slow: Map<string, number>;
  dropped: number;
  readonly compact: CompactCounts;
  /** Proposals of each validator that were ahead of this node's clock by more than is allowed. */
  readonly early: Map<ValidatorId, EarlyProposals>;
}

export interface EarlyProposals {
  readonly count: number;
  /** How far the last one was ahead of this node's clock, ms; `atMs` says when, in ms since the Unix epoch. */
  readonly aheadMs: number;
  readonly atMs: number;
}

export function noCounts(): MessageCounts {
  return {
    received: new Map(),
    sent: new Map(),
    refused: new Map(),
    slow: new Map(),
    dropped: 0,
    compact: { received: 0, incomplete: 0, missing: 0, asked: 0 },
    early: new Map(),
  };
}

export function count(counts: Map<string, number>, name: string, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

export function countEarly(
  counts: MessageCounts,
  proposer: ValidatorId,
  aheadMs: number,
  atMs: number,
): void {
  const count = (counts.early.get(proposer)?.count ?? 0) + 1;
  counts.early.set(proposer, { count, aheadMs, atMs });
}
