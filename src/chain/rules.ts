/**
 * What the chain needs to know of any consensus, written by the chain and implemented in consensus/: how a block
 * proves itself, how heavy it is, whether it is final. Stateless; how agreement makes progress is the engine's
 * matter (consensus/engine.ts). The mode is told by `kind`: blocks are `final` once they are sealed, or the chain is
 * `forkable`. Nothing may branch on `name`: what else the chain needs to know is a member here.
 */
import type { Address, Hash } from "../base/bytes.ts";
import type { Fault, Verdict } from "../base/fault.ts";
import type { Ancestry } from "./types/ancestry.ts";
import type { BlockHead, Header, Summary } from "./types/block.ts";
import type { Transition } from "./types/transition.ts";
import type { ValidatorSet } from "./types/validator-set.ts";

/** What the consensus puts into a new block; the chain fills in what executing it gives. */
export interface HeadFields {
  readonly header: Pick<Header, "version" | "time" | "bits" | "nonce">;
  readonly summary: Pick<
    Summary,
    "epoch" | "timeMs" | "proposer" | "flags" | "validatorsHash" | "nextValidatorsHash" | "extra"
  >;
}

export interface Proposal {
  /** Milliseconds since the Unix epoch by the proposer's clock. */
  readonly timeMs: bigint;
  /** Index of the proposing validator, or 0 where nobody is one. */
  readonly proposer: number;
  /** Who receives what the block mints, where blocks mint. */
  readonly rewardTo?: Address;
}

/** A seal as people read it in RPC, logs and files. */
export type SealView =
  | {
      readonly type: "pbft";
      readonly view: bigint;
      readonly commits: readonly { readonly validator: number; readonly signature: Uint8Array }[];
    }
  | {
      readonly type: "pow";
      readonly bits: number;
      readonly nonce: number;
      /** How many times harder than the easiest target of Bitcoin (bits 1d00ffff). */
      readonly difficulty: number;
      /** Expected hashes for this block. */
      readonly work: bigint;
    };

/** What blocks may mint: their coinbases (pow.md 2.7). */
export interface Rewards {
  /** The most that a block at a height may mint besides its fees. */
  subsidyAt(height: bigint): bigint;
  /** A coinbase can be spent from so many blocks later on. */
  readonly maturity: number;
}

/** How the work that a block must show is set, for whoever explains a chain or mines on demand. */
export interface WorkSchedule {
  /** Wanted seconds between two blocks. */
  readonly spacing: number;
  /** Seconds a block's time may be ahead of the local clock. */
  readonly futureLimit: number;
  /** The easiest target, compact. */
  readonly limitBits: number;
  /** The name of the rule, as in genesis. */
  readonly retarget: string;
  /** The first height above `height` whose block may have another target, or undefined where none has. */
  nextRetarget(height: bigint): bigint | undefined;
  /**
   * The lowest height that must be known to tell the targets of the blocks `from` to `to`. It is at most
   * `from`.
   */
  readsFrom(from: bigint, to: bigint): bigint;
}

/** What a stable checkpoint says. */
export interface StableCheckpoint {
  readonly height: bigint;
  readonly hash: Hash;
  readonly stateRoot: Hash;
}

/** Certificates judged by a given set, for whoever holds no chain: a snapshot brings the sets with it. */
export interface Certificates {
  verifySeal(set: ValidatorSet, head: BlockHead, seal: Uint8Array): Fault | undefined;
  /**
   * Decodes and verifies a quorum's word for the state at a height.
   * @param setAt the set that signs at a height above 0
   */
  openCheckpoint(setAt: (height: bigint) => ValidatorSet, certificate: Uint8Array): Verdict<StableCheckpoint>;
}

/** The rules of one of the two modes of a chain. */
export type ConsensusRules = FinalRules | ForkableRules;

/**
 * A sealed block is never abandoned, and a conflicting one is a safety alarm that stops the node. Blocks mint nothing:
 * their fees go to an account that the block names.
 */
export interface FinalRules extends RulesOfBlocks {
  readonly kind: "final";
  /** The transition that a block on this one stands on: it replaces the validators before its transactions. */
  transitionOn(parent: BlockHead): Transition | undefined;
  /** The account that receives the fees of this block. */
  feeRecipient(head: BlockHead): Address;
}

/** The heaviest branch is the chain, so that blocks can be abandoned. Each shows work and mints by its coinbase. */
export interface ForkableRules extends RulesOfBlocks {
  readonly kind: "forkable";
  readonly rewards: Rewards;
  readonly schedule: WorkSchedule;
}

/** What both modes have. */
interface RulesOfBlocks {
  /** The name that logs and RPC show. */
  readonly name: "pbft" | "pow";
  /** The fields of a block on top of `parent`, the last block of `branch`. */
  prepareHead(parent: BlockHead, proposal: Proposal, branch: Ancestry): HeadFields;
  /**
   * Checks the mode's rules for a head on top of its parent: time, version, epoch, work due. It looks at no
   * seal and no body.
   */
  checkHead(parent: BlockHead, head: BlockHead, branch: Ancestry): Fault | undefined;
  /** Whether `seal` proves `head`. */
  verifySeal(head: BlockHead, seal: Uint8Array): Fault | undefined;
  /**
   * Whether a seal that somebody sent unasked is worth {@link verifySeal}: a cheap look. False is no verdict. Every seal
   * is where this is left out.
   */
  seemsSealed?(head: BlockHead, seal: Uint8Array): boolean;
  /**
   * The local time, ms since the Unix epoch, before which a head is early: not invalid, only not yet to be accepted.
   * Where the engine judges clocks itself, 0.
   */
  notBeforeMs(head: BlockHead): number;
  /** How much a block adds to its branch. */
  weight(header: Header): bigint;
  /** The time that modules see while executing this block, in ms. */
  executionTimeMs(parent: BlockHead, head: BlockHead, branch: Ancestry): bigint;
  /** What the log says of a block that entered the chain, besides height, hash and transactions. */
  logFields(head: BlockHead, seal: Uint8Array): Readonly<Record<string, string | number | bigint>>;
  /** @throws when the seal does not decode: it was verified before it was stored. */
  describeSeal(head: BlockHead, seal: Uint8Array): SealView;
}
