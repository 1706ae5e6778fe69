/**
 * The genesis parameters of proof of work: data that the rules of consensus/pow read and that every node shares.
 * Bounds and what fits together are genesis-file-formats.ts's matter; meaning and sources: docs/design/pow.md 2.1 to 2.7.
 */

/** How the target of the next block follows from its ancestors. */
export type RetargetParameters =
  /** Every `interval` blocks, clamped to a factor of 4, with Bitcoin's off-by-one (2016 there). */
  | { readonly rule: "bitcoin"; readonly interval: number; readonly timewarpGuard: boolean }
  /**
   * The rule aserti3-2d: exponential in the schedule's error, anchored anew every 144 blocks. `halflife` is
   * in seconds.
   */
  | { readonly rule: "asert"; readonly halflife: number }
  /** Block 0's bits for ever. */
  | { readonly rule: "fixed" };

export interface PowParameters {
  readonly type: "pow";
  /** The easiest target, compact. */
  readonly powLimitBits: number;
  /** The target of block 0 and of the first blocks, in compact form. It is at most as easy as powLimitBits. */
  readonly startBits: number;
  /** Wanted seconds between two blocks. */
  readonly spacing: number;
  /** Seconds a block's time may be ahead of the local clock: beyond it the block is early, never invalid. */
  readonly futureLimit: number;
  readonly retarget: RetargetParameters;
  /** What the miner of an early block may mint. */
  readonly subsidy: bigint;
  /** Blocks after which the subsidy halves. */
  readonly halvingInterval: number;
  /** Blocks until a coinbase can be spent. */
  readonly maturity: number;
}
