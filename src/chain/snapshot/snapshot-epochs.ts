/**
 * How a snapshot of a chain whose validators change proves itself by the genesis: for each epoch but the last the
 * sealed head that ended it, and the members whose hash that head names as the next set. Names, peer ids and
 * parameters of past epochs are no part of it, because nothing signed covers them. Source: docs/protocol.md, "Snapshot".
 *
 *   header 80 | summary | seal bytes32 | list of (public key 32 | account 32)
 *   header 80 | summary | seal bytes32 | transition file bytes32, where a break of trust opened the epoch
 */
import { must } from "../../base/assert.ts";
import { asAddress, equalBytes, type Hash, hex0x, showHash, utf8 } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { SEAL_BYTES_MAX, VALIDATORS_MAX } from "../../base/limits.ts";
import { parseJson } from "../../codec/field.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { hasEpochs } from "../genesis/consensus-parameters.ts";
import { type Genesis, validatorsOf } from "../genesis/genesis.ts";
import type { Certificates } from "../rules.ts";
import { type BlockHead, readBlockHead, writeBlockHead } from "../types/block.ts";
import {
  checkTransition,
  readTransition,
  showTransition,
  type Transition,
  transitionId,
  transitionSet,
} from "../types/transition.ts";
import {
  createValidatorSet,
  endsEpoch,
  plainEpochOn,
  type Validator,
  type ValidatorSet,
} from "../types/validator-set.ts";

/** Epochs that a snapshot may lead through. A snapshot with more is refused. */
const SNAPSHOT_EPOCHS_MAX = 10_000;

export type MemberKeys = Pick<Validator, "publicKey" | "account">;

export interface EpochEnd {
  /** The last block of the epoch. */
  readonly head: BlockHead;
  readonly seal: Uint8Array;
  /** The members of the next epoch, ascending by public key. */
  readonly members: readonly MemberKeys[];
}

export function encodeEpochEnd({ head, seal, members }: EpochEnd): Uint8Array {
  const writer = new Writer(1024);
  writeBlockHead(writer, head);
  writer.bytes32(seal);
  return writer.list(members, (w, { publicKey, account }) => w.raw(publicKey).raw(account)).finish();
}

/** Decodes the end of an epoch. It checks the form alone. */
export function decodeEpochEnd(bytes: Uint8Array): Verdict<EpochEnd, "malformed"> {
  return decode(bytes, "epoch section", (reader) => ({
    head: readBlockHead(reader),
    seal: reader.bytes32(SEAL_BYTES_MAX).slice(),
    members: reader.list(VALIDATORS_MAX, (r) => ({
      publicKey: asAddress(r.raw(32).slice()),
      account: asAddress(r.raw(32).slice()),
    })),
  }));
}

/** Says where a transition replaced the members: the last block before it, and the transition's file. */
export interface EpochBreak {
  readonly head: BlockHead;
  readonly seal: Uint8Array;
  readonly transition: Transition;
}

export function encodeEpochBreak({ head, seal, transition }: EpochBreak): Uint8Array {
  const writer = new Writer(2048);
  writeBlockHead(writer, head);
  return writer
    .bytes32(seal)
    .bytes32(utf8(JSON.stringify(showTransition(transition))))
    .finish();
}

/** Decodes a break between epochs. It checks the form alone. */
function decodeEpochBreak(bytes: Uint8Array): Verdict<EpochBreak, "malformed"> {
  return decode(bytes, "transition section", (reader) => {
    const [head, seal] = [readBlockHead(reader), reader.bytes32(SEAL_BYTES_MAX).slice()];
    const file = reader.bytes32(bytes.length);
    const json = parseJson(new TextDecoder().decode(file));
    const read = json.ok ? readTransition(json.value) : json;
    if (!read.ok) return reader.fail(read.fault.detail);
    const transition = read.value;
    // One file has one form, or a byte of it would say nothing.
    if (!equalBytes(utf8(JSON.stringify(showTransition(transition))), file))
      return reader.fail("the transition is not written as nodes write it");
    return { head, seal, transition };
  });
}

/** A set that is proved, and where its epoch begins. */
interface ProvedEpoch {
  readonly set: ValidatorSet;
  readonly firstHeight: bigint;
  /** The block below the epoch, and that block's seal. Epoch 0 has none. */
  readonly base: { readonly hash: Hash; readonly seal: Uint8Array } | undefined;
}

export interface BreakContext {
  readonly certificates: Certificates;
  readonly genesisHash: Hash;
  readonly accepted: readonly string[];
}

/** What was taken, and the set that follows from it. */
interface TakenEpoch<End> {
  readonly end: End;
  readonly next: ValidatorSet;
}

/** The sets of a chain as far as they were proved, from the genesis on. */
export class SnapshotEpochs {
  readonly #genesis: Genesis;
  readonly #proved: ProvedEpoch[];
  #hasBreaks = false;

  constructor(genesis: Genesis) {
    this.#genesis = genesis;
    this.#proved = [{ set: validatorsOf(genesis), firstHeight: 1n, base: undefined }];
  }

  /** The last epoch whose set is proved. */
  get newest(): bigint {
    return this.#newest().set.epoch;
  }

  setOf(epoch: bigint): ValidatorSet | undefined {
    return this.#proved[Number(epoch)]?.set;
  }

  /** The set of the epoch that a height is in, as far as the proved ones go. */
  setAt(height: bigint): ValidatorSet {
    const found = this.#proved.findLast(({ firstHeight }) => firstHeight <= height);
    return must(found, "epoch 0 begins at height 1, and certificates are above 0").set;
  }

  /** What is proved of the last block of an epoch, where this is the height of one. */
  endAt(height: bigint): ProvedEpoch["base"] {
    return this.#proved.find(({ firstHeight }) => firstHeight === height + 1n)?.base;
  }

  /** Whether a transition was taken. */
  get hasBreaks(): boolean {
    return this.#hasBreaks;
  }

  /** Takes a section of the end of the newest epoch. @param headHeight of the snapshot */
  takeEnd(
    payload: Uint8Array,
    headHeight: bigint,
    { certificates }: Pick<BreakContext, "certificates">,
  ): Verdict<TakenEpoch<EpochEnd>, "malformed" | "wrong-epoch"> {
    const decoded = decodeEpochEnd(payload);
    if (!decoded.ok) return decoded;
    const { height } = decoded.value.head.summary;
    if (height > headHeight)
      return refuse("wrong-epoch", `an epoch ends at height ${height}, above the head, ${headHeight}`);
    const next = this.#extend(decoded.value, certificates);
    return next.ok ? accept({ end: decoded.value, next: next.value }) : next;
  }

  /** Takes a section of a transition. @param headHeight of the snapshot */
  takeBreak(
    payload: Uint8Array,
    headHeight: bigint,
    context: BreakContext,
  ): Verdict<TakenEpoch<EpochBreak>, "malformed" | "wrong-epoch" | "break-of-trust"> {
    const decoded = decodeEpochBreak(payload);
    if (!decoded.ok) return decoded;
    const { height } = decoded.value.transition;
    if (height >= headHeight)
      return refuse("wrong-epoch", `a transition behind height ${height}, where the head is ${headHeight}`);
    const next = this.#breakOff(decoded.value, context);
    if (!next.ok) return next;
    this.#hasBreaks = true;
    return accept({ end: decoded.value, next: next.value });
  }

  #extend(
    { head, seal, members }: EpochEnd,
    certificates: Certificates,
  ): Verdict<ValidatorSet, "wrong-epoch"> {
    const { set: current, firstHeight } = this.#newest();
    const { summary } = head;
    const bad = (what: string) => refuse("wrong-epoch", `the end of epoch ${current.epoch}: ${what}`);
    if (!hasEpochs(this.#genesis.consensus)) return bad("the validators of this chain never change");
    if (this.#proved.length > SNAPSHOT_EPOCHS_MAX) return bad(`more than ${SNAPSHOT_EPOCHS_MAX} epochs`);
    if (summary.chainId !== this.#genesis.chainId) return bad(`a block of chain ${summary.chainId}`);
    if (summary.epoch !== current.epoch) return bad(`block ${summary.height} is of epoch ${summary.epoch}`);
    if (summary.height < firstHeight || !endsEpoch(summary))
      return bad(`block ${summary.height} ends no epoch`);
    const unsealed = certificates.verifySeal(current, head, seal);
    if (unsealed !== undefined) return bad(`the certificate of block ${summary.height}: ${unsealed.detail}`);
    const next = createValidatorSet(current.epoch + 1n, members.map(nameless));
    const isSorted = next.members.every(({ publicKey }, i) =>
      equalBytes(publicKey, members[i]?.publicKey ?? seal),
    );
    if (!isSorted || !equalBytes(next.hash, summary.nextValidatorsHash)) {
      return bad(`the members given are not those that block ${showHash(head.hash)} names`);
    }
    this.#proved.push({ set: next, firstHeight: summary.height + 1n, base: { hash: head.hash, seal } });
    return accept(next);
  }

  /**
   * Takes a transition behind the newest epoch, or within it.
   * @param accepted ids, 0x-hex: it proves nothing, so it counts for whoever accepts it by name alone
   */
  #breakOff(
    { head, seal, transition }: EpochBreak,
    { certificates, genesisHash, accepted }: BreakContext,
  ): Verdict<ValidatorSet, "wrong-epoch" | "break-of-trust"> {
    const { set: replaced } = this.#newest();
    const { height, parentHash } = transition;
    const id = hex0x(transitionId(transition));
    const bad = (what: string) =>
      refuse("wrong-epoch", `the transition ${id} behind height ${height}: ${what}`);
    const signers = this.setOf(head.summary.epoch);
    if (signers === undefined || plainEpochOn(head) !== replaced.epoch)
      return bad(
        `its block is of epoch ${head.summary.epoch}, ${replaced.epoch} is the newest that is proved`,
      );
    const unsealed = certificates.verifySeal(signers, head, seal);
    if (unsealed !== undefined) return bad(`the certificate of its block: ${unsealed.detail}`);
    if (height !== head.summary.height || !equalBytes(parentHash, head.hash))
      return bad("it goes on from another block");
    if (!equalBytes(transition.genesisHash, genesisHash)) return bad("it is of another chain");
    const wrong = checkTransition(transition, replaced);
    if (wrong !== undefined) return bad(wrong.detail);
    if (!accepted.includes(id)) {
      const names = transition.members.map(({ name }) => name).join(", ");
      const detail = `BREAK OF TRUST behind height ${height}: no quorum of the validators agreed to what follows. ${transition.signatures.length} of ${replaced.members.length} operators put ${names} in their place, for this reason: "${transition.reason}". To accept it, name it: ${id}`;
      return refuse("break-of-trust", detail);
    }
    const next = transitionSet(transition);
    this.#proved.push({ set: next, firstHeight: height + 1n, base: { hash: head.hash, seal } });
    return accept(next);
  }

  #newest(): ProvedEpoch {
    return must(this.#proved.at(-1), "epoch 0 is proved by the genesis");
  }
}

function nameless({ publicKey, account }: MemberKeys): Validator {
  return { name: "", publicKey, account, peerId: "" };
}
