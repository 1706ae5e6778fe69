/**
 * Agreement, validity and certificates: one block per height over all correct nodes, for ever; each extends the one
 * before, with hash and roots recomputed; each stored seal holds a quorum of valid COMMITs of one view. Every block
 * is run on the naive ledger once, and after each commit the node's own accounts must be the naive ones. What a node
 * has committed it still has after a crash; a transaction that was final stays.
 * Source: pbft.md 1.1 (safety), 1.5 (committed-local), 1.11, 1.12.
 */
import { must } from "../../../base/assert.ts";
import { type Address, byteText, concatBytes, type Hash, hex, utf8 } from "../../../base/bytes.ts";
import { modulesOf } from "../../../chain/execution/modules-in-force.ts";
import { readAccount } from "../../../chain/modules/accounts.ts";
import type { Block, Header, SealedBlock, Summary } from "../../../chain/types/block.ts";
import { sha256 } from "../../../crypto/hash.ts";
import { NaiveLedger, NaiveRefusal, naiveMerkleRoot, u32Bytes } from "../naive-ledger.ts";
import { callNaively } from "../naive-modules.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import type { Facts } from "./facts.ts";
import { type ByteText, COMMIT, showText, textBytes, u64Bytes, voteFields } from "./raw-bytes.ts";
import { readSeal } from "./raw-proofs.ts";

interface Agreed {
  readonly hash: ByteText;
  readonly timeMs: bigint;
  readonly stateRoot: ByteText;
  /** The node on which it was seen first. */
  readonly node: NodeId;
  readonly transactions: readonly ByteText[];
}

export class ChainChecker implements Observer {
  /** What was agreed by height; 0 is genesis. */
  readonly agreed: Agreed[] = [];
  /** Envelope hashes of final transactions. */
  readonly final = new Map<ByteText, bigint>();
  readonly #facts: Facts;
  readonly #ledger: NaiveLedger;
  readonly #supply: bigint;
  /** The highest height that each node has told to be committed. */
  readonly #committed = new Map<NodeId, bigint>();

  constructor(facts: Facts) {
    this.#facts = facts;
    const { genesis, genesisHash, signatures } = facts.world;
    const modules = modulesOf(genesis).own();
    this.#ledger = new NaiveLedger(genesis.accounts, {
      chainId: genesis.chainId,
      minFee: genesis.limits.minFee,
      genesisHash,
      verify: (key, message, signature) => signatures.rules.verifySignature(key, message, signature),
      callModule: (number, call, entries) => {
        const module = modules.find((own) => own.id === number);
        return module && callNaively(module, call, entries);
      },
    });
    this.#supply = this.#ledger.supply;
    const stateRoot = byteText(this.#ledger.stateRoot());
    const { timeMs } = genesis;
    this.agreed.push({ hash: byteText(genesisHash), timeMs, stateRoot, node: 0, transactions: [] });
  }

  committed(node: NodeId, sealed: SealedBlock): void {
    if (!this.#facts.isCorrect(node)) return;
    this.#check(node, sealed);
    this.#compareState(node, sealed.block);
  }

  /** Is called after a start: what was committed is still there, and what became durable unseen is looked at now. */
  stepped(node: NodeId, input: { readonly kind: string; readonly head?: { readonly height: bigint } }): void {
    if (input.kind !== "started" || !this.#facts.isCorrect(node)) return;
    const height = must(input.head, "a start says the head").height;
    const committed = this.#committed.get(node) ?? 0n;
    if (this.#facts.isRolledBack(node)) this.#committed.set(node, height);
    else if (height < committed)
      this.#report("final", node, `committed height ${committed}, starts at ${height}`);
    const chain = this.#facts.replica(node)?.chain;
    for (let at = height < committed ? height : committed; at <= height && chain !== undefined; at++) {
      const sealed = at === 0n ? undefined : chain.sealedBlockAt(at);
      if (sealed !== undefined) this.#check(node, sealed);
      else if (at > 0n) this.#report("final", node, `block ${at} is missing after a restart`);
    }
  }

  /** Checks at the end that every final transaction is in the chain of every correct node that has its height. */
  finish(): void {
    for (const { id } of this.#facts.watched.nodes) {
      const chain = this.#facts.replica(id)?.chain;
      if (chain === undefined || !this.#facts.isCorrect(id)) continue;
      const top = chain.head.summary.height;
      for (let height = 1n; height <= top; height++)
        this.#checkStored(id, height, chain.sealedBlockAt(height));
    }
  }

  #checkStored(node: NodeId, height: bigint, sealed: SealedBlock | undefined): void {
    const agreed = this.agreed[Number(height)];
    if (sealed === undefined || agreed === undefined) {
      this.#report("final", node, `block ${height} is ${sealed === undefined ? "missing" : "unknown"}`);
      return;
    }
    const same = byteText(sealed.block.hash) === agreed.hash;
    if (!same) this.#report("agreement", node, `at the end its block ${height} is another`);
    const stored = new Set(sealed.block.transactions.map(({ bytes }) => byteText(sha256(bytes))));
    const lost = agreed.transactions.find((hash) => !stored.has(hash));
    if (lost !== undefined)
      this.#report("final", node, `a final transaction of height ${height} is gone: ${showText(lost)}`);
  }

  #check(node: NodeId, { block, seal }: SealedBlock): void {
    const { height } = block.summary;
    const hash = byteText(hashOf(block.header));
    const committed = this.#committed.get(node) ?? 0n;
    if (height > committed) this.#committed.set(node, height);
    const before = this.agreed[Number(height)];
    if (before === undefined) this.#extend(node, block, hash);
    else if (before.hash !== hash) {
      const [one, other] = [showText(before.hash), showText(hash)];
      this.#report("agreement", node, `height ${height} is ${one} at node ${before.node} and ${other} here`);
      return;
    }
    if (byteText(block.hash) !== hash) this.#report("validity", node, `the hash of block ${height} is wrong`);
    const wrong = this.#sealFault(height, hash, seal);
    if (wrong !== undefined) this.#report("certificate", node, `the seal of block ${height}: ${wrong}`);
  }

  #sealFault(height: bigint, hash: ByteText, seal: Uint8Array): string | undefined {
    try {
      const { view, signatures } = readSeal(seal);
      const fields = voteFields(view, height, hash);
      return this.#facts.checkSigners(signatures, this.#facts.quorum, { type: COMMIT, epoch: 0n, fields });
    } catch (error) {
      if (error instanceof RangeError) return error.message;
      throw error;
    }
  }

  /** The first node that has the height. */
  #extend(node: NodeId, block: Block, hash: ByteText): void {
    const { height, timeMs } = block.summary;
    if (height !== BigInt(this.agreed.length)) {
      this.#report("validity", node, `height ${height} is committed, ${this.agreed.length - 1} was the last`);
      return;
    }
    const parent = must(this.agreed[Number(height) - 1], "the height is the next one");
    const transactions = block.transactions.map(({ bytes }) => byteText(sha256(bytes)));
    const wrong = this.#blockFault(block, parent);
    if (wrong !== undefined) this.#report("validity", node, `block ${height}: ${wrong}`);
    const stateRoot = byteText(block.summary.stateRoot);
    this.agreed.push({ hash, timeMs, stateRoot, node, transactions });
    for (const transaction of transactions) this.final.set(transaction, height);
  }

  #blockFault({ header, summary, transactions }: Block, parent: Agreed): string | undefined {
    const { genesis } = this.#facts.world;
    if (byteText(header.previousHash) !== parent.hash) return "does not extend the block before it";
    if (byteText(header.bodyRoot) !== byteText(hashOfSummary(summary))) return "wrong body root";
    if (summary.chainId !== genesis.chainId || summary.epoch !== 0n) return "another chain or epoch";
    if (header.version !== 2 || header.bits !== 0 || header.nonce !== 0) return "not a header of this mode";
    if (summary.timeMs <= parent.timeMs) return "not later than the block before it";
    if (BigInt(header.time) !== summary.timeMs / 1000n) return "two different times";
    const envelopes = transactions.map(({ bytes }) => bytes);
    if (summary.txCount !== envelopes.length || envelopes.length > genesis.limits.maxBlockTransactions)
      return `${envelopes.length} transactions`;
    const bytes = envelopes.reduce((sum, envelope) => sum + envelope.length, 0);
    if (bytes > genesis.limits.maxBlockBytes) return `${bytes} bytes of transactions`;
    if (!same(naiveMerkleRoot(envelopes.map((bytes) => sha256(bytes))), summary.txRoot))
      return "wrong txRoot";
    return this.#execute(envelopes, summary);
  }

  #execute(envelopes: readonly Uint8Array[], summary: Summary): string | undefined {
    const proposer = this.#facts.world.genesis.validators[summary.proposer];
    if (proposer === undefined) return `proposer ${summary.proposer}`;
    const { height, timeMs } = summary;
    try {
      const context = { height, timeMs, feeRecipient: proposer.account };
      const receipts = this.#ledger.execute(envelopes, context);
      if (!same(naiveMerkleRoot(receipts), summary.receiptsRoot)) return "wrong receiptsRoot";
    } catch (error) {
      if (error instanceof NaiveRefusal || error instanceof RangeError) return error.message;
      throw error;
    }
    if (this.#ledger.supply !== this.#supply) return "the supply has changed";
    return same(this.#ledger.stateRoot(), summary.stateRoot) ? undefined : "wrong stateRoot";
  }

  /** The node stands at the newest block: its accounts must be the naive ones. */
  #compareState(node: NodeId, block: Block): void {
    const chain = this.#facts.replica(node)?.chain;
    const { height } = block.summary;
    if (chain === undefined || height !== BigInt(this.agreed.length - 1)) return;
    if (chain.head.summary.height !== height) return; // told late, after a crash
    for (const [address, naive] of this.#ledger.accounts) {
      const account = readAccount(chain.committed, textBytes(address) as Address);
      if ((account?.balance ?? 0n) === naive.balance && (account?.nonce ?? 0n) === naive.nonce) continue;
      const has = account === undefined ? "none" : `balance ${account.balance}, nonce ${account.nonce}`;
      const detail = `account ${hex(textBytes(address)).slice(0, 8)} at height ${height}`;
      this.#report("ledger", node, `${detail}: ${has}; it must be ${naive.balance}, nonce ${naive.nonce}`);
    }
  }

  #report(checker: string, node: NodeId, detail: string): void {
    this.#facts.report(checker, node, detail);
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return byteText(a) === byteText(b);
}

/** The double SHA-256 of the 80 little-endian bytes. */
function hashOf(header: Header): Uint8Array {
  const bytes = new Uint8Array(80);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, header.version, true);
  bytes.set(header.previousHash, 4);
  bytes.set(header.bodyRoot, 36);
  view.setUint32(68, header.time, true);
  view.setUint32(72, header.bits, true);
  view.setUint32(76, header.nonce, true);
  return sha256(sha256(bytes));
}

function hashOfSummary(summary: Summary): Hash {
  const shorts = Uint8Array.of(
    summary.proposer >> 8,
    summary.proposer & 0xff,
    summary.flags >> 8,
    summary.flags & 0xff,
  );
  return sha256(
    concatBytes(
      utf8("quorate/summary/v1"),
      ...[summary.chainId, summary.height, summary.epoch, summary.timeMs].map(u64Bytes),
      shorts,
      summary.txRoot,
      summary.stateRoot,
      summary.receiptsRoot,
      u32Bytes(summary.txCount),
      u32Bytes(summary.bodyBytes),
      summary.validatorsHash,
      summary.nextValidatorsHash,
      Uint8Array.of(summary.extra.length),
      summary.extra,
    ),
  );
}
