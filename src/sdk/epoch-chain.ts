/**
 * From the validators of genesis to those of a later epoch, without a node and without trust: each link is the sealed
 * head that ends an epoch, signed by a quorum of its set, and the members of the next one, whose hash that head names.
 * In Node or a browser. Source: pbft.md 1.13 (light client), 1.14; docs/protocol.md, "Epochs".
 */
import { asAddress, concatBytes, equalBytes, hex0x } from "../base/bytes.ts";
import { accept, refuse, type Verdict } from "../base/fault.ts";
import { VALIDATORS_MAX } from "../base/limits.ts";
import { type BlockHead, readBlockHead } from "../chain/types/block.ts";
import { checkTransition, readTransition, transitionId, transitionSet } from "../chain/types/transition.ts";
import {
  createValidatorSet,
  type EpochSets,
  endsEpoch,
  plainEpochOn,
  type ValidatorSet,
} from "../chain/types/validator-set.ts";
import { field, list, object, optional, type ValueOf } from "../codec/field.ts";
import { decode } from "../codec/reader.ts";
import { verifyCommitCertificate } from "../consensus/pbft/certificate.ts";
import { bytesField, bytesOf, hashField } from "./proof-parts.ts";
import type { TrustedGenesis } from "./trusted-genesis.ts";

const nameField = field<string>("a name", (value) => (typeof value === "string" ? value : undefined));

export const epochLinkField = object({
  /** The head that ends the epoch, and its certificate. */
  header: bytesField,
  summary: bytesField,
  seal: bytesField,
  /** The members of the next epoch. Names are for people and prove nothing. */
  members: list(object({ name: nameField, publicKey: hashField, account: hashField }), VALIDATORS_MAX),
  /** A break of trust: the file by which these members took over behind the head, which ends nothing by itself. */
  transition: optional(
    field<unknown>("a transition file", (value) =>
      typeof value === "object" && value !== null ? value : undefined,
    ),
  ),
});

export type EpochLink = ValueOf<typeof epochLinkField>;

/** What a node answers to chain_getEpochs, as far as links are made of it. */
export type EpochAnswer = readonly {
  readonly validators: EpochLink["members"];
  readonly end: Pick<EpochLink, "header" | "summary" | "seal"> | null;
  readonly transition?: unknown;
}[];

/** The links from the first of these epochs to the last. */
export function linksOf(epochs: EpochAnswer): EpochLink[] {
  return epochs.flatMap(({ end }, i) => {
    const next = epochs[i + 1];
    if (end === null || next === undefined) return [];
    const members = next.validators.map(({ name, publicKey, account }) => ({ name, publicKey, account }));
    const link = { header: end.header, summary: end.summary, seal: end.seal, members };
    return [(next.transition ?? null) === null ? link : { ...link, transition: next.transition }];
  });
}

/** A transition that the verifier accepted. */
export interface AcceptedBreak {
  /** The id of the transition, 32 bytes as 0x-hex. */
  readonly id: string;
  /** The last block that a quorum of the validators before it signed. */
  readonly height: bigint;
  /** The epoch that it opened. */
  readonly epoch: bigint;
  readonly reason: string;
}

/** The sets that were proved so far, from genesis on. */
export class ProvedSets implements EpochSets {
  readonly #trusted: TrustedGenesis;
  readonly #sets: ValidatorSet[];
  readonly #breaks: AcceptedBreak[] = [];

  constructor(trusted: TrustedGenesis) {
    this.#trusted = trusted;
    this.#sets = [trusted.validators];
  }

  /** The breaks of trust, each accepted by name, that the set of an epoch rests on. */
  breaksUpTo(epoch: bigint): readonly AcceptedBreak[] {
    return this.#breaks.filter((one) => one.epoch <= epoch);
  }

  /** The last epoch whose set is proved. */
  get newest(): bigint {
    return BigInt(this.#sets.length - 1);
  }

  setOf(epoch: bigint): ValidatorSet | undefined {
    return this.#sets[Number(epoch)];
  }

  /** Takes the next link, in order. Never throws for a wrong one. */
  extend(link: EpochLink): Verdict<ValidatorSet> {
    const current = this.setOf(this.newest);
    if (current === undefined) return refuse("invalid", "no set to begin with");
    const head = headOf(link);
    if (!head.ok) return head;
    if (link.transition !== undefined) return this.#breakOff(current, { link, head: head.value });
    const { summary } = head.value;
    const place = `the end of epoch ${current.epoch}`;
    if (summary.chainId !== this.#trusted.genesis.chainId)
      return refuse("invalid", `${place}: of another chain`);
    if (summary.epoch !== current.epoch)
      return refuse("invalid", `${place}: a head of epoch ${summary.epoch}`);
    if (!endsEpoch(summary)) return refuse("invalid", `${place}: block ${summary.height} ends no epoch`);
    const seal = bytesOf(link.seal);
    const { genesisHash } = this.#trusted;
    const bad = verifyCommitCertificate({ genesisHash, validators: current, head: head.value, seal });
    if (bad !== undefined) return refuse("invalid", `${place}: certificate: ${bad.detail}`);
    const members = link.members.map(({ name, publicKey, account }) => ({
      name,
      publicKey: asAddress(bytesOf(publicKey)),
      account: asAddress(bytesOf(account)),
      peerId: "",
    }));
    const next = createValidatorSet(current.epoch + 1n, members);
    if (!equalBytes(next.hash, summary.nextValidatorsHash)) {
      return refuse(
        "invalid",
        `${place}: the members given are not those that block ${summary.height} names`,
      );
    }
    this.#sets.push(next);
    return accept(next);
  }

  /** Behind a block that a quorum signed, others take over whom no quorum named: only who was accepted by name. */
  #breakOff(
    current: ValidatorSet,
    { link, head }: { readonly link: EpochLink; readonly head: BlockHead },
  ): Verdict<ValidatorSet> {
    const read = readTransition(link.transition);
    if (!read.ok)
      return refuse("invalid", `the transition behind epoch ${current.epoch}: ${read.fault.detail}`);
    const transition = read.value;
    const { genesisHash, accepted = [] } = this.#trusted;
    const id = hex0x(transitionId(transition));
    const { height, reason } = transition;
    const place = `the transition ${id} behind height ${height}`;
    const signers = this.setOf(head.summary.epoch);
    if (signers === undefined || plainEpochOn(head) !== current.epoch)
      return refuse("invalid", `${place}: its block is of epoch ${head.summary.epoch}`);
    const seal = bytesOf(link.seal);
    const bad = verifyCommitCertificate({ genesisHash, validators: signers, head, seal });
    if (bad !== undefined) return refuse("invalid", `${place}: certificate: ${bad.detail}`);
    if (!equalBytes(transition.parentHash, head.hash) || !equalBytes(transition.genesisHash, genesisHash))
      return refuse("invalid", `${place}: names another block or chain`);
    const wrong = checkTransition(transition, current);
    if (wrong !== undefined) return refuse("invalid", `${place}: ${wrong.detail}`);
    if (!accepted.includes(id)) {
      const names = transition.members.map(({ name }) => name).join(", ");
      const by = `${transition.signatures.length} of ${current.members.length} operators`;
      return refuse(
        "break-of-trust",
        `BREAK OF TRUST behind height ${height}: no quorum of the validators agreed to what follows. ${by} put ${names} in their place, for this reason: "${reason}". To accept it, name it: ${id}`,
      );
    }
    const next = transitionSet(transition);
    this.#breaks.push({ id, height, epoch: next.epoch, reason });
    this.#sets.push(next);
    return accept(next);
  }
}

export function headOf({ header, summary }: EpochLink): Verdict<BlockHead> {
  return decode(concatBytes(bytesOf(header), bytesOf(summary)), "header and summary", readBlockHead);
}

/** The set of a block's epoch, by the links that came with a proof. */
export function setFor(
  trusted: TrustedGenesis,
  epoch: bigint,
  links: readonly EpochLink[],
  sets: ProvedSets = trusted.sets ?? new ProvedSets(trusted),
): Verdict<ValidatorSet> {
  for (const link of links.slice(Number(sets.newest))) {
    if (sets.newest >= epoch) break;
    const taken = sets.extend(link);
    if (!taken.ok) return taken;
  }
  const set = sets.setOf(epoch);
  if (set !== undefined) return accept(set);
  return refuse(
    "invalid",
    `the block is of epoch ${epoch}, and the validators are proved up to epoch ${sets.newest} only`,
  );
}
