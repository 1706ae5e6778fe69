/** Readings of one ledger from their beginning to their end, while the head moves (chain/forks/head-moves.ts). */
import type { Scheduler } from "../base/scheduler.ts";
import type { HeadMoves } from "../chain/forks/head-moves.ts";

/** Readings that a move each interrupted before it is given up: a chain that catches up moves all the time. */
const READINGS_MAX = 8;
/** Milliseconds that a reading takes, waiting included: a healthy disk writes a head in a few. */
const READING_MS_MAX = 2_000;

/**
 * What `read` gives or throws when no move came in between; it is repeated until none does.
 * @returns undefined when there was a move during each of several readings, or it took too long
 * @throws what made a move fail that is under way
 */
export async function readSettled<T>(
  { moves, scheduler }: { readonly moves: HeadMoves; readonly scheduler: Scheduler },
  read: () => T | Promise<T>,
): Promise<{ readonly value: T } | undefined> {
  let cancel = () => {};
  const late = new Promise<undefined>((resolve) => {
    cancel = scheduler.after(READING_MS_MAX, () => resolve(undefined));
  });
  return Promise.race([readWhole(moves, read), late]).finally(cancel);
}

async function readWhole<T>(
  moves: HeadMoves,
  read: () => T | Promise<T>,
): Promise<{ readonly value: T } | undefined> {
  for (let reading = 0; reading < READINGS_MAX; reading++) {
    await new Promise<void>((ended, failed) => moves.afterMove({ ended, failed }));
    const before = moves.count;
    const isWhole = () => before !== undefined && before === moves.count;
    try {
      const value = await read();
      if (isWhole()) return { value };
    } catch (error) {
      if (isWhole()) throw error; // else it saw half of the old ledger and half of the new
    }
  }
  return undefined;
}
