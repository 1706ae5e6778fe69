/**
 * The Byzantine validators of a run, by the kinds of its schedule: filters around an unchanged replica, and what
 * they say besides. Those of one run share what they know (adversaries/adversary-knowledge.ts). Twins need nothing from here:
 * they are two honest nodes with one key (cluster.ts).
 */
import { unreachable } from "../../base/assert.ts";
import { AdversaryKnowledge } from "./adversaries/adversary-knowledge.ts";
import { falseCheckpoints } from "./adversaries/checkpoints.ts";
import { collude } from "./adversaries/collude.ts";
import { equivocate, Stories } from "./adversaries/equivocate.ts";
import { Forger } from "./adversaries/forger.ts";
import { falseGossip } from "./adversaries/gossip.ts";
import { lieAboutLinks, lieInCarried, lieInNewView, lieInViewChange } from "./adversaries/liars.ts";
import { flood, forgeCertificates, hugeView, mutate, replay } from "./adversaries/noise.ts";
import { overload } from "./adversaries/overload.ts";
import { censor, lieClock, silent, slow, trickle, withholdBodies } from "./adversaries/passive.ts";
import { falseProposals } from "./adversaries/pre-prepares.ts";
import { falseProofs, floodViews } from "./adversaries/proofs.ts";
import { undercut } from "./adversaries/undercut.ts";
import { withholdTransactions } from "./adversaries/withhold-transactions.ts";
import type { Misbehaviour, MisbehaviourContext, MisbehaviourMaker } from "./misbehaviour.ts";
import type { Observer } from "./observer.ts";
import type { AdversarySpec } from "./schedule.ts";

/** Made anew for each run. */
export interface Adversaries {
  readonly misbehave: MisbehaviourMaker;
  /** Must observe the run: the colluding adversaries are omniscient. */
  readonly observer: Observer;
}

export function adversaries(): Adversaries {
  let knowledge: AdversaryKnowledge | undefined;
  const stories = new Stories();
  return {
    misbehave: (spec, context) => {
      if (spec.kind === "twin") return undefined;
      knowledge ??= new AdversaryKnowledge(new Forger(context.genesis, context.genesisHash));
      if (!knowledge.members.has(context.validator)) knowledge.members.set(context.validator, context);
      return make(spec, context, knowledge, stories);
    },
    observer: { sent: (node, to, packet) => knowledge?.sent(node, to, packet) },
  };
}

function make(
  spec: Exclude<AdversarySpec, { kind: "twin" }>,
  context: MisbehaviourContext,
  knowledge: AdversaryKnowledge,
  stories: Stories,
): Misbehaviour {
  const { forger } = knowledge;
  switch (spec.kind) {
    case "equivocate":
      return equivocate(context, spec, knowledge, stories);
    case "silent":
      return silent(context);
    case "slow":
      return slow(context, spec);
    case "censor":
      return censor(context, spec);
    case "lie-p":
      return lieInViewChange(context, { h: false, p: true }, knowledge);
    case "lie-h":
      return lieInViewChange(context, { h: true, p: false }, knowledge);
    case "lie-links":
      return lieAboutLinks(context, knowledge);
    case "lie-v":
      return lieInNewView(context, knowledge);
    case "lie-o":
      return lieInCarried(context, knowledge);
    case "undercut":
      return undercut(context, spec, forger);
    case "trickle":
      return trickle(context);
    case "withhold-bodies":
      return withholdBodies(context, spec, forger);
    case "withhold-transactions":
      return withholdTransactions(context, spec, knowledge);
    case "replay":
      return replay(context, spec, knowledge);
    case "huge-view":
      return hugeView(context, spec, forger);
    case "flood":
      return flood(context, spec, forger);
    case "overload":
      return overload(context, spec, forger);
    case "forge-certificates":
      return forgeCertificates(context, spec, knowledge);
    case "lie-clock":
      return lieClock(context, spec);
    case "mutate":
      return mutate(context, spec, knowledge);
    case "collude":
      return collude(context, spec, knowledge);
    case "false-proofs":
      return falseProofs(context, spec, knowledge);
    case "view-flood":
      return floodViews(context, spec, knowledge);
    case "false-checkpoints":
      return falseCheckpoints(context, spec, knowledge);
    case "false-proposals":
      return falseProposals(context, spec, forger);
    case "false-gossip":
      return falseGossip(context, spec, forger);
    default:
      return unreachable(spec);
  }
}
