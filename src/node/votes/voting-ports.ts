/**
 * What a node's part in the agreement is made of, and the small questions about keys and sets.
 *
 * This folder: a validator's part over all epochs (voting.ts): the journal of its votes, who sits where, evidence, the
 * way back after a loss. Not here: what to vote for (consensus/pbft), and keys elsewhere (node/signer).
 */
import { type Address, equalBytes } from "../../base/bytes.ts";
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { Chain } from "../../chain/chain.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import type { ValidatorSet } from "../../chain/types/validator-set.ts";
import type {
  Consensus,
  ConsensusEngine,
  EngineSettings,
  EpochConsensus,
  Parsed,
  Typed,
  ValidatorId,
} from "../../consensus/engine.ts";
import type { OpenedLog, RecordLog } from "../../storage/record-log.ts";
import type { Driver } from "../driver.ts";
import type { MessageCounts } from "../metrics/message-counts.ts";
import type { Seat, Seats } from "./seats.ts";
import type { ValidatorKey } from "./validator-key.ts";

export interface VotingOptions {
  readonly consensus: Consensus;
  /** The validator's key. A full node has none. */
  readonly signer: ValidatorKey | undefined;
  /** The key that is to take the place of `signer` once it has the seat. Undefined where none waits, or left out. */
  readonly waitingKey?: (() => Address | undefined) | undefined;
  readonly settings: EngineSettings;
  /** Votes of this key are missing: it comes back by the rule of pbft.md 1.12, in a later epoch. */
  readonly recoversAmnesia: boolean;
  readonly wrapEngine: (engine: ConsensusEngine<Parsed, Typed>) => ConsensusEngine<Parsed, Typed>;
}

/** What a driver of one epoch is made of. */
export interface EpochWork {
  readonly journal: RecordLog | undefined;
  readonly consensus: EpochConsensus & Pick<Consensus, "recentHeads">;
  readonly engine: ConsensusEngine<Parsed, Typed>;
  readonly self: ValidatorId | undefined;
  readonly counts: MessageCounts;
  /** No block at or below it is of the epoch. */
  readonly baseHeight: bigint;
  readonly endEpoch: (epoch: bigint) => void;
}

export interface VotingPorts {
  readonly chain: Chain;
  /** Undefined for a full node, and while the signer that keeps it cannot be asked. */
  readonly journal: OpenedLog | undefined;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly seats: Seats;
  readonly createDriver: (work: EpochWork) => Driver<Parsed, Typed>;
  /** More seats than before are known. */
  readonly seatsGrew: () => void;
  /** Peers that the chain admits: its members, the coming ones, and whom they voted in. */
  readonly allowPeers: (peerIds: readonly string[]) => void;
  readonly mailEpochEnd: (to: Seat, content: Uint8Array) => void;
  readonly requestSync: (height: bigint) => void;
  /** Heights that connected validators have told since this process started, by seat. */
  readonly advertisedHeights: () => ReadonlyMap<Seat, bigint>;
  /** This node is in a later epoch than before. */
  readonly entered: (epoch: bigint) => void;
  readonly fatal: (error: unknown) => void;
}

type Named = Pick<ValidatorKey, "publicKey"> | undefined;

export function indexIn({ members }: ValidatorSet, signer: Named): ValidatorId | undefined {
  if (signer === undefined) return undefined;
  const index = members.findIndex(({ publicKey }) => equalBytes(publicKey, signer.publicKey));
  return index < 0 ? undefined : index;
}

/** Whether the key is the proposer's, in the set of the block's epoch. */
export function proposes({ changing, validators }: Consensus, head: BlockHead, signer: Named): boolean {
  const set = changing === undefined ? validators : changing.epochs.setOf(head.summary.epoch);
  const proposer = set?.members[head.summary.proposer];
  return proposer !== undefined && signer !== undefined && equalBytes(proposer.publicKey, signer.publicKey);
}
