/** The transfers of a schedule: when, at which node, between which of a few accounts. */
import type { Random } from "./random.ts";
import type { ScheduledSubmission } from "./schedule.ts";

/** Accounts that send to each other. */
export const ACCOUNTS = 4;

/** `isBursty`: all within two short spans, so that more wait than a block takes. */
type WorkloadShape = Record<"nodes" | "spanMs" | "countMax", number> & { readonly isBursty: boolean };
const BURSTS_MS = [0, 150] as const;

export function pickWorkload(
  random: Random,
  { nodes, spanMs, countMax, isBursty }: WorkloadShape,
): ScheduledSubmission[] {
  return Array.from({ length: random.integer(2, countMax) }, (_, i) => {
    const own = random.split(i);
    const from = own.integer(0, ACCOUNTS - 1);
    return {
      id: `w${i}`,
      atMs: isBursty ? own.pick(BURSTS_MS) + own.integer(0, 10) : own.integer(0, spanMs),
      node: own.integer(0, nodes - 1),
      from,
      to: (from + own.integer(1, ACCOUNTS - 1)) % ACCOUNTS,
      amount: BigInt(own.integer(0, 20)),
    };
  });
}
