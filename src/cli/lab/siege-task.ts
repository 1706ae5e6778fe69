/** What the process of an attacker is given and what it tells: plain values that can be sent between processes. */
import type { Address, Hash } from "../../base/bytes.ts";
import type { BodyLimits } from "../../chain/types/block.ts";
import type { SiegeTraffic, SingleAttack } from "../../tools/lab/siege/siege.ts";

export interface SiegeTarget {
  readonly name: string;
  readonly rpcPort: number;
  readonly p2pPort: number;
  readonly peerId: string;
}

export interface SiegeTask {
  readonly attack: SingleAttack;
  /** Nodes that are attacked over the network. */
  readonly peers: readonly SiegeTarget[];
  /** Nodes whose RPC is attacked: all but the one that the honest user speaks to. */
  readonly rpc: readonly SiegeTarget[];
  /** Heights of the largest blocks. */
  readonly heights: readonly number[];
  readonly chainId: bigint;
  readonly genesisHash: Hash;
  readonly limits: BodyLimits;
  readonly validators: readonly Address[];
  /** Secret of the libp2p identity of a hostile full node or validator. */
  readonly identitySeed: Uint8Array;
  /** Secret of the consensus key, of a hostile validator. */
  readonly validatorSeed: Uint8Array | undefined;
  /** Secret of an account with money, for transactions that look right. */
  readonly accountSeed: Uint8Array;
}

/** What the attacker is told: from "measure" on processor time counts, and "stop" comes once. */
export type ToAttacker = "measure" | "stop";

/** `begun` once, when the attack is under way; `ended` once, in answer to "stop". */
export type FromAttacker =
  | { readonly kind: "begun" }
  | { readonly kind: "ended"; readonly traffic: SiegeTraffic; readonly cpuSeconds: number };

/** An attack that goes on until it is stopped. */
export interface Attacker {
  readonly traffic: SiegeTraffic;
  /** Resolves when it is under way. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What an attacker counts. */
export class TransferTally {
  readonly counts: Record<string, number> = {};

  add(what: string, count = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + count;
  }
}
