/** The snapshots of a node as JSON-RPC asks for them. These are shapes alone. */
import type { Hash } from "../base/bytes.ts";

export interface SnapshotsApi {
  /** The newest snapshot that this node keeps, or undefined while it has none. */
  snapshot(): SnapshotView | undefined;
}

export interface SnapshotView {
  readonly height: bigint;
  readonly headHash: Hash;
  readonly stateRoot: Hash;
  readonly accounts: bigint;
  readonly bytes: number;
  readonly chunks: number;
  /** How this process made it, or undefined for one that it found or fetched. */
  readonly made:
    | { readonly atMs: number; readonly tookMs: number; readonly longestPauseMs: number }
    | undefined;
}
