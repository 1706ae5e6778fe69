/**
 * The database younger than the journal: the chain was lost or cut short, the own votes were not. A COMMIT is a
 * promise to show in every later VIEW-CHANGE what it rests on, and P begins at the stable checkpoint and has no hole.
 * So until the state here covers every own vote again, this replica fetches what it lacks, and signs neither votes
 * nor VIEW-CHANGEs; what it has sent before it may send again. Two things can be missing:
 *
 * - the checkpoint at which the journal was cut: the votes at and below it are forgotten, the ones above lie beyond
 *   what a P from a lower checkpoint would show;
 * - a block below the highest own COMMIT that was committed by the COMMITs of others: no own COMMIT is in the journal
 *   to stand for it, only the lost database had its certificate, and P would end below it.
 *
 * Source: docs/protocol.md, "A database younger than the journal"; docs/adr/0005.
 */
import type { MissingState } from "../engine.ts";
import type { Core } from "./core.ts";

/** What must be fetched before this replica may vote, or undefined when nothing must. */
function missingState(core: Core): MissingState | undefined {
  if (core.stable < core.journalCut) return { kind: "checkpoint", height: core.journalCut };
  for (let height = core.stable + 1n; height <= core.castVotes.highestCommit; height++) {
    const slot = core.slots.get(height);
    if (slot?.sealed === undefined && slot?.prepared === undefined) return { kind: "block", height };
  }
  return undefined;
}

/** Called at the start. A replica that is whole then stays so: no hole opens below an own vote but by a loss. */
export function beginRecovery(core: Core): void {
  core.recovery = missingState(core);
  const { recovery } = core;
  if (recovery !== undefined) core.announce({ type: "recovering", awaits: recovery, height: core.committed });
}

/**
 * Ends recovery where nothing is missing any more. It runs after each step, which may have brought what was
 * missing.
 */
export function settleRecovery(core: Core): void {
  if (core.recovery === undefined) return;
  core.recovery = missingState(core);
  if (core.recovery === undefined) core.announce({ type: "recovered", height: core.committed });
}
