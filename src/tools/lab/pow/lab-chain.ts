/**
 * The chains that the lab's races run on: parameters of proof of work under which a block costs few hashes, and a
 * short common past on schedule, so that median times and retargets have something to look back at. Headers, their
 * search and their rules are the node's; bodies are empty and nothing is executed.
 * Source: pow.md 2.1 to 2.5, 2.9.
 */
import { assert, must } from "../../../base/assert.ts";
import type { Hash } from "../../../base/bytes.ts";
import type { TreeNode } from "../../../chain/forks/block-tree.ts";
import type { PowParameters } from "../../../chain/genesis/pow-parameters.ts";
import type { ForkableRules } from "../../../chain/rules.ts";
import type { Ancestry } from "../../../chain/types/ancestry.ts";
import {
  BLANK_SUMMARY,
  type BlockHead,
  bodyRootOf,
  encodeHeader,
  type Header,
  NO_PARENT,
  type Summary,
  VERSION_POW,
} from "../../../chain/types/block.ts";
import { compactOf, meetsTarget, targetOf } from "../../../chain/types/target.ts";
import { expectedBits } from "../../../consensus/pow/retarget.ts";
import { powRules } from "../../../consensus/pow/rules.ts";
import { sha256Into } from "../../../crypto/hash.ts";

export const RETARGETS = ["none", "asert", "bitcoin"] as const;
export type Retarget = (typeof RETARGETS)[number];

/** A block for about two hashes: the search is no part of what is measured. */
const EASIEST_BITS = 0x207fffff;
/** 24.5 hashes: weights can follow a retarget, and rounding to whole hashes is no matter of the last digit. */
const MOVABLE_BITS = compactOf((1n << 257n) / 49n);

const COMMON = {
  type: "pow",
  powLimitBits: EASIEST_BITS,
  subsidy: 5_000_000_000n,
  halvingInterval: 210_000,
  maturity: 100,
} as const;

export const LAB_PARAMETERS: Readonly<Record<Retarget, PowParameters>> = {
  none: {
    ...COMMON,
    startBits: EASIEST_BITS,
    spacing: 600,
    futureLimit: 7_200,
    retarget: { rule: "fixed" },
  },
  asert: {
    ...COMMON,
    startBits: MOVABLE_BITS,
    spacing: 5,
    futureLimit: 30,
    retarget: { rule: "asert", halflife: 300 },
  },
  bitcoin: {
    ...COMMON,
    startBits: MOVABLE_BITS,
    spacing: 600,
    futureLimit: 7_200,
    retarget: { rule: "bitcoin", interval: 20, timewarpGuard: true },
  },
};

/** Blocks that all agree on before a race begins: as many as the median time looks back at, and block 0. */
export const TRUNK_BLOCKS = 12;
/** Time of block 0, seconds. */
const BEGINNING = 1_700_000_000;
/** Summaries kept per miner; higher ones are made anew. */
const SUMMARIES_MAX = 16_384;

/** A branch from block 0: the shared trunk, then blocks of its own. */
export class LabBranch implements Ancestry {
  readonly #trunk: readonly BlockHead[];
  readonly #own: BlockHead[] = [];

  constructor(trunk: readonly BlockHead[]) {
    this.#trunk = trunk;
  }

  get height(): bigint {
    return BigInt(this.#trunk.length + this.#own.length - 1);
  }

  /** How many blocks it has above the trunk. */
  get length(): number {
    return this.#own.length;
  }

  get tip(): BlockHead {
    return this.#own.at(-1) ?? must(this.#trunk.at(-1), "a trunk has blocks");
  }

  /** The block at a place above the trunk, from 0 up. */
  at(index: number): BlockHead {
    return must(this.#own[index], "the caller asks below the count");
  }

  headerAt(height: bigint): Header {
    const index = Number(height);
    const own = index - this.#trunk.length;
    return must(own < 0 ? this.#trunk[index] : this.#own[own], "no height above the tip is read").header;
  }

  push(head: BlockHead): void {
    this.#own.push(head);
  }
}

/** One chain of the lab, ready for any number of races. It keeps no state of a race. */
export class LabChain {
  readonly parameters: PowParameters;
  readonly rules: ForkableRules;
  readonly trunk: readonly BlockHead[];
  /** The block that both branches of a race start from. */
  readonly fork: TreeNode;
  readonly #startTarget: number;
  readonly #speeds = new Map<number, number>();
  readonly #summaries = new Map<number, { summary: Summary; bodyRoot: Hash }>();

  constructor(retarget: Retarget) {
    this.parameters = LAB_PARAMETERS[retarget];
    this.rules = powRules(this.parameters);
    this.#startTarget = Number(targetOf(this.parameters.startBits));
    this.trunk = this.#growTrunk();
    this.fork = this.#forkNode();
  }

  /** Seconds: when a race begins. */
  get startTime(): number {
    return this.fork.head.header.time;
  }

  /** How many blocks a second all hash power together finds with these bits. */
  blockRate(bits: number): number {
    let speed = this.#speeds.get(bits);
    if (speed === undefined) {
      speed = Number(targetOf(bits)) / this.#startTarget / this.parameters.spacing;
      if (this.#speeds.size < SUMMARIES_MAX) this.#speeds.set(bits, speed);
    }
    return speed;
  }

  /** The bits of the block after a branch. */
  nextBits(branch: Ancestry): number {
    return expectedBits(this.parameters, branch);
  }

  /**
   * A mined block on top of a branch: the nonce is searched, so that the header proves itself.
   * @param miner goes into `extra`: two miners of one height never make the same block
   */
  mine(branch: Ancestry, previousHash: Hash, time: number, miner: number): BlockHead {
    return this.#search({ previousHash, time, bits: this.nextBits(branch) }, branch.height + 1n, miner);
  }

  #search(fields: Pick<Header, "previousHash" | "time" | "bits">, height: bigint, miner: number): BlockHead {
    const { summary, bodyRoot } = this.#summaryOf(height, miner);
    const { previousHash, time, bits } = fields;
    const header: Header = { version: VERSION_POW, previousHash, bodyRoot, time, bits, nonce: 0 };
    const bytes = encodeHeader(header);
    for (let nonce = 0; ; nonce++) {
      bytes[NONCE_AT] = nonce & 0xff;
      bytes[NONCE_AT + 1] = (nonce >>> 8) & 0xff;
      bytes[NONCE_AT + 2] = (nonce >>> 16) & 0xff;
      sha256Into(bytes, inner, 0);
      sha256Into(inner, outer, 0);
      if (!meetsTarget(outer, bits)) continue;
      assert(nonce < 1 << 24, "a block of the lab costs few hashes");
      return { hash: outer.slice() as Hash, header: { ...header, nonce }, summary };
    }
  }

  #summaryOf(height: bigint, miner: number): { summary: Summary; bodyRoot: Hash } {
    const key = Number(height) * MINERS_MAX + miner;
    const known = this.#summaries.get(key);
    if (known !== undefined) return known;
    const summary = emptySummary(height, miner);
    const made = { summary, bodyRoot: bodyRootOf(summary) };
    if (this.#summaries.size < MINERS_MAX * SUMMARIES_MAX) this.#summaries.set(key, made);
    return made;
  }

  #growTrunk(): BlockHead[] {
    const { startBits, spacing } = this.parameters;
    const heads = [
      this.#search({ previousHash: NO_PARENT, time: BEGINNING, bits: startBits }, 0n, HONEST_MINER),
    ];
    while (heads.length < TRUNK_BLOCKS) {
      const { hash, header } = must(heads.at(-1), "block 0 is there");
      heads.push(this.mine(new LabBranch(heads), hash, header.time + spacing, HONEST_MINER));
    }
    return heads;
  }

  #forkNode(): TreeNode {
    const head = must(this.trunk.at(-1), "a trunk has blocks");
    const work = this.trunk.reduce((sum, { header }) => sum + this.rules.weight(header), 0n);
    return {
      head,
      work,
      hasBody: true,
      isComplete: true,
      sequence: 1,
      mark: undefined,
      hasInvalidAncestor: false,
    };
  }
}

/** What stands in `extra` of the blocks of the honest and of the attacker. */
export const HONEST_MINER = 0;
export const ATTACKER = 1;
const MINERS_MAX = 2;

/** The offset of the nonce in an encoded header. */
const NONCE_AT = 76;
// One memory for all searches: a hash of its own for every nonce would double the time (measured).
const inner = new Uint8Array(32);
const outer = new Uint8Array(32) as Hash;

function emptySummary(height: bigint, miner: number): Summary {
  return { ...BLANK_SUMMARY, chainId: 1n, height, extra: Uint8Array.of(miner) };
}
