/**
 * Stretching time: a majority that ignores all others' blocks stamps the last block of each period as far ahead as
 * honest clocks accept, and all others as early as the rules allow, so that each period seems to have begun when the
 * attack did. Bits and times are judged by the node's rules, with and without their guard; the nonces are not looked
 * for, since a block at such a difficulty costs 10^22 hashes: its hash is taken as found, after an exponential time.
 * Sources: pow.md 2.4, 2.5; BIP 94.
 */
import { assert } from "../../../base/assert.ts";
import { ZERO_HASH } from "../../../base/bytes.ts";
import type { PowParameters } from "../../../chain/genesis/pow-parameters.ts";
import { NO_PARENT, VERSION_POW } from "../../../chain/types/block.ts";
import { difficultyOf, workOf } from "../../../chain/types/target.ts";
import { BITCOIN } from "../../../consensus/pow/bitcoin.ts";
import { checkHeader, earliestTime } from "../../../consensus/pow/check-header.ts";
import { Lookback } from "../../../consensus/pow/lookback.ts";
import { expectedBits } from "../../../consensus/pow/retarget.ts";
import { dueAt } from "../../../consensus/pow/time-bounds.ts";
import { Random } from "../../sim/random.ts";
import { noStep, type Step } from "../step.ts";

export interface Timewarp {
  readonly seed: number;
  /** The attacker's part of the hash power. The chain is the attacker's alone. */
  readonly share: number;
  /** How many blocks a period has. */
  readonly interval: number;
  /** How many periods are mined. */
  readonly periods: number;
}

/** A period as it was mined. */
export interface WarpedPeriod {
  readonly index: number;
  /** The difficulty as a part of that at the beginning. */
  readonly difficulty: number;
  /** Days by an honest clock. */
  readonly days: number;
  readonly blocksPerDay: number;
  /** What the stamps of its first and last block say. */
  readonly claimedDays: number;
}

export interface WarpRun {
  readonly guard: boolean;
  readonly periods: readonly WarpedPeriod[];
  /** Difficulty after the last period, in parts of that at the beginning. */
  readonly finalDifficulty: number;
  /** What the rule's arithmetic says of {@link finalDifficulty}, chance left out. */
  readonly expected: number;
  /** Work of the branch over the hashes that the attacker made in this time: cheap blocks weigh little. */
  readonly workPerHash: number;
  /** The factor of what is expected within which the difficulty agrees. */
  readonly tolerance: number;
  readonly isMatch: boolean;
}

export interface WarpResult {
  readonly off: WarpRun;
  readonly on: WarpRun;
  readonly isMatch: boolean;
}

/** Mainnet's in 2024: 8.4 * 10^13 times the easiest. */
const START_BITS = 0x17034219;
const BEGINNING = 1_700_000_000;
const DAY = 86_400;
const SPACING = BITCOIN.spacing;

/** @param step is told of each period of each run */
export async function runTimewarp(options: Timewarp, step: Step = noStep): Promise<WarpResult> {
  const off = await runOnce(options, false, step);
  const on = await runOnce(options, true, step);
  return { off, on, isMatch: off.isMatch && on.isMatch };
}

async function runOnce(options: Timewarp, guard: boolean, step: Step): Promise<WarpRun> {
  const parameters: PowParameters = {
    ...BITCOIN,
    startBits: START_BITS,
    retarget: { rule: "bitcoin", interval: options.interval, timewarpGuard: guard },
  };
  const miner = new WarpingMiner(parameters, options);
  const periods: WarpedPeriod[] = [];
  for (let index = 0; index < options.periods; index++) {
    periods.push(miner.period(index));
    await step();
  }
  const finalDifficulty = miner.difficulty;
  const expected = expectedDifficulty(options, guard);
  const tolerance = toleranceOf(options, guard);
  const isMatch = finalDifficulty / expected <= tolerance && expected / finalDifficulty <= tolerance;
  return { guard, periods, finalDifficulty, expected, workPerHash: miner.workPerHash, tolerance, isMatch };
}

/**
 * A period's length is off by 1/sqrt(interval) by chance. Guarded, the last one's error stands in the difficulty;
 * unguarded, the first ones' count again in each period that seems to contain them.
 */
function toleranceOf({ interval, periods }: Timewarp, guard: boolean): number {
  return Math.exp((guard ? 5 : 3 * periods) / Math.sqrt(interval));
}

class WarpingMiner {
  readonly #parameters: PowParameters;
  readonly #interval: number;
  readonly #past: Lookback;
  readonly #random: Random;
  /** Hashes a second: at the first difficulty all miners together find a block in one spacing. */
  readonly #hashRate: number;
  readonly #startWork: number;
  /** Seconds by an honest clock. */
  #now = BEGINNING;
  #work = 0;

  constructor(parameters: PowParameters, { seed, share, interval }: Timewarp) {
    this.#parameters = parameters;
    this.#interval = interval;
    this.#startWork = Number(workOf(parameters.startBits));
    this.#hashRate = (share * this.#startWork) / SPACING;
    this.#random = new Random(seed).split("timewarp");
    this.#past = new Lookback(parameters);
  }

  /** The difficulty of the next block, as a part of the first one's. */
  get difficulty(): number {
    return difficultyOf(expectedBits(this.#parameters, this.#past)) / difficultyOf(START_BITS);
  }

  get workPerHash(): number {
    return this.#work / (this.#hashRate * (this.#now - BEGINNING));
  }

  period(index: number): WarpedPeriod {
    const from = this.#now;
    let difficulty = 1;
    for (let i = 0; i < this.#interval; i++) {
      if (this.#past.height < 0n) this.#past.add({ time: BEGINNING, bits: START_BITS });
      else this.#mine(i);
      if (i === 0) difficulty = this.#relative(this.#past.headerAt(this.#past.height).bits);
    }
    const last = this.#past.headerAt(this.#past.height).time;
    const first = this.#past.headerAt(this.#past.height + 1n - BigInt(this.#interval)).time;
    const days = (this.#now - from) / DAY;
    return {
      index,
      difficulty,
      days,
      blocksPerDay: this.#interval / days,
      claimedDays: (last - first) / DAY,
    };
  }

  /** @param place in its period */
  #mine(place: number): void {
    const bits = expectedBits(this.#parameters, this.#past);
    const work = Number(workOf(bits));
    this.#now -= (Math.log(1 - this.#random.fraction()) * work) / this.#hashRate;
    const earliest = earliestTime(this.#parameters, this.#past);
    const latest = Math.floor(this.#now) + this.#parameters.futureLimit;
    const time = place === this.#interval - 1 ? Math.max(earliest, latest) : earliest;
    // What is early must wait: honest nodes do not take it yet.
    this.#now = Math.max(this.#now, dueAt(time, this.#parameters));
    const header = {
      version: VERSION_POW,
      previousHash: NO_PARENT,
      bodyRoot: ZERO_HASH,
      time,
      bits,
      nonce: 0,
    };
    const wrong = checkHeader(header, ZERO_HASH, this.#parameters, this.#past);
    assert(wrong === undefined, `the attacker keeps to the rules: ${wrong?.detail}`);
    this.#past.add({ time, bits });
    this.#work += work;
  }

  #relative(bits: number): number {
    return difficultyOf(bits) / difficultyOf(START_BITS);
  }
}

/**
 * The recurrence without chance. Unguarded, the stamps of a period reach from the attack's beginning to now; guarded,
 * they reach back to the period's own, and the difficulty settles where the attacker alone makes a block in a spacing.
 */
function expectedDifficulty({ share, interval, periods }: Timewarp, guard: boolean): number {
  const timespan = interval * SPACING;
  const least = difficultyOf(BITCOIN.powLimitBits) / difficultyOf(START_BITS);
  let difficulty = 1;
  let elapsed = 0;
  let lagging = 0;
  for (let i = 0; i < periods; i++) {
    const real = (timespan * difficulty) / share;
    elapsed += real;
    // The median moves on by a second in six blocks.
    const claimed = guard
      ? real + (i === 0 ? BITCOIN.futureLimit : 600)
      : elapsed + BITCOIN.futureLimit - lagging;
    lagging += interval / 6;
    const factor = Math.min(4, Math.max(0.25, claimed / timespan));
    difficulty = Math.max(least, difficulty / factor);
  }
  return difficulty;
}
