/**
 * How blocks that others have are fetched. Where a block is final, by height (catch-up.ts); where it can be
 * abandoned, by branches (branch-sync.ts). Anti-entropy compares heads and does not know which.
 */
import type { Hash } from "../../base/bytes.ts";
import type { SyncProgress } from "./catch-up.ts";

export interface BlockSync {
  stop(): void;
  /** A peer says that its head is this block: a hint, whom to ask. */
  advertised(peerId: string, height: bigint, headHash: Hash | undefined): void;
  /** Consensus has seen that others are ahead; nobody need have said so. */
  hinted(height: bigint): void;
  /** The peer has left. */
  forget(peerId: string): void;
  /** Undefined unless something is being fetched. */
  progress(): SyncProgress | undefined;
  /** The lowest block that peers have which are ahead, where none of them has the next one; they are pruned. */
  lowestOffered(): bigint | undefined;
  /**
   * Answers a question of its own kind, and returns undefined for any other. @throws Error when the question
   * is malformed.
   */
  answer(question: Uint8Array): Promise<Uint8Array> | undefined;
}
