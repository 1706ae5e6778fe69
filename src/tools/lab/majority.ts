/**
 * The headline: the attacker of attack51, once against proof of work with a share of the hash power, once against
 * PBFT, where the same power buys nothing and it holds as many validator keys as it is given. The double spend is the
 * same: a payment to the merchant and one with the same nonce to itself. It has won when the merchant's node has
 * seen the payment final and another correct node has the conflicting one.
 * Source: pow.md 2.9; pbft.md 1.1 (two quorums share a correct validator).
 */
import { must, unreachable } from "../../base/assert.ts";
import { byteText } from "../../base/bytes.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import type { ValidatorId } from "../../consensus/engine.ts";
import { Random } from "../sim/random.ts";
import type { AdversarySpec, NetworkFault } from "../sim/schedule.ts";
import { confidenceInterval, type Interval } from "./binomial.ts";
import { ALWAYS, faultsSurvived, PbftCluster } from "./pbft/pbft-cluster.ts";
import { type AttackOptions, type CellResult, judgeCell, runTrials } from "./pow/attack51.ts";
import { LabChain } from "./pow/lab-chain.ts";
import { doubleSpend } from "./pow/theory.ts";
import { noStep } from "./step.ts";

/** What the attacker does with its keys, in turn from trial to trial. */
export const TACTICS = ["twin", "equivocate", "collude", "withhold"] as const;
export type MajorityTactic = (typeof TACTICS)[number];

export interface MajorityOptions {
  readonly nodes: number;
  /** Validator keys that the attacker holds. */
  readonly keys: number;
  /** Parts of the hash power. */
  readonly shares: readonly number[];
  readonly confirmations: number;
  /** Against proof of work, for each share. */
  readonly races: number;
  /** Against PBFT, for each share. */
  readonly trials: number;
  readonly seed: number;
}

export interface SpendOutcome {
  readonly tactic: MajorityTactic;
  /** The merchant's node saw the payment final. */
  readonly delivered: boolean;
  /** The conflicting payment is final at a correct node. */
  readonly conflicting: boolean;
  readonly won: boolean;
}

export interface MajorityRow {
  readonly share: number;
  readonly pow: Pick<CellResult, "wins" | "trials" | "rate" | "interval" | "expected" | "isMatch">;
  readonly pbft: {
    readonly wins: number;
    readonly trials: number;
    readonly rate: number;
    /** Undefined where two quorums share a correct validator: then it cannot happen, and nothing is left to chance. */
    readonly interval: Interval | undefined;
    readonly delivered: number;
  };
}

export interface TacticRow {
  readonly tactic: MajorityTactic;
  readonly trials: number;
  readonly delivered: number;
  readonly conflicting: number;
  readonly wins: number;
}

export interface MajorityResult {
  readonly f: number;
  readonly rows: readonly MajorityRow[];
  readonly tactics: readonly TacticRow[];
  /** The trials that the attacker won, over all shares. */
  readonly wins: number;
  readonly trials: number;
  /** Proof of work as its theory says; PBFT without a success while it holds at most f keys, with one beyond. */
  readonly isMatch: boolean;
}

/** Deficit at which it gives up against proof of work. */
const GIVE_UP = 20;

/** What theory says of the attacker under proof of work. */
export function spendTwiceByWork(share: number, confirmations: number): number {
  return doubleSpend({ share, confirmations, premined: 0, giveUp: GIVE_UP, tieWins: 0 });
}

/** How many trials under PBFT there are, with a step after each. */
export function majoritySteps({ shares, trials }: MajorityOptions): number {
  return shares.length * trials;
}

export async function runMajority(options: MajorityOptions, step = noStep): Promise<MajorityResult> {
  const { shares, confirmations, races, trials, seed, nodes, keys } = options;
  const chain = new LabChain("none");
  const attack: AttackOptions = { ...ATTACK, trials: races, seed };
  const rows: MajorityRow[] = [];
  const outcomes: SpendOutcome[] = [];
  for (const share of shares) {
    const cell = { share, confirmations };
    const pow = judgeCell(attack, cell, runTrials(chain, attack, cell, [0, races]), shares.length);
    const own: SpendOutcome[] = [];
    for (let trial = 0; trial < trials; trial++) {
      const tactic = must(TACTICS[trial % TACTICS.length], "the index is below their number");
      own.push(await spendTwice({ nodes, keys, tactic, seed: `${seed}/${share}/${trial}` }));
      await step();
    }
    outcomes.push(...own);
    rows.push({ share, pow: briefly(pow), pbft: summed(own, keys > faultsSurvived(nodes)) });
  }
  const wins = outcomes.filter(({ won }) => won).length;
  const f = faultsSurvived(nodes);
  const isSafe = keys <= f ? wins === 0 : wins > 0;
  return {
    f,
    rows,
    tactics: TACTICS.map((tactic) => tacticRow(tactic, outcomes)),
    wins,
    trials: outcomes.length,
    isMatch: isSafe && rows.every(({ pow }) => pow.isMatch),
  };
}

const ATTACK = {
  giveUp: GIVE_UP,
  premined: 0,
  release: "heavier",
  tie: "first-seen",
  retarget: "none",
  stamps: "now",
} as const satisfies Omit<AttackOptions, "trials" | "seed">;

function briefly({ wins, trials, rate, interval, expected, isMatch }: CellResult): MajorityRow["pow"] {
  return { wins, trials, rate, interval, expected, isMatch };
}

/** @param isChance whether anything is left to chance */
function summed(outcomes: readonly SpendOutcome[], isChance: boolean): MajorityRow["pbft"] {
  const wins = outcomes.filter(({ won }) => won).length;
  const trials = outcomes.length;
  return {
    wins,
    trials,
    rate: wins / trials,
    interval: isChance ? confidenceInterval({ successes: wins, trials }) : undefined,
    delivered: outcomes.filter(({ delivered }) => delivered).length,
  };
}

function tacticRow(tactic: MajorityTactic, outcomes: readonly SpendOutcome[]): TacticRow {
  const own = outcomes.filter((outcome) => outcome.tactic === tactic);
  const count = (test: (outcome: SpendOutcome) => boolean) => own.filter(test).length;
  return {
    tactic,
    trials: own.length,
    delivered: count(({ delivered }) => delivered),
    conflicting: count(({ conflicting }) => conflicting),
    wins: count(({ won }) => won),
  };
}

interface Spend {
  readonly nodes: number;
  readonly keys: number;
  readonly tactic: MajorityTactic;
  readonly seed: string;
}

/** The attacker's account, the merchant's, and another one of its own. */
const [PAYER, MERCHANT, ACCOMPLICE] = [0, 1, 2];
const AMOUNT = 1_000n;
const SPLIT_MS = 2_000;
const PAY_AT_MS = 100;
const END_MS = 15_000;
/** The time between two moves of those who collude, ms. */
const COLLUDE_MS = 20;

/** One double spend against PBFT. The merchant watches the last validator, which is correct. */
export async function spendTwice({ nodes, keys, tactic, seed }: Spend): Promise<SpendOutcome> {
  const random = new Random(`majority/${seed}`);
  const correct = random.shuffle(Array.from({ length: nodes - keys }, (_, i) => keys + i));
  // The merchant's side and the other one; each correct validator is on one of them.
  const near = correct.slice(0, Math.ceil(correct.length / 2));
  const far = correct.slice(near.length);
  const pbftCluster = new PbftCluster({
    nodes,
    seed,
    adversaries: keysInUse(keys, tactic, far),
    faults: split(nodes, keys, tactic, [near, far]),
    payUntilMs: 0,
    payEveryMs: 1,
  });
  const { world, cluster } = pbftCluster;
  const payment = world.transfer(PAYER, MERCHANT, AMOUNT, 0n);
  const conflicting = world.transfer(PAYER, ACCOMPLICE, AMOUNT, 0n);
  await pbftCluster.runUntil(PAY_AT_MS);
  // The attacker's own validators get the payment, its twins the other one.
  for (const { id } of cluster.nodes)
    cluster.submit(id, far.includes(id) || id >= nodes ? conflicting : payment);
  const holders = (transaction: SignedTransaction) =>
    new Set(
      pbftCluster.commits
        .filter(({ node }) => cluster.isCorrect(node))
        .filter(({ sealed }) =>
          sealed.block.transactions.some(({ id }) => byteText(id) === byteText(transaction.id)),
        )
        .map(({ node }) => node),
    );
  await pbftCluster.runUntil(
    END_MS,
    () => holders(payment).size + holders(conflicting).size >= correct.length,
  );
  const delivered = holders(payment).has(must(near[0], "the merchant is at a node"));
  const isConflicting = holders(conflicting).size > 0;
  pbftCluster.end();
  return { tactic, delivered, conflicting: isConflicting, won: delivered && isConflicting };
}

/** The first validators, the first primary among them. */
function keysInUse(keys: number, tactic: MajorityTactic, victims: readonly ValidatorId[]): AdversarySpec[] {
  return Array.from({ length: keys }, (_, validator) => keyInUse(validator, tactic, victims));
}

function keyInUse(
  validator: ValidatorId,
  tactic: MajorityTactic,
  victims: readonly ValidatorId[],
): AdversarySpec {
  const base = { id: `a${validator}`, validator, ...ALWAYS };
  switch (tactic) {
    case "twin":
      return { ...base, kind: "twin" };
    case "equivocate":
      return { ...base, kind: "equivocate", victims };
    case "collude":
      return { ...base, kind: "collude", everyMs: COLLUDE_MS };
    // The attacker votes for nothing while the merchant waits, and speaks again when others have moved on.
    case "withhold":
      return { ...base, kind: "silent", atMs: PAY_AT_MS, untilMs: SPLIT_MS };
    default:
      return unreachable(tactic);
  }
}

/** The attacker controls the network too for a while: the two sides do not hear each other, its keys hear both. */
function split(
  nodes: number,
  keys: number,
  tactic: MajorityTactic,
  [near, far]: readonly [readonly ValidatorId[], readonly ValidatorId[]],
): NetworkFault[] {
  const own = Array.from({ length: keys }, (_, validator) => validator);
  const interval = { atMs: 0, untilMs: SPLIT_MS };
  if (tactic === "twin") {
    const twins = own.map((validator) => nodes + validator);
    const groups = [
      [...own, ...near],
      [...twins, ...far],
    ];
    return [{ id: "f0", kind: "partition", ...interval, groups, hold: false }];
  }
  return [
    { id: "f0", kind: "one-way", ...interval, from: near, to: far, hold: false },
    { id: "f1", kind: "one-way", ...interval, from: far, to: near, hold: false },
  ];
}
