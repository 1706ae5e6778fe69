/**
 * A primary that turns back: in a view of its own, and before it has opened it, it proposes to its victims, at each height that is committed, the
 * committed block again or another one that is valid there. Who knows less than the others must be kept from voting
 * by its window, who knows as much by the rule on committed heights.
 * Source: pbft.md 1.5 (A3), 1.9 (low := max(h, min_s)), 1.10 (2).
 */
import type { Misbehaviour, MisbehaviourContext } from "../misbehaviour.ts";
import type { AdversarySpec } from "../schedule.ts";
import type { Forger } from "./forger.ts";
import { repeatedly } from "./noise.ts";

type Spec = Extract<AdversarySpec, { kind: "undercut" }>;

export function undercut(context: MisbehaviourContext, spec: Spec, forger: Forger): Misbehaviour {
  return repeatedly(context, spec.everyMs, () => {
    const status = context.replica()?.engineStatus();
    if (status === undefined) return;
    for (const view of [status.view, status.view + 1n])
      if (forger.primaryOf(view) === context.validator) proposeBelow(context, spec, forger, view);
  });
}

function proposeBelow(context: MisbehaviourContext, { again, victims }: Spec, forger: Forger, view: bigint) {
  const { signer, validator } = context;
  const chain = context.replica()?.chain;
  if (chain === undefined) return;
  let parent = chain.store.head(chain.genesisHash);
  for (let height = 1n; parent !== undefined; height++) {
    const committed = chain.sealedBlockAt(height)?.block;
    if (committed === undefined) return;
    const block = again ? committed : forger.emptyBlock(parent, validator, 1);
    for (const victim of victims) context.mail(victim, forger.proposal(block, view, signer));
    parent = committed;
  }
}
