/**
 * Mining on this node, as JSON-RPC asks for it. These are shapes alone, written here by their user;
 * node/mining implements them.
 */
import type { Address, Hash } from "../base/bytes.ts";
import type { Fault, Verdict } from "../base/fault.ts";

/** Mining on this node, by its own threads or by somebody who asks for work. */
export interface MiningApi {
  status(): MiningStatus;
  /** Starts mining. What is left out stays as before. Faults: WRONG_CONSENSUS, NO_COINBASE, MINER_THREADS. */
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
  /** The most hashes per second that are tried. With undefined it is as many as the threads can. */
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
  /** The header of 80 bytes. Its last four are the nonce, little-endian. */
  readonly header: Uint8Array;
  readonly target: bigint;
  readonly bits: number;
  readonly height: bigint;
  /** Milliseconds from now, after which the work is forgotten. A new head ends it sooner. */
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
