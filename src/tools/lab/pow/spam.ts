/**
 * Cheap headers: an attacker serves a long branch that forks off where the chain was young and blocks cost nothing,
 * to fill a node's disk and memory with heads that no body will ever follow. The node is real from the wire up: what
 * fetches heads, what judges them, the block tree and its records; so are the proofs of work. Off means the same
 * ingress, told for each head that its branch has been proven heavy enough. Source: pow.md 2.8, 8.
 */

import { assert, must } from "../../../base/assert.ts";
import { type Address, EMPTY, equalBytes, ZERO_HASH } from "../../../base/bytes.ts";
import { HEADS_PER_ANSWER_MAX } from "../../../base/limits.ts";
import { SILENT } from "../../../base/log.ts";
import type { Scheduler } from "../../../base/scheduler.ts";
import { Chain } from "../../../chain/chain.ts";
import { branchesOf } from "../../../chain/chain-mode.ts";
import { AcceptedSignatures } from "../../../chain/execution/accepted-signatures.ts";
import type { HeadsResult } from "../../../chain/forks/header-admission.ts";
import type { Genesis } from "../../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../../chain/genesis/genesis-state.ts";
import type { PowParameters } from "../../../chain/genesis/pow-parameters.ts";
import { type Block, type BlockHead, bodyRootOf, VERSION_POW } from "../../../chain/types/block.ts";
import { workOf } from "../../../chain/types/target.ts";
import { Lookback } from "../../../consensus/pow/lookback.ts";
import { expectedBits } from "../../../consensus/pow/retarget.ts";
import { powRules } from "../../../consensus/pow/rules.ts";
import { BlockIngress } from "../../../node/ingress/block-ingress.ts";
import { BranchPeer } from "../../../p2p/sync/branch-peer.ts";
import { decodeBranchQuestion, encodeBranchAnswer } from "../../../p2p/sync/branch-wire.ts";
import { CATCH_UP } from "../../../p2p/sync/catch-up.ts";
import { fetchHeads } from "../../../p2p/sync/header-fetch.ts";
import type { Kv, KvOperation, KvRange } from "../../../storage/kv.ts";
import { MemoryKv } from "../../../storage/memory.ts";
import { noStep, type Step } from "../step.ts";
import { searchNonce } from "./search.ts";

export interface Spam {
  /** Blocks of the honest chain. */
  readonly chain: number;
  /** How many retargets, each by a factor of 4, have raised its difficulty. */
  readonly rises: number;
  /** Lengths of the attacker's branches from block 0. */
  readonly lengths: readonly number[];
  /** Goes into the attacker's and the miner's blocks, so that other hashes are found. */
  readonly seed: number;
}

const SCENES = ["young fork", "fresh node", "fork near the tip"] as const;
/**
 * young fork: a node at the tip is offered a branch from block 0. fresh node: so is one that knows block 0 alone; its
 * bound is the minimum chain work that its release carries. fork near the tip: a short branch at the full price.
 */
export type SpamScene = (typeof SCENES)[number];

export interface SpamCase {
  readonly scene: SpamScene;
  readonly bound: boolean;
  readonly offered: number;
  readonly stored: number;
  /** Net growth of the database. */
  readonly bytes: number;
  /** Nonces that the attacker has tried. */
  readonly hashes: number;
  readonly hashesPerStored: number | undefined;
  /** Work below which a branch is not stored; 0 where there is no bound. */
  readonly needed: number;
  /** Work of the branch that is offered, block 0 included. */
  readonly work: number;
  /** Stored if and only if it is heavy enough. */
  readonly isMatch: boolean;
}

export interface SpamResult {
  readonly cases: readonly SpamCase[];
  /** The work of the honest chain's tip. */
  readonly tipWork: number;
  readonly tipBlockWork: number;
  readonly isMatch: boolean;
}

const INTERVAL = 20;
const SPACING = 600;
/** The spacing that is on schedule for the timespan that the rule compares: between its blocks lies one spacing less. */
const ON_SCHEDULE = Math.ceil((INTERVAL * SPACING) / (INTERVAL - 1));
const QUICK = 60;
/** Seconds between block 0 and the honest chain's first: room for 49,000 blocks of the attacker on schedule. */
const QUIET = 365 * 86_400;
const NEAR = 100;
const NEAR_HEADS = 20;
/** The compact target that takes two hashes on average. */
const EASIEST_BITS = 0x207fffff;
/** More than any branch needs. */
const ANY_WORK = 1n << 300n;

const PARAMETERS: PowParameters = {
  type: "pow",
  powLimitBits: EASIEST_BITS,
  startBits: EASIEST_BITS,
  spacing: SPACING,
  futureLimit: 7_200,
  retarget: { rule: "bitcoin", interval: INTERVAL, timewarpGuard: true },
  subsidy: 50n,
  halvingInterval: 210_000,
  maturity: 100,
};
const RULES = powRules(PARAMETERS);
const GENESIS: Genesis<PowParameters> = {
  name: "lab",
  chainId: 1n,
  timeMs: 1_600_000_000_000n,
  profile: "dev",
  consensus: PARAMETERS,
  limits: { maxBlockBytes: 4_096, maxBlockTransactions: 8, maxTxBytes: 1_024, minFee: 0n },
  validators: [],
  accounts: [],
};
const BEGINNING = Number(GENESIS.timeMs / 1_000n);

/** The least length: below it the honest chain has not reached its difficulty, or not held it for long enough. */
export function chainLeast(rises: number): number {
  return INTERVAL * (rises + 2) + NEAR;
}

/** How often {@link runSpam} calls its step. */
export function spamSteps({ chain, lengths }: Spam): number {
  return Math.floor(chain / INTERVAL) + 2 * (lengths.length + 2);
}

export async function runSpam(options: Spam, step: Step = noStep): Promise<SpamResult> {
  const { lengths, seed } = options;
  const kv = new MemoryKv();
  const honest = await mineHonest(options, kv, step);
  const tip = must(branchesOf(honest).tree.get(honest.head.hash), "the head is in the tree");
  const tipBlockWork = RULES.weight(tip.head.header);
  const fixture: Stage = { kv, nowMs: 1_000 * tip.head.header.time, floor: tip.work - 144n * tipBlockWork };
  const zero = must(honest.store.head(honest.genesisHash), "block 0 is in the store");
  const cases: SpamCase[] = [];
  const attack = async (scene: SpamScene, heads: Heads) => {
    for (const bound of [false, true]) {
      cases.push(await play(fixture, scene, bound, heads));
      await step();
    }
  };
  const past = new Lookback(PARAMETERS);
  past.add(zero.header);
  const young = mineHeads(zero, past, { count: Math.max(...lengths), seed, spacing: ON_SCHEDULE });
  for (const length of lengths) await attack("young fork", young.slice(0, length));
  await attack("fresh node", young.slice(0, Math.min(...lengths)));
  await attack("fork near the tip", mineNear(honest, seed));
  return {
    cases,
    tipWork: Number(tip.work),
    tipBlockWork: Number(tipBlockWork),
    isMatch: cases.every(({ isMatch }) => isMatch),
  };
}

type Heads = readonly Mined[];

/** A head and the nonces tried for it. */
interface Mined {
  readonly head: BlockHead;
  readonly hashes: number;
}

/** What all cases begin from. */
interface Stage {
  /** The honest node's database. */
  readonly kv: MemoryKv;
  readonly nowMs: number;
  /** Work below which a node at the tip stores nothing. */
  readonly floor: bigint;
}

async function play(fixture: Stage, scene: SpamScene, bound: boolean, branch: Heads): Promise<SpamCase> {
  const isFresh = scene === "fresh node";
  const kv = new MeasuredKv(isFresh ? new MemoryKv() : fixture.kv.crash(fixture.kv.unsyncedWrites));
  const minimumChainWork = isFresh && bound ? fixture.floor : 0n;
  const chain = await openChain(kv, fixture.nowMs, minimumChainWork);
  // No time passes: what is asked is answered at once.
  const scheduler: Scheduler = { now: () => fixture.nowMs, after: () => () => undefined };
  // A fresh node of an older release has no bound but the margin, which is below nothing.
  const Ingress = bound || isFresh ? BlockIngress : BoundlessIngress;
  const fatal = (error: unknown) => {
    throw error;
  };
  const ingress = new Ingress({ chain, branches: branchesOf(chain), scheduler, fatal });
  const heads = branch.map(({ head }) => head);
  const peer = new BranchPeer("attacker", CATCH_UP, {
    scheduler,
    logger: SILENT,
    reportFault: (_, detail) => assert(false, `the attacker serves what is valid: ${detail}`),
    request: (_, bytes) => Promise.resolve(serve(heads, bytes)),
  });
  const { header: first } = must(heads[0], "the attacker has heads to offer");
  const parentWork = must(ingress.find(first.previousHash), "they stand on a known block").work;
  const work = heads.reduce((sum, { header }) => sum + workOf(header.bits), parentWork);
  const before = kv.bytes;
  while (await fetchHeads({ ledger: ingress, peer, stored: () => undefined, isStopped: () => false })) {
    if (heads.every(({ hash }) => ingress.find(hash) !== undefined)) break;
  }
  const stored = heads.filter(({ hash }) => ingress.find(hash) !== undefined).length;
  const hashes = branch.reduce((sum, mined) => sum + mined.hashes, 0);
  const needed = bound ? fixture.floor : 0n;
  return {
    scene,
    bound,
    offered: heads.length,
    stored,
    bytes: kv.bytes - before,
    hashes,
    hashesPerStored: stored === 0 ? undefined : hashes / stored,
    needed: Number(needed),
    work: Number(work),
    isMatch: stored === (work >= needed ? heads.length : 0),
  };
}

/** An ingress that behaves as if every branch had been read through and found heavy. */
class BoundlessIngress extends BlockIngress {
  override addHeads(heads: readonly BlockHead[]): Promise<HeadsResult> {
    return super.addHeads(heads, ANY_WORK);
  }
}

/** The attacker's answer to a question for heads. */
function serve(branch: readonly BlockHead[], bytes: Uint8Array): Uint8Array {
  const question = decodeBranchQuestion(bytes);
  assert(question.ok && question.value.kind === "heads", "a node asks for heads");
  const { locator } = question.value;
  const places = locator.map((one) => branch.findIndex(({ hash }) => equalBytes(hash, one)));
  const from = (places.find((place) => place >= 0) ?? -1) + 1;
  return encodeBranchAnswer({ kind: "heads", heads: branch.slice(from, from + HEADS_PER_ANSWER_MAX) });
}

async function mineHonest({ chain: count, rises, seed }: Spam, kv: Kv, step: Step): Promise<Chain> {
  const chain = await openChain(kv);
  let time = BEGINNING + QUIET;
  for (let height = 1; height <= count; height++) {
    time += height < INTERVAL * (rises + 1) ? QUICK : ON_SCHEDULE;
    const proposal = { timeMs: 1_000n * BigInt(time), proposer: 0, rewardTo: NOBODY };
    const block = chain.buildBlock(chain.head.hash, proposal, () => [], true);
    assert(block !== undefined, "an empty block can be built");
    const { head } = solve(block, seed);
    const solved: Block = { ...block, ...head };
    const result = await chain.importBlock({ block: solved, seal: EMPTY });
    assert(result.kind === "imported", `the honest chain is valid: ${result.kind}`);
    if (height % INTERVAL === 0) await step();
  }
  return chain;
}

/** Mines at the full price: on a block some way below the tip, with the bits that its branch asks for. */
function mineNear(chain: Chain, seed: number): Mined[] {
  const height = chain.head.summary.height - BigInt(NEAR);
  const past = new Lookback(PARAMETERS);
  for (let at = 0n; at <= height; at++) past.add(headAt(chain, at).header);
  const parent = headAt(chain, height);
  return mineHeads(parent, past, { count: NEAR_HEADS, seed, spacing: ON_SCHEDULE });
}

interface Mining {
  readonly count: number;
  readonly seed: number;
  /** Seconds between the times of two blocks. */
  readonly spacing: number;
}

/** The head at a height up to the tip. */
function headAt({ store }: Chain, height: bigint): BlockHead {
  const hash = must(store.hashAt(height), "heights up to the tip have a block");
  return must(store.head(hash), "the store has the heads of its chain");
}

/** Heads without bodies on `parent`, whose branch `past` is. */
function mineHeads(parent: BlockHead, past: Lookback, { count, seed, spacing }: Mining): Mined[] {
  const mined: Mined[] = [];
  for (let last = parent; mined.length < count; last = must(mined.at(-1), "one was mined").head) {
    const summary = {
      ...last.summary,
      height: last.summary.height + 1n,
      timeMs: 0n,
      txRoot: ZERO_HASH,
      extra: Uint8Array.of(seed & 0xff),
    };
    const header = {
      version: VERSION_POW,
      previousHash: last.hash,
      bodyRoot: bodyRootOf(summary),
      time: last.header.time + spacing,
      bits: expectedBits(PARAMETERS, past),
      nonce: 0,
    };
    mined.push(solve({ hash: ZERO_HASH, header, summary }, seed));
    past.add(header);
  }
  return mined;
}

/** Searches a nonce for a head. Different seeds search in different places. */
function solve({ header, summary }: BlockHead, seed: number): Mined {
  const found = searchNonce(header, (seed % 4_096) * 2 ** 20);
  return { head: { hash: found.hash, header: found.header, summary }, hashes: found.hashes };
}

const NOBODY = new Uint8Array(32) as Address;

function openChain(kv: Kv, nowMs?: number, minimumChainWork = 0n): Promise<Chain> {
  return Chain.open(GENESIS, {
    kv,
    rules: RULES,
    signatures: new AcceptedSignatures(computeGenesisHash(GENESIS)),
    branches: { minimumChainWork },
    ...(nowMs === undefined ? {} : { now: () => nowMs }),
  });
}

/** Counts what is stored through it: bytes of keys and values, those replaced or deleted taken off. */
class MeasuredKv implements Kv {
  bytes = 0;
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#kv.get(key);
  }

  entries(range: KvRange): ReturnType<Kv["entries"]> {
    return this.#kv.entries(range);
  }

  async write(operations: readonly KvOperation[], options: { readonly sync: boolean }): Promise<void> {
    const keys = operations.map(({ key }) => key);
    const before = this.#bytesOf(keys);
    await this.#kv.write(operations, options);
    this.bytes += this.#bytesOf(keys) - before;
  }

  close(): Promise<void> {
    return this.#kv.close();
  }

  #bytesOf(keys: readonly Uint8Array[]): number {
    const sizes = new Map(
      keys.map((key) => [key.join(), key.length + (this.#kv.get(key)?.length ?? -key.length)]),
    );
    return [...sizes.values()].reduce((sum, size) => sum + size, 0);
  }
}
