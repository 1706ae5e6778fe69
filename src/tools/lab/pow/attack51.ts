/**
 * The table of double spends: for every share of hash power and every number of confirmations many races, how often
 * the attacker won, what it cost it, and whether that is what theory says for exactly these options. Where all
 * blocks weigh the same a formula must match; where difficulty moves, the naive simulation. A race's randomness
 * follows from seed, cell and number alone, so that threads and the choice of cells change nothing.
 * Source: pow.md 2.9.
 *
 * This folder: experiments with mined chains, the races they are made of, the theory that judges them. Not here: their
 * reports (tools/lab/report).
 */
import { Random } from "../../sim/random.ts";
import { binomialPValue, confidenceInterval, type Interval, samePValue } from "../binomial.ts";
import type { LabChain, Retarget } from "./lab-chain.ts";
import { runNaiveRace } from "./naive-race.ts";
import { type ChoiceOf, type Race, type RaceOutcome, runRace } from "./race.ts";
import { doubleSpend, nakamoto, rosenfeld, strict } from "./theory.ts";

/** What all cells share: the options of a race but for its cell. */
export interface AttackOptions extends Omit<Race, "share" | "confirmations"> {
  readonly retarget: Retarget;
  readonly trials: number;
  readonly seed: number;
}

export interface Cell {
  readonly share: number;
  readonly confirmations: number;
}

/** Sums over races, in whole numbers, so that the order of adding does not matter. */
export interface AttackTally {
  readonly trials: number;
  readonly wins: number;
  /** Races cut off undecided. */
  readonly capped: number;
  readonly attackerBlocks: number;
  readonly honestBlocks: number;
  /** Expected hashes of the attacker's blocks. */
  readonly attackerWork: number;
  /** Blocks of the attacker in races it lost: no reward is paid for them. */
  readonly lostBlocks: number;
  /** Honest blocks undone by races it won. */
  readonly undoneBlocks: number;
  readonly deepestReorg: number;
  /** Wins of the naive simulation, where that is what judges. */
  readonly naiveTrials: number;
  readonly naiveWins: number;
}

export const EMPTY_TALLY: AttackTally = {
  trials: 0,
  wins: 0,
  capped: 0,
  attackerBlocks: 0,
  honestBlocks: 0,
  attackerWork: 0,
  lostBlocks: 0,
  undoneBlocks: 0,
  deepestReorg: 0,
  naiveTrials: 0,
  naiveWins: 0,
};

/** Races `from` to `to` - 1 of a cell, and as many naive ones where no formula holds. */
export function runTrials(
  chain: LabChain,
  options: AttackOptions,
  cell: Cell,
  [from, to]: readonly [number, number],
  choiceOf?: ChoiceOf,
): AttackTally {
  const race: Race = { ...options, ...cell };
  const tally = { ...EMPTY_TALLY };
  const isJudgedByNaive = judgeOf(options) === "simulation";
  for (let trial = from; trial < to; trial++) {
    const outcome = runRace(chain, race, streamOf(options, cell, trial), choiceOf);
    Object.assign(tally, addOutcome(tally, outcome));
    if (!isJudgedByNaive) continue;
    const naive = { ...race, retarget: options.retarget };
    tally.naiveTrials += 1;
    tally.naiveWins += runNaiveRace(naive, streamOf(options, cell, trial).split("naive")) ? 1 : 0;
  }
  return tally;
}

export function addOutcome(tally: AttackTally, { won, capped, ...race }: RaceOutcome): AttackTally {
  return {
    ...tally,
    trials: tally.trials + 1,
    wins: tally.wins + (won ? 1 : 0),
    capped: tally.capped + (capped ? 1 : 0),
    attackerBlocks: tally.attackerBlocks + race.attackerBlocks,
    honestBlocks: tally.honestBlocks + race.honestBlocks,
    attackerWork: tally.attackerWork + race.attackerWork,
    lostBlocks: tally.lostBlocks + (won ? 0 : race.attackerBlocks),
    undoneBlocks: tally.undoneBlocks + (won ? race.honestBlocks : 0),
    deepestReorg: Math.max(tally.deepestReorg, won ? race.honestBlocks : 0),
  };
}

/** The randomness of one race. */
export function streamOf(options: Pick<AttackOptions, "seed">, cell: Cell, trial: number): Random {
  return new Random(`attack51/${options.seed}/${cell.share}/${cell.confirmations}/${trial}`);
}

export function addTallies(tallies: readonly AttackTally[]): AttackTally {
  const sum: Record<string, number> = { ...EMPTY_TALLY };
  for (const tally of tallies) {
    for (const [name, value] of Object.entries(tally)) {
      const before = sum[name] ?? 0;
      sum[name] = name === "deepestReorg" ? Math.max(before, value) : before + value;
    }
  }
  return sum as unknown as AttackTally;
}

/**
 * What a configuration must match. "strict": one block ahead, nothing in advance. "Rosenfeld": one block in advance,
 * or a tie that counts. "exact": the same sum with other blocks in advance, or a coin at ties. All with the give-up.
 */
export type Judge = "strict" | "Rosenfeld" | "exact" | "simulation";

export function judgeOf(options: Omit<AttackOptions, "trials" | "seed">): Judge {
  if (options.retarget !== "none") return "simulation";
  const blocksInHand = options.premined + tieWins(options);
  return blocksInHand === 0 ? "strict" : blocksInHand === 1 ? "Rosenfeld" : "exact";
}

/** The probability that a branch released at a tie becomes the head. */
function tieWins({ release, tie }: Pick<Race, "release" | "tie">): number {
  if (release === "heavier") return 0;
  return { "first-seen": 0, random: 0.5, "last-seen": 1 }[tie];
}

/** Nothing is left to chance: an interval would say otherwise. */
export function isCertain({ expected }: Pick<CellResult, "expected">): boolean {
  return expected === 0 || expected === 1;
}

export interface CellResult extends Cell, AttackTally {
  readonly rate: number;
  /** The interval of confidence at 95 %. */
  readonly interval: Interval;
  readonly nakamoto: number;
  readonly rosenfeld: number;
  readonly strict: number;
  readonly judge: Judge;
  /** What the judge says of this very configuration, with its give-up. */
  readonly expected: number;
  readonly pValue: number;
  /** Whether chance explains it: the whole table is not less likely than one in a thousand. */
  readonly isMatch: boolean;
  /** Blocks of the attacker without reward, for each race: the price of trying. */
  readonly lostPerTrial: number;
  /**
   * The same for each success: in block rewards, what the payment must be worth. Undefined when there was no
   * success.
   */
  readonly lostPerWin: number | undefined;
}

/** Chance of one wrong alarm in a whole table that is right. */
const ALARM = 0.001;

/** @param cells of the whole table: the more, the rarer a deviation must be to count */
export function judgeCell(options: AttackOptions, cell: Cell, tally: AttackTally, cells: number): CellResult {
  const { share, confirmations } = cell;
  const judge = judgeOf(options);
  const count = { successes: tally.wins, trials: tally.trials };
  const naive = { successes: tally.naiveWins, trials: tally.naiveTrials };
  const formula = doubleSpend({ ...options, ...cell, tieWins: tieWins(options) });
  const expected = judge === "simulation" ? tally.naiveWins / tally.naiveTrials : formula;
  const pValue =
    judge === "simulation" ? samePValue(count, naive) : binomialPValue(tally.wins, tally.trials, expected);
  return {
    ...cell,
    ...tally,
    rate: tally.wins / tally.trials,
    interval: confidenceInterval(count),
    nakamoto: nakamoto(share, confirmations),
    rosenfeld: rosenfeld(share, confirmations),
    strict: strict(share, confirmations),
    judge,
    expected,
    pValue,
    isMatch: pValue >= ALARM / cells,
    lostPerTrial: tally.lostBlocks / tally.trials,
    lostPerWin: tally.wins === 0 ? undefined : tally.lostBlocks / tally.wins,
  };
}

/** All cells, share by share. */
export function cellsOf(shares: readonly number[], confirmations: readonly number[]): Cell[] {
  return shares.flatMap((share) => confirmations.map((each) => ({ share, confirmations: each })));
}
