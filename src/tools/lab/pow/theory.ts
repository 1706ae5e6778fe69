/**
 * What theory says of a double spend and of selfish mining, as closed forms and sums of positive terms, so that no
 * digits cancel out. They hold where every block weighs the same. It knows no block and no chain: whoever compares
 * measures with them must say which one fits the configuration ({@link doubleSpend} follows all of it).
 * Sources: Nakamoto 2008 §11; Rosenfeld, arXiv 1402.2009; Eyal and Sirer, arXiv 1311.0243; pow.md 2.9.
 */
import { assert } from "../../../base/assert.ts";

/** Terms below this no longer move a probability. */
const NEGLIGIBLE = 1e-18;

export interface DoubleSpend {
  /** The attacker's part of the hash power, between 0 and 1, both excluded. */
  readonly share: number;
  /** Blocks the merchant waits for, counting the payment's own. */
  readonly confirmations: number;
  /** Blocks of the private branch before the race begins. */
  readonly premined: number;
  /** Deficit (blocks lacking to be one ahead) at which the attacker gives up, from the last confirmation on. */
  readonly giveUp: number;
  /** Probability that a released branch of equal weight replaces the head. 0 where the first seen stays. */
  readonly tieWins: number;
}

/** The rule of our node without a limit of timeouts: one block ahead, nothing mined in advance. */
export function strict(share: number, confirmations: number): number {
  return doubleSpend({ share, confirmations, premined: 0, giveUp: Number.POSITIVE_INFINITY, tieWins: 0 });
}

/**
 * The chance with one block mined in advance, which is the same number as with none in advance and winning at
 * a tie.
 */
export function rosenfeld(share: number, confirmations: number): number {
  return doubleSpend({ share, confirmations, premined: 1, giveUp: Number.POSITIVE_INFINITY, tieWins: 0 });
}

/** The attacker's progress approximated by a Poisson distribution, and success at a tie. */
export function nakamoto(share: number, confirmations: number): number {
  if (share >= 0.5) return 1;
  const ratio = share / (1 - share);
  const expected = confirmations * ratio;
  let logTerm = -expected;
  let sum = 0;
  for (let k = 0; k <= confirmations || Math.exp(logTerm) > NEGLIGIBLE; k++) {
    sum += Math.exp(logTerm) * (k < confirmations ? ratio ** (confirmations - k) : 1);
    if (confirmations === 0) return 1;
    logTerm += Math.log(expected / (k + 1));
  }
  return Math.min(1, sum);
}

/** Ever making good a deficit of `blocks`, without giving up. */
export function catchUp(share: number, blocks: number): number {
  return blocks <= 0 || share >= 0.5 ? 1 : (share / (1 - share)) ** blocks;
}

/**
 * The exact probability that the honest head ends on the attacker's branch: a sum over how many blocks the attacker
 * has found when the honest miners find the last confirmation, times its chance from there.
 */
export function doubleSpend(race: DoubleSpend): number {
  const { share, confirmations, premined } = race;
  assert(share > 0 && share < 1, "a share lies between 0 and 1");
  const fromBehind = chances(race);
  if (confirmations === 0) return premined > 0 ? 1 : fromBehind(0, false);
  let sum = 0;
  let won = 0;
  // Negative binomial: m blocks of the attacker before block number z of the others.
  let logTerm = confirmations * Math.log1p(-share);
  for (let m = 0; won < 1; m++) {
    const term = Math.exp(logTerm);
    won += term;
    sum += term * fromBehind(confirmations - premined - m, true);
    logTerm += Math.log(((m + confirmations) / (m + 1)) * share);
    // Behind the mode the terms only fall.
    if (term < NEGLIGIBLE && m > (confirmations * share) / (1 - share)) break;
  }
  return Math.min(1, sum);
}

/**
 * The attacker's chance when it lacks `behind` blocks to be level. Away from a tie it is the gambler's ruin between a tie and
 * giving up; at a tie it may win at once, or must find the next block, or falls back by one.
 */
function chances({ share, giveUp, tieWins }: DoubleSpend): (behind: number, released: boolean) => number {
  const limit = giveUp - 1;
  const reach = (behind: number) => gamblersRuin(share, behind, limit);
  // Value of arriving at a tie: t = c + (1 - c)(q + p * reach(1) * t).
  const fallBack = (1 - share) * reach(1);
  const arrival = limit <= 0 ? tieWins : (tieWins + (1 - tieWins) * share) / (1 - (1 - tieWins) * fallBack);
  const level = limit <= 0 ? 0 : share + fallBack * arrival;
  return (behind, released) => {
    if (behind < 0) return 1;
    if (behind === 0) return released ? arrival : level;
    return reach(behind) * arrival;
  };
}

/** Reaching 0 from `from` before `limit`, a step down with probability `down`. */
function gamblersRuin(down: number, from: number, limit: number): number {
  if (from >= limit) return 0;
  if (limit === Number.POSITIVE_INFINITY) return catchUp(down, from);
  if (down === 0.5) return (limit - from) / limit;
  // Powers of a ratio below 1, so that nothing overflows for a majority either.
  if (down < 0.5) {
    const ratio = down / (1 - down);
    return (ratio ** from - ratio ** limit) / (1 - ratio ** limit);
  }
  const ratio = (1 - down) / down;
  return (1 - ratio ** (limit - from)) / (1 - ratio ** limit);
}

/**
 * Relative revenue of a selfish pool: its part of the blocks of the final chain.
 * @param share of the pool, 0 to 0.5
 * @param gamma part of the honest power that mines on the pool's branch at a tie, 0 to 1
 */
export function selfishRevenue(share: number, gamma: number): number {
  const honest = 1 - share;
  return (
    (share * honest ** 2 * (4 * share + gamma * (1 - 2 * share)) - share ** 3) /
    (1 - share * (1 + (2 - share) * share))
  );
}

/** The share from which selfish mining pays. */
export function selfishThreshold(gamma: number): number {
  return (1 - gamma) / (3 - 2 * gamma);
}
