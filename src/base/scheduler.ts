/**
 * The time port. Real time in the node, virtual time in tests and the simulator. The pure core never sees it:
 * time reaches it as inputs (a fired timer) or as plain numbers (a block's time).
 */

export interface Scheduler {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls `task` once, after at least `delayMs`; the returned function cancels it and may be called twice. */
  after(delayMs: number, task: () => void): () => void;
}
