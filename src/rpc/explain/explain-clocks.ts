/**
 * What measured clocks say: whether this node's is wrong or those of others are. Where most peers agree that this node
 * is off, it is; a single one that is off speaks for itself. Pure. In a network of strangers peers may lie about their
 * time, so nothing is set or refused by it.
 */
import { must } from "../../base/assert.ts";
import { CLOCK_OFF_MS } from "../../base/limits.ts";
import {
  ago,
  type ClockStanding,
  duration,
  type Explanation,
  listed,
  type Neighbourhood,
} from "./standing.ts";

export interface MeasuredClock {
  readonly name: string;
  /** The peer's clock minus this node's, ms. It is right to within `errorMs`. */
  readonly offsetMs: number;
  readonly errorMs: number;
}

export interface ClockVerdict {
  /** A clock is so far off that blocks are or may be refused for it. */
  readonly isHarmful: boolean;
  /** The verdict in one line, or undefined when all clocks that are known agree. */
  readonly words: string | undefined;
}

/** Two peers that agree about this node's clock are within so much of each other, errors aside. */
const AGREEMENT_MS = 1_000;
/** Clocks wander: half of what is allowed is as good as all of it. */
const HARMFUL_SHARE = 0.5;

/** @param limitMs how far ahead of this node's clock a block's time may be */
export function judgeClocks(clocks: readonly MeasuredClock[], limitMs: number): ClockVerdict {
  const off = clocks.filter(({ offsetMs, errorMs }) => Math.abs(offsetMs) - errorMs > CLOCK_OFF_MS);
  if (off.length === 0) return { isHarmful: false, words: undefined };
  const isHarmful = off.some(
    ({ offsetMs, errorMs }) => Math.abs(offsetMs) - errorMs > HARMFUL_SHARE * limitMs,
  );
  const median = must(
    [...clocks].sort((a, b) => a.offsetMs - b.offsetMs)[Math.floor(clocks.length / 2)],
    "some clock is off, so there is one",
  );
  const agreeing = clocks.filter(
    ({ offsetMs, errorMs }) =>
      Math.abs(offsetMs - median.offsetMs) <= AGREEMENT_MS + errorMs + median.errorMs,
  );
  const isOwn = off.includes(median) && agreeing.length >= 2 && 2 * agreeing.length > clocks.length;
  const words = isOwn
    ? `THIS NODE'S CLOCK is ${duration(Math.abs(median.offsetMs))} ${median.offsetMs > 0 ? "behind" : "ahead of"} that of ${agreeing.length} of ${clocks.length} peers: set it (NTP)`
    : `the clock of ${listed(off.map(sayClock))} this node's: one of them is wrong`;
  return { isHarmful, words };
}

function sayClock({ name, offsetMs }: MeasuredClock): string {
  return `${name} is ${duration(Math.abs(offsetMs))} ${offsetMs > 0 ? "ahead of" : "behind"}`;
}

/** How well the clocks agree that are known, in one line. */
export function describeClocks(clocks: readonly MeasuredClock[]): string {
  if (clocks.length === 0) return "no peer has told its time yet";
  const worst = clocks.reduce((most, one) => (Math.abs(one.offsetMs) > Math.abs(most.offsetMs) ? one : most));
  const sign = worst.offsetMs < 0 ? "-" : "+";
  const size = duration(Math.abs(worst.offsetMs));
  return `clocks of ${clocks.length} ${clocks.length === 1 ? "peer" : "peers"} measured, the farthest ${worst.name}: ${sign}${size} (to within ${duration(worst.errorMs)})`;
}

/** So long a proposal from the future is events. */
const EARLY_MS = 600_000;

/** What is well becomes degraded by a clock that costs blocks, and each verdict tells of it. */
export function withClocks(
  { clocks: { measured, limitMs, early } }: Pick<Neighbourhood, "clocks">,
  verdict: Explanation,
): Explanation {
  const judged = judgeClocks(measured, limitMs);
  const recent = early.filter(({ agoMs }) => agoMs < EARLY_MS);
  const details = [
    describeClocks(measured),
    ...early.map(
      ({ name, count, aheadMs, agoMs }) =>
        `${count} ${count === 1 ? "proposal" : "proposals"} of ${name} came from the future, the last ${duration(aheadMs)} ahead of this node's clock ${ago(agoMs)} (${duration(limitMs)} are allowed)`,
    ),
  ];
  const words = judged.words ?? earlyWords(recent);
  const all = [...(words === undefined ? [] : [words]), ...details];
  const isHarmful = judged.isHarmful || recent.length > 0;
  if (words === undefined || !isHarmful) return { ...verdict, details: [...verdict.details, ...all] };
  const summary = verdict.ok ? `CLOCK: ${words}; ${verdict.summary}` : `${verdict.summary}; CLOCK: ${words}`;
  const state = verdict.ok ? "degraded" : verdict.state;
  return { state, ok: false, summary, details: [...verdict.details, ...details] };
}

function earlyWords(early: ClockStanding["early"]): string | undefined {
  const [first] = early;
  if (first === undefined) return undefined;
  return `proposals of ${first.name} are ${duration(first.aheadMs)} ahead of this node's clock and get no vote: one of the two clocks is wrong`;
}
