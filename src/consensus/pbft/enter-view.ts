/**
 * Entering a view by its NEW-VIEW, the same at the new primary and at the backups: it is durable before any vote in
 * the view, the window rises to what it proves, and the blocks it carries over stand as its proposals.
 * Source: pbft.md 1.9 ("Backup accepts NEW-VIEW").
 */
import { assert, must } from "../../base/assert.ts";
import { equalBytes } from "../../base/bytes.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import { acceptCommitted, reportEquivocation } from "./agreement.ts";
import { stabilise } from "./checkpoints.ts";
import type { Core } from "./core.ts";
import { encodeViewRecord } from "./journal.ts";
import type { ProposalVote } from "./message-verifier.ts";
import { carriedVote, type NewView } from "./new-view.ts";
import { endTurn, notePassedOver } from "./primary-conduct.ts";
import { armHeartbeat } from "./proposing.ts";
import type { Signing } from "./signed-messages.ts";
import type { AcceptedProposal } from "./slots.ts";
import { armFairness } from "./timeouts.ts";

export function* enterView(core: Core, message: NewView): Signing {
  // T_nv of this very view runs on until the first new height is committed: opening a view is not yet progress.
  const waited = core.view === message.view && core.timerRuns("new-view");
  if (!waited) core.clearTimer("new-view");
  core.clearTimer("resend");
  core.clearTimer("request");
  core.clearTimer("quick");
  core.clearTimer("fairness");
  core.awaited = undefined;
  core.newViewUntil = waited ? core.committed + 1n : undefined;
  if (core.mode === "normal" && core.view !== message.view) endTurn(core, false);
  notePassedOver(core, message.view);
  adoptNewView(core, message);
  core.pruneViews();
  core.emit({ kind: "journal", record: encodeViewRecord(message) });
  const { minHeight, checkpoint, carried } = message.decision;
  const maxHeight = minHeight + BigInt(carried.length);
  core.announce({ type: "new-view", from: message.from, view: message.view, minHeight, maxHeight });
  if (checkpoint !== undefined) stabilise(core, checkpoint);
  // A checkpoint can be a reason to rotate at once, or show that this replica has diverged.
  if (core.mode !== "normal" || core.view !== message.view) return;
  yield* installCarried(core, message);
  // What it had contradicted before it opened the view counts now.
  const rounds = core.slots.all().map(({ rounds }) => rounds.get(message.view));
  if (rounds.some((round) => round?.equivocated === true)) core.convictedView = message.view;
  armHeartbeat(core);
  armFairness(core);
}

/** The state that a NEW-VIEW stands for, also when it comes out of the journal. */
export function adoptNewView(core: Core, message: NewView): void {
  assert(message.view >= core.view, `a NEW-VIEW of view ${message.view}, the view is ${core.view}`);
  core.view = message.view;
  core.mode = "normal";
  core.newView = message;
  core.minHeight = message.decision.minHeight;
  core.carriedTop = message.decision.minHeight + BigInt(message.decision.carried.length);
  core.proposedTop = 0n;
  core.building = undefined;
}

/** O in height order: proposals that need no second look at their time, only their body and their execution. */
export function* installCarried(core: Core, message: NewView): Signing {
  for (const [i, entry] of message.decision.carried.entries()) {
    const { height } = entry.head.summary;
    if (height <= core.lowWatermark || core.isStopped) continue;
    if (hidesCommitted(core, message, entry.head)) {
      core.halt(height, "a NEW-VIEW carries over another block than the one committed here");
      continue;
    }
    const carried = must(message.carried[i], "O is what was decided, entry for entry");
    const signed = { ...carriedVote(message, carried), signature: carried.signature };
    const vote = signed as ProposalVote; // checked with the NEW-VIEW
    yield* replaceProposal(core, { vote, head: entry.head, carried: true });
  }
}

/**
 * V must show what was committed below its view, so a quorum has hidden it. What was committed in this view or above
 * shows nothing: a faulty primary can make two NEW-VIEWs for one view, and an old one may come late; then A3 and A7
 * keep this replica from voting at that height, and no more.
 */
function hidesCommitted(core: Core, { view }: NewView, { hash, summary }: BlockHead): boolean {
  const sealed = core.slots.get(summary.height)?.sealed;
  return sealed !== undefined && sealed.certificate.view < view && !equalBytes(sealed.head.hash, hash);
}

function* replaceProposal(core: Core, place: Pick<AcceptedProposal, "vote" | "head" | "carried">): Signing {
  const { height, view, hash } = place.vote;
  const round = core.slots.round(height, view);
  const held = round.proposal;
  const same = held !== undefined && equalBytes(held.vote.hash, hash);
  if (held !== undefined && !same) {
    round.equivocated = true;
    core.convictedView = view;
    reportEquivocation(core, held.vote, place.vote);
  }
  const proposal: AcceptedProposal = {
    ...place,
    state: same ? held.state : "held",
    executed: same ? held.executed : false,
  };
  round.proposal = proposal;
  core.announceVote(place.vote);
  if (height <= core.committed) yield* acceptCommitted(core, round, proposal);
}
