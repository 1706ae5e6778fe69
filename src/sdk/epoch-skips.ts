/**
 * Receipts with epochs left out: from a trusted set to the end of a later epoch at once, where that epoch's own set has agreed and
 * a quorum of the trusted one is among those who signed. What lies between is not looked at, a break of trust included: only for
 * a verifier that calls this. Source: docs/protocol.md, "Skipped epochs"; docs/adr/0047-01.
 */
import { must } from "../base/assert.ts";
import { asAddress, equalBytes } from "../base/bytes.ts";
import { accept, refuse, type Verdict } from "../base/fault.ts";
import { RECEIPT_FILE_BYTES_MAX, VALIDATORS_MAX } from "../base/limits.ts";
import { createValidatorSet, type ValidatorSet } from "../chain/types/validator-set.ts";
import { checkFields, field, list, object, optional, type ValueOf } from "../codec/field.ts";
import { decodeCommitCertificate } from "../consensus/pbft/certificate.ts";
import { quorumOf } from "../consensus/pbft/quorum.ts";
import { type EpochLink, headOf, ProvedSets } from "./epoch-chain.ts";
import { bytesField, bytesOf, hashField } from "./proof-parts.ts";
import type { ReceiptFile } from "./receipt-file.ts";
import type { TrustedGenesis } from "./trusted-genesis.ts";
import { openGenesis, type ReceiptAnswer, type ReceiptQuestion, verifyReceipt } from "./verify.ts";

const nameField = field<string>("a name", (value) => (typeof value === "string" ? value : undefined));

const membersField = list(
  object({ name: nameField, publicKey: hashField, account: hashField }),
  VALIDATORS_MAX,
);
const linkField = object({
  header: bytesField,
  summary: bytesField,
  seal: bytesField,
  members: membersField,
  transition: optional(
    field<unknown>("a transition file", (value) =>
      typeof value === "object" && value !== null ? value : undefined,
    ),
  ),
  /** The members of the epoch of the head, where epochs before it are left out. */
  validators: optional(membersField),
});
const linksField = object({ epochs: list(linkField, 10_000) }, { others: "ignored" });

export type SkippingLink = ValueOf<typeof linkField>;

/** Epochs that were not looked at. */
interface SkippedEpochs {
  /** The epoch whose validators' quorum vouches for the later one. */
  readonly from: number;
  /** The epoch whose last block it signed. */
  readonly to: number;
}

/** The sets that one chain of links proves, of the epochs that it shows. */
export class SkippingSets extends ProvedSets {
  readonly skips: SkippedEpochs[] = [];
  readonly #trusted: TrustedGenesis;
  /** The sets of the epoch that the last skip led to, and of the one behind it. */
  readonly #skippedTo = new Map<bigint, ValidatorSet>();
  #newest: bigint | undefined;

  constructor(trusted: TrustedGenesis) {
    super(trusted);
    this.#trusted = trusted;
  }

  override get newest(): bigint {
    return this.#newest ?? super.newest;
  }

  override setOf(epoch: bigint): ValidatorSet | undefined {
    return this.#skippedTo.get(epoch) ?? super.setOf(epoch);
  }

  override extend({ validators, ...link }: SkippingLink): Verdict<ValidatorSet> {
    const current = must(this.setOf(this.newest), "genesis is the first");
    if (validators === undefined && this.#newest === undefined) return super.extend(link);
    const head = headOf(link);
    if (!head.ok) return head;
    const { epoch, height, validatorsHash } = head.value.summary;
    const place = `from epoch ${current.epoch} to ${epoch}`;
    if (link.transition !== undefined)
      return refuse("invalid", `${place}: no epochs are skipped over a transition, or before one`);
    const own = validators === undefined ? current : shownSet(epoch, validators);
    if (validators !== undefined) {
      if (epoch <= current.epoch) return refuse("invalid", `${place}: a later epoch is expected`);
      if (!equalBytes(own.hash, validatorsHash))
        return refuse("invalid", `${place}: the validators given are not those that block ${height} names`);
      const signed = keysThatSigned(current, own, link);
      const { n, quorum } = quorumOf(current.members.length);
      if (signed < quorum)
        return refuse(
          "invalid",
          `${place}: ${signed} of the ${n} validators of epoch ${current.epoch} have signed block ${height}, a quorum is ${quorum}`,
        );
    }
    // Here the signatures are checked, and what the block names behind it.
    const ended = new ProvedSets({ ...this.#trusted, validators: own }).extend(link);
    if (!ended.ok) return ended;
    if (own !== current) this.skips.push({ from: Number(current.epoch), to: Number(epoch) });
    this.#skippedTo.set(own.epoch, own).set(ended.value.epoch, ended.value);
    this.#newest = ended.value.epoch;
    return ended;
  }
}

function shownSet(epoch: bigint, members: SkippingLink["members"]): ValidatorSet {
  return createValidatorSet(
    epoch,
    members.map(({ name, publicKey, account }) => ({
      ...{ name, peerId: "" },
      publicKey: asAddress(bytesOf(publicKey)),
      account: asAddress(bytesOf(account)),
    })),
  );
}

/** Keys of a trusted set, each counted once, whatever a set that somebody made up repeats. Signatures are not checked here. */
function keysThatSigned(trusted: ValidatorSet, own: ValidatorSet, { seal }: EpochLink): number {
  const certificate = decodeCommitCertificate(bytesOf(seal));
  const signatures = certificate.ok ? certificate.value.signatures : [];
  const keys = signatures.flatMap(({ signer }) => own.members[signer]?.publicKey ?? []);
  return trusted.members.filter(({ publicKey }) => keys.some((key) => equalBytes(key, publicKey))).length;
}

/** How many epochs ahead a shorter way is looked for. */
const AHEAD_MAX = 1_000;

/**
 * The same way with as few links as there can be for a verifier that takes skips: behind the last transition, from each set to the end of the
 * furthest epoch whose last block a quorum of it has signed. @param links from epoch 0 on, none left out
 */
export function skipEpochs(links: readonly EpochLink[], { validators }: TrustedGenesis): SkippingLink[] {
  const sets = [validators, ...links.map(({ members }, i) => shownSet(BigInt(i) + 1n, members))];
  const first = links.findLastIndex(({ transition }) => transition !== undefined) + 1;
  const kept: SkippingLink[] = links.slice(0, first);
  for (let at = first; at < links.length; ) {
    const furthest = furthestFrom(at, links, sets);
    const link = must(links[furthest], "one of the links");
    const before = links[furthest - 1];
    kept.push(furthest === at || before === undefined ? link : { ...link, validators: before.members });
    at = furthest + 1;
  }
  return kept;
}

function furthestFrom(at: number, links: readonly EpochLink[], sets: readonly ValidatorSet[]): number {
  const trusted = must(sets[at], "a set before each link");
  for (let i = Math.min(links.length, at + AHEAD_MAX) - 1; i > at; i--) {
    const [link, own] = [must(links[i], "one of the links"), must(sets[i], "a set before each link")];
    if (keysThatSigned(trusted, own, link) >= quorumOf(trusted.members.length).quorum) return i;
  }
  return at;
}

/** A receipt of format 4 with as few links as there can be: format 5, where that leaves any out. */
export function skipInReceipt(receipt: ReceiptFile, trusted: TrustedGenesis): ReceiptFile | SkippingReceipt {
  const { epochs = [] } = receipt;
  const few = skipEpochs(epochs, trusted);
  return few.length === epochs.length ? receipt : { ...receipt, format: 5, epochs: few };
}

type SkippingReceipt = Omit<ReceiptFile, "format" | "epochs"> & {
  readonly format: 5;
  readonly epochs: readonly SkippingLink[];
};

/**
 * Checks a receipt as verifyReceipt does, which refuses format 5. The answer names the epochs that were not
 * looked at.
 */
export function verifySkippingReceipt(
  question: ReceiptQuestion,
): ReceiptAnswer & { readonly skipped?: readonly SkippedEpochs[] } {
  const json = parsed(question.receipt);
  if (!isSkipping(json)) return verifyReceipt(question);
  const opened =
    typeof question.genesis === "string" ? openGenesis(question.genesis) : accept(question.genesis);
  const read = checkFields(linksField, json);
  if (!opened.ok) return { valid: false, reason: `genesis: ${opened.fault.detail}` };
  if (!read.ok) return { valid: false, reason: `receipt: ${read.fault.detail}` };
  const trusted = { ...opened.value, accepted: question.accepted ?? opened.value.accepted };
  const sets = new SkippingSets(trusted);
  for (const link of read.value.epochs) {
    const taken = sets.extend(link);
    if (!taken.ok) return { valid: false, reason: taken.fault.detail };
  }
  const { epochs: _, ...rest } = json;
  const format = isOfSender(json.evidence) ? 3 : 1;
  const answer = verifyReceipt({
    ...question,
    receipt: { ...rest, format },
    genesis: { ...trusted, sets },
  });
  return answer.valid ? { ...answer, skipped: sets.skips } : answer;
}

function parsed(receipt: unknown): unknown {
  if (typeof receipt !== "string" || receipt.length > RECEIPT_FILE_BYTES_MAX) return receipt;
  try {
    return JSON.parse(receipt);
  } catch {
    return receipt;
  }
}

function isSkipping(json: unknown): json is Record<string, unknown> {
  return typeof json === "object" && json !== null && "format" in json && json.format === 5;
}

function isOfSender(evidence: unknown): boolean {
  return typeof evidence === "object" && evidence !== null && "sender" in evidence;
}
