/**
 * PRE-PREPAREs that no correct replica may follow, each signed well by who sends it: the primary's own block with
 * another proposer's name or a state that its execution does not give, to some or to all; another block beside the
 * hash that is signed for, and the right one only later; false signatures in the O of its own NEW-VIEW; proposals of a
 * validator that is not the primary; and votes at heights of any distance.
 * Source: pbft.md 1.3 (roles), 1.5 (A1, A5, A6).
 */
import type { Hash } from "../../../base/bytes.ts";
import { assembleBlock, type Block, encodeBlock } from "../../../chain/types/block.ts";
import type { ParsedMessage } from "../../../consensus/pbft/message-bytes.ts";
import type { Misbehaviour, MisbehaviourContext, Outgoing } from "../misbehaviour.ts";
import type { AdversarySpec } from "../schedule.ts";
import { anotherBlock, type Forger, someOf } from "./forger.ts";
import { repeatedly } from "./noise.ts";

type Spec = Extract<AdversarySpec, { kind: "false-proposals" }>;

/** The right block follows the wrong one after so long, ms. */
const LATER_MS = 30;
/** Far votes at once. */
const VOTES = 8;

export function falseProposals(
  context: MisbehaviourContext,
  { everyMs }: Spec,
  forger: Forger,
): Misbehaviour {
  const { random, validator } = context;
  // One lie for a proposal, whoever is told it: only so can a quorum follow it.
  const lies = new Map<string, { readonly packet: Uint8Array; readonly isMisplaced: boolean } | undefined>();
  const lieFor = (message: ParsedMessage) => {
    if (message.type !== "pre-prepare") return undefined;
    const key = `${message.view} ${message.height}`;
    if (!lies.has(key)) lies.set(key, random.chance(0.6) ? lie(context, forger, message) : undefined);
    return lies.get(key);
  };
  return {
    ...repeatedly(context, everyMs, () => {
      if (random.chance(0.5)) usurp(context, forger);
      else voteFarAbove(context, forger);
    }),
    outgoing: (to, packet): readonly Outgoing[] => {
      const message = context.active() ? forger.open(packet) : undefined;
      const opening = message?.from === validator ? withFalseOpening(context, forger, message) : undefined;
      if (opening !== undefined) return [{ to, packet: opening }];
      const lie = message?.from === validator ? lieFor(message) : undefined;
      if (lie === undefined) return [{ to, packet }];
      const wrong = { to, packet: lie.packet };
      return lie.isMisplaced ? [wrong, { to, packet, delayMs: LATER_MS }] : [wrong];
    },
  };
}

function lie(context: MisbehaviourContext, forger: Forger, message: ParsedMessage & { type: "pre-prepare" }) {
  const { random, signer, validator } = context;
  const block = forger.blockOf(message.attachment);
  if (block === undefined) return undefined;
  const { view, height, hash } = message;
  const kind = random.pick(["proposer", "state", "beside"] as const);
  if (kind === "beside") {
    const other = anotherBlock(context, block);
    if (other === undefined) return undefined;
    const body = forger.vote("pre-prepare", { view, height, hash }, validator);
    return { packet: forger.packet(body, signer, encodeBlock(other)), isMisplaced: true };
  }
  const wrong = kind === "proposer" ? withOtherProposer(context, forger, block) : withOtherState(block);
  return wrong && { packet: forger.proposal(wrong, view, signer), isMisplaced: false };
}

/** Valid in itself: its execution pays who is named. */
function withOtherProposer(context: MisbehaviourContext, { n }: Forger, block: Block): Block | undefined {
  const { timeMs, proposer } = block.summary;
  const proposal = { timeMs, proposer: (proposer + 1) % n };
  return context
    .replica()
    ?.chain.buildBlock(block.header.previousHash, proposal, () => block.transactions, true);
}

function withOtherState({ header, summary, transactions }: Block): Block {
  const stateRoot = Uint8Array.from(summary.stateRoot, (byte) => byte ^ 0xff) as Hash;
  const { bodyRoot: _, ...fields } = header;
  return assembleBlock(fields, { ...summary, stateRoot }, transactions);
}

/** The own NEW-VIEW with a PRE-PREPARE in O that is signed for nothing; all else in it is right. */
function withFalseOpening(
  { random, signer }: MisbehaviourContext,
  forger: Forger,
  message: ParsedMessage,
): Uint8Array | undefined {
  if (message.type !== "new-view" || message.carried.length === 0 || random.chance(0.5)) return undefined;
  const { signature: _, attachment: __, relayed: ___, ...body } = message;
  const carried = message.carried.map((each) => ({
    ...each,
    signature: Uint8Array.from(each.signature, (byte) => byte ^ 0xff),
  }));
  return forger.packet({ ...body, carried }, signer);
}

/** Votes at heights of any distance, a few at a time. */
function voteFarAbove(context: MisbehaviourContext, forger: Forger): void {
  const { random, signer, validator, genesis } = context;
  const replica = context.replica();
  const view = replica?.engineStatus()?.view;
  if (replica === undefined || view === undefined) return;
  const to = someOf(context);
  for (let i = 0; i < VOTES; i++) {
    const distance = random.integer(1, 20 * genesis.consensus.logWindow);
    const height = replica.chain.head.summary.height + BigInt(distance);
    const place = { view, height, hash: random.bytes(32) as Hash };
    const packet = forger.packet(forger.vote("commit", place, validator), signer);
    for (const each of to) context.mail(each, packet);
  }
}

/** Proposes the next height in a view of somebody else. */
function usurp(context: MisbehaviourContext, forger: Forger): void {
  const { signer, validator } = context;
  const replica = context.replica();
  const status = replica?.engineStatus();
  if (replica === undefined || status === undefined) return;
  const { view } = status;
  if (forger.primaryOf(view) === validator) return;
  const block = forger.emptyBlock(replica.chain.head, forger.primaryOf(view), 1);
  const place = { view, height: block.summary.height, hash: block.hash };
  const packet = forger.packet(forger.vote("pre-prepare", place, validator), signer, encodeBlock(block));
  for (const to of someOf(context)) context.mail(to, packet);
}
