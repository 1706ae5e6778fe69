/** Counts of consensus messages for the metrics `pbft_messages_total` and `pbft_invalid_messages_total`. */

export interface MessageCounts {
  readonly received: Map<string, number>;
  readonly sent: Map<string, number>;
  readonly refused: Map<string, number>;
  /** Signatures in proposals, by the proposer, that the native library refused. */
  readonly slow: Map<string, number>;
  dropped: number;
}

export function noCounts(): MessageCounts {
  return { received: new Map(), sent: new Map(), refused: new Map(), slow: new Map(), dropped: 0 };
}

export function count(counts: Map<string, number>, name: string, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}
