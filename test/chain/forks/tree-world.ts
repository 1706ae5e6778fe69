/**
 * One random block tree, fed to a real chain with its pool and to the naive ones: blocks valid and not, heads and
 * bodies apart, late, twice or never, wrong bodies, the operator's word, restarts. After each step both must have the
 * same head, state and pool. Everything follows from the seed.
 */
import {
  asAddress,
  byteText,
  concatBytes,
  EMPTY,
  equalBytes,
  hex,
  showHash,
  utf8,
  ZERO_HASH,
} from "../../../src/base/bytes.ts";
import { Chain, type HeadChange } from "../../../src/chain/chain.ts";
import { type BranchSettings, branchesOf } from "../../../src/chain/chain-mode.ts";
import { AcceptedSignatures } from "../../../src/chain/execution/accepted-signatures.ts";
import type { Genesis } from "../../../src/chain/genesis/genesis.ts";
import { computeGenesisHash, executeGenesis } from "../../../src/chain/genesis/genesis-state.ts";
import type { PowParameters, RetargetParameters } from "../../../src/chain/genesis/pow-parameters.ts";
import { readAccount } from "../../../src/chain/modules/accounts.ts";
import {
  assembleBlock,
  type Block,
  bodyBytesOf,
  type Header,
  hashHeader,
  txRootOf,
  VERSION_POW,
} from "../../../src/chain/types/block.ts";
import { meetsTarget } from "../../../src/chain/types/target.ts";
import {
  COINBASE_BYTES,
  decodeTransaction,
  makeCoinbase,
  type SignedTransaction,
  transactionSigningBytes,
  unsignedPart,
} from "../../../src/chain/types/transaction.ts";
import { expectedBits } from "../../../src/consensus/pow/retarget.ts";
import { selectConsensus } from "../../../src/consensus/select.ts";
import { verifySignature } from "../../../src/crypto/keys.ts";
import { Mempool } from "../../../src/mempool/mempool.ts";
import { bodiesFrom } from "../../../src/node/mining/block-body.ts";
import type { Kv } from "../../../src/storage/kv.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { NaiveRefusal, naiveMerkleRoot } from "../../../src/tools/sim/naive-ledger.ts";
import { Random } from "../../../src/tools/sim/random.ts";
import {
  alice,
  genesis as alliance,
  anchorOf,
  bob,
  carol,
  person,
  genesisHash as signedFor,
  transfer,
} from "../fixtures.ts";
import { NaiveMinedLedger, naiveWork } from "../naive-ledger.ts";
import { lineOf, type NaiveBlock, type NaiveMove, NaivePool, NaiveTree } from "./naive-tree.ts";

const GAP = 6;
/** The chain builds no higher: much lighter branches are not stored, which the naive tree does not know. */
const HEIGHT_MAX = 40;
const RETARGETS: readonly RetargetParameters[] = [
  { rule: "fixed" },
  { rule: "bitcoin", interval: 4, timewarpGuard: false },
  { rule: "asert", halflife: 6_000 },
];
const miners = [person("miner a"), person("miner b")] as const;
const people = [alice, bob, carol, ...miners];

/** One chain for each rule, with what does not change between trees. */
const places = RETARGETS.map((retarget) => {
  const parameters: PowParameters = {
    type: "pow",
    powLimitBits: 0x207fffff,
    startBits: 0x207fffff,
    spacing: 600,
    futureLimit: 600,
    retarget,
    subsidy: 50n,
    halvingInterval: 20,
    maturity: 3,
  };
  const genesis: Genesis<PowParameters> = { ...alliance, consensus: parameters, validators: [] };
  return { parameters, genesis, hash: computeGenesisHash(genesis), zero: executeGenesis(genesis).block };
});
type Place = (typeof places)[number];

/** What a transfer between accounts takes, as most of the pool are. */
const TRANSFER_BYTES = transfer(alice, bob.publicKey, 1n).bytes.length;

/** A chain whose blocks hold no more than this, the coinbase included. */
function limited(place: Place, count: number, isByBytes: boolean): Place {
  const maxBlockBytes = COINBASE_BYTES + (count - 1) * TRANSFER_BYTES;
  const limits = isByBytes ? { maxTxBytes: TRANSFER_BYTES, maxBlockBytes } : { maxBlockTransactions: count };
  const genesis = { ...place.genesis, limits: { ...place.genesis.limits, ...limits } };
  return {
    parameters: place.parameters,
    genesis,
    hash: computeGenesisHash(genesis),
    zero: executeGenesis(genesis).block,
  };
}

/**
 * The transactions of fixtures.ts are signed for its own chain: these chains take those signatures. Each is verified
 * once for all trees.
 */
function isSigned(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const id = byteText(signature);
  let answer = verified.get(id);
  if (answer === undefined) {
    const tag = utf8("quorate/tx/v1");
    const signed = concatBytes(tag, signedFor, message.subarray(tag.length + signedFor.length));
    answer = verifySignature(key, signed, signature);
    if (verified.size > 50_000) verified.clear();
    verified.set(id, answer);
  }
  return answer;
}
const verified = new Map<string, boolean>();

const FLAWS = [
  "value",
  "state-root",
  "receipts-root",
  "nonce",
  "coinbase-height",
  "no-coinbase",
  "two-coinbases",
  "coinbase-second",
  "signature",
  "expired",
  "unpayable",
] as const;

export interface TreeStats {
  readonly blocks: number;
  readonly depth: number;
  readonly reorgs: number;
  readonly deepest: number;
  readonly found: number;
  readonly restarts: number;
  /** Blocks that the chain built from its pool, and those of them that had no room for what else could run. */
  readonly built: number;
  readonly full: number;
}

export interface TreeOptions {
  /** Blocks hold two to four transactions, the coinbase included, and the chain itself fills some from its pool. */
  readonly isFull?: boolean;
}

export async function runBlockTree(seed: number, options: TreeOptions = {}): Promise<TreeStats> {
  const world = new TreeWorld(seed, options);
  await world.run();
  return world.stats;
}

class TreeWorld {
  readonly #random: Random;
  readonly #place: Place;
  readonly #blocks: NaiveBlock[] = [];
  readonly #pooled: SignedTransaction[] = [];
  readonly #naive: NaiveTree;
  readonly #naivePool: NaivePool;
  readonly #settings: BranchSettings;
  /** Whether the pool sees every block: by a batch it keeps what could not be paid between two blocks of it. */
  readonly #poolSeesAll: boolean;
  #kv: Kv = new MemoryKv();
  #chain: Chain | undefined;
  #pool: Mempool | undefined;
  #emitted: string[] = [];
  #expected: string[] = [];
  #reorgs = 0;
  #deepest = 0;
  #restarts = 0;
  /** Draws for what only full trees do, so that all others stay what they were. */
  readonly #fullness: Random | undefined;
  /** Blocks grow no larger than this, besides their coinbase. */
  readonly #roomMax: number;
  #built = 0;
  #full = 0;

  constructor(seed: number, { isFull = false }: TreeOptions) {
    const random = new Random(`block tree/${seed}`);
    this.#random = random;
    this.#fullness = isFull ? new Random(`full blocks/${seed}`) : undefined;
    const place = places[seed % places.length]!;
    this.#roomMax = this.#fullness?.integer(1, 3) ?? 3;
    this.#place =
      this.#fullness === undefined ? place : limited(place, this.#roomMax + 1, this.#fullness.chance(0.5));
    const maxReorgDepth = random.chance(0.1) ? random.integer(1, 4) : 0;
    this.#settings = {
      maxReorgDepth,
      treeDepth: random.pick([1, 4, 2_048]),
      ...(random.chance(0.1) ? { moveBytesMax: random.integer(1, 30_000) } : {}),
      ...(seed % 3 === 1 ? { extensionBlocks: 1 } : {}),
    };
    this.#poolSeesAll = this.#settings.moveBytesMax === undefined && this.#settings.extensionBlocks === 1;
    this.#plant();
    const deep = random.chance(0.04) && !isFull;
    const count = deep ? random.integer(80, 130) : random.integer(4, 18);
    const forks = deep ? 0.03 : random.pick([0.05, 0.2, 0.4]);
    // What the flaws add has no room in small blocks.
    const flaws = random.pick([0, 0.05, 0.2]) * (isFull ? 0 : 1);
    for (let i = 0; i < count; i++) this.#grow(forks, flaws);
    this.#naive = new NaiveTree(this.#blocks, maxReorgDepth);
    this.#naivePool = new NaivePool(this.#blocks[0]!, GAP);
  }

  get stats(): TreeStats {
    return {
      blocks: this.#blocks.length - 1,
      depth: Math.max(...this.#blocks.map(({ height }) => height)),
      reorgs: this.#reorgs,
      deepest: this.#deepest,
      found: this.#blocks.filter(({ isFound }) => isFound).length,
      restarts: this.#restarts,
      built: this.#built,
      full: this.#full,
    };
  }

  async run(): Promise<void> {
    await this.#open();
    this.#pool = new Mempool(
      { genesis: this.#place.genesis, nonceGapMax: GAP },
      { head: this.#headState(), signatures: { admit: (tx) => this.#isSigned(tx) } },
    );
    const order = this.#deliveries();
    for (const step of order) await this.#step(step);
    // What came as an orphan comes again, in order; some bodies stay away.
    const absent = this.#random.chance(0.3) ? 0.1 : 0;
    for (const one of this.#blocks) {
      if (one.hasBody || this.#random.chance(absent)) continue;
      await this.#whole(one);
      this.#compare("again", true);
    }
    if (this.#random.chance(0.3)) await this.#restart();
    this.#compare("at the end", true);
    this.#checkMoney();
  }

  // ----- growing the tree ---------------------------------------------------------------------------------

  #plant(): void {
    const { zero, hash, parameters } = this.#place;
    const rules = { chainId: alliance.chainId, minFee: 0n, genesisHash: hash, verify: isSigned };
    const ledger = new NaiveMinedLedger(alliance.accounts, rules, parameters);
    this.#blocks.push({
      block: zero,
      parent: undefined,
      height: 0,
      work: naiveWork(zero.header.bits),
      isValid: true,
      ledger,
      stateRoot: hex(ledger.stateRoot()),
      hasHead: true,
      hasBody: true,
      sequence: 1,
      isFound: false,
      isTaken: false,
    });
  }

  #grow(forks: number, flaws: number): void {
    const random = this.#random;
    const isTip = (one: NaiveBlock) => !this.#blocks.some(({ parent }) => parent === one);
    // A few branches that keep up with each other, now and then a new one.
    const tips = this.#blocks.filter(isTip).sort((a, b) => b.height - a.height);
    const parent = random.pick(random.chance(forks) ? this.#blocks.slice(-12) : tips.slice(0, 3));
    const flaw = random.chance(flaws) ? random.pick(FLAWS) : undefined;
    const child = this.#child(parent, flaw);
    if (!this.#blocks.some(({ block }) => equalBytes(block.hash, child.block.hash))) this.#blocks.push(child);
  }

  #child(parent: NaiveBlock, flaw: (typeof FLAWS)[number] | undefined): NaiveBlock {
    const random = this.#random;
    const height = BigInt(parent.height + 1);
    const ready = parent.ledger.copy();
    ready.mature(height);
    const transactions = this.#choose(ready, height, flaw);
    const fees = transactions.reduce((sum, { fee }) => sum + fee, 0n);
    const most = 50n / 2n ** (height / 20n) + fees;
    const value = flaw === "value" ? most + 1n : random.pick([most, most, most, most / 2n, 0n]);
    const to = random.pick(miners).publicKey;
    const coinbase = makeCoinbase(flaw === "coinbase-height" ? height + 1n : height, to, value);
    const body = bodyOf(coinbase, transactions, flaw);
    const median = medianOf(parent);
    const ledger = parent.ledger.copy();
    let receipts: Uint8Array[] = [];
    let isValid = true;
    try {
      receipts = ledger.mine(
        body.map(({ bytes }) => bytes),
        height,
        BigInt(median) * 1_000n,
      );
    } catch (error) {
      if (!(error instanceof NaiveRefusal)) throw error;
      isValid = false;
    }
    if (flaw !== undefined && isValid && flaw !== "state-root" && flaw !== "receipts-root") {
      throw new Error(`the flaw ${flaw} makes no block invalid`);
    }
    const roots = isValid
      ? { stateRoot: ledger.stateRoot(), receiptsRoot: naiveMerkleRoot(receipts) }
      : { stateRoot: random.bytes(32), receiptsRoot: random.bytes(32) };
    if (flaw === "state-root") roots.stateRoot = random.bytes(32);
    if (flaw === "receipts-root") roots.receiptsRoot = naiveMerkleRoot(receipts.slice(1));
    if (flaw === "state-root" || flaw === "receipts-root") isValid = false;
    const block = this.#solved(parent, body, roots, median);
    const work = parent.work + naiveWork(block.header.bits);
    const rest = { hasHead: false, hasBody: false, sequence: 0, isFound: false, isTaken: false };
    const after = isValid
      ? { ledger, stateRoot: hex(roots.stateRoot) }
      : { ledger: parent.ledger, stateRoot: parent.stateRoot };
    return { block, parent, height: Number(height), work, isValid, ...after, ...rest };
  }

  /** Up to three that run one after the other, mostly such as stand on other branches or in the pool already. */
  #choose(ready: NaiveMinedLedger, height: bigint, flaw: string | undefined): SignedTransaction[] {
    const random = this.#random;
    const chosen: SignedTransaction[] = [];
    for (let i = Math.min(random.integer(0, 3), this.#roomMax); i > 0; i--) {
      const from = random.pick(people);
      const account = ready.accounts.get(byteText(from.publicKey));
      if (account === undefined || chosen.some((tx) => equalBytes(tx.from, from.publicKey))) continue;
      const fits = (tx: SignedTransaction) =>
        equalBytes(tx.from, from.publicKey) &&
        tx.nonce === account.nonce &&
        tx.fee <= account.balance &&
        (tx.validUntilHeight === 0n || tx.validUntilHeight >= height);
      const old = this.#pooled.filter(fits);
      const tx =
        old.length > 0 && random.chance(0.6)
          ? random.pick(old)
          : this.#transaction(account.nonce, from, height);
      if (!fits(tx)) continue;
      chosen.push(tx);
    }
    const nonce = ready.accounts.get(byteText(alice.publicKey))!.nonce;
    const plain = chosen.filter((tx) => !equalBytes(tx.from, alice.publicKey));
    if (flaw === "nonce") return [...plain, transfer(alice, bob.publicKey, 1n, { nonce: nonce + 1n })];
    if (flaw === "expired" && height > 1n) {
      return [...plain, transfer(alice, bob.publicKey, 1n, { nonce, validUntilHeight: height - 1n })];
    }
    if (flaw === "unpayable" || flaw === "expired")
      return [...plain, transfer(alice, bob.publicKey, 1n, { nonce, fee: 1_000_000n })];
    if (flaw === "signature") {
      const good = transfer(alice, bob.publicKey, 1n, { nonce });
      const bytes = good.bytes.slice();
      bytes[bytes.length - 1]! ^= 1;
      return [...plain, forged(bytes)];
    }
    return chosen;
  }

  #transaction(nonce: bigint, from: (typeof people)[number], height: bigint): SignedTransaction {
    const random = this.#random;
    const fee = BigInt(random.integer(0, 3));
    const validUntilHeight = random.chance(0.1) ? height + BigInt(random.integer(0, 3)) : 0n;
    const fields = { nonce, fee, validUntilHeight };
    const tx =
      random.chance(0.15) && this.#fullness === undefined
        ? anchorOf(from, `document ${random.integer(0, 3)}`, fields)
        : transfer(
            from,
            random.pick(people).publicKey,
            BigInt(random.pick([0, 1, 7, 30, 300, 2_000])),
            fields,
          );
    this.#pooled.push(tx);
    return tx;
  }

  #solved(
    parent: NaiveBlock,
    body: readonly SignedTransaction[],
    roots: { stateRoot: Uint8Array; receiptsRoot: Uint8Array },
    median: number,
  ): Block {
    const { parameters } = this.#place;
    const line = lineOf(parent);
    const branch = {
      height: BigInt(parent.height),
      headerAt: (height: bigint) => line[parent.height - Number(height)]!.block.header,
    };
    const time = this.#timeAfter(parent, median, this.#random);
    const summary = {
      chainId: alliance.chainId,
      height: BigInt(parent.height + 1),
      epoch: 0n,
      timeMs: 0n,
      proposer: 0,
      flags: 0,
      txRoot: txRootOf(body),
      stateRoot: roots.stateRoot as Block["hash"],
      receiptsRoot: roots.receiptsRoot as Block["hash"],
      txCount: body.length,
      bodyBytes: bodyBytesOf(body),
      validatorsHash: ZERO_HASH,
      nextValidatorsHash: ZERO_HASH,
      extra: EMPTY,
    };
    const fields = {
      version: VERSION_POW,
      previousHash: parent.block.hash,
      time,
      bits: expectedBits(parameters, branch),
    };
    return solvedBlock(assembleBlock({ ...fields, nonce: 0 }, summary, body));
  }

  #timeAfter(parent: NaiveBlock, median: number, random: Random): number {
    // A long branch by Bitcoin's rule, four blocks a period, would become too hard to mine here.
    const late = this.#place.parameters.retarget.rule === "bitcoin" && parent.height >= 20 ? 600 : 0;
    return Math.max(median + 1, parent.block.header.time + random.integer(-300, 1_500) + late);
  }

  // ----- what happens -------------------------------------------------------------------------------------

  /** A random order, more or less that of growth. */
  #deliveries(): (() => Promise<void>)[] {
    const random = this.#random;
    const disorder = random.pick([0, 3, 20, 1_000]);
    const steps: { at: number; run: () => Promise<void> }[] = [];
    const add = (at: number, run: () => Promise<void>) =>
      steps.push({ at: at + random.fraction() * disorder, run });
    for (const [i, one] of this.#blocks.entries()) {
      if (i === 0) continue;
      if (random.chance(0.5)) add(i, () => this.#whole(one));
      else {
        add(i, () => this.#heads(one));
        if (random.chance(0.85)) add(i + random.integer(0, 10), () => this.#body(one));
      }
      if (random.chance(0.1)) add(i + 5, () => this.#whole(one));
      if (random.chance(0.05)) add(i + 1, () => this.#wrongBody(one));
      if (random.chance(0.04)) add(i + 2, () => this.#operator("invalidate", one));
      if (random.chance(0.04)) add(i + 6, () => this.#operator("reconsider", random.pick(this.#blocks)));
      if (random.chance(0.03)) add(i + 2, () => this.#restart());
      if (random.chance(0.4)) add(i, () => this.#submit());
      if (this.#fullness?.chance(0.4) === true) add(i + 1, () => this.#mine());
    }
    return steps.sort((a, b) => a.at - b.at).map(({ run }) => run);
  }

  async #step(run: () => Promise<void>): Promise<void> {
    await run();
    this.#compare("", false);
  }

  async #whole(one: NaiveBlock): Promise<void> {
    const result = await this.#chain!.importBlock({ block: one.block, seal: EMPTY });
    if (one.hasBody)
      return expectSame(result.kind, this.#naive.hasInvalidAncestor(one) ? "invalid" : "known", "import");
    const isOrphan = !one.hasHead && !one.parent!.hasHead;
    if (isOrphan) return expectSame(result.kind, "orphan", "import");
    const hasInvalidAncestor = this.#naive.hasInvalidAncestor(one.hasHead ? one : one.parent!);
    if (hasInvalidAncestor) return expectSame(result.kind, "invalid", "import");
    one.hasHead = true;
    this.#follow(one);
    expectSame(result.kind, this.#naive.hasInvalidAncestor(one) ? "invalid" : "imported", "import");
  }

  /** The head of this block with as many as are wanted of its ancestors'. */
  async #heads(one: NaiveBlock): Promise<void> {
    const list = lineOf(one).slice(0, this.#random.integer(1, 12)).reverse();
    if (list[0]!.height === 0) list.shift();
    const branches = branchesOf(this.#chain!);
    const result = await this.#chain!.enqueue(() => branches.addHeads(list.map(({ block }) => block)));
    const fresh = list.filter(({ hasHead }) => !hasHead);
    const first = fresh[0];
    if (first === undefined) return expectSame(result.kind, "added", "heads");
    if (!first.parent!.hasHead) return expectSame(result.kind, "orphan", "heads");
    if (this.#naive.hasInvalidAncestor(first.parent!)) return expectSame(result.kind, "invalid", "heads");
    expectSame(result.kind === "invalid" ? result.fault.detail : result.kind, "added", "heads");
    for (const one of fresh) one.hasHead = true;
  }

  async #body(one: NaiveBlock): Promise<void> {
    const branches = branchesOf(this.#chain!);
    const { hash, transactions } = one.block;
    const wrong = await this.#chain!.enqueue(() => branches.addBody(hash, transactions));
    expectSame(wrong?.code, one.hasHead ? undefined : "unknown-block", "body");
    if (one.hasHead && !one.hasBody && !this.#naive.hasInvalidAncestor(one)) this.#follow(one);
  }

  /** Another block's body: it must be refused and say nothing of the hash. */
  async #wrongBody(one: NaiveBlock): Promise<void> {
    const other = this.#random.pick(this.#blocks);
    if (one.hasBody || equalBytes(other.block.summary.txRoot, one.block.summary.txRoot)) return;
    const { transactions } = other.block;
    const result = await this.#chain!.importBlock({ block: { ...one.block, transactions }, seal: EMPTY });
    expectSame(result.kind, "invalid", "a wrong body");
    if (!one.hasHead) return;
    const branches = branchesOf(this.#chain!);
    const wrong = await this.#chain!.enqueue(() => branches.addBody(one.block.hash, transactions));
    expectSame(wrong?.code, "wrong-body", "a wrong body");
  }

  async #operator(word: "invalidate" | "reconsider", one: NaiveBlock): Promise<void> {
    // The order in which a move in stages meets ties depends on the stages.
    if (!one.hasHead || one.height === 0 || this.#settings.moveBytesMax !== undefined) return;
    const branches = branchesOf(this.#chain!);
    await this.#chain!.enqueue(() => branches[word](one.block.hash));
    if (word === "invalidate") one.isTaken = !one.isFound;
    else {
      const related = [...lineOf(one), ...this.#blocks.filter((other) => lineOf(other).includes(one))];
      for (const other of related) other.isTaken = false;
    }
    this.#moved(this.#naive.advance());
  }

  async #restart(): Promise<void> {
    await this.#chain!.settled();
    this.#restarts++;
    await this.#open();
  }

  /** The chain fills a block from its pool: it must be one that the chain takes, and the naive one too. */
  async #mine(): Promise<void> {
    const random = this.#fullness!;
    const chain = this.#chain!;
    const parent = this.#naive.head;
    if (parent.height >= HEIGHT_MAX) return;
    for (let i = 0; i < 4; i++) {
      const from = random.pick(people);
      const account = readAccount(chain.committed, from.publicKey);
      const nonce = this.#pool!.pendingNonce(from.publicKey) ?? account?.nonce;
      if (nonce === undefined || account === undefined || account.balance < 10n) continue;
      const fields = {
        nonce: nonce > account.nonce ? nonce : account.nonce,
        fee: BigInt(random.integer(0, 2)),
      };
      const tx = transfer(from, random.pick(people).publicKey, 1n, fields);
      const isIn = this.#pool!.add(tx, 0).ok;
      if (this.#poolSeesAll) expectSame(isIn, this.#naivePool.add(tx), "the pool's admission");
    }
    const median = medianOf(parent);
    const rewardTo = random.pick(miners).publicKey;
    const timeMs = BigInt(this.#timeAfter(parent, median, random)) * 1_000n;
    const proposal = { timeMs, proposer: 0, rewardTo };
    const draft = chain.buildBlock(parent.block.hash, proposal, bodiesFrom(this.#pool!, chain), true)!;
    const block = solvedBlock(draft);
    if (this.#blocks.some((one) => equalBytes(one.block.hash, block.hash))) return;
    this.#built++;
    if (block.transactions.length - 1 === this.#roomMax) this.#full++;
    this.#blocks.push(this.#judged(parent, block, median));
    await this.#whole(this.#blocks.at(-1)!);
  }

  /** A block that was built elsewhere, as the naive ledger has it. */
  #judged(parent: NaiveBlock, block: Block, median: number): NaiveBlock {
    const ledger = parent.ledger.copy();
    const height = parent.height + 1;
    const envelopes = block.transactions.map(({ bytes }) => bytes);
    const receipts = ledger.mine(envelopes, BigInt(height), BigInt(median) * 1_000n);
    expectSame(hex(block.summary.stateRoot), hex(ledger.stateRoot()), "the built block's state root");
    expectSame(hex(block.summary.receiptsRoot), hex(naiveMerkleRoot(receipts)), "its receipts root");
    const { maxBlockBytes, maxBlockTransactions } = this.#place.genesis.limits;
    expectSame(
      envelopes.length <= maxBlockTransactions,
      true,
      "the built block has room for its transactions",
    );
    const bytes = envelopes.reduce((sum, { length }) => sum + length, 0);
    expectSame(bytes <= maxBlockBytes, true, "the built block has room for its bytes");
    const work = parent.work + naiveWork(block.header.bits);
    const rest = { hasHead: false, hasBody: false, sequence: 0, isFound: false, isTaken: false };
    return {
      block,
      parent,
      height,
      work,
      isValid: true,
      ledger,
      stateRoot: hex(ledger.stateRoot()),
      ...rest,
    };
  }

  async #submit(): Promise<void> {
    if (this.#pooled.length === 0) return;
    const tx = this.#random.pick(this.#pooled);
    const isIn = this.#pool!.add(tx, 0).ok;
    if (this.#poolSeesAll) expectSame(isIn, this.#naivePool.add(tx), "the pool's admission");
  }

  // ----- the two worlds -----------------------------------------------------------------------------------

  async #open(): Promise<void> {
    const { genesis, hash } = this.#place;
    const { rules } = selectConsensus(genesis, hash);
    this.#chain = await Chain.open(genesis, {
      kv: this.#kv,
      rules,
      signatures: new AcceptedSignatures(hash, { verifySignature: isSigned, verifyQuickly: isSigned }),
      branches: this.#settings,
    });
    this.#chain.onHeadChange((change) => this.#headChanged(change));
  }

  #headChanged({ sealed, reorg }: HeadChange): void {
    const first = reorg?.entered[0];
    const isFirst = reorg !== undefined && (first === undefined || first.block === sealed.block);
    this.#emitted.push(`${isFirst ? `-${reorg.abandoned.length} ` : ""}${showHash(sealed.block.hash)}`);
    const { transactions } = sealed.block;
    if (!isFirst) return this.#pool!.headChanged(this.#headState(), transactions, 0);
    this.#reorgs++;
    this.#deepest = Math.max(this.#deepest, reorg.abandoned.length);
    const of = (blocks: typeof reorg.entered) => blocks.flatMap(({ block }) => block.transactions);
    this.#pool!.headReplaced(this.#headState(), of(reorg.abandoned), of(reorg.entered), 0);
  }

  #headState() {
    const chain = this.#chain!;
    return {
      height: chain.head.summary.height,
      account: (address: Uint8Array) => readAccount(chain.committed, asAddress(address)),
    };
  }

  #isSigned(tx: SignedTransaction): boolean {
    return isSigned(tx.from, transactionSigningBytes(this.#place.hash, unsignedPart(tx)), tx.signature);
  }

  #follow(one: NaiveBlock): void {
    this.#naive.bodyCame(one);
    this.#moved(this.#naive.advance());
  }

  #moved(moves: readonly NaiveMove[]): void {
    for (const move of moves) {
      const { abandoned, entered, head } = move;
      const expected = entered.length === 0 ? [head] : entered;
      for (const [i, { block }] of expected.entries()) {
        this.#expected.push(
          `${i === 0 && abandoned.length > 0 ? `-${abandoned.length} ` : ""}${showHash(block.hash)}`,
        );
      }
      this.#naivePool.moved(move);
    }
  }

  #compare(what: string, withPool: boolean): void {
    const { head, committed } = this.#chain!;
    const naive = this.#naive.head;
    expectSame(showHash(head.hash), showHash(naive.block.hash), `the head ${what}`);
    expectSame(hex(head.summary.stateRoot), naive.stateRoot, "the state root");
    for (const { publicKey } of people) {
      const account = readAccount(committed, publicKey);
      const other = naive.ledger.accounts.get(byteText(publicKey));
      expectSame(account?.balance, other?.balance, "a balance");
      expectSame(account?.nonce, other?.nonce, "a nonce");
    }
    if (this.#settings.maxReorgDepth === 0)
      expectSame(naive.work, this.#naive.mostWork(), "the work of the head");
    if (this.#settings.moveBytesMax !== undefined) return;
    expectSame(this.#emitted.join(), this.#expected.join(), "what was told");
    this.#emitted = [];
    this.#expected = [];
    if ((!withPool && this.#random.chance(0.7)) || !this.#poolSeesAll) return;
    const hashes = (list: readonly Uint8Array[]) =>
      list
        .map((hash) => hex(hash).slice(0, 12))
        .sort()
        .join();
    expectSame(hashes(this.#pool!.hashes()), hashes(this.#naivePool.held.map((tx) => tx.hash)), "the pool");
  }

  /** Spendable and maturing together: what genesis gave and coinbases minted, less the fees. */
  #checkMoney(): void {
    const line = lineOf(this.#naive.head).reverse();
    const replayed = this.#blocks[0]!.ledger.copy();
    for (const one of line.slice(1)) {
      const envelopes = one.block.transactions.map(({ bytes }) => bytes);
      replayed.mine(envelopes, BigInt(one.height), BigInt(medianOf(one.parent!)) * 1_000n);
    }
    expectSame(hex(replayed.stateRoot()), hex(this.#chain!.head.summary.stateRoot), "the replayed state");
    const alloc = alliance.accounts.reduce((sum, { balance }) => sum + balance, 0n);
    expectSame(replayed.whole, alloc + replayed.minted - replayed.paid, "the money");
  }
}

function solvedBlock(draft: Block): Block {
  for (let nonce = 0; ; nonce++) {
    const header: Header = { ...draft.header, nonce };
    const hash = hashHeader(header);
    if (meetsTarget(hash, header.bits)) return { ...draft, header, hash };
  }
}

function bodyOf(
  coinbase: SignedTransaction,
  transactions: readonly SignedTransaction[],
  flaw: string | undefined,
): SignedTransaction[] {
  if (flaw === "no-coinbase") return [...transactions];
  if (flaw === "two-coinbases") return [coinbase, coinbase, ...transactions];
  if (flaw === "coinbase-second") return [transfer(alice, bob.publicKey, 1n), coinbase, ...transactions];
  return [coinbase, ...transactions];
}

/** An envelope as it came over the wire. */
function forged(bytes: Uint8Array): SignedTransaction {
  const decoded = decodeTransaction(bytes, 1_000);
  if (!decoded.ok) throw new Error(decoded.fault.detail);
  return decoded.value;
}

function medianOf(parent: NaiveBlock): number {
  const times = lineOf(parent)
    .slice(0, 11)
    .map(({ block }) => block.header.time);
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)]!;
}

function expectSame(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected)
    throw new Error(`${what}: ${String(actual)}, the naive one says ${String(expected)}`);
}
