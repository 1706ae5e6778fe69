/**
 * A transition: the way on for a chain that has lost more than f validators for good. No quorum can vote for it, so it is
 * a break of trust: it names the last block, a set of validators that takes over behind it, and why; the operators
 * who remain sign it, and every node and every verifier must accept it by its id. The first block under the new set
 * carries the id. Sources: docs/protocol.md, "Transition"; docs/adr/0029-02.
 *
 *   genesisHash 32 | epoch u64 | height u64 | parentHash 32 | signatures needed u16 | reason bytes16
 *     | list of (name bytes8 | publicKey 32 | account 32 | peerId bytes8)
 *   id = tagged hash "quorate/transition/v1" of it; an operator's account signs the same tag | id
 */
import {
  type Address,
  asAddress,
  asHash,
  concatBytes,
  equalBytes,
  type Hash,
  hex0x,
  parseHex,
  parseShownHash,
  showHash,
  utf8,
} from "../../base/bytes.ts";
import { type Fault, fault, type Verdict } from "../../base/fault.ts";
import { NAME_LENGTH_MAX, VALIDATORS_MAX } from "../../base/limits.ts";
import {
  addressField,
  amountField,
  checkFields,
  field,
  integerField,
  list,
  object,
  textField,
  type ValueOf,
} from "../../codec/field.ts";
import { Writer } from "../../codec/writer.ts";
import { taggedHash } from "../../crypto/hash.ts";
import { verifySignature } from "../../crypto/keys.ts";
import { createValidatorSet, type Validator, type ValidatorSet } from "./validator-set.ts";

const TAG = "quorate/transition/v1";
const hashTransition = taggedHash(TAG);

/** Characters that the reason may have. */
export const REASON_LENGTH_MAX = 500;

/** A bit in a summary's flags: the block is the first under a transition, and `extra` is its id. */
export const FLAG_TRANSITION = 1;

export interface Transition {
  readonly genesisHash: Hash;
  /** The epoch that it opens: the one of a block behind `parentHash` without it, plus one. */
  readonly epoch: bigint;
  /** H: the last block that stays; the new set works from H+1 on. */
  readonly height: bigint;
  /** The hash of block H. */
  readonly parentHash: Hash;
  /** How many operators must have signed at least, which is never less than the members that stay. */
  readonly signaturesNeeded: number;
  readonly reason: string;
  /** The new set. */
  readonly members: readonly Validator[];
  readonly signatures: readonly OperatorSignature[];
}

export interface OperatorSignature {
  /** The account of a member of the set that is replaced. */
  readonly account: Address;
  /** The operator's Ed25519 signature, 64 bytes. */
  readonly signature: Uint8Array;
}

export type TransitionFault = "wrong-transition" | "unsigned";

/** What it is called by: whoever accepts it says this. Shown as it lies. */
export function transitionId(transition: Omit<Transition, "signatures">): Hash {
  const { genesisHash, epoch, height, parentHash, signaturesNeeded, reason, members } = transition;
  const writer = new Writer(512).raw(genesisHash).u64(epoch).u64(height).raw(parentHash);
  writer.u16(signaturesNeeded).bytes16(utf8(reason));
  writer.list(members, (w, { name, publicKey, account, peerId }) =>
    w.bytes8(utf8(name)).raw(publicKey).raw(account).bytes8(utf8(peerId)),
  );
  return asHash(hashTransition(writer.finish()));
}

/** What an operator's account signs. */
export function transitionSigningBytes(id: Hash): Uint8Array {
  return concatBytes(utf8(TAG), id);
}

export function transitionSet({ epoch, members }: Pick<Transition, "epoch" | "members">): ValidatorSet {
  return createValidatorSet(epoch, members);
}

/** The accounts of the set that is replaced which are in the new one too: each of their operators must sign. */
export function remainingAccounts(
  { members }: Pick<Transition, "members">,
  replaced: ValidatorSet,
): Address[] {
  const stays = (account: Address) => members.some((member) => equalBytes(member.account, account));
  return replaced.members.map(({ account }) => account).filter(stays);
}

/** Whether it may be believed at all: its members, its number of signatures, and each signature. */
export function checkTransition(
  transition: Transition,
  replaced: ValidatorSet,
): Fault<TransitionFault> | undefined {
  const { epoch, members, signatures, signaturesNeeded } = transition;
  const wrong = (detail: string) => fault("wrong-transition", detail);
  if (epoch !== replaced.epoch + 1n)
    return wrong(`it opens epoch ${epoch}, behind its block comes ${replaced.epoch + 1n}`);
  const values = (pick: (member: Validator) => string) => new Set(members.map(pick)).size;
  const names = [values(({ name }) => name), values(({ peerId }) => peerId)];
  const keys = [values(({ publicKey }) => hex0x(publicKey)), values(({ account }) => hex0x(account))];
  if (members.length === 0 || [...names, ...keys].some((count) => count !== members.length))
    return wrong(
      "names, keys, accounts and peer ids of the new members must each be distinct, and there must be some",
    );
  const least = Math.max(1, remainingAccounts(transition, replaced).length);
  if (signaturesNeeded < least || signaturesNeeded > replaced.members.length)
    return wrong(
      `signaturesNeeded is ${signaturesNeeded}: at least ${least} (each operator who stays), at most ${replaced.members.length}`,
    );
  const id = transitionId(transition);
  const message = transitionSigningBytes(id);
  const signed = new Set<string>();
  for (const { account, signature } of signatures) {
    const member = replaced.members.find((one) => equalBytes(one.account, account));
    if (member === undefined)
      return wrong(`${hex0x(account)} signed, and is no account of epoch ${replaced.epoch}`);
    if (!verifySignature(account, message, signature))
      return wrong(`the signature of ${member.name} does not hold`);
    signed.add(hex0x(account));
  }
  const missing = replaced.members.filter(({ account }) => !signed.has(hex0x(account)));
  if (signed.size < signaturesNeeded)
    return fault(
      "unsigned",
      `${signed.size} of ${signaturesNeeded} signatures needed; missing are those of ${missing.map(({ name }) => name).join(", ")}`,
    );
  const silent = remainingAccounts(transition, replaced).find((account) => !signed.has(hex0x(account)));
  if (silent === undefined) return undefined;
  const { name } = members.find(({ account }) => equalBytes(account, silent)) ?? { name: "" };
  return fault("unsigned", `${name} stays, and its operator has not signed`);
}

const shownHash = field("a hash as it is shown", (value) =>
  typeof value === "string" ? parseShownHash(value) : undefined,
);
const text = (expected: string, lengthMax: number) =>
  field(expected, (value) =>
    typeof value === "string" && value.length > 0 && value.length <= lengthMax ? value : undefined,
  );
const signatureField = field("64 bytes of 0x-hex", (value) => {
  const bytes = typeof value === "string" && value.startsWith("0x") ? parseHex(value) : undefined;
  return bytes?.length === 64 ? bytes : undefined;
});
const height = amountField(2n ** 63n - 1n);

/** The file, for people to read; names are part of what is signed. */
const transitionFile = object({
  kind: field('"quorate-transition"', (value) => (value === "quorate-transition" ? value : undefined)),
  format: field("1", (value) => (value === 1 ? 1 : undefined)),
  genesisHash: shownHash,
  epoch: height,
  height,
  parentHash: shownHash,
  signaturesNeeded: integerField(1, VALIDATORS_MAX),
  reason: text(`a reason of 1 to ${REASON_LENGTH_MAX} characters`, REASON_LENGTH_MAX),
  members: list(
    object({
      name: textField("a name", new RegExp(`^[A-Za-z0-9._-]{1,${NAME_LENGTH_MAX}}$`)),
      publicKey: addressField("the consensus key"),
      account: addressField("the account of the seat"),
      peerId: textField("a peer id", /^[1-9A-HJ-NP-Za-km-z]{1,64}$/),
    }),
    VALIDATORS_MAX,
  ),
  signatures: list(
    object({ account: addressField("an account"), signature: signatureField }),
    VALIDATORS_MAX,
  ),
});

/** A transition as JSON has it. */
export function showTransition(transition: Transition) {
  const { genesisHash, epoch, parentHash, members, signatures, signaturesNeeded, reason } = transition;
  return {
    kind: "quorate-transition",
    format: 1,
    genesisHash: showHash(genesisHash),
    epoch: `${epoch}`,
    height: `${transition.height}`,
    parentHash: showHash(parentHash),
    signaturesNeeded,
    reason,
    members: members.map(({ name, publicKey, account, peerId }) => ({
      name,
      publicKey: hex0x(publicKey),
      account: hex0x(account),
      peerId,
    })),
    signatures: signatures.map(({ account, signature }) => ({
      account: hex0x(account),
      signature: hex0x(signature),
    })),
  };
}

/** Reads a file's parsed JSON: its form alone. */
export function readTransition(json: unknown): Verdict<Transition, "malformed"> {
  const read = checkFields(transitionFile, json);
  return read.ok ? { ok: true, value: fromFile(read.value) } : read;
}

function fromFile({ members, signatures, ...rest }: ValueOf<typeof transitionFile>): Transition {
  const { kind: _kind, format: _format, ...fields } = rest;
  return {
    ...fields,
    members: members.map((member) => ({ ...member, account: asAddress(member.account) })),
    signatures,
  };
}
