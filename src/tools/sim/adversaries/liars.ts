/**
 * Liars about the past: a VIEW-CHANGE that is valid but does not show the newest certificates (P) or the newest
 * checkpoint (h), another one to each; a NEW-VIEW that rests on the worst choice of VIEW-CHANGEs (V), one to each
 * half. All of it verifies: only the protocol's rules keep it from doing harm.
 * Source: pbft.md 1.8, 1.9; model/message_level.py, byzvc and NEW-VIEW.
 */
import { EMPTY } from "../../../base/bytes.ts";
import { validatorsOf } from "../../../chain/genesis/genesis.ts";
import type { ValidatorId } from "../../../consensus/engine.ts";
import { encodeMessage } from "../../../consensus/pbft/message-bytes.ts";
import type { CarriedBlock, NewViewBody } from "../../../consensus/pbft/messages.ts";
import { carriedVote, decide, type ViewChange } from "../../../consensus/pbft/new-view.ts";
import { openViewChange } from "../../../consensus/pbft/view-messages.ts";
import type { SignatureRules } from "../../../crypto/keys.ts";
import { encodePacket, MAIL_CONSENSUS } from "../../../node/ingress/packet.ts";
import type { Misbehaviour, MisbehaviourContext, Outgoing } from "../misbehaviour.ts";
import type { AdversaryKnowledge } from "./adversary-knowledge.ts";

/** Sends a VIEW-CHANGE of its own with lies instead of the true one, and a new lie to each receiver. */
export function lieInViewChange(
  context: MisbehaviourContext,
  lies: { readonly h: boolean; readonly p: boolean },
  knowledge: AdversaryKnowledge,
): Misbehaviour {
  const { validator, signer } = context;
  const lie = (to: ValidatorId, packet: Uint8Array): readonly Outgoing[] => {
    const message = knowledge.forger.open(packet);
    if (message?.type !== "view-change" || message.from !== validator) return [{ to, packet }];
    const forged = knowledge.forgeViewChange(validator, message.view, lies);
    return [{ to, packet: forged === undefined ? packet : knowledge.forger.packet(forged, signer) }];
  };
  return { outgoing: (to, packet) => (context.active() ? lie(to, packet) : [{ to, packet }]) };
}

/** Its NEW-VIEWs rest on any VIEW-CHANGEs that make a quorum, with those of its accomplices made up anew. */
export function lieInNewView(context: MisbehaviourContext, knowledge: AdversaryKnowledge): Misbehaviour {
  const lies = new Map<string, Uint8Array | undefined>();
  const lie = (to: ValidatorId, packet: Uint8Array): readonly Outgoing[] => {
    const message = knowledge.forger.open(packet);
    if (message?.type !== "new-view" || message.from !== context.validator) return [{ to, packet }];
    const key = `${message.view} ${to % 2}`;
    if (!lies.has(key)) lies.set(key, forgeNewView(knowledge, context, message.view));
    return [{ to, packet: lies.get(key) ?? packet }];
  };
  return { outgoing: (to, packet) => (context.active() ? lie(to, packet) : [{ to, packet }]) };
}

/** Its VIEW-CHANGE shows certificates that are good one by one and make no chain, wherever there are such. */
export function lieAboutLinks(
  { active, validator, signer }: MisbehaviourContext,
  knowledge: AdversaryKnowledge,
): Misbehaviour {
  return {
    outgoing: (to, packet) => {
      const message = active() ? knowledge.forger.open(packet) : undefined;
      if (message?.type !== "view-change" || message.from !== validator) return [{ to, packet }];
      const forged = knowledge.breakLinks(validator, message.view);
      return [{ to, packet: knowledge.forger.packet(forged, signer) }];
    },
  };
}

/** Its NEW-VIEWs carry one block more than follows from their VIEW-CHANGEs. */
export function lieInCarried(
  { active, validator, signer }: MisbehaviourContext,
  { forger }: AdversaryKnowledge,
): Misbehaviour {
  return {
    outgoing: (to, packet) => {
      const message = active() ? forger.open(packet) : undefined;
      if (message?.type !== "new-view" || message.from !== validator) return [{ to, packet }];
      const { signature: _, attachment: __, relayed: ___, ...body } = message;
      const height = (body.carried.at(-1)?.height ?? 0n) + 1n;
      const place = { height, hash: forger.genesisHash, signature: EMPTY };
      const added = { ...place, signature: forger.sign(carriedVote(body, place), signer) };
      return [{ to, packet: forger.packet({ ...body, carried: [...body.carried, added] }, signer) }];
    },
  };
}

/** A valid NEW-VIEW as a packet, or undefined while there are not enough VIEW-CHANGEs. */
export function forgeNewView(
  knowledge: AdversaryKnowledge,
  context: MisbehaviourContext,
  view: bigint,
): Uint8Array | undefined {
  const { forger } = knowledge;
  const { validator, signer, genesisHash } = context;
  const chosen = chooseAsked(knowledge, context, view);
  if (chosen === undefined) return undefined;
  const asked = chosen.flatMap((bytes) => openAsked(knowledge, context, bytes) ?? []);
  if (asked.length !== forger.quorum) return undefined;
  asked.sort((a, b) => a.message.from - b.message.from);
  const { carried } = decide(
    asked.map(({ message }) => message),
    genesisHash,
  );
  const viewChanges = asked.map(({ bytes }) => bytes);
  const open: NewViewBody = { type: "new-view", from: validator, epoch: 0n, view, viewChanges, carried: [] };
  const signed = carried.map(({ head }): CarriedBlock => {
    const place = { height: head.summary.height, hash: head.hash, signature: EMPTY };
    return { ...place, signature: forger.sign(carriedVote(open, place), signer) };
  });
  const body: NewViewBody = { ...open, carried: signed };
  return encodePacket(MAIL_CONSENSUS, encodeMessage(body, forger.sign(body, signer), EMPTY));
}

/** Some of the correct ones' VIEW-CHANGEs, as few as will do, and lies of the members, the primary's own among them. */
function chooseAsked(
  knowledge: AdversaryKnowledge,
  { validator, random }: MisbehaviourContext,
  view: bigint,
): Uint8Array[] | undefined {
  const { forger, members } = knowledge;
  const known = knowledge.viewChanges.get(view) ?? new Map<ValidatorId, Uint8Array>();
  const honest = [...known].filter(([from]) => !members.has(from)).map(([, bytes]) => bytes);
  const accomplices = random.shuffle([...members.keys()].filter((member) => member !== validator));
  const most = Math.min(1 + accomplices.length, forger.quorum);
  const least = Math.max(1, forger.quorum - honest.length);
  if (least > most) return undefined;
  const liars = [validator, ...accomplices].slice(0, random.chance(0.7) ? most : random.integer(least, most));
  const forged = liars.flatMap((liar) => forgeBytes(knowledge, liar, view) ?? []);
  const others = random.shuffle(honest).slice(0, forger.quorum - forged.length);
  return forged.length + others.length === forger.quorum ? [...forged, ...others] : undefined;
}

function forgeBytes(knowledge: AdversaryKnowledge, from: ValidatorId, view: bigint): Uint8Array | undefined {
  const signer = knowledge.signerOf(from);
  const random = knowledge.members.get(from)?.random;
  if (signer === undefined || random === undefined) return undefined;
  const lies = { h: random.chance(0.5), p: random.chance(0.7) };
  const body = knowledge.forgeViewChange(from, view, lies);
  return body && encodeMessage(body, knowledge.forger.sign(body, signer), EMPTY);
}

/** Nobody would take a NEW-VIEW with an invalid VIEW-CHANGE in it. */
function openAsked(
  { forger }: AdversaryKnowledge,
  { genesis, genesisHash }: MisbehaviourContext,
  bytes: Uint8Array,
): { readonly message: ViewChange; readonly bytes: Uint8Array } | undefined {
  const trusting: SignatureRules = { verifySignature: () => true, verifyQuickly: () => true };
  const opened = openViewChange(
    {
      genesisHash,
      validators: validatorsOf(genesis),
      signatureRules: trusting,
      n: forger.n,
      logWindow: genesis.consensus.logWindow,
      limits: genesis.limits,
    },
    bytes,
  );
  return opened.ok ? { message: opened.value, bytes } : undefined;
}
