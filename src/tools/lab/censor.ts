/**
 * Leaving an account out. Under proof of work a miner either just leaves its transaction out of its own blocks, or
 * also undoes every block that holds it: headers, their rules, block tree and fork choice are the node's, the
 * transaction is a mark on the honest miners' blocks. Beside it PBFT with f censoring validators on whole replicas,
 * whose fairness timer changes the primary. Sources: pow.md 2.9; pbft.md 1.7.
 */
import { assert, must } from "../../base/assert.ts";
import { byteText, equalBytes } from "../../base/bytes.ts";
import { BlockTree, MOST_WORK, type TreeNode } from "../../chain/forks/block-tree.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import { earliestTime } from "../../consensus/pow/check-header.ts";
import { Random } from "../sim/random.ts";
import { binomialPValue } from "./binomial.ts";
import { ALWAYS, faultsSurvived, PbftCluster, SETTINGS } from "./pbft/pbft-cluster.ts";
import { ATTACKER, HONEST_MINER, LabBranch, LabChain } from "./pow/lab-chain.ts";
import { noStep, type Step } from "./step.ts";

export interface Censor {
  readonly seed: number;
  /** The censor's parts of the hash power. */
  readonly shares: readonly number[];
  readonly trials: number;
  /** Deficit (blocks lacking to be one ahead) at which it lets a block stand. */
  readonly giveUp: number;
  /** Blocks found by all after which a trial ends, once the fight for a block is over. */
  readonly blocks: number;
  /** Validators of the PBFT runs. */
  readonly nodes: readonly number[];
}

const TACTICS = ["leave out", "undo"] as const;
export type CensorTactic = (typeof TACTICS)[number];

export interface CensorRow {
  readonly tactic: CensorTactic;
  readonly share: number;
  readonly trials: number;
  /** Trials in which the transaction was in for good before they ended. */
  readonly included: number;
  /** Mean number of blocks of all miners until its block was found that stayed, over the trials in which one was. */
  readonly meanBlocks: number | undefined;
  readonly mostBlocks: number;
  /** Blocks with the transaction that the censor tried to undo, and did. */
  readonly fights: number;
  readonly undone: number;
  /** leave out: mean blocks until inclusion, 1 / (1 - q); undo: probability that a block is undone. */
  readonly expected: number;
  readonly isMatch: boolean;
}

export interface PbftRow {
  readonly nodes: number;
  readonly censors: number;
  readonly payments: number;
  readonly final: number;
  readonly meanMs: number;
  readonly worstMs: number;
  readonly othersMeanMs: number;
  /** The bound for f censoring primaries one after the other. */
  readonly boundMs: number;
  readonly isMatch: boolean;
}

export interface CensorResult {
  readonly rows: readonly CensorRow[];
  readonly pbft: readonly PbftRow[];
  readonly isMatch: boolean;
}

/** How often {@link runCensor} calls its step. */
export function censorSteps({ shares, trials, nodes }: Censor): number {
  return 2 * shares.length * trials + 2 * nodes.length;
}

export async function runCensor(options: Censor, step: Step = noStep): Promise<CensorResult> {
  const chain = new LabChain("none");
  const rows: CensorRow[] = [];
  for (const tactic of TACTICS) {
    for (const share of options.shares) {
      const struggles: Struggle[] = [];
      for (let trial = 0; trial < options.trials; trial++) {
        const random = new Random(options.seed).split(`censor ${tactic} ${share} ${trial}`);
        const struggle = new Struggle(chain, options, { tactic, share }, random);
        struggle.play();
        struggles.push(struggle);
        await step();
      }
      rows.push(rowOf(options, { tactic, share }, struggles));
    }
  }
  const pbft: PbftRow[] = [];
  for (const nodes of options.nodes) {
    for (const censors of [0, faultsSurvived(nodes)]) {
      pbft.push(await runPbft(nodes, censors, options.seed));
      await step();
    }
  }
  return { rows, pbft, isMatch: [...rows, ...pbft].every(({ isMatch }) => isMatch) };
}

interface Cell {
  readonly tactic: CensorTactic;
  readonly share: number;
}

function rowOf(options: Censor, { tactic, share }: Cell, struggles: readonly Struggle[]): CensorRow {
  const done = struggles.flatMap(({ includedAt }) => includedAt ?? []);
  const sum = (value: (one: Struggle) => number) => struggles.reduce((all, one) => all + value(one), 0);
  const meanBlocks = done.length === 0 ? undefined : done.reduce((all, one) => all + one, 0) / done.length;
  const [fights, undone] = [sum((one) => one.fights), sum((one) => one.undone)];
  const expected = tactic === "undo" ? undoChance(share, options.giveUp) : 1 / (1 - share);
  const cells = options.shares.length;
  return {
    tactic,
    share,
    trials: options.trials,
    included: done.length,
    meanBlocks,
    mostBlocks: Math.max(0, ...done),
    fights,
    undone,
    expected,
    isMatch:
      tactic === "undo"
        ? fights === 0 || binomialPValue(undone, fights, expected) >= 0.001 / cells
        : done.length === options.trials &&
          isNear(must(meanBlocks, "all trials were done"), share, options.trials),
  };
}

/** The number of blocks is geometric: its mean is off by more than 5 deviations once in a million rows. */
function isNear(mean: number, share: number, trials: number): boolean {
  const deviation = Math.sqrt(share) / (1 - share) / Math.sqrt(trials);
  return Math.abs(mean - 1 / (1 - share)) <= 5 * deviation;
}

/** Gambler's ruin: from two blocks short of being one ahead, before it lacks `giveUp`. */
export function undoChance(share: number, giveUp: number): number {
  if (giveUp <= 2) return 0;
  if (share === 0.5) return (giveUp - 2) / giveUp;
  const ratio = share / (1 - share);
  // Powers of a ratio below 1, so that nothing overflows.
  if (ratio < 1) return (ratio ** 2 - ratio ** giveUp) / (1 - ratio ** giveUp);
  const inverse = 1 / ratio;
  return (1 - inverse ** (giveUp - 2)) / (1 - inverse ** giveUp);
}

/** One transaction that waits, and blocks until it is in for good. */
class Struggle {
  fights = 0;
  undone = 0;
  /** Blocks found until then, its own block included. */
  includedAt: number | undefined;
  readonly #chain: LabChain;
  readonly #options: Censor;
  readonly #cell: Cell;
  readonly #random: Random;
  readonly #tree: BlockTree;
  /** The honest nodes' chain. */
  #public: LabBranch;
  /** What stands below the blocks of that branch's own. */
  #trunk: readonly BlockHead[];
  #head: TreeNode;
  #now = 0;
  #found = 0;

  constructor(chain: LabChain, options: Censor, cell: Cell, random: Random) {
    this.#chain = chain;
    this.#options = options;
    this.#cell = cell;
    this.#random = random;
    const { fork } = chain;
    this.#tree = new BlockTree((hash) => (equalBytes(hash, fork.head.hash) ? fork : undefined), MOST_WORK);
    this.#head = must(this.#tree.get(fork.head.hash), "the tree stands on the fork");
    this.#trunk = chain.trunk;
    this.#public = new LabBranch(chain.trunk);
  }

  play(): void {
    while (this.#found < this.#options.blocks && this.includedAt === undefined) {
      const before = this.#heads();
      const isCensors = this.#nextIsCensors();
      this.#extend(this.#public, isCensors ? ATTACKER : HONEST_MINER);
      if (isCensors) continue;
      const at = this.#found;
      if (this.#cell.tactic === "leave out" || this.#stands(before)) this.includedAt = at;
    }
  }

  /** A block with the transaction has just been found. @returns whether it gave up */
  #stands(before: readonly BlockHead[]): boolean {
    const secret = new LabBranch(before);
    for (;;) {
      const lacking = Number(this.#public.height - secret.height) + 1;
      if (lacking <= 0) return this.#end(false, secret, before);
      if (lacking >= this.#options.giveUp) return this.#end(true, secret, before);
      if (this.#nextIsCensors()) this.#extend(secret, ATTACKER, false);
      else this.#extend(this.#public, HONEST_MINER);
    }
  }

  #end(stands: boolean, secret: LabBranch, below: readonly BlockHead[]): boolean {
    this.fights++;
    if (stands) return true;
    // Released: the honest nodes judge each block, and their tree says where the head goes.
    for (let i = 0; i < secret.length; i++) this.#accept(secret.at(i));
    this.#head = this.#tree.choose(this.#head) ?? this.#head;
    assert(this.#head.head === secret.tip, "the heavier branch is the head");
    this.#public = secret;
    this.#trunk = below;
    this.undone++;
    return false;
  }

  #nextIsCensors(): boolean {
    this.#found++;
    this.#now -= Math.log(1 - this.#random.fraction()) * this.#chain.parameters.spacing;
    return this.#random.chance(this.#cell.share);
  }

  /** @param isPublished whether honest nodes hear of it at once */
  #extend(branch: LabBranch, miner: number, isPublished = true): void {
    const clock = Math.floor(this.#chain.startTime + this.#now);
    const time = Math.max(earliestTime(this.#chain.parameters, branch), clock);
    const head = this.#chain.mine(branch, branch.tip.hash, time, miner);
    const wrong = this.#chain.rules.checkHead(branch.tip, head, branch);
    assert(wrong === undefined, `all mine by the rules: ${wrong?.detail}`);
    branch.push(head);
    if (!isPublished) return;
    this.#accept(head);
    this.#head = this.#tree.choose(this.#head) ?? this.#head;
  }

  #accept(head: BlockHead): void {
    const node = this.#tree.add(head, this.#chain.rules.weight(head.header));
    assert(node !== undefined, "blocks come in order");
    this.#tree.bodyArrived(node);
  }

  #heads(): BlockHead[] {
    const own = Array.from({ length: this.#public.length }, (_, i) => this.#public.at(i));
    return [...this.#trunk, ...own];
  }
}

const PAY_EVERY_MS = 50;
const PAY_MS = 4_000;
const SETTLE_MS = 120_000;
/** The account that is left out pays every so many payments: as many accounts as the PBFT cluster has. */
const VICTIM = 0;

/**
 * Runs whole replicas on virtual time. The first `censors` validators leave account 0 out of the blocks they
 * propose.
 */
async function runPbft(nodes: number, censors: number, seed: number): Promise<PbftRow> {
  const pbftCluster = new PbftCluster({
    nodes,
    seed: `censor/${seed}/${censors}`,
    adversaries: Array.from({ length: censors }, (_, validator) => ({
      id: `a${validator}`,
      validator,
      kind: "censor" as const,
      account: VICTIM,
      ...ALWAYS,
    })),
    payUntilMs: PAY_MS,
    payEveryMs: PAY_EVERY_MS,
  });
  await pbftCluster.runUntil(PAY_MS + SETTLE_MS, () => pbftCluster.pending === 0);
  const { commits, world } = pbftCluster;
  pbftCluster.end();
  const accounts = world.accounts.map(({ publicKey }) => byteText(publicKey));
  const [victims, others]: [number[], number[]] = [[], []];
  const seen = new Set<string>();
  for (const { node, atMs, sealed } of commits) {
    if (node < censors) continue;
    for (const { id, from, nonce } of sealed.block.transactions) {
      if (seen.has(byteText(id))) continue;
      seen.add(byteText(id));
      const account = accounts.indexOf(byteText(from));
      const sentMs = (Number(nonce) * accounts.length + account + 1) * PAY_EVERY_MS;
      (account === VICTIM ? victims : others).push(atMs - sentMs);
    }
  }
  const payments = Math.ceil(Math.floor(PAY_MS / PAY_EVERY_MS) / accounts.length);
  const boundMs = (censors + 1) * (SETTINGS.fairnessTimeoutMs + SETTINGS.timeoutMaxMs);
  const worstMs = Math.max(0, ...victims);
  return {
    nodes,
    censors,
    payments,
    final: victims.length,
    meanMs: mean(victims),
    worstMs,
    othersMeanMs: mean(others),
    boundMs,
    isMatch: victims.length === payments && worstMs <= boundMs,
  };
}

function mean(values: readonly number[]): number {
  return Math.round(values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length));
}
