/**
 * What a replica is made of: its options, the ports to the world, and the events it tells. Types alone, so that who
 * brings the world (node, simulator, tests) reads one page.
 */
import type { Address, Hash } from "../base/bytes.ts";
import type { Fault } from "../base/fault.ts";
import type { Logger } from "../base/log.ts";
import type { Scheduler } from "../base/scheduler.ts";
import type { BranchChange, HeadChange } from "../chain/chain.ts";
import type { BranchSettings } from "../chain/chain-mode.ts";
import type { Genesis } from "../chain/genesis/genesis.ts";
import type { Block } from "../chain/types/block.ts";
import type { ModuleVersion } from "../chain/types/module-version.ts";
import type { Transition } from "../chain/types/transition.ts";
import type { ConsensusEngine, EngineEvent, EngineSettings, Parsed, Typed } from "../consensus/engine.ts";
import type { SignatureRules } from "../crypto/keys.ts";
import type { PoolEvent } from "../mempool/pool-ports.ts";
import type { Kv } from "../storage/kv.ts";
import type { OpenedLog } from "../storage/record-log.ts";
import type { EventTopic as Emitter } from "./assembly/event-topic.ts";
import type { Miner, Network, SignatureVerifier } from "./ports.ts";
import type { ValidatorKey } from "./votes/validator-key.ts";

export interface ReplicaOptions {
  readonly genesis: Genesis;
  /** The key of a validator. A full node has none. */
  readonly signer: ValidatorKey | undefined;
  /** The key that waits to take the place of `signer` by a vote. Undefined where none does, or left out. */
  readonly waitingKey?: (() => Address | undefined) | undefined;
  readonly settings: EngineSettings;
  /** The time between two rounds of anti-entropy, ms. With 0 there are none. */
  readonly syncIntervalMs: number;
  readonly pool: { readonly transactionsMax: number; readonly bytesMax: number; readonly feeMin?: bigint };
  /** Where blocks can be abandoned. */
  readonly branches?: BranchSettings;
  /** Where blocks are mined: who is paid, and whether it begins at once. Both can be changed later. */
  readonly mining?: MiningOrder;
  /** A memo of Ed25519, shared by the replicas of one process. */
  readonly signatureRules?: SignatureRules;
  /** Votes of the key are missing: the replica signs nothing before an epoch in which it cannot have voted. */
  readonly recoversAmnesia?: boolean;
  /** Breaks of trust that the operator accepts (chain/types/transition.ts). */
  readonly transitions?: readonly Transition[];
  /** The highest rules that are known here: those of this program if left out. */
  readonly rulesKnown?: number;
  /** Which proposals go out with hashes in place of transactions: by the bounds of base/limits.ts if left out. */
  readonly compactProposals?: CompactSettings;
  /** A filter around the engine: how the simulator makes an unchanged replica misbehave. */
  readonly wrapEngine?: (engine: ConsensusEngine<Parsed, Typed>) => ConsensusEngine<Parsed, Typed>;
}

export interface CompactSettings {
  /** Bytes of a PRE-PREPARE from which on it does. */
  readonly bytesMin: number;
  /** A transaction that is in the pool for less than so long travels in full, ms. */
  readonly freshMs: number;
  /** After so long without an answer another validator is asked for missing transactions, ms. */
  readonly askMs: number;
}

export interface MiningOrder {
  readonly isOn: boolean;
  /** Must be known before mining is on. */
  readonly rewardTo: Address | undefined;
}

export interface ReplicaPorts {
  readonly kv: Kv;
  /** The votes of a validator; unused by a full node, and where a signer elsewhere keeps them. */
  readonly journal: OpenedLog | undefined;
  readonly network: Network;
  /** The miner. Undefined where blocks are not mined here. */
  readonly miner?: Miner;
  /** Judges signatures ahead on another thread; where it is undefined admission and execution judge every signature themselves. */
  readonly verifier?: SignatureVerifier;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** Answers questions about snapshots, and returns undefined for other ones. Left out where there are none. */
  readonly snapshots?: { answer(question: Uint8Array): Promise<Uint8Array> | undefined } | undefined;
  /** The bundled files of modules. Left out where code comes by other ways. */
  readonly modules?: ModuleFiles | undefined;
  /** Returns a number in [0, 1) that spreads periodic work. */
  readonly jitter: () => number;
  /** The replica cannot go on: stop the process. */
  readonly fatal: (error: unknown) => void;
}

/** Where a node keeps the bundled files of modules. */
export interface ModuleFiles {
  /** Whether peers are asked for the file of a version that is voted in. */
  readonly isFetching: boolean;
  textOf(hash: Hash): string | undefined;
  /** @param text whose hash was compared @returns where it is now */
  keep(version: ModuleVersion, text: string): string;
}

export interface OwnBlock {
  readonly block: Block;
  /** Why this node itself refused it for good. Undefined when it is in the chain. */
  readonly refused: Fault | undefined;
}

/** What this replica tells whoever listens. */
export interface ReplicaEvents {
  readonly heads: Emitter<HeadChange>;
  /**
   * Changes of branches, after the pool has taken back what the abandoned blocks held, and before their
   * successors are told as heads.
   */
  readonly reorgs: Emitter<BranchChange>;
  readonly pool: Emitter<PoolEvent>;
  /** What became of blocks that this node's engine made. */
  readonly ownBlocks: Emitter<OwnBlock>;
  readonly engine: Emitter<{ readonly atMs: number; readonly event: EngineEvent }>;
  /** The epoch that this node has entered, where validators change. */
  readonly epochs: Emitter<bigint>;
}
