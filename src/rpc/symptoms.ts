/** What may be wrong around a node and is no part of the chain, as the node tells it. */
import type { ValidatorId } from "../consensus/engine.ts";

/** Why a peer that this node knows by its files is not connected. */
export interface PeerTrouble {
  readonly name: string;
  readonly reason: string;
}

export interface Symptoms {
  /** How long ago the executable transaction arrived that has waited longest, ms. Undefined when none waits. */
  readonly oldestMs: number | undefined;
  /** After how many ms without a block an empty one is due, as this node is configured. Undefined where none ever is. */
  readonly emptyBlocksMs?: number | undefined;
  /** The genesis or the files of this node name others, so that without a peer it is cut off. */
  readonly expectsPeers: boolean;
  /** Why peers that its files name are not connected. */
  readonly troubles: readonly PeerTrouble[];
  /** Validators whose proposals came from the future. */
  readonly early: readonly EarlyBlocks[];
  /** Whether the signer can be asked, where the validator's key is at one elsewhere. */
  readonly signer?: SignerStanding | undefined;
  /** Why the node has paused and only shows what it has, or undefined while it works. */
  readonly paused?: string | undefined;
  /** The lowest block that a peer has which is ahead, where all of these have pruned the next one. Else undefined. */
  readonly lowestOffered?: bigint | undefined;
  /** The transition that others go on by and this node does not, or undefined where no peer has sent a block of it. */
  readonly missedTransition?: MissedTransition | undefined;
  /** How far ahead of this node's clock a block's time may be, ms. */
  readonly clockLimitMs: number;
}

/** A transition that this node was not told to accept, as a peer sent the first block under it: not verified. */
export interface MissedTransition {
  /** What the transition is called by, 0x-hex as it is shown. */
  readonly id: string;
  /** The height of that block, the one behind this node's head. */
  readonly height: bigint;
  readonly peerId: string;
}

/** A signer as its node sees it. */
export interface SignerStanding {
  /** Where the signer is, as HOST:PORT. */
  readonly address: string;
  readonly connected: boolean;
  /** Since when it is so, in ms since the Unix epoch. */
  readonly sinceMs: number;
  /** Why it is not connected. Undefined while it is. */
  readonly reason: string | undefined;
  /** Signatures that it made for this node since the start, and refused. */
  readonly signed: number;
  readonly refused: number;
  /** What a signer last said of its record, or undefined where nothing says so, as with a token. */
  readonly report?: SignerRecord | undefined;
}

/** What a signer has signed: votes at and below the height are done, and no view below this one is signed in. */
export interface SignerRecord {
  readonly epoch: bigint;
  readonly view: bigint;
  readonly height: bigint;
  /** Refused since the signer started, whoever asked. */
  readonly refused: number;
}

export interface EarlyBlocks {
  readonly validator: ValidatorId;
  readonly count: number;
  /** How far the last one was ahead of this node's clock, ms; `atMs` says when, in ms since the Unix epoch. */
  readonly aheadMs: number;
  readonly atMs: number;
}
