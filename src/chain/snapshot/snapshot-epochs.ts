/**
 * How a snapshot of a chain whose validators change proves itself by the genesis: for each epoch but the last the
 * sealed head that ended it, and the members whose hash that head names as the next set. Names, peer ids and
 * parameters of past epochs are no part of it, because nothing signed covers them. Source: docs/protocol.md, "Snapshot".
 *
 *   header 80 | summary | seal bytes32 | list of (public key 32 | account 32)
 */
import { must } from "../../base/assert.ts";
import { asAddress, equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { SEAL_BYTES_MAX, VALIDATORS_MAX } from "../../base/limits.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { hasEpochs } from "../genesis/consensus-parameters.ts";
import { type Genesis, validatorsOf } from "../genesis/genesis.ts";
import type { Certificates } from "../rules.ts";
import { type BlockHead, readBlockHead, writeBlockHead } from "../types/block.ts";
import { createValidatorSet, endsEpoch, type Validator, type ValidatorSet } from "../types/validator-set.ts";

/** Epochs of a chain that a snapshot leads through; one of more is refused. */
const SNAPSHOT_EPOCHS_MAX = 10_000;

export type MemberKeys = Pick<Validator, "publicKey" | "account">;

export interface EpochEnd {
  /** The last block of the epoch. */
  readonly head: BlockHead;
  readonly seal: Uint8Array;
  /** Of the next epoch, ascending by public key. */
  readonly members: readonly MemberKeys[];
}

export function encodeEpochEnd({ head, seal, members }: EpochEnd): Uint8Array {
  const writer = new Writer(1024);
  writeBlockHead(writer, head);
  writer.bytes32(seal);
  return writer.list(members, (w, { publicKey, account }) => w.raw(publicKey).raw(account)).finish();
}

/** Form only. */
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

/** A set that is proved, and where its epoch begins. */
interface ProvedEpoch {
  readonly set: ValidatorSet;
  readonly firstHeight: bigint;
  /** The block below it, and its seal; undefined for epoch 0. */
  readonly base: { readonly hash: Hash; readonly seal: Uint8Array } | undefined;
}

/** The sets of a chain as far as they were proved, from the genesis on. */
export class SnapshotEpochs {
  readonly #genesis: Genesis;
  readonly #proved: ProvedEpoch[];

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

  /** Takes the end of the newest epoch, in order. */
  extend(
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

  #newest(): ProvedEpoch {
    return must(this.#proved.at(-1), "epoch 0 is proved by the genesis");
  }
}

function nameless({ publicKey, account }: MemberKeys): Validator {
  return { name: "", publicKey, account, peerId: "" };
}
