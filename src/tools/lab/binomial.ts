/**
 * Exact tests for counts: whether k successes of n fit a probability, whether two counts fit one and the same, and an
 * interval for what was measured. "As extreme" means no likelier than what was seen; all sums are of logarithms, so
 * that 10^5 trials and probabilities of 10^-9 are no trouble. It knows nothing of races.
 * Sources: Fisher's exact test; E. B. Wilson, JASA 22 (1927).
 */
import { assert, must } from "../../base/assert.ts";

/** Outcomes as likely as the one seen, but for rounding, count as extreme. */
const SAME_LIKELIHOOD = 1 + 1e-7;

/**
 * Two-sided p-value of `successes` out of `trials` under a success probability.
 * @returns the probability of all outcomes that are no likelier than the one seen
 */
export function binomialPValue(successes: number, trials: number, probability: number): number {
  assert(successes >= 0 && successes <= trials, "no more successes than trials");
  if (probability <= 0) return successes === 0 ? 1 : 0;
  if (probability >= 1) return successes === trials ? 1 : 0;
  const odds = Math.log(probability) - Math.log1p(-probability);
  return noLikelier({
    first: 0,
    count: trials + 1,
    logOfFirst: trials * Math.log1p(-probability),
    logStep: (k) => Math.log((trials - k) / (k + 1)) + odds,
    seen: successes,
  });
}

export interface Count {
  readonly successes: number;
  readonly trials: number;
}

/** Two-sided p-value that two counts come from one probability (Fisher: the sum of both is taken as given). */
export function samePValue(a: Count, b: Count): number {
  const successes = a.successes + b.successes;
  const first = Math.max(0, successes - b.trials);
  const last = Math.min(successes, a.trials);
  return noLikelier({
    first,
    count: last - first + 1,
    logOfFirst:
      logChoose(a.trials, first) +
      logChoose(b.trials, successes - first) -
      logChoose(a.trials + b.trials, successes),
    logStep: (k) =>
      Math.log((a.trials - k) / (k + 1)) + Math.log((successes - k) / (b.trials - successes + k + 1)),
    seen: a.successes,
  });
}

interface Distribution {
  /** The smallest outcome, and how many there are. */
  readonly first: number;
  readonly count: number;
  readonly logOfFirst: number;
  /** log P(k + 1) - log P(k). */
  readonly logStep: (k: number) => number;
  readonly seen: number;
}

function noLikelier({ first, count, logOfFirst, logStep, seen }: Distribution): number {
  const logs = new Float64Array(count);
  let log = logOfFirst;
  for (let i = 0; i < count; i++) {
    logs[i] = log;
    if (i < count - 1) log += logStep(first + i);
  }
  const bound = must(logs[seen - first], "what was seen is in the range") + Math.log(SAME_LIKELIHOOD);
  let sum = 0;
  for (const each of logs) if (each <= bound) sum += Math.exp(each);
  return Math.min(1, sum);
}

function logChoose(n: number, k: number): number {
  let log = 0;
  for (let i = 1; i <= Math.min(k, n - k); i++) log += Math.log((n - Math.min(k, n - k) + i) / i);
  return log;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The normal quantile of 97.5 %. */
const QUANTILE = 1.959963984540054;

/** Wilson's interval for the success probability, 95 %. */
export function confidenceInterval({ successes, trials }: Count): Interval {
  const square = QUANTILE ** 2;
  const rate = successes / trials;
  const middle = rate + square / (2 * trials);
  const half = QUANTILE * Math.sqrt((rate * (1 - rate)) / trials + square / (4 * trials ** 2));
  const scale = 1 + square / trials;
  return {
    low: successes === 0 ? 0 : Math.max(0, (middle - half) / scale),
    high: successes === trials ? 1 : Math.min(1, (middle + half) / scale),
  };
}
