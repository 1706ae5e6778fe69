/**
 * Where computing takes time: however hard the faulty ones try, a correct node computes a small part of it. What a
 * correct node does for itself takes a hundredth of a run, and all that can be faulty together are allowed a fifth
 * (docs/adr/0007-work-budgets.md).
 */
import type { Facts } from "./facts.ts";

/** The most share of a run that may be spent computing. Measured: at most 0.04 with the budget of work, 0.2 to 0.97 without it in most floods. */
const BUSY_SHARE_MAX = 0.2;

export function checkComputing(facts: Facts): void {
  const { nodes, time } = facts.watched;
  for (const { id, processor } of nodes) {
    if (processor === undefined || !facts.isCorrect(id)) continue;
    const share = processor.busyMs / time.nowMs;
    if (share <= BUSY_SHARE_MAX) continue;
    const percent = (part: number) => `${Math.round(100 * part)} %`;
    facts.report(
      "computing",
      id,
      `computed ${percent(share)} of ${Math.round(time.nowMs)} ms, at most ${percent(BUSY_SHARE_MAX)}`,
    );
  }
}
