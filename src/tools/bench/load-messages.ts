/** What the benchmark and its load generator, another process, say to each other, as structured clones over IPC. */
import type { Hash } from "../../base/bytes.ts";
import type { LoadFigures, LoadOptions } from "./load.ts";

export interface LoadOrder extends LoadOptions {
  readonly rpcUrls: readonly string[];
  /** Secrets of the funded accounts, 32 bytes each. */
  readonly seeds: readonly Uint8Array[];
  readonly chainId: bigint;
  readonly genesisHash: Hash;
  /** Transfers to sign before the start. */
  readonly presigned: number;
}

export type ToLoad =
  | { readonly kind: "prepare"; readonly order: LoadOrder }
  | { readonly kind: "start" }
  /** The warm-up is over. It is answered by "begun". */
  | { readonly kind: "begin" }
  /** Asks to send nothing new. It is answered by "ended" at once and by "drained". */
  | { readonly kind: "end" };

export type FromLoad =
  | { readonly kind: "prepared" }
  | { readonly kind: "begun" }
  | {
      readonly kind: "progress";
      readonly sent: number;
      readonly committed: number;
      readonly outstanding: number;
    }
  | { readonly kind: "ended"; readonly figures: LoadResult }
  | { readonly kind: "drained"; readonly left: number; readonly total: number }
  | { readonly kind: "failed"; readonly message: string };

export interface LoadResult extends LoadFigures {
  /** Cores that the generator itself used. */
  readonly cpu: number;
  /** Transfers that were signed while the load ran. */
  readonly signedLate: number;
}
