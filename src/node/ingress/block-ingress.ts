/**
 * The chain's branches as those who fetch and serve them see them: heads and bodies go in through the chain's queue,
 * heads, bodies and single transactions come out. A body is first compared with its head, as raw bytes; only then
 * does what is in it count, and count for the block alone (pow.md 2.8, "Verdicts"). A disk error stops the node.
 */
import { must } from "../../base/assert.ts";
import { byteText, equalBytes, type Hash } from "../../base/bytes.ts";
import type { Fault } from "../../base/fault.ts";
import { BLOCK_TRANSACTIONS_CEILING, TX_BYTES_CEILING } from "../../base/limits.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { Chain } from "../../chain/chain.ts";
import type { TreeNode } from "../../chain/forks/block-tree.ts";
import type { Branches } from "../../chain/forks/branches.ts";
import type { OfferedBody } from "../../chain/forks/branches-ports.ts";
import type { HeadsResult } from "../../chain/forks/header-admission.ts";
import { type BlockHead, type Summary, withBody } from "../../chain/types/block.ts";
import { decodeTransaction, type SignedTransaction } from "../../chain/types/transaction.ts";
import { decode } from "../../codec/reader.ts";
import { sha256 } from "../../crypto/hash.ts";
import { merkleRoot } from "../../crypto/merkle.ts";
import type {
  BodyOutcome,
  BranchLedger,
  BranchScan,
  EncodedBody,
  KnownBlock,
} from "../../p2p/sync/branch-ledger.ts";
import { Arrivals } from "./arrivals.ts";
import type { SlowSignatures } from "./slow-signatures.ts";

/** Heads next to the tip that a locator names one by one. */
const LOCATOR_DENSE = 10;

export interface BlockIngressPorts {
  readonly chain: Chain;
  readonly branches: Branches;
  readonly scheduler: Scheduler;
  /** Checks slow signatures ahead; where it is undefined the chain judges every signature itself. */
  readonly slowSignatures?: SlowSignatures | undefined;
  readonly fatal: (error: unknown) => void;
}

export class BlockIngress implements BranchLedger {
  readonly #chain: Chain;
  readonly #branches: Branches;
  readonly #fatal: (error: unknown) => void;
  readonly #arrivals: Arrivals;
  readonly #slowSignatures: SlowSignatures | undefined;
  #isTakingIn = false;
  #isStopped = false;
  /** Blocks that are being put together from the pool and from single transactions. */
  readonly #assembling = new Set<string>();

  constructor({ chain, branches, scheduler, slowSignatures, fatal }: BlockIngressPorts) {
    this.#chain = chain;
    this.#branches = branches;
    this.#fatal = fatal;
    this.#slowSignatures = slowSignatures;
    this.#arrivals = new Arrivals(scheduler);
  }

  head(): KnownBlock {
    return must(this.find(this.#chain.head.hash), "the head is in the tree");
  }

  bestHeader(): KnownBlock {
    const best = this.#branches.tree.bestHeader();
    return best === undefined ? this.head() : knownBlock(best);
  }

  find(hash: Hash): KnownBlock | undefined {
    const node = this.#branches.tree.get(hash);
    return node === undefined ? undefined : knownBlock(node);
  }

  locatorFrom(hash: Hash): readonly Hash[] {
    const { tree } = this.#branches;
    const { store } = this.#chain;
    const locator: Hash[] = [];
    let node = tree.get(hash);
    let height = node?.head.summary.height ?? 0n;
    for (let step = 1n; ; ) {
      while (node !== undefined && node.head.summary.height > height && !this.#isOnChain(node.head)) {
        node = tree.parentOf(node);
      }
      const at = node?.head.summary.height === height ? node.head.hash : store.hashAt(height);
      if (at !== undefined) locator.push(at);
      if (height === 0n) return locator;
      if (locator.length > LOCATOR_DENSE) step *= 2n;
      height = height > step ? height - step : 0n;
    }
  }

  missing(tip: Hash, countMax: number): readonly Hash[] {
    const { tree } = this.#branches;
    let lacking: Hash[] = [];
    let at = tree.get(tip);
    for (; at !== undefined && !at.isComplete; at = tree.parentOf(at)) {
      if (at.hasInvalidAncestor) return [];
      if (!at.hasBody && !this.isAssembling(at.head.hash)) lacking.push(at.head.hash);
      if (lacking.length >= 2 * countMax) lacking = lacking.slice(-countMax);
    }
    return lacking.slice(-countMax).reverse();
  }

  addHeads(heads: readonly BlockHead[], workProven: bigint): Promise<HeadsResult> {
    return this.#write(() => this.#branches.addHeads(heads, workProven));
  }

  scan(parent: Hash): BranchScan | undefined {
    return this.#branches.scan(parent);
  }

  async addBody(hash: Hash, body: Uint8Array): Promise<BodyOutcome> {
    const read = this.#envelopesOf(hash, body);
    return read.kind === "envelopes" ? this.addEnvelopes(hash, read.envelopes) : read.kind;
  }

  /** Decoded ones that follow each other go in together, so that the disk is synced once for them. */
  async addBodies(bodies: readonly EncodedBody[]): Promise<readonly BodyOutcome[]> {
    const outcomes: BodyOutcome[] = [];
    let run: OfferedBody[] = [];
    const flush = async () => {
      outcomes.push(...(await this.#addRun(run)));
      run = [];
    };
    for (const { hash, body } of bodies) {
      const read = this.#envelopesOf(hash, body);
      const transactions = read.kind === "envelopes" ? this.#decoded(read.envelopes) : undefined;
      if (transactions !== undefined) {
        run.push({ hash, transactions });
        continue;
      }
      await flush();
      outcomes.push(read.kind === "envelopes" ? await this.addEnvelopes(hash, read.envelopes) : read.kind);
      if (outcomes.at(-1) === "wrong") return outcomes;
    }
    await flush();
    return outcomes;
  }

  async #addRun(run: readonly OfferedBody[]): Promise<BodyOutcome[]> {
    if (run.length === 0) return [];
    if (this.#slowSignatures !== undefined) {
      await this.#verifySlowly(run, this.#slowSignatures);
      if (this.#isStopped) return run.map(() => "known");
    }
    const faults = await this.#write(() => this.#branches.addBodies(run));
    for (const { hash } of run) this.arrived(hash);
    return faults.map(outcomeOf);
  }

  /** Sizes first: a body that cannot be the block's is not read. */
  #envelopesOf(hash: Hash, body: Uint8Array): ReadBody {
    const node = this.#branches.tree.get(hash);
    if (node === undefined || node.hasBody) return { kind: "known" };
    const { txCount, bodyBytes } = node.head.summary;
    if (body.length !== 4 + 2 * txCount + bodyBytes) return { kind: "wrong" };
    const envelopes = decode(body.slice(), "body", (reader) =>
      reader.list(BLOCK_TRANSACTIONS_CEILING, (r) => r.bytes16(TX_BYTES_CEILING)),
    );
    return envelopes.ok ? { kind: "envelopes", envelopes: envelopes.value } : { kind: "wrong" };
  }

  /** The transactions of a block as bytes, which are kept. @throws Error when the disk fails. */
  async addEnvelopes(hash: Hash, envelopes: readonly Uint8Array[]): Promise<BodyOutcome> {
    const node = this.#branches.tree.get(hash);
    if (node === undefined || node.hasBody) return "known";
    const transactions = this.#decoded(envelopes);
    if (transactions !== undefined) {
      if (this.#slowSignatures !== undefined) {
        await this.#verifySlowly([{ hash, transactions }], this.#slowSignatures);
        if (this.#isStopped) return "known";
      }
      const wrong = await this.#write(() => this.#branches.addBody(hash, transactions));
      if (wrong !== undefined) return outcomeOf(wrong);
    } else if (isBodyOf(node.head.summary, envelopes))
      await this.#write(() => this.#branches.markInvalid(hash));
    else return "wrong";
    this.arrived(hash);
    return "added";
  }

  forkPoint(locator: readonly Hash[]): Hash {
    return locator.find((hash) => this.isOnChain(hash)) ?? this.#chain.genesisHash;
  }

  isOnChain(hash: Hash): boolean {
    return this.#isOnChain(this.#chain.store.head(hash));
  }

  headsAfter(locator: readonly Hash[], countMax: number, bytesMax: number): readonly BlockHead[] {
    const { store } = this.#chain;
    const heads: BlockHead[] = [];
    let bytes = 0;
    let last = must(store.head(this.forkPoint(locator)), "the fork point is on the chain");
    while (heads.length < countMax) {
      const hash = store.hashAt(last.summary.height + 1n);
      const head = hash === undefined ? undefined : store.head(hash);
      // The chain may be moving to another branch between two reads.
      if (head === undefined || !equalBytes(head.header.previousHash, last.hash)) break;
      bytes += HEAD_BYTES_MAX;
      if (bytes > bytesMax) break;
      heads.push(head);
      last = head;
    }
    return heads;
  }

  async body(hash: Hash, mayWait: boolean): Promise<Uint8Array | undefined> {
    if (mayWait) await this.#awaitBody(hash);
    return this.#chain.store.bodyBytes(hash);
  }

  async transactions(hash: Hash, indexes: readonly number[]): Promise<readonly Uint8Array[]> {
    await this.#awaitBody(hash);
    const body = this.#chain.store.body(hash);
    if (body === undefined) return [];
    return indexes.map((index) => {
      const transaction = body[index];
      if (transaction === undefined) throw new Error(`transaction ${index} of ${body.length}`);
      return transaction.bytes;
    });
  }

  /** The block has come in, by whatever way: who waits for its body is answered. */
  arrived(hash: Hash): void {
    this.#arrivals.arrived(hash);
  }

  isAssembling(hash: Hash): boolean {
    return this.#assembling.has(byteText(hash));
  }

  /** While `work` runs, the block's body counts as on its way. */
  async whileAssembling(hash: Hash, work: () => Promise<void>): Promise<void> {
    this.#assembling.add(byteText(hash));
    try {
      await work();
    } finally {
      this.#assembling.delete(byteText(hash));
    }
  }

  /** Whether what is being written now came from others. */
  get isTakingIn(): boolean {
    return this.#isTakingIn;
  }

  get assemblies(): number {
    return this.#assembling.size;
  }

  /** What is still being verified slowly is not written any more. */
  stop(): void {
    this.#isStopped = true;
    this.#arrivals.stop();
  }

  /** So that execution, which nothing interrupts, finds no signature left that takes long to judge. */
  async #verifySlowly(bodies: readonly OfferedBody[], slowSignatures: SlowSignatures): Promise<void> {
    for (const { hash, transactions } of bodies) {
      const node = this.#branches.tree.get(hash);
      if (this.#isStopped || node === undefined || node.hasBody || node.hasInvalidAncestor) continue;
      await slowSignatures.ahead(withBody(node.head, transactions));
    }
  }

  async #awaitBody(hash: Hash): Promise<void> {
    const known = this.find(hash);
    if (known !== undefined && !known.hasBody && !known.hasInvalidAncestor) await this.#arrivals.wait(hash);
  }

  #decoded(envelopes: readonly Uint8Array[]): readonly SignedTransaction[] | undefined {
    const transactions: SignedTransaction[] = [];
    for (const envelope of envelopes) {
      const decoded = decodeTransaction(envelope, this.#chain.genesis.limits.maxTxBytes);
      if (!decoded.ok) return undefined;
      transactions.push(decoded.value);
    }
    return transactions;
  }

  /** Nothing above the head is asked for on disk: there may be thousands of headers. */
  #isOnChain(head: BlockHead | undefined): boolean {
    if (head === undefined || head.summary.height > this.#chain.head.summary.height) return false;
    return this.#branches.isCanonical(head);
  }

  async #write<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#chain.enqueue(async () => {
        this.#isTakingIn = true;
        try {
          return await work();
        } finally {
          this.#isTakingIn = false;
        }
      });
    } catch (error) {
      this.#fatal(error);
      throw error;
    }
  }
}

/** header 80 | summary of at most 270 */
const HEAD_BYTES_MAX = 350;

function knownBlock({ head, work, hasBody, hasInvalidAncestor }: TreeNode): KnownBlock {
  const { height, bodyBytes } = head.summary;
  return { hash: head.hash, height, work, hasBody, bodyBytes, hasInvalidAncestor };
}

/** A head that was given up while its body was looked at is nobody's fault. */
/** What came of reading a body's bytes. */
type ReadBody =
  | { readonly kind: "envelopes"; readonly envelopes: readonly Uint8Array[] }
  | { readonly kind: "known" }
  | { readonly kind: "wrong" };

function outcomeOf(wrong: Fault | undefined): BodyOutcome {
  if (wrong === undefined) return "added";
  return wrong.code === "unknown-block" ? "known" : "wrong";
}

/** Whether these raw bytes are what the summary commits to. */
function isBodyOf({ txCount, bodyBytes, txRoot }: Summary, envelopes: readonly Uint8Array[]): boolean {
  const bytes = envelopes.reduce((sum, envelope) => sum + envelope.length, 0);
  return (
    envelopes.length === txCount &&
    bytes === bodyBytes &&
    equalBytes(merkleRoot(envelopes.map(sha256)), txRoot)
  );
}
