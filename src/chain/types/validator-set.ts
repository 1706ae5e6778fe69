/**
 * A validator set: the members of one epoch, sorted by consensus public key; the position is the validator's
 * index. Its hash stands in every block's summary. Source: pbft.md 1.1, 1.14.
 */
import { must } from "../../base/assert.ts";
import { type Address, asHash, compareBytes, equalBytes, type Hash } from "../../base/bytes.ts";
import { Writer } from "../../codec/writer.ts";
import { taggedHash } from "../../crypto/hash.ts";
import type { BlockHead, Summary } from "./block.ts";
import type { Transition } from "./transition.ts";

export interface Validator {
  /** The name that people read in logs and tables. It is no part of the consensus. */
  readonly name: string;
  /** The Ed25519 key of consensus messages. */
  readonly publicKey: Address;
  /** Receives the fees of the blocks that this validator proposes. */
  readonly account: Address;
  /** The libp2p identity of the validator's node (base58). Network admission only, not part of the consensus. */
  readonly peerId: string;
}

export interface ValidatorSet {
  readonly epoch: bigint;
  readonly members: readonly Validator[];
  readonly hash: Hash;
}

/** Whoever knows the validators of each epoch of a chain. */
export interface EpochSets {
  /** The validators of an epoch, or undefined for one that is not known here. */
  setOf(epoch: bigint): ValidatorSet | undefined;
  /** The transition behind a block, where one is accepted and holds. */
  transitionOn?(parent: BlockHead): Transition | undefined;
}

/** The epoch of a block on this one: behind the last block of an epoch, or where a transition breaks it off, another. */
export function epochOn(parent: BlockHead, sets: EpochSets): bigint {
  return sets.transitionOn?.(parent)?.epoch ?? plainEpochOn(parent);
}

/** The same without a transition. */
export function plainEpochOn({ summary }: BlockHead): bigint {
  return endsEpoch(summary) ? summary.epoch + 1n : summary.epoch;
}

/** The sets of a chain whose validators never change, or of one epoch alone. */
export function onlySet(set: ValidatorSet): EpochSets {
  return { setOf: (epoch) => (epoch === set.epoch ? set : undefined) };
}

/**
 * Whether a block is the last of its epoch: it alone names another set as the next. The epoch is part of what a set's
 * hash covers, so the hashes differ even where the members stay.
 */
export function endsEpoch(summary: Pick<Summary, "validatorsHash" | "nextValidatorsHash">): boolean {
  return !equalBytes(summary.validatorsHash, summary.nextValidatorsHash);
}

const hashValidators = taggedHash("quorate/validators/v1");

export function createValidatorSet(epoch: bigint, validators: readonly Validator[]): ValidatorSet {
  const members = [...validators].sort((a, b) => compareBytes(a.publicKey, b.publicKey));
  const writer = new Writer().u64(epoch);
  writer.list(members, (w, member) => w.raw(member.publicKey).raw(member.account));
  return { epoch, members, hash: asHash(hashValidators(writer.finish())) };
}

/** A member by its index, which was compared with the size of the set before. */
export function memberAt({ members, epoch }: ValidatorSet, index: number): Validator {
  return must(members[index], `validator ${index} is one of epoch ${epoch}`);
}
