/**
 * The race of race.ts once more, written as plainly as possible and from the rules' text: lists of times and of
 * difficulties as floating-point numbers, no headers, hashes, trees or formulas of probability. Where difficulty
 * moves no closed form holds, and this is what the races are judged against. It shares no code with the chain, and
 * uses the opposite method for time: one exponential wait for both sides, then a coin for whose block it is.
 * Source: pow.md 2.3 to 2.5, 2.9.
 */
import { must } from "../../../base/assert.ts";
import type { Random } from "../../sim/random.ts";

export interface NaiveRace {
  readonly retarget: "none" | "asert" | "bitcoin";
  readonly share: number;
  readonly confirmations: number;
  readonly premined: number;
  readonly giveUp: number;
  readonly release: "heavier" | "tie";
  readonly tie: "first-seen" | "random" | "last-seen";
  readonly stamps: "now" | "schedule" | "earliest";
}

interface Rules {
  readonly spacing: number;
  readonly futureLimit: number;
  /** Hashes for a block at the start, and at the least. */
  readonly start: number;
  readonly least: number;
}

const RULES: Readonly<Record<NaiveRace["retarget"], Rules>> = {
  none: { spacing: 600, futureLimit: 7_200, start: 2, least: 2 },
  asert: { spacing: 5, futureLimit: 30, start: 24.5, least: 2 },
  bitcoin: { spacing: 600, futureLimit: 7_200, start: 24.5, least: 2 },
};

const TRUNK = 12;
const PERIOD = 20;
const HALFLIFE = 300;
const REANCHOR = 144;
const BLOCKS_MAX = 100_000;

/** A chain whose blocks stand at the index of their height. */
interface Chain {
  readonly times: number[];
  readonly hashes: number[];
  /** The work above the trunk. */
  work: number;
}

/** Whether the attacker gets its blocks onto the public chain. */
export function runNaiveRace(race: NaiveRace, random: Random): boolean {
  const rules = RULES[race.retarget];
  const honest = trunk(rules);
  const attacker = trunk(rules);
  let now = numberAt(honest.times, honest.times.length - 1);
  const attack = () => extend(attacker, race.retarget, rules, stampOf(race, rules, attacker, now));
  for (let i = 0; i < race.premined; i++) attack();
  let offered = 0;
  for (let steps = 0; steps < BLOCKS_MAX; steps++) {
    if (honest.times.length - TRUNK >= race.confirmations) {
      const isNew = attacker.times.length - TRUNK > offered;
      const mayOffer = attacker.times.slice(TRUNK).every((time) => time <= now + rules.futureLimit);
      const isTie = attacker.work === honest.work;
      if (isNew && mayOffer && attacker.work > honest.work) return true;
      if (isNew && mayOffer && isTie && race.release === "tie") {
        offered = attacker.times.length - TRUNK;
        if (race.tie === "last-seen" || (race.tie === "random" && random.fraction() < 0.5)) return true;
      }
      if (honest.work - attacker.work >= (race.giveUp - 1) * Math.floor(rules.start)) return false;
    }
    const honestRate = (1 - race.share) / nextHashes(honest, race.retarget, rules);
    const attackerRate = race.share / nextHashes(attacker, race.retarget, rules);
    const blocksPerSecond = ((honestRate + attackerRate) * rules.start) / rules.spacing;
    now -= Math.log(1 - random.fraction()) / blocksPerSecond;
    if (random.fraction() * (honestRate + attackerRate) < attackerRate) attack();
    else extend(honest, race.retarget, rules, Math.max(earliest(honest, race.retarget), Math.floor(now)));
  }
  return false;
}

function trunk({ start, spacing }: Rules): Chain {
  const heights = Array.from({ length: TRUNK }, (_, height) => height);
  return { times: heights.map((height) => height * spacing), hashes: heights.map(() => start), work: 0 };
}

function extend(chain: Chain, retarget: NaiveRace["retarget"], rules: Rules, time: number): void {
  const hashes = nextHashes(chain, retarget, rules);
  chain.times.push(time);
  chain.hashes.push(hashes);
  chain.work += Math.floor(hashes);
}

function numberAt(numbers: readonly number[], index: number): number {
  return must(numbers[index], "the rules read only blocks that exist");
}

/** Expected hashes of the next block. */
function nextHashes({ times, hashes }: Chain, retarget: NaiveRace["retarget"], rules: Rules): number {
  const height = times.length;
  const last = height - 1;
  if (retarget === "none") return rules.start;
  if (retarget === "bitcoin") {
    if (height % PERIOD !== 0) return numberAt(hashes, last);
    const planned = PERIOD * rules.spacing;
    const took = Math.min(
      4 * planned,
      Math.max(planned / 4, numberAt(times, last) - numberAt(times, height - PERIOD)),
    );
    return Math.max(rules.least, (numberAt(hashes, last) * planned) / took);
  }
  const anchor = Math.max(1, REANCHOR * Math.floor(last / REANCHOR));
  const begin = anchor === 1 ? numberAt(times, 1) - rules.spacing : numberAt(times, anchor - 1);
  const late = numberAt(times, last) - begin - rules.spacing * (last - anchor + 1);
  return Math.max(rules.least, numberAt(hashes, anchor) / 2 ** (late / HALFLIFE));
}

function earliest({ times }: Chain, retarget: NaiveRace["retarget"]): number {
  const recent = times.slice(-11).sort((a, b) => a - b);
  const afterMedian = numberAt(recent, Math.floor(recent.length / 2)) + 1;
  const height = times.length;
  if (retarget !== "bitcoin") return afterMedian;
  if (height % PERIOD === 0) return Math.max(afterMedian, numberAt(times, height - 1) - 600);
  if (height % PERIOD === PERIOD - 1) return Math.max(afterMedian, numberAt(times, height - PERIOD + 1));
  return afterMedian;
}

function stampOf({ stamps, retarget }: NaiveRace, rules: Rules, chain: Chain, now: number): number {
  const first = earliest(chain, retarget);
  if (stamps === "earliest") return first;
  if (stamps === "now") return Math.max(first, Math.floor(now));
  const next = numberAt(chain.times, chain.times.length - 1) + rules.spacing;
  return Math.max(first, Math.min(next, Math.floor(now) + rules.futureLimit));
}
