/** What the driver of an engine needs of the node around it, one function for each effect that leaves the process. */
import type { Address, Hash } from "../base/bytes.ts";
import type { Fault } from "../base/fault.ts";
import type { Logger } from "../base/log.ts";
import type { Scheduler } from "../base/scheduler.ts";
import type { Chain, TemplateSource } from "../chain/chain.ts";
import type { Block } from "../chain/types/block.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import type {
  Consensus,
  ConsensusEngine,
  EngineEvent,
  EpochConsensus,
  Parsed,
  Typed,
  ValidatorId,
  WaitingTransaction,
} from "../consensus/engine.ts";
import type { RecordLog } from "../storage/record-log.ts";
import type { AskSignature } from "./engine-steps.ts";
import type { WorkBudgets } from "./ingress/work-budget.ts";
import type { MessageCounts } from "./metrics/message-counts.ts";

export interface DriverOptions<P extends Parsed, M extends Typed> {
  readonly consensus: EpochConsensus<P, M> & Pick<Consensus<P, M>, "recentHeads">;
  readonly engine: ConsensusEngine<P, M>;
  /** Undefined where nobody is a validator. */
  readonly self: ValidatorId | undefined;
  /** Goes on with these where another driver has counted before. */
  readonly counts?: MessageCounts;
  /** No block at or below it is of the engine's epoch; 0 if left out. */
  readonly baseHeight?: bigint;
  /** The engine is done: its epoch is over. */
  readonly endEpoch?: (epoch: bigint) => void;
}

export interface DriverPorts {
  readonly chain: Chain;
  /** Undefined where the engine writes none. */
  readonly journal: RecordLog | undefined;
  /** Asks for signatures, where the engine's are made elsewhere. */
  readonly ask?: AskSignature | undefined;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly template: TemplateSource;
  /** Transactions in the pool. */
  readonly held: () => number;
  /** Whether others have come that the pool has not been asked about yet. */
  readonly areComing: () => boolean;
  /** The executable transaction that has waited longest in the pool. */
  readonly oldest: () => WaitingTransaction | undefined;
  readonly relayTransaction: (to: ValidatorId, hash: Hash) => void;
  /** @param kind of direct mail (ingress/packet.ts) */
  readonly mail: (to: ValidatorId, content: Uint8Array, kind: number) => void;
  /** Whether a validator is there whose program reads compact proposals. */
  readonly readsCompact: (to: ValidatorId) => boolean;
  /** Bytes of a proposal from which on it goes out in its compact form. */
  readonly compactFromBytes: number;
  /** How long to wait for missing transactions of a proposal before another validator is asked, ms. */
  readonly compactAskMs: number;
  /** Whether gossip may not have brought a transaction to the others yet. */
  readonly isFresh: (transaction: SignedTransaction) => boolean;
  /** A transaction that is held here, by the hash of its envelope. */
  readonly find: (hash: Hash) => SignedTransaction | undefined;
  readonly serveBlocks: (to: ValidatorId, fromHeight: bigint) => void;
  readonly requestSync: (height: bigint) => void;
  readonly announce: (event: EngineEvent) => void;
  /** Who is paid for a block built here, where blocks mint. */
  readonly rewardTo: () => Address | undefined;
  readonly mine: (block: Block) => void;
  readonly stopMining: () => void;
  /** What became of a block that the engine made; a fault is permanent. */
  readonly ownBlock: (block: Block, refused: Fault | undefined) => void;
  readonly reportFault: (author: ValidatorId, evidence: Uint8Array) => void;
  /** The budgets that pay for judging mail. */
  readonly budgets: Pick<WorkBudgets, "isSpent" | "open" | "noteRefused">;
  /** A failed write or a contradiction: the node must stop. Called once. */
  readonly fatal: (error: unknown) => void;
}
