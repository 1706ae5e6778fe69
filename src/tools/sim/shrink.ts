/**
 * Shrinking: a schedule that fails becomes a smaller one that still fails, by leaving out its items, many at once
 * first, then one at a time, until none can be spared. What remains is printed as one command, which is enough to
 * see the failure again: the items follow from the seed, and each has a name.
 * Source: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input" (2002), ddmin.
 */
import { itemIds, keepOnly, type Schedule } from "./schedule.ts";

/** Runs of one shrinking; beyond it the smallest schedule so far is the result. */
const SHRINK_RUNS_MAX = 200;

/** @param fails whether a schedule shows the same failure. @returns the names of the items that are needed */
export async function shrinkSchedule(
  schedule: Schedule,
  fails: (smaller: Schedule) => Promise<boolean>,
): Promise<readonly string[]> {
  let kept = itemIds(schedule);
  let runs = 0;
  for (let part = Math.ceil(kept.length / 2); part >= 1 && kept.length > 0; ) {
    let spared = false;
    for (let at = 0; at < kept.length && runs < SHRINK_RUNS_MAX; ) {
      const without = [...kept.slice(0, at), ...kept.slice(at + part)];
      runs++;
      if (await fails(keepOnly(schedule, new Set(without)))) {
        kept = without;
        spared = true;
      } else at += part;
    }
    if (runs >= SHRINK_RUNS_MAX || (part === 1 && !spared)) break;
    part = part === 1 ? 1 : Math.ceil(part / 2);
  }
  return kept;
}

/** The command that plays a schedule again. @param only names of its items, or undefined for all */
export function commandOf(schedule: Schedule, only?: readonly string[]): string {
  const { seed, nodes, byzantine, profile } = schedule;
  const words = ["quorate", "sim", "--seed", seed, "--nodes", nodes, "--byzantine", byzantine];
  words.push("--profile", profile);
  if (only !== undefined) words.push("--only", only.length === 0 ? "none" : only.join(","));
  return words.join(" ");
}
