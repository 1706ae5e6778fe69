/**
 * A validator set: the members of one epoch, sorted by consensus public key; the position is the validator's
 * index. Its hash stands in every block's summary. Source: pbft.md 1.1, 1.14.
 */
import { type Address, asHash, compareBytes, type Hash } from "../../base/bytes.ts";
import { Writer } from "../../codec/writer.ts";
import { taggedHash } from "../../crypto/hash.ts";

export interface Validator {
  /** For people: logs, tables. Not part of the consensus. */
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

const hashValidators = taggedHash("quorate/validators/v1");

export function createValidatorSet(epoch: bigint, validators: readonly Validator[]): ValidatorSet {
  const members = [...validators].sort((a, b) => compareBytes(a.publicKey, b.publicKey));
  const writer = new Writer().u64(epoch);
  writer.list(members, (w, member) => w.raw(member.publicKey).raw(member.account));
  return { epoch, members, hash: asHash(hashValidators(writer.finish())) };
}
