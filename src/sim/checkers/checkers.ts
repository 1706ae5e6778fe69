/**
 * All checkers of a run as one: they recompute everything with arithmetic of their own (facts.ts, rawbytes.ts,
 * naiveledger.ts) and report what does not hold. Rules: agreement, validity, certificate, lock, votes, no-way-back,
 * durability, ledger, final, bounds, liveness, halted.
 */
import { type Observer, tellAll } from "../observer.ts";
import type { Checker, CheckerContext } from "../violation.ts";
import { BoundsChecker } from "./bounds.ts";
import { ChainChecker } from "./chains.ts";
import { Facts } from "./facts.ts";
import { LivenessChecker } from "./liveness.ts";
import { LockChecker } from "./locks.ts";
import { VoteChecker } from "./votes.ts";

interface Together {
  readonly tell: Required<Observer>;
  finish(): void;
}

/** A CheckerMaker. What a checker knows begins with the first event: only then is there a cluster. */
export function checkEverything(context: CheckerContext): Checker {
  let made: Together | undefined;
  const all = () => {
    made ??= together(context);
    return made;
  };
  return {
    started: (...event) => all().tell.started(...event),
    stepped: (...event) => all().tell.stepped(...event),
    announced: (...event) => all().tell.announced(...event),
    sent: (...event) => all().tell.sent(...event),
    journaled: (...event) => all().tell.journaled(...event),
    committed: (...event) => all().tell.committed(...event),
    accepted: (...event) => all().tell.accepted(...event),
    finish: () => all().finish(),
  };
}

function together({ cluster, schedule, report }: CheckerContext): Together {
  const facts = new Facts(cluster(), report);
  const locks = new LockChecker(facts);
  const votes = new VoteChecker(facts, (vote, node) => locks.voted(vote, node));
  const chains = new ChainChecker(facts);
  const bounds = new BoundsChecker(facts, chains);
  const liveness = new LivenessChecker(facts);
  return {
    tell: tellAll([locks, votes, chains, bounds, liveness, haltChecker(facts)]),
    finish: () => {
      chains.finish();
      // In a network that never settles nothing needs to come to an end.
      if (schedule.deadlineMs > schedule.gstMs) liveness.finish();
    },
  };
}

/** No correct replica has a reason to stop voting for good. */
function haltChecker(facts: Facts): Observer {
  return {
    announced: (node, event) => {
      if ((event.type !== "diverged" && event.type !== "amnesia") || !facts.isCorrect(node)) return;
      facts.report("halted", node, `${event.type} at height ${event.height}: ${event.detail}`);
    },
  };
}
