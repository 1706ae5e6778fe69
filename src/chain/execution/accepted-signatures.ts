/**
 * The accepted signatures of one chain: each transaction's signature is verified once per node, at admission or in
 * a block, and remembered with the decoded transaction. Where blocks may be abandoned, so that one envelope is decoded
 * again and again, it is also remembered by the hash of the whole envelope (never by the id, which leaves the signature out).
 * Those that come together are judged together. Only acceptances are kept. A refusal by the native library is no verdict: a block that holds what only ZIP-215
 * accepts must still be accepted, or a transaction gossiped to half the net would split the chain (decision 3).
 */
import { EMPTY, type Hash } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import { ACCEPTED_SIGNATURES_MAX } from "../../base/limits.ts";
import { RecentMap } from "../../base/recent-map.ts";
import { BATCH_MIN } from "../../crypto/batch-verification.ts";
import {
  ED25519,
  isStrongPublicKey,
  SIGNATURE_BYTES,
  type SignatureClaim,
  type SignatureRules,
} from "../../crypto/keys.ts";
import type { ConsensusRules } from "../rules.ts";
import { type SignedTransaction, transactionSigningBytes, unsignedPart } from "../types/transaction.ts";

/**
 * Which rule accepted a signature, and for which chain. Admission's rule, which asks for a strong key, implies the block's, and
 * not the reverse.
 */
interface Acceptance {
  readonly by: AcceptedSignatures;
  readonly rule: "admission" | "block";
}

/** Refusals by another thread that are remembered until they are asked for. Beyond it a signature is judged again. */
const REFUSED_ELSEWHERE_MAX = 1_024;

/** How many signatures that the native library refuses may be verified slowly for one block, where nothing obliges to judge it. */
export class SlowSignatureLimit {
  readonly max: number;
  /** Refused by the native library so far, the one beyond the limit included. */
  count = 0;

  constructor(max: number) {
    this.max = max;
  }

  /** The block was not judged to its end: what was said of it is no verdict. */
  get isExceeded(): boolean {
    return this.count > this.max;
  }
}

export class AcceptedSignatures {
  readonly #genesisHash: Hash;
  readonly #rules: SignatureRules;
  readonly #admission: Acceptance = { by: this, rule: "admission" };
  readonly #block: Acceptance = { by: this, rule: "block" };
  /** Accepted envelopes by the text of their hash: those that were accepted longest ago are forgotten first. */
  readonly #accepted: RecentMap<string, Acceptance> | undefined;
  /** The ones with an invalid signature among the last transactions that were judged together for admission. */
  readonly #refused = new Set<string>();
  /** Those with an invalid signature that another thread has found, until they are asked for. */
  readonly #refusedElsewhere = new Set<string>();

  /**
   * One instance per chain: the genesis hash is in what is signed, so it belongs to every key implicitly.
   * @param countMax acceptances that are remembered by hash; with 0 each is remembered with its decoded transaction alone
   */
  constructor(
    genesisHash: Hash,
    rules: SignatureRules = ED25519,
    countMax: number = ACCEPTED_SIGNATURES_MAX,
  ) {
    this.#rules = rules;
    this.#genesisHash = genesisHash;
    this.#accepted = countMax === 0 ? undefined : new RecentMap(countMax);
  }

  /** For a node: of a chain whose blocks are final none is remembered by hash, since no block's transactions come again. */
  static of(
    { kind }: Pick<ConsensusRules, "kind">,
    genesisHash: Hash,
    rules: SignatureRules,
  ): AcceptedSignatures {
    return new AcceptedSignatures(genesisHash, rules, kind === "final" ? 0 : ACCEPTED_SIGNATURES_MAX);
  }

  /** How many acceptances are remembered by hash. */
  get size(): number {
    return this.#accepted?.size ?? 0;
  }

  /**
   * The rule at admission (RPC, gossip, resurrection): the key is strong and the signature valid, or, where there is no
   * kernel and the whole rule is dear, accepted by the native library. False is no verdict on validity, only "not
   * admitted".
   */
  admit(transaction: SignedTransaction): boolean {
    if (this.#acceptanceOf(transaction) === this.#admission) return true;
    const key = transaction.hashKey;
    if (!isStrongPublicKey(transaction.from) || this.#refused.has(key)) return false;
    if (this.#refusedElsewhere.delete(key)) return false;
    const rule = this.#rules.verifyEach === undefined ? "verifyQuickly" : "verifySignature";
    if (!this.#rules[rule](transaction.from, this.#signedBytes(transaction), transaction.signature))
      return false;
    this.#remember(transaction, this.#admission);
    return true;
  }

  /** {@link admit} of what came together: what it says of each afterwards, it says without another look. */
  admitTogether(transactions: readonly SignedTransaction[]): void {
    this.#refused.clear();
    this.#judgeTogether(this.fresh(transactions), this.#admission);
  }

  /** Those of whose signatures {@link admit} knows nothing yet, and would have to judge them. */
  fresh(transactions: readonly SignedTransaction[]): SignedTransaction[] {
    return transactions.filter(
      (transaction) =>
        this.#acceptanceOf(transaction) !== this.#admission &&
        !this.#refusedElsewhere.has(transaction.hashKey) &&
        isStrongPublicKey(transaction.from),
    );
  }

  /** What the whole rule says of one that is {@link fresh}, on another thread of this process: {@link admit} says it too. */
  noteJudged(transaction: SignedTransaction, isValid: boolean): void {
    if (isValid) this.#remember(transaction, this.#admission);
    else {
      this.#refusedElsewhere.add(transaction.hashKey);
      if (this.#refusedElsewhere.size > REFUSED_ELSEWHERE_MAX) dropOldest(this.#refusedElsewhere);
    }
  }

  /**
   * The block's rule: valid iff ZIP-215 says so, whatever native library this node has.
   * @param limit counts what has to be verified slowly, where anything has; once it is exceeded, false is no verdict
   */
  validate(transaction: SignedTransaction, limit?: SlowSignatureLimit): boolean {
    if (this.remembers(transaction)) return true;
    if (limit !== undefined && this.#rules.verifyEach === undefined) {
      if (this.validateQuickly(transaction)) return true;
      limit.count++;
      if (limit.isExceeded) return false;
    }
    if (!this.#rules.verifySignature(transaction.from, this.#signedBytes(transaction), transaction.signature))
      return false;
    this.#remember(transaction, this.#block);
    return true;
  }

  /** {@link validate} of what a block holds: what is valid is remembered as such, of the others nothing is said. */
  validateTogether(transactions: readonly SignedTransaction[]): void {
    this.#judgeTogether(
      transactions.filter((transaction) => !this.remembers(transaction)),
      this.#block,
    );
  }

  /** Nothing is slow here: {@link validateTogether} does what has to be done ahead elsewhere. */
  get hasKernel(): boolean {
    return this.#rules.verifyEach !== undefined;
  }

  #judgeTogether(transactions: readonly SignedTransaction[], acceptance: Acceptance): void {
    const { verifyEach } = this.#rules;
    if (verifyEach === undefined || transactions.length < BATCH_MIN) return;
    const { verdicts } = verifyEach(this.#claimsOf(transactions));
    let i = 0;
    for (const transaction of transactions) {
      if (verdicts[i++]) this.#remember(transaction, acceptance);
      else if (acceptance === this.#admission) this.#refused.add(transaction.hashKey);
    }
  }

  /** {@link claimOf} of each, all messages in one piece of memory: one of its own costs each more than the message. */
  #claimsOf(transactions: readonly SignedTransaction[]): SignatureClaim[] {
    const prefix = transactionSigningBytes(this.#genesisHash, EMPTY);
    const length = transactions.reduce((sum, { bytes }) => sum + prefix.length + bytes.length, 0);
    const memory = new Uint8Array(length);
    let from = 0;
    return transactions.map(({ from: publicKey, bytes, signature }) => {
      const at = from;
      memory.set(prefix, at);
      memory.set(bytes, at + prefix.length);
      from = at + prefix.length + bytes.length;
      return { publicKey, message: memory.subarray(at, from - SIGNATURE_BYTES), signature };
    });
  }

  /** Whether {@link validate} would say yes without looking. */
  remembers(transaction: SignedTransaction): boolean {
    return this.#acceptanceOf(transaction) !== undefined;
  }

  /**
   * What the native library accepts, the block's rule accepts, and it is remembered as such. False is no verdict:
   * the whole rule has to be asked.
   */
  validateQuickly(transaction: SignedTransaction): boolean {
    if (this.remembers(transaction)) return true;
    const { publicKey, message, signature } = this.claimOf(transaction);
    if (!this.#rules.verifyQuickly(publicKey, message, signature)) return false;
    this.#remember(transaction, this.#block);
    return true;
  }

  /** What somebody else has to judge by the whole rule before {@link noteValid}. */
  claimOf(transaction: SignedTransaction): SignatureClaim {
    const message = this.#signedBytes(transaction);
    return { publicKey: transaction.from, message, signature: transaction.signature };
  }

  /** The whole rule has accepted this transaction's signature, on another thread of this process. */
  noteValid(transaction: SignedTransaction): void {
    if (!this.remembers(transaction)) this.#remember(transaction, this.#block);
  }

  #signedBytes(transaction: SignedTransaction): Uint8Array {
    return transactionSigningBytes(this.#genesisHash, unsignedPart(transaction));
  }

  /** The object's own is found without a look at a table; of another chain's it says nothing. */
  #acceptanceOf({ acceptance, hashKey }: SignedTransaction): Acceptance | undefined {
    if (acceptance === this.#admission || acceptance === this.#block) return acceptance as Acceptance;
    return this.#accepted?.get(hashKey);
  }

  #remember(transaction: SignedTransaction, acceptance: Acceptance): void {
    transaction.acceptance = acceptance;
    this.#accepted?.set(transaction.hashKey, acceptance);
  }
}
