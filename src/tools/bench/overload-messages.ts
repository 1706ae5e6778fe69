/** What the benchmark and the generator of an open load, another process, say to each other, as structured clones over IPC. */
import type { Hash } from "../../base/bytes.ts";
import type { LoadPhase, PhaseFigures } from "./open-load.ts";

export interface OverloadOrder {
  readonly rpcUrls: readonly string[];
  /** The token of the first node, whose blocks are read past the load. */
  readonly token: string;
  /** Secrets of the funded accounts, 32 bytes each. */
  readonly seeds: readonly Uint8Array[];
  readonly chainId: bigint;
  readonly genesisHash: Hash;
  readonly batch: number;
}

export interface PhaseOrder extends LoadPhase {
  /** Transfers to sign before it begins, while nothing is offered. */
  readonly presigned: number;
  /** A latency as before the overload, ms: then the generator tells when all is normal. Undefined asks for no such word. */
  readonly normalMs: number | undefined;
}

export type ToOverload =
  | { readonly kind: "prepare"; readonly order: OverloadOrder }
  /** Signs, then begins the phase. It is answered by "begun". */
  | { readonly kind: "phase"; readonly phase: PhaseOrder }
  /** The phase is over, and the load goes on until the next. It is answered by "figures". */
  | { readonly kind: "look" }
  /** Asks to offer nothing more. It is answered by "drained". */
  | { readonly kind: "end" };

export type FromOverload =
  | { readonly kind: "prepared" }
  | { readonly kind: "begun" }
  | {
      readonly kind: "progress";
      readonly offered: number;
      readonly committed: number;
      readonly outstanding: number;
    }
  /** Everything is as before from this second of the phase on. */
  | { readonly kind: "normal"; readonly second: number }
  | {
      readonly kind: "figures";
      readonly figures: PhaseFigures;
      /** Cores that the generator used in the phase. */
      readonly cpu: number;
    }
  | { readonly kind: "drained"; readonly left: number; readonly total: number }
  | { readonly kind: "failed"; readonly message: string };
