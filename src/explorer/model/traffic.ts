/**
 * Rates and intervals from the heads that were seen: transactions a second and milliseconds between blocks over a
 * window of the last minute, second by second for the graph. Pure: the clock is an argument, milliseconds throughout.
 */

export interface SeenHead {
  readonly height: number;
  /** The time that the block itself has, ms since the Unix epoch. */
  readonly time: number;
  readonly txCount: number;
}

/** Heads kept: a minute at 20 blocks a second. */
const HEADS_KEPT = 1_200;
const WINDOW_MS = 60_000;

export interface ChainTraffic {
  readonly transactionsPerSecond: number;
  readonly blocksPerSecond: number;
  /** Mean time between two blocks over the window, ms. Undefined for fewer than two blocks. */
  readonly intervalMs: number | undefined;
  /** Transactions in each of the last 60 seconds, oldest first. */
  readonly perSecond: readonly number[];
}

/** Newest first, without gaps in order: a head that is there already, or of a lower height after a reorganisation, replaces. */
export function addHead<H extends SeenHead>(heads: readonly H[], head: H): readonly H[] {
  const below = heads.filter(({ height }) => height < head.height);
  return [head, ...below].slice(0, HEADS_KEPT);
}

export function trafficOf(heads: readonly SeenHead[], nowMs: number): ChainTraffic {
  const recent = heads.filter(({ time, height }) => height > 0 && nowMs - time < WINDOW_MS);
  const perSecond = new Array<number>(WINDOW_MS / 1_000).fill(0);
  for (const { time, txCount } of recent) {
    const ageS = Math.max(0, Math.floor((nowMs - time) / 1_000));
    const slot = perSecond.length - 1 - ageS;
    if (slot >= 0) perSecond[slot] = (perSecond[slot] ?? 0) + txCount;
  }
  const transactions = recent.reduce((sum, { txCount }) => sum + txCount, 0);
  const spanMs = Math.max(
    1_000,
    Math.min(WINDOW_MS, nowMs - Math.min(nowMs, ...recent.map(({ time }) => time))),
  );
  const times = recent.map(({ time }) => time);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  return {
    transactionsPerSecond: recent.length === 0 ? 0 : (1_000 * transactions) / spanMs,
    blocksPerSecond: recent.length === 0 ? 0 : (1_000 * recent.length) / spanMs,
    intervalMs: recent.length < 2 ? undefined : (last - first) / (recent.length - 1),
    perSecond,
  };
}

export interface Tolerance {
  readonly n: number;
  readonly online: number;
  /** Faulty validators that the chain bears. */
  readonly f: number;
  /** Validators that are not in reach now. */
  readonly used: number;
  /** How many more may fail before the chain stands still. When negative, so many are too few already. */
  readonly left: number;
}

/**
 * @param f of quorumOf(n): validators that may lie
 * @param quorum validators whose votes a block needs, so that n - quorum of them may be out of reach
 */
export function toleranceOf(
  online: number,
  { n, f, quorum }: { n: number; f: number; quorum: number },
): Tolerance {
  const used = n - online;
  return { n, online, f, used, left: n - quorum - used };
}
