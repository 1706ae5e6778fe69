/**
 * Selfish mining: a pool keeps its blocks back and publishes them only to undo others' (Eyal and Sirer's strategy).
 * The honest miners are two groups with a block tree each and the node's fork choice: one hears the pool first, one
 * the others first, so that first-seen splits them at a tie as gamma says. Blocks are mined headers that pass the
 * rules once. Revenue is counted on the chain that all agree on in the end. Difficulty is fixed.
 * Source: arXiv 1311.0243, algorithm 1; pow.md 2.9.
 */
import { assert } from "../../../base/assert.ts";
import { equalBytes } from "../../../base/bytes.ts";
import { BlockTree, type ForkChoice, MOST_WORK, type TreeNode } from "../../../chain/forks/block-tree.ts";
import type { Ancestry } from "../../../chain/types/ancestry.ts";
import type { BlockHead, Header } from "../../../chain/types/block.ts";
import { earliestTime } from "../../../consensus/pow/check-header.ts";
import { Random } from "../../sim/random.ts";
import { ATTACKER, HONEST_MINER, type LabChain } from "./lab-chain.ts";
import { selfishRevenue, selfishThreshold } from "./theory.ts";

export interface SelfishCell {
  /** The pool's part of the hash power, between 0 and 0.5, both excluded. */
  readonly share: number;
  /** The part of the honest power that mines on the pool's branch at a tie, 0 to 1. */
  readonly gamma: number;
}

/** Blocks of the chain that all agree on. */
export interface SelfishTally {
  readonly pool: number;
  readonly honest: number;
  /** Blocks found, those undone later among them. */
  readonly found: number;
}

export interface SelfishResult extends SelfishCell, SelfishTally {
  /** The pool's part of the final chain. */
  readonly revenue: number;
  readonly expected: number;
  readonly tolerance: number;
  readonly isMatch: boolean;
  /** The share from which the strategy pays, by the formula. */
  readonly threshold: number;
  readonly pays: boolean;
}

/** Plays `blocks` found blocks, from a chain that all agree on. `part` names the stream. */
export function runSelfish(
  chain: LabChain,
  cell: SelfishCell,
  { seed, part, blocks }: { readonly seed: number; readonly part: number; readonly blocks: number },
  choice: ForkChoice = MOST_WORK,
): SelfishTally {
  const random = new Random(`selfish/${seed}/${cell.share}/${cell.gamma}/${part}`);
  const game = new SelfishGame(chain, cell, random, choice);
  for (let i = 0; i < blocks; i++) game.nextBlock();
  return game.tally;
}

export function judgeSelfish(cell: SelfishCell, tally: SelfishTally): SelfishResult {
  const { share, gamma } = cell;
  const revenue = tally.pool / (tally.pool + tally.honest);
  const expected = selfishRevenue(share, gamma);
  // 0.01 in long runs; shorter ones scatter by about 1 / sqrt(blocks) (measured).
  const tolerance = Math.max(0.01, 4.5 / Math.sqrt(tally.found));
  const threshold = selfishThreshold(gamma);
  const isMatch = Math.abs(revenue - expected) <= tolerance;
  return { ...cell, ...tally, revenue, expected, tolerance, isMatch, threshold, pays: revenue > share };
}

/** A block and those before it, as far back as the rules look. */
interface Link {
  readonly head: BlockHead;
  parent: Link | undefined;
}

/** Blocks that the rules look back at where difficulty is fixed. */
const LOOK_BACK = 12;
/** Blocks that a tree keeps before it forgets what all agree on. */
const TREE_MAX = 512;

class Chain implements Ancestry {
  readonly #tip: Link;
  #at: Link;

  constructor(tip: Link) {
    this.#tip = tip;
    this.#at = tip;
  }

  get height(): bigint {
    return this.#tip.head.summary.height;
  }

  /** The rules ask downwards from the tip: going on from the last answer is one step. */
  headerAt(height: bigint): Header {
    if (this.#at.head.summary.height < height) this.#at = this.#tip;
    while (this.#at.head.summary.height > height) {
      assert(this.#at.parent !== undefined, "the rules look back at no more than is kept");
      this.#at = this.#at.parent;
    }
    return this.#at.head.header;
  }
}

/** Honest miners who hear of blocks in the same order. */
class Group {
  readonly #tree: BlockTree;
  readonly #weight: bigint;
  head: TreeNode;
  /** The last block that all agreed on. */
  #settled: TreeNode;

  constructor(chain: LabChain, choice: ForkChoice) {
    const root = { ...chain.fork };
    this.#tree = new BlockTree((hash) => (equalBytes(hash, root.head.hash) ? root : undefined), choice);
    this.#tree.get(root.head.hash);
    this.#weight = chain.rules.weight(root.head.header);
    this.head = root;
    this.#settled = root;
  }

  hear(head: BlockHead): void {
    const node = this.#tree.add(head, this.#weight);
    assert(node !== undefined, "blocks are published in order");
    this.#tree.bodyArrived(node);
    this.head = this.#tree.choose(this.head) ?? this.head;
  }

  /** The blocks that all agree on since the last time. */
  settle(): readonly TreeNode[] {
    const { connect } = this.#tree.path(this.#settled, this.head);
    this.#settled = this.head;
    if (this.#tree.size > TREE_MAX) this.#tree.forgetBelow(this.head.head.summary.height);
    return connect;
  }
}

class SelfishGame {
  readonly #chain: LabChain;
  readonly #cell: SelfishCell;
  readonly #random: Random;
  /** Hears the others' block first at a tie, and the pool's first. */
  readonly #apart: Group;
  readonly #near: Group;
  /** The links of published and private blocks by their heads: those since the last agreement. */
  #links = new Map<BlockHead, Link>();
  #poolTip: Link;
  /** The pool's branch since it left the public one; the first `#published` of it are known to all. */
  #private: Link[] = [];
  #published = 0;
  #now = 0;
  readonly tally = { pool: 0, honest: 0, found: 0 };

  constructor(chain: LabChain, cell: SelfishCell, random: Random, choice: ForkChoice) {
    this.#chain = chain;
    this.#cell = cell;
    this.#random = random;
    this.#apart = new Group(chain, choice);
    this.#near = new Group(chain, choice);
    let tip: Link | undefined;
    for (const head of chain.trunk) tip = { head, parent: tip };
    assert(tip !== undefined, "there is a trunk");
    this.#poolTip = tip;
    this.#links.set(tip.head, tip);
  }

  nextBlock(): void {
    this.#now -= Math.log(1 - this.#random.fraction()) * this.#chain.parameters.spacing;
    this.tally.found += 1;
    // Before this block: how far the pool is ahead of what is public.
    const lead = Number(heightOf(this.#poolTip.head) - this.#publicHeight);
    if (this.#random.chance(this.#cell.share)) this.#poolFinds(lead);
    else this.#othersFind(lead);
    this.#settle();
  }

  get #publicHeight(): bigint {
    const [apart, near] = [heightOf(this.#apart.head.head), heightOf(this.#near.head.head)];
    return apart > near ? apart : near;
  }

  #poolFinds(lead: number): void {
    this.#poolTip = this.#mine(this.#poolTip, ATTACKER);
    this.#private.push(this.#poolTip);
    // It has won the race of two branches of one block each.
    if (lead === 0 && this.#private.length === 2) this.#publishAll();
  }

  #othersFind(lead: number): void {
    const group = this.#random.chance(this.#cell.gamma) ? this.#near : this.#apart;
    const parent = this.#links.get(group.head.head);
    assert(parent !== undefined, "miners work on a block they know");
    const { head } = this.#mine(parent, HONEST_MINER);
    const answer = this.#answerTo(lead);
    for (const block of [head, ...answer]) this.#apart.hear(block);
    for (const block of [...answer, head]) this.#near.hear(block);
    if (lead === 0) this.#giveIn();
    if (lead === 2) this.#startAnew();
  }

  /** What the pool publishes when others have found a block. */
  #answerTo(lead: number): readonly BlockHead[] {
    if (lead === 0) return [];
    // Ahead by one: a tie. By two: all of it wins. By more: the next one, to keep others busy.
    const until = lead <= 2 ? this.#private.length : this.#published + 1;
    const answer = this.#private.slice(this.#published, until).map(({ head }) => head);
    this.#published = until;
    return answer;
  }

  #publishAll(): void {
    for (const { head } of this.#private.slice(this.#published)) {
      this.#apart.hear(head);
      this.#near.hear(head);
    }
    this.#startAnew();
  }

  /** Others are ahead: the pool goes on from their block. */
  #giveIn(): void {
    const link = this.#links.get(this.#apart.head.head);
    assert(link !== undefined, "the public head is known");
    this.#poolTip = link;
    this.#startAnew();
  }

  #startAnew(): void {
    this.#private = [];
    this.#published = 0;
  }

  #mine(parent: Link, miner: number): Link {
    const { parameters, rules, startTime } = this.#chain;
    const past = new Chain(parent);
    const time = Math.max(earliestTime(parameters, past), Math.floor(startTime + this.#now));
    const head = this.#chain.mine(past, parent.head.hash, time, miner);
    const wrong = rules.checkHead(parent.head, head, past);
    assert(wrong === undefined, `all mine by the rules: ${wrong?.detail}`);
    const link = { head, parent };
    this.#links.set(head, link);
    return link;
  }

  /** Counts revenue for good where nobody holds anything back and all agree. */
  #settle(): void {
    const { head } = this.#apart.head;
    if (this.#private.length > 0 || !equalBytes(head.hash, this.#near.head.head.hash)) return;
    for (const { head: each } of this.#apart.settle()) {
      if (each.summary.extra[0] === ATTACKER) this.tally.pool += 1;
      else this.tally.honest += 1;
    }
    this.#near.settle();
    const link = this.#links.get(head);
    assert(link !== undefined, "the public head is known");
    this.#links = new Map([[head, link]]);
    this.#forgetFarBack(link);
  }

  #forgetFarBack(tip: Link): void {
    let link: Link | undefined = tip;
    for (let i = 0; i < LOOK_BACK; i++) link = link?.parent;
    if (link !== undefined) link.parent = undefined;
  }
}

function heightOf(head: BlockHead): bigint {
  return head.summary.height;
}
