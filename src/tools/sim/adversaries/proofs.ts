/**
 * Proofs that prove nothing, each signed well by who sends it: VIEW-CHANGEs whose certificates hold the primary's
 * PREPARE, too few or repeated signers, signatures of two views, a view at or above the one asked for, another
 * height's checkpoint, holes, too many heights; NEW-VIEWs over VIEW-CHANGEs of mixed views, too few of them, one of
 * them twice, without the primary's own, or with a false one among them. And valid VIEW-CHANGEs in numbers.
 * Source: pbft.md 1.3, 1.8, 1.9, 1.15.
 */
import { must } from "../../../base/assert.ts";
import { byteText, EMPTY } from "../../../base/bytes.ts";
import type { ValidatorId } from "../../../consensus/engine.ts";
import { encodeCheckpointCertificate, type SignerSignature } from "../../../consensus/pbft/certificate.ts";
import { committedHead, preparedHead } from "../../../consensus/pbft/certified-head.ts";
import { encodeMessage } from "../../../consensus/pbft/message-bytes.ts";
import type { CarriedBlock, NewViewBody, ViewChangeBody } from "../../../consensus/pbft/messages.ts";
import { carriedVote } from "../../../consensus/pbft/new-view.ts";
import type { Misbehaviour, MisbehaviourContext } from "../misbehaviour.ts";
import type { AdversarySpec } from "../schedule.ts";
import { type AdversaryKnowledge, headOf, type Sighting } from "./adversary-knowledge.ts";
import { someOf } from "./forger.ts";
import { repeatedly } from "./noise.ts";

type Spec<K extends AdversarySpec["kind"]> = Extract<AdversarySpec, { kind: K }>;

const VIEW_IN_USE = "there is always a view in use";

/** Asks for views with false proofs, and opens its own views on false VIEW-CHANGEs. */
export function falseProofs(
  context: MisbehaviourContext,
  { everyMs }: Spec<"false-proofs">,
  knowledge: AdversaryKnowledge,
): Misbehaviour {
  const { forger } = knowledge;
  const { random, signer } = context;
  return repeatedly(context, everyMs, () => {
    const body = random.chance(0.6) ? falseViewChange(knowledge, context) : falseNewView(knowledge, context);
    if (body === undefined) return;
    const packet = forger.packet(body, signer);
    for (const to of someOf(context)) context.mail(to, packet);
  });
}

/** How many valid VIEW-CHANGEs are sent at once, each to a higher view: as many as are of interest. */
const BURST = 12;

export function floodViews(
  context: MisbehaviourContext,
  { everyMs }: Spec<"view-flood">,
  knowledge: AdversaryKnowledge,
): Misbehaviour {
  const { forger } = knowledge;
  const { validator, signer, random } = context;
  let next = 0n;
  return repeatedly(context, everyMs, () => {
    const highest = must(knowledge.viewsInUse().at(-1), VIEW_IN_USE);
    if (next <= highest) next = highest + 1n;
    const body = knowledge.forgeViewChange(validator, next, { h: random.chance(0.5), p: true });
    if (body === undefined) return;
    const to = someOf(context);
    for (let i = 0; i < BURST; i++) {
      const packet = forger.packet({ ...body, view: next }, signer);
      next++;
      for (const each of to) context.mail(each, packet);
    }
  });
}

/** The members' own views that somebody may still want to hear of, and the one after. */
function wantedView({ random }: MisbehaviourContext, knowledge: AdversaryKnowledge): bigint {
  const views = knowledge.viewsInUse();
  const lowest = must(views[0], VIEW_IN_USE);
  const highest = must(views.at(-1), VIEW_IN_USE);
  const view = random.pick([highest + 1n, lowest + 1n, random.pick(views)]);
  return view === 0n ? 1n : view;
}

type Trick = (
  body: ViewChangeBody,
  knowledge: AdversaryKnowledge,
  context: MisbehaviourContext,
) => ViewChangeBody;

const TRICKS: readonly Trick[] = [
  withFalseEntry,
  withFalseEntry,
  withFalseEntry,
  withNewEntry,
  withOtherCheckpoint,
  withOtherCheckpoint,
  (body) => ({ ...body, checkpoint: EMPTY }),
  (body) => ({ ...body, certified: body.certified.slice(1) }),
  (body) => ({ ...body, certified: body.certified.filter((_, i) => i !== 1) }),
  (body) => ({ ...body, certified: [...body.certified].reverse() }),
  (body) => ({ ...body, certified: [...body.certified, ...body.certified] }),
  (body, { forger }) => {
    const { checkpointInterval } = forger.genesis.consensus;
    return { ...body, stableCheckpoint: body.stableCheckpoint + BigInt(checkpointInterval) };
  },
];

function falseViewChange(
  knowledge: AdversaryKnowledge,
  context: MisbehaviourContext,
): ViewChangeBody | undefined {
  const view = wantedView(context, knowledge);
  const body = knowledge.forgeViewChange(context.validator, view, {
    h: context.random.chance(0.3),
    p: false,
  });
  return body && context.random.pick(TRICKS)(body, knowledge, context);
}

/** C of another height than h: any that exists. */
function withOtherCheckpoint(
  body: ViewChangeBody,
  { checkpoints, forger }: AdversaryKnowledge,
  { random }: MisbehaviourContext,
): ViewChangeBody {
  const certificates = [...checkpoints.values()];
  if (certificates.length === 0) return body;
  const certificate = random.pick(certificates);
  const checkpoint = encodeCheckpointCertificate(certificate);
  if (certificate.height !== body.stableCheckpoint) return { ...body, checkpoint };
  const interval = BigInt(forger.genesis.consensus.checkpointInterval);
  return { ...body, checkpoint, stableCheckpoint: body.stableCheckpoint + interval };
}

/** The last entry, or one more, stands on a certificate that is none. */
function withFalseEntry(
  body: ViewChangeBody,
  knowledge: AdversaryKnowledge,
  context: MisbehaviourContext,
): ViewChangeBody {
  const { random } = context;
  const countMax = body.certified.length + 1;
  const at = random.integer(0, countMax - 1);
  const height = body.stableCheckpoint + BigInt(at) + 1n;
  const sightings = [...knowledge.sightings.values()].filter((sighting) => sighting.height === height);
  if (sightings.length === 0) return body;
  const entry = falseEntry(random.pick(sightings), knowledge, context);
  return entry === undefined ? body : { ...body, certified: [...body.certified.slice(0, at), entry] };
}

/** Asks for the very view, or one below, that its newest certificate is of. */
function withNewEntry(
  body: ViewChangeBody,
  { sightings }: AdversaryKnowledge,
  { random }: MisbehaviourContext,
): ViewChangeBody {
  const views = [...sightings.values()].map(({ view }) => view).filter((view) => view > 0n);
  const newest = views.reduce((a, b) => (a > b ? a : b), 0n);
  if (newest === 0n) return body;
  return { ...body, view: newest > 1n && random.chance(0.3) ? newest - 1n : newest };
}

function falseEntry(
  sighting: Sighting,
  knowledge: AdversaryKnowledge,
  context: MisbehaviourContext,
): Uint8Array | undefined {
  const { forger, blocks, sightings } = knowledge;
  const { random } = context;
  const block = blocks.get(byteText(sighting.hash));
  if (block === undefined) return undefined;
  const { view } = sighting;
  const head = headOf(block);
  if (random.chance(0.4)) {
    const same = [...sightings.values()].filter((other) => byteText(other.hash) === byteText(sighting.hash));
    const signatures = falsified(merged(same.map(({ commits }) => commits)), forger.quorum, context, (from) =>
      forger.sign(forger.vote("commit", sighting, from), context.signer),
    );
    return committedHead(head, { view, signatures }).bytes;
  }
  const primary = forger.primaryOf(view);
  const leader = knowledge.signerOf(primary);
  const opening = forger.vote("pre-prepare", sighting, primary);
  const prePrepare = sighting.proposal ?? (leader && forger.sign(opening, leader));
  if (prePrepare === undefined) return undefined;
  const prepares = new Map(sighting.prepares);
  // The primary's PREPARE: its own key makes it, or its PRE-PREPARE is taken for one.
  const vote = forger.vote("prepare", sighting, primary);
  if (random.chance(0.7))
    prepares.set(primary, leader === undefined ? prePrepare : forger.sign(vote, leader));
  for (const [member, { signer }] of knowledge.members) {
    if (member !== primary)
      prepares.set(member, forger.sign(forger.vote("prepare", sighting, member), signer));
  }
  const signatures = falsified(prepares, forger.quorum - 1, context, (from) =>
    forger.sign(forger.vote("prepare", sighting, from), context.signer),
  );
  // Those of the primary first: a verifier that counts to Q - 1 needs it.
  return preparedHead({ view, head, prePrepare, prepares: signatures }).bytes;
}

/** What is there, made up to `needed` by a signer twice or by signatures of its own in other names, or one short. */
function falsified(
  known: ReadonlyMap<ValidatorId, Uint8Array>,
  needed: number,
  { random, validator, genesis }: MisbehaviourContext,
  sign: (from: ValidatorId) => Uint8Array,
): SignerSignature[] {
  const signatures = [...known].map(([signer, signature]) => ({ signer, signature }));
  signatures.sort((a, b) => a.signer - b.signer);
  const kind = random.integer(0, 3);
  if (kind === 0) return signatures.slice(0, needed);
  if (kind === 1) return signatures.slice(0, needed - 1);
  const own = { signer: validator, signature: sign(validator) };
  while (signatures.length < needed) {
    const signer = kind === 2 ? validator : random.integer(0, genesis.validators.length - 1);
    signatures.push(signer === validator ? own : { signer, signature: sign(signer) });
  }
  signatures.sort((a, b) => a.signer - b.signer);
  return signatures.slice(0, needed);
}

function merged(maps: readonly ReadonlyMap<ValidatorId, Uint8Array>[]): Map<ValidatorId, Uint8Array> {
  return new Map(maps.flatMap((map) => [...map]));
}

/** V of mixed views, too small, with a sender twice, without its own, or with a false VIEW-CHANGE. */
function falseNewView(knowledge: AdversaryKnowledge, context: MisbehaviourContext): NewViewBody | undefined {
  const { forger, viewChanges } = knowledge;
  const { random, validator, signer } = context;
  const highest = must(knowledge.viewsInUse().at(-1), VIEW_IN_USE);
  const views = [highest, highest + 1n, highest + 2n, ...viewChanges.keys()];
  const own = views.filter(
    (view) => view > 0n && forger.primaryOf(view) === validator && view + 2n > highest,
  );
  if (own.length === 0) return undefined;
  const view = random.pick(own);
  const kind = random.integer(0, 4);
  const chosen = chooseFalsely(knowledge, context, view, kind);
  if (chosen === undefined) return undefined;
  const asked = chosen.sort((a, b) => a.from - b.from).map(({ bytes }) => bytes);
  const open: NewViewBody = {
    type: "new-view",
    from: validator,
    epoch: 0n,
    view,
    viewChanges: asked,
    carried: [],
  };
  // Mostly nothing is carried over: whoever counts votes wrong has then nothing else to complain about.
  const sighting = [...knowledge.sightings.values()].at(-1);
  if (sighting === undefined || random.chance(0.7)) return open;
  const place = { height: sighting.height, hash: sighting.hash, signature: EMPTY };
  const carried: CarriedBlock = { ...place, signature: forger.sign(carriedVote(open, place), signer) };
  return { ...open, carried: [carried] };
}

interface Asked {
  readonly from: ValidatorId;
  readonly bytes: Uint8Array;
}

function chooseFalsely(
  knowledge: AdversaryKnowledge,
  context: MisbehaviourContext,
  view: bigint,
  kind: number,
): Asked[] | undefined {
  const { forger, members } = knowledge;
  const { random, validator } = context;
  const known = (asked: bigint) =>
    [...(knowledge.viewChanges.get(asked) ?? [])].map(([from, bytes]): Asked => ({ from, bytes }));
  const of = (from: ValidatorId, asked: bigint, trick: boolean): Asked | undefined => {
    const member = must(members.get(from), "only members are asked for theirs");
    const lies = { h: random.chance(0.5), p: random.chance(0.5) };
    const made = knowledge.forgeViewChange(from, asked, lies);
    const body = made && trick ? random.pick(TRICKS)(made, knowledge, member) : made;
    return body && { from, bytes: encodeMessage(body, forger.sign(body, member.signer), EMPTY) };
  };
  const own = of(validator, view, kind === 4);
  if (own === undefined) return undefined;
  const accomplices = [...members.keys()].filter((member) => member !== validator);
  const helped = accomplices.flatMap((member) => of(member, view, kind === 4) ?? []);
  const others = random.shuffle(known(view).filter(({ from }) => !members.has(from)));
  const exact = [own, ...helped, ...others];
  if (kind === 0) return exact.slice(0, forger.quorum - 1);
  if (kind === 1) return filled(exact.slice(0, forger.quorum - 1), own, forger.quorum);
  if (kind === 2) return [...helped, ...others].slice(0, forger.quorum);
  if (kind === 4) return exact.slice(0, forger.quorum);
  const elsewhere = [...knowledge.viewChanges.keys()].filter((other) => other !== view).flatMap(known);
  const mixed = new Map(elsewhere.filter(({ from }) => !members.has(from)).map((one) => [one.from, one]));
  for (const one of exact.slice(0, Math.max(1, random.integer(1, forger.quorum)))) mixed.set(one.from, one);
  const rest = [...mixed.values()].filter(({ from }) => from !== validator);
  return [own, ...rest].slice(0, forger.quorum);
}

function filled(asked: readonly Asked[], by: Asked, count: number): Asked[] {
  return [...asked, ...Array.from({ length: Math.max(0, count - asked.length) }, () => by)];
}
