/**
 * The colluding adversary of the reference model (model/message_level.py): those who collude know everything, vote
 * for whatever has been proposed anywhere, propose at several views, tell each side what helps it, show any valid
 * certificate, and open views on any quorum. The rest of the time their replicas behave.
 */
import { must } from "../../../base/assert.ts";
import { byteText } from "../../../base/bytes.ts";
import type { Block, BlockHead } from "../../../chain/types/block.ts";
import type { PbftBody } from "../../../consensus/pbft/messages.ts";
import type { Misbehaviour, MisbehaviourContext } from "../misbehaviour.ts";
import type { AdversarySpec } from "../schedule.ts";
import type { AdversaryKnowledge, Sighting } from "./adversary-knowledge.ts";
import { someOf } from "./forger.ts";
import { forgeNewView } from "./liars.ts";
import { repeatedly } from "./noise.ts";

/** Proposals that are still worth a vote. */
const RECENT = 12;
const VIEW_IN_USE = "there is always a view in use";

export function collude(
  context: MisbehaviourContext,
  { everyMs }: Extract<AdversarySpec, { kind: "collude" }>,
  knowledge: AdversaryKnowledge,
): Misbehaviour {
  const { random } = context;
  return repeatedly(context, everyMs, () => {
    const choice = random.fraction();
    if (choice < 0.3) propose(context, knowledge);
    else if (choice < 0.65) vote(context, knowledge);
    else if (choice < 0.75) signCheckpoint(context, knowledge);
    else if (choice < 0.88) askForView(context, knowledge);
    else openView(context, knowledge);
  });
}

/** A block in a view of its own, on any known parent: one that was told before, or another one. */
function propose(context: MisbehaviourContext, knowledge: AdversaryKnowledge): void {
  const { random, validator, signer } = context;
  const { forger } = knowledge;
  const own = knowledge.viewsInUse().filter((view) => forger.primaryOf(view) === validator);
  const parent = pickParent(context, knowledge);
  if (own.length === 0 || parent === undefined) return;
  const view = random.pick(own);
  const children = [...knowledge.blocks.values()].filter(
    ({ header }) => byteText(header.previousHash) === byteText(parent.hash),
  );
  const block: Block =
    children.length > 0 && random.chance(0.5)
      ? random.pick(children)
      : forger.emptyBlock(parent, validator, random.integer(1, 4));
  const packet = forger.proposal(block, view, signer);
  for (const to of someOf(context)) context.mail(to, packet);
}

/** A block of the own chain, down to where the log may end, or one that was only proposed. */
function pickParent(
  { random, replica }: MisbehaviourContext,
  knowledge: AdversaryKnowledge,
): BlockHead | undefined {
  const chain = replica()?.chain;
  if (chain === undefined) return undefined;
  const recent = [...knowledge.blocks.values()].slice(-RECENT);
  if (recent.length > 0 && random.chance(0.4)) return random.pick(recent);
  const { logWindow } = knowledge.forger.genesis.consensus;
  const depth = random.chance(0.5) ? 0n : BigInt(random.integer(0, logWindow));
  const height = chain.head.summary.height - depth;
  return height > 0n ? chain.sealedBlockAt(height)?.block : chain.head;
}

/** All members, for one of the newest proposals, in both phases, to some. */
function vote(context: MisbehaviourContext, knowledge: AdversaryKnowledge): void {
  const { random } = context;
  const lowest = must(knowledge.viewsInUse()[0], VIEW_IN_USE);
  const recent = [...knowledge.sightings.values()].filter(({ view }) => view + 1n >= lowest).slice(-RECENT);
  if (recent.length === 0) return;
  const sighting = random.pick(recent);
  const voters = random.chance(0.7) ? [...knowledge.members.values()] : [context];
  for (const voter of voters) voteFor(voter, sighting, knowledge);
}

function voteFor(voter: MisbehaviourContext, sighting: Sighting, { forger }: AdversaryKnowledge): void {
  const { validator, signer, random } = voter;
  const prepare = forger.packet(forger.vote("prepare", sighting, validator), signer);
  const commit = forger.packet(forger.vote("commit", sighting, validator), signer);
  for (const to of someOf(voter)) {
    if (forger.primaryOf(sighting.view) !== validator) voter.mail(to, prepare);
    if (random.chance(0.8)) voter.mail(to, commit);
  }
}

/** The truth about a checkpoint, to some. */
function signCheckpoint(context: MisbehaviourContext, { forger }: AdversaryKnowledge): void {
  const { random, validator, signer } = context;
  const chain = context.replica()?.chain;
  const interval = BigInt(forger.genesis.consensus.checkpointInterval);
  const top = chain === undefined ? 0n : chain.head.summary.height / interval;
  if (chain === undefined || top === 0n) return;
  const height = interval * (random.chance(0.7) ? top : BigInt(random.integer(1, Number(top))));
  const sealed = chain.sealedBlockAt(height);
  if (sealed === undefined) return;
  const { hash, summary } = sealed.block;
  const { stateRoot, nextValidatorsHash } = summary;
  const facts = { height, hash, stateRoot, nextValidatorsHash };
  const packet = forger.packet({ type: "checkpoint", from: validator, epoch: 0n, ...facts }, signer);
  for (const to of someOf(context)) context.mail(to, packet);
}

/** A VIEW-CHANGE with any valid content, to some. */
function askForView(context: MisbehaviourContext, knowledge: AdversaryKnowledge): void {
  const { random, validator, signer } = context;
  const views = knowledge.viewsInUse();
  const lowest = must(views[0], VIEW_IN_USE);
  const highest = must(views.at(-1), VIEW_IN_USE);
  const view = random.pick([highest, highest + 1n, lowest + 1n, random.pick(views) + 1n]);
  if (view === 0n) return;
  const lies = { h: random.chance(0.6), p: random.chance(0.8) };
  const body: PbftBody | undefined = knowledge.forgeViewChange(validator, view, lies);
  if (body === undefined) return;
  const packet = knowledge.forger.packet(body, signer);
  for (const to of someOf(context)) context.mail(to, packet);
}

/** Sends a NEW-VIEW of its own, on whatever quorum of VIEW-CHANGEs can be had, and another one the next time. */
function openView(context: MisbehaviourContext, knowledge: AdversaryKnowledge): void {
  const views = [...new Set([...knowledge.viewChanges.keys(), ...knowledge.viewsInUse()])];
  views.sort((a, b) => (a < b ? 1 : -1));
  for (const view of views.slice(0, 4)) {
    if (view === 0n || knowledge.forger.primaryOf(view) !== context.validator) continue;
    const packet = forgeNewView(knowledge, context, view);
    if (packet === undefined) continue;
    for (const to of someOf(context)) context.mail(to, packet);
    return;
  }
}
