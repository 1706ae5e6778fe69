/**
 * From the validators of genesis to those of a later epoch, without a node and without trust: each link is the sealed
 * head that ends an epoch, signed by a quorum of its set, and the members of the next one, whose hash that head names.
 * In Node or a browser. Source: pbft.md 1.13 (light client), 1.14; docs/protocol.md, "Epochs".
 */
import { asAddress, concatBytes, equalBytes } from "../base/bytes.ts";
import { accept, refuse, type Verdict } from "../base/fault.ts";
import { VALIDATORS_MAX } from "../base/limits.ts";
import { type BlockHead, readBlockHead } from "../chain/types/block.ts";
import {
  createValidatorSet,
  type EpochSets,
  endsEpoch,
  type ValidatorSet,
} from "../chain/types/validator-set.ts";
import { field, list, object, type ValueOf } from "../codec/field.ts";
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
});

export type EpochLink = ValueOf<typeof epochLinkField>;

/** What a node answers to chain_getEpochs, as far as links are made of it. */
export type EpochAnswer = readonly {
  readonly validators: EpochLink["members"];
  readonly end: Pick<EpochLink, "header" | "summary" | "seal"> | null;
}[];

/** The links from the first of these epochs to the last. */
export function linksOf(epochs: EpochAnswer): EpochLink[] {
  return epochs.flatMap(({ end }, i) => {
    const next = epochs[i + 1];
    if (end === null || next === undefined) return [];
    const members = next.validators.map(({ name, publicKey, account }) => ({ name, publicKey, account }));
    return [{ header: end.header, summary: end.summary, seal: end.seal, members }];
  });
}

/** The sets that were proved so far, from genesis on. */
export class ProvedSets implements EpochSets {
  readonly #trusted: TrustedGenesis;
  readonly #sets: ValidatorSet[];

  constructor(trusted: TrustedGenesis) {
    this.#trusted = trusted;
    this.#sets = [trusted.validators];
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
}

function headOf({ header, summary }: EpochLink): Verdict<BlockHead> {
  return decode(concatBytes(bytesOf(header), bytesOf(summary)), "header and summary", readBlockHead);
}

/** The set of a block's epoch, by the links that came with a proof. */
export function setFor(
  trusted: TrustedGenesis,
  epoch: bigint,
  links: readonly EpochLink[],
): Verdict<ValidatorSet> {
  const sets = trusted.sets ?? new ProvedSets(trusted);
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
