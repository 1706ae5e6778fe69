/** Mining on this node, as JSON-RPC asks for it. Shapes alone; written here by their user, implemented by node/mining. */
import type { Address, Hash } from "../base/bytes.ts";
import type { Fault, Verdict } from "../base/fault.ts";

/** Mining on this node, by its own threads or by somebody who asks for work. */
export interface MiningApi {
  status(): MiningStatus;
  /** Starts mining; what is left out stays as before. Faults: WRONG_CONSENSUS, NO_COINBASE, MINER_THREADS. */
  start(order: {
    readonly threads?: number | undefined;
    readonly coinbase?: Address | undefined;
  }): Promise<Fault | undefined>;
  stop(): void;
  /** Who is paid from the next template on. */
  setCoinbase(address: Address): Fault | undefined;
  /** A header to be solved elsewhere. Faults: NO_COINBASE, SYNCING (the head is moving). */
  getWork(coinbase: Address | undefined): Promise<Verdict<WorkView>>;
  submitWork(answer: {
    readonly workId: string;
    readonly nonce: number;
    readonly time?: number | undefined;
  }): Promise<WorkVerdict>;
  /** Mines so many blocks now. Faults: TOO_HARD, TOO_EARLY, NO_COINBASE, MINER_BUSY, OWN_BLOCK_REFUSED. */
  generate(blocks: number, coinbase: Address | undefined): Promise<Generated>;
}

export interface MiningStatus {
  readonly mining: boolean;
  readonly threads: number;
  /** Hashes per second of this node's threads. */
  readonly hashrate: number;
  /** Hashes per second at most; undefined: as many as they can. */
  readonly hashLimit: number | undefined;
  readonly coinbase: Address | undefined;
  /** Blocks solved here since the start that entered the chain, and those of them that are on no active chain. */
  readonly blocksMined: number;
  readonly stale: number;
  /** Blocks solved here that this node itself refused: its own fault, which `lastRefused` names. */
  readonly blocksRefused: number;
  readonly lastRefused:
    | { readonly hash: Hash; readonly height: bigint; readonly code: string; readonly detail: string }
    | undefined;
}

export interface WorkView {
  readonly workId: string;
  /** The header of 80 bytes; its nonce is the last four, little-endian. */
  readonly header: Uint8Array;
  readonly target: bigint;
  readonly bits: number;
  readonly height: bigint;
  /** From now, unless a new head comes first. */
  readonly expiresMs: number;
}

export type WorkVerdict =
  | { readonly accepted: true; readonly hash: Hash }
  | { readonly accepted: false; readonly reason: string };

/** What was mined, also when it ended early. */
export interface Generated {
  readonly hashes: readonly Hash[];
  readonly fault: Fault | undefined;
}
