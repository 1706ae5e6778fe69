/**
 * One attempt to spend twice, on virtual time: honest miners find blocks on the public head, the attacker on a
 * private branch from the same fork point, each after an exponential time by its part of the hash power and the bits
 * of its own branch. Every block is a mined header that passes the node's rules, and the node's block tree decides
 * which branch is the head. The attacker is a replica that hears only itself; to release is to hand its blocks over.
 * Ledger and mempool are left out: the payment is in the first honest block. Source: pow.md 2.9.
 */
import { assert } from "../../../base/assert.ts";
import { equalBytes } from "../../../base/bytes.ts";
import { BlockTree, type ForkChoice, MOST_WORK, type TreeNode } from "../../../chain/forks/block-tree.ts";
import type { BlockHead } from "../../../chain/types/block.ts";
import { earliestTime } from "../../../consensus/pow/check-header.ts";
import type { Random } from "../../sim/random.ts";
import { ATTACKER, HONEST_MINER, LabBranch, type LabChain } from "./lab-chain.ts";

export const RELEASES = ["heavier", "tie"] as const;
export const TIES = ["first-seen", "random", "last-seen"] as const;
export const STAMPS = ["now", "schedule", "earliest"] as const;

export interface Race {
  /** The attacker's part of the hash power, between 0 and 1, both excluded. */
  readonly share: number;
  /** Blocks the merchant waits for, counting the payment's own. With 0 it delivers at once. */
  readonly confirmations: number;
  /** Blocks of the private branch before the payment is sent. */
  readonly premined: number;
  /**
   * Deficit (blocks lacking to be one ahead) at which the attacker gives up. It is judged when the merchant
   * delivered.
   */
  readonly giveUp: number;
  /** When the private branch is released: as soon as it is heavier, or already when it is as heavy. */
  readonly release: (typeof RELEASES)[number];
  /** What honest nodes do with a branch of equal weight. */
  readonly tie: (typeof TIES)[number];
  /** Which time the attacker writes into its blocks: its clock, one on schedule, or the earliest allowed. */
  readonly stamps: (typeof STAMPS)[number];
}

export interface RaceOutcome {
  /** The honest head is on the attacker's branch and the payment's block is not. */
  readonly won: boolean;
  /** The race was cut off: neither won nor given up. */
  readonly capped: boolean;
  readonly attackerBlocks: number;
  readonly honestBlocks: number;
  /** Expected hashes of the attacker's blocks. */
  readonly attackerWork: number;
  /** How many seconds of virtual time the race took. */
  readonly seconds: number;
}

/** What happened in a race, for a picture of it. Work counts from the fork point. */
export interface RaceEvent {
  readonly kind: "honest" | "attacker" | "released" | "reorganised" | "gave-up";
  /** Seconds since the race began. */
  readonly seconds: number;
  readonly head: BlockHead;
  readonly honestWork: number;
  readonly attackerWork: number;
}

/** How honest nodes choose, per race: a rule with a coin needs a stream of its own. */
export type ChoiceOf = (random: Random) => ForkChoice;

export const CHOICES: Readonly<Record<Race["tie"], ChoiceOf>> = {
  "first-seen": () => MOST_WORK,
  random: (random) => (candidate, head) =>
    candidate.work === head.work ? random.chance(0.5) : MOST_WORK(candidate, head),
  "last-seen": () => (candidate, head) => candidate.work >= head.work,
};

/**
 * Blocks after which a race is cut off and counted apart. A walk between two bounds g apart outlives 10 g^2 steps once
 * in 10^21 cases: what is cut off has branches of which one is heavier and the other longer, and honest nodes that
 * choose wrongly.
 */
export function raceBlocksMax({ share, confirmations, giveUp }: Race): number {
  return 1_000 + 10 * giveUp ** 2 + Math.ceil((10 * (confirmations + 1)) / (1 - share));
}

export function runRace(
  chain: LabChain,
  race: Race,
  random: Random,
  choiceOf: ChoiceOf = CHOICES[race.tie],
  watch?: (event: RaceEvent) => void,
): RaceOutcome {
  return new RunningRace(chain, race, random, choiceOf(random), watch).run();
}

/** What one side mines on, and when it finds its next block. */
class RaceMiner {
  readonly branch: LabBranch;
  tip: TreeNode;
  /** When it finds its next block, in virtual seconds. */
  nextAt = 0;

  constructor(chain: LabChain) {
    this.branch = new LabBranch(chain.trunk);
    this.tip = chain.fork;
  }
}

class RunningRace {
  readonly #chain: LabChain;
  readonly #race: Race;
  readonly #random: Random;
  readonly #watch: ((event: RaceEvent) => void) | undefined;
  /** What the honest nodes know. */
  readonly #public: BlockTree;
  /** What the attacker's replica knows that hears only itself. */
  readonly #private: BlockTree;
  readonly #honest: RaceMiner;
  readonly #attacker: RaceMiner;
  /** The attacker's blocks that the honest nodes have. */
  readonly #released: LabBranch;
  #head: TreeNode;
  #now = 0;
  #attackerWork = 0;

  constructor(
    chain: LabChain,
    race: Race,
    random: Random,
    choice: ForkChoice,
    watch: ((event: RaceEvent) => void) | undefined,
  ) {
    this.#chain = chain;
    this.#race = race;
    this.#random = random;
    this.#watch = watch;
    this.#public = treeFrom(chain.fork, choice);
    this.#private = treeFrom(chain.fork, MOST_WORK);
    this.#honest = new RaceMiner(chain);
    this.#attacker = new RaceMiner(chain);
    this.#released = new LabBranch(chain.trunk);
    this.#head = chain.fork;
  }

  run(): RaceOutcome {
    for (let i = 0; i < this.#race.premined; i++) this.#attackerMines();
    this.#draw(this.#honest, 1 - this.#race.share);
    this.#draw(this.#attacker, this.#race.share);
    const blocksMax = raceBlocksMax(this.#race);
    for (let blocks = 0; blocks < blocksMax; blocks++) {
      const won = this.#decide();
      if (won !== undefined) return this.#outcome(won, false);
      this.#nextBlock();
    }
    return this.#outcome(false, true);
  }
  /** Everything between two blocks: reorganised, given up, or undefined to go on. */
  #decide(): boolean | undefined {
    if (this.#honest.branch.length < this.#race.confirmations) return undefined;
    if (this.#isWorthReleasing()) this.#release();
    if (this.#head !== this.#honest.tip) {
      this.#emit("reorganised", this.#head.head);
      return true;
    }
    if (!this.#isHopeless()) return undefined;
    this.#emit("gave-up", this.#attacker.tip.head);
    return false;
  }

  #isWorthReleasing(): boolean {
    const { tip, branch } = this.#attacker;
    if (branch.length === this.#released.length) return false;
    return this.#race.release === "tie" ? tip.work >= this.#head.work : tip.work > this.#head.work;
  }

  /** Judges by work, which with equal bits is by blocks: a deficit of g is to be g - 1 blocks behind a tie. */
  #isHopeless(): boolean {
    const behind = this.#honest.tip.work - this.#attacker.tip.work;
    const block = this.#chain.rules.weight(this.#chain.fork.head.header);
    return behind >= BigInt(this.#race.giveUp - 1) * block;
  }

  /** Hands the private blocks over, oldest first, as far as honest clocks let them in. */
  #release(): void {
    const { branch } = this.#attacker;
    while (this.#released.length < branch.length) {
      const head = branch.at(this.#released.length);
      if (this.#chain.rules.notBeforeMs(head) > 1_000 * this.#clock) break;
      this.#accept(this.#public, head, this.#released);
      this.#emit("released", head);
    }
    this.#head = this.#public.choose(this.#head) ?? this.#head;
  }

  #nextBlock(): void {
    if (this.#attacker.nextAt < this.#honest.nextAt) {
      this.#now = this.#attacker.nextAt;
      this.#attackerMines();
      this.#draw(this.#attacker, this.#race.share);
    } else {
      this.#now = this.#honest.nextAt;
      this.#honestMines();
      this.#draw(this.#honest, 1 - this.#race.share);
    }
  }

  #honestMines(): void {
    const { branch } = this.#honest;
    const time = this.#stampNow(branch);
    const head = this.#chain.mine(branch, branch.tip.hash, time, HONEST_MINER);
    this.#honest.tip = this.#accept(this.#public, head, branch);
    this.#head = this.#public.choose(this.#head) ?? this.#head;
    this.#emit("honest", head);
  }

  #attackerMines(): void {
    const { branch } = this.#attacker;
    const head = this.#chain.mine(branch, branch.tip.hash, this.#stamp(branch), ATTACKER);
    this.#attacker.tip = this.#accept(this.#private, head, branch);
    this.#attackerWork += Number(this.#chain.rules.weight(head.header));
    this.#emit("attacker", head);
  }

  /** A replica takes a block: by the rules of the header on its branch, then into its tree. */
  #accept(tree: BlockTree, head: BlockHead, branch: LabBranch): TreeNode {
    const { rules } = this.#chain;
    const wrong = rules.checkHead(branch.tip, head, branch);
    assert(wrong === undefined, `both sides mine by the rules: ${wrong?.detail}`);
    const node = tree.add(head, rules.weight(head.header));
    assert(node !== undefined, "blocks come in order");
    tree.bodyArrived(node);
    branch.push(head);
    return node;
  }

  #stamp(branch: LabBranch): number {
    const { parameters } = this.#chain;
    switch (this.#race.stamps) {
      case "now":
        return this.#stampNow(branch);
      case "earliest":
        return earliestTime(parameters, branch);
      case "schedule": {
        // Not so far ahead that honest clocks would keep the block out.
        const latest = Math.floor(this.#clock) + parameters.futureLimit;
        const onSchedule = branch.tip.header.time + parameters.spacing;
        return Math.max(earliestTime(parameters, branch), Math.min(onSchedule, latest));
      }
    }
  }

  #stampNow(branch: LabBranch): number {
    return Math.max(earliestTime(this.#chain.parameters, branch), Math.floor(this.#clock));
  }

  /** Seconds since the Unix epoch, virtual. */
  get #clock(): number {
    return this.#chain.startTime + this.#now;
  }

  #draw(miner: RaceMiner, share: number): void {
    const rate = share * this.#chain.blockRate(this.#chain.nextBits(miner.branch));
    miner.nextAt = this.#now - Math.log(1 - this.#random.fraction()) / rate;
  }

  #emit(kind: RaceEvent["kind"], head: BlockHead): void {
    this.#watch?.({
      kind,
      head,
      seconds: this.#now,
      honestWork: Number(this.#honest.tip.work - this.#chain.fork.work),
      attackerWork: Number(this.#attacker.tip.work - this.#chain.fork.work),
    });
  }

  #outcome(won: boolean, capped: boolean): RaceOutcome {
    return {
      won,
      capped,
      attackerBlocks: this.#attacker.branch.length,
      honestBlocks: this.#honest.branch.length,
      attackerWork: this.#attackerWork,
      seconds: this.#now,
    };
  }
}

function treeFrom(root: TreeNode, choice: ForkChoice): BlockTree {
  const tree = new BlockTree((hash) => (equalBytes(hash, root.head.hash) ? root : undefined), choice);
  tree.get(root.head.hash);
  return tree;
}
