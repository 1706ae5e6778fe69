/**
 * What the chain needs to know of any consensus, written by the chain and implemented in consensus/: how a block
 * proves itself, how heavy it is, whether it is final. Stateless; how agreement makes progress is the engine's
 * matter (consensus/engine.ts). Nothing may branch on `name`: what the chain needs to know is a member here.
 */
import type { Address } from "../base/bytes.ts";
import type { Fault } from "../base/fault.ts";
import type { BlockHead, Header, Summary } from "./block.ts";

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
  /** Index of the proposing validator. */
  readonly proposer: number;
}

/** A seal as people read it in RPC, logs and files. */
export interface SealView {
  readonly type: "pbft";
  readonly view: bigint;
  readonly commits: readonly { readonly validator: number; readonly signature: Uint8Array }[];
}

export interface ConsensusRules {
  /** For logs and RPC only. */
  readonly name: "pbft";
  /** instant: a sealed block is never abandoned, a conflicting one is a safety alarm that stops the node. */
  readonly finality: "instant" | "probabilistic";
  /** The fields of a block on top of `parent`. */
  prepareHead(parent: BlockHead, proposal: Proposal): HeadFields;
  /** The mode's rules for a head on top of its parent (time, version, epoch, validators); no seal, no body. */
  checkHead(parent: BlockHead, head: BlockHead): Fault | undefined;
  /** Whether `seal` proves `head`. */
  verifySeal(head: BlockHead, seal: Uint8Array): Fault | undefined;
  /** How much a block adds to its branch. */
  weight(header: Header): bigint;
  /** Who receives the fees of this block. */
  feeRecipient(head: BlockHead): Address;
  /** The time that modules see while executing this block, in ms. */
  executionTimeMs(parent: BlockHead, head: BlockHead): bigint;
  /** @throws when the seal does not decode: it was verified before it was stored. */
  describeSeal(head: BlockHead, seal: Uint8Array): SealView;
}
