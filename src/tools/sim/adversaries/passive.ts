/**
 * Adversaries that only leave something out or come late: silent, slow, withholding bodies, censoring an account,
 * one transaction a block, a clock that lies. They forge nothing, so nobody can convict them; the others must go on without them.
 * Source: pbft.md 1.7 (T_req, T_fair), 1.9 (digest without body), 1.14 (time rule); Aardvark, NSDI 2009.
 */
import { equalBytes } from "../../../base/bytes.ts";
import type { SignedTransaction } from "../../../chain/types/transaction.ts";
import type { ConsensusEngine, Input, Parsed, Typed } from "../../../consensus/engine.ts";
import { decodePacket, MAIL_BLOCK } from "../../../node/ingress/packet.ts";
import type { Misbehaviour, MisbehaviourContext } from "../misbehaviour.ts";
import type { AdversarySpec } from "../schedule.ts";
import type { Forger } from "./forger.ts";

type Spec<K extends AdversarySpec["kind"]> = Extract<AdversarySpec, { kind: K }>;

/** It receives and says nothing. */
export function silent(context: MisbehaviourContext): Misbehaviour {
  return {
    outgoing: (to, packet) => (context.active() ? [] : [{ to, packet }]),
    publishes: () => !context.active(),
    answers: (_question, answer) => (context.active() ? undefined : answer),
  };
}

/** Everything it mails is late, by up to `delayMs`. */
export function slow(context: MisbehaviourContext, { delayMs }: Spec<"slow">): Misbehaviour {
  const { random } = context;
  return {
    outgoing: (to, packet) => {
      const late = context.active() ? delayMs * (0.5 + random.fraction() / 2) : 0;
      return [{ to, packet, delayMs: late }];
    },
  };
}

const BLOCK_TYPES: readonly string[] = ["pre-prepare", "block"];
/** Questions of anti-entropy that are answered with blocks. */
const BLOCKS_QUESTION = 2;

/** Its victims get votes, but no blocks from it. */
export function withholdBodies(
  context: MisbehaviourContext,
  { victims }: Spec<"withhold-bodies">,
  forger: Forger,
): Misbehaviour {
  const carriesBlock = (packet: Uint8Array): boolean => {
    if (decodePacket(packet)?.kind === MAIL_BLOCK) return true;
    const message = forger.open(packet);
    return message !== undefined && BLOCK_TYPES.includes(message.type);
  };
  return {
    outgoing: (to, packet) =>
      context.active() && victims.includes(to) && carriesBlock(packet) ? [] : [{ to, packet }],
    publishes: (topic) => topic !== "blocks" || !context.active(),
    answers: (question, answer) => (context.active() && question[0] === BLOCKS_QUESTION ? undefined : answer),
  };
}

/** Leaves the transactions of one account out of its blocks, as primary. */
export function censor(context: MisbehaviourContext, { account }: Spec<"censor">): Misbehaviour {
  const victim = context.genesis.accounts[account]?.address;
  return leavesOut(context, ({ from }) => victim === undefined || !equalBytes(from, victim));
}

/** Serves whoever has waited longest, and nobody besides, as primary. */
export function trickle(context: MisbehaviourContext): Misbehaviour {
  return leavesOut(context, (_transaction, index) => index === 0);
}

type IsKept = (transaction: SignedTransaction, index: number) => boolean;

function leavesOut(context: MisbehaviourContext, isKept: IsKept): Misbehaviour {
  return {
    wrapEngine: (engine) => ({
      wants: (parsed) => engine.wants(parsed),
      status: () => engine.status(),
      step: (input) => engine.step(context.active() ? leaveOut(context, isKept, input) : input),
    }),
  };
}

function leaveOut(
  context: MisbehaviourContext,
  isKept: IsKept,
  input: Input<Typed>,
): Parameters<ConsensusEngine<Parsed, Typed>["step"]>[0] {
  if (input.kind !== "block-built") return input;
  const { block, parent } = input;
  const kept = block.transactions.filter(isKept);
  if (kept.length === block.transactions.length) return input;
  const { timeMs, proposer } = block.summary;
  const other = context.replica()?.chain.buildBlock(parent, { timeMs, proposer }, () => kept, false);
  return other === undefined
    ? { kind: "nothing-to-build", parent }
    : { kind: "block-built", parent, block: other };
}

/** Its clock is wrong for the interval, so are the times of its blocks. */
export function lieClock(
  context: MisbehaviourContext,
  { atMs, untilMs, offsetMs }: Spec<"lie-clock">,
): Misbehaviour {
  let wrong = false;
  const set = (lie: boolean) => {
    if (wrong === lie) return;
    wrong = lie;
    context.jumpClock(lie ? offsetMs : -offsetMs);
  };
  return {
    started: () => {
      set(context.active());
      const now = context.nowMs();
      for (const moment of [atMs, untilMs])
        if (moment >= now) context.after(moment - now, () => set(context.active()));
    },
  };
}
