/**
 * Liars about the past: a VIEW-CHANGE that is valid but does not show the newest certificates (P) or the newest
 * checkpoint (h), another one to each; a NEW-VIEW that rests on the worst choice of VIEW-CHANGEs (V), one to each
 * half. All of it verifies: only the protocol's rules keep it from doing harm.
 * Source: pbft.md 1.8, 1.9; model/message_level.py, byzvc and NEW-VIEW.
 */
import { EMPTY } from "../../base/bytes.ts";
import { validatorsOf } from "../../chain/genesis.ts";
import type { ValidatorId } from "../../consensus/engine.ts";
import type { CarriedBlock, NewViewBody } from "../../consensus/pbft/messages.ts";
import { carriedVote, decide, type ViewChange } from "../../consensus/pbft/newview.ts";
import { openViewChange } from "../../consensus/pbft/viewmessages.ts";
import { encodeMessage } from "../../consensus/pbft/wire.ts";
import type { SignatureRules } from "../../crypto/keys.ts";
import { MAIL_CONSENSUS, sealLetter } from "../../node/letters.ts";
import type { Misbehaviour, MisbehaviourContext, Outgoing } from "../misbehaviour.ts";
import type { Conspiracy } from "./conspiracy.ts";

/** A VIEW-CHANGE of its own with lies instead of the true one; a new lie for each receiver. */
export function lieInViewChange(
  context: MisbehaviourContext,
  lies: { readonly h: boolean; readonly p: boolean },
  conspiracy: Conspiracy,
): Misbehaviour {
  const { validator, signer } = context;
  const lie = (to: ValidatorId, letter: Uint8Array): readonly Outgoing[] => {
    const message = conspiracy.forger.open(letter);
    if (message?.type !== "view-change" || message.from !== validator) return [{ to, letter }];
    const forged = conspiracy.forgeViewChange(validator, message.view, lies);
    return [{ to, letter: forged === undefined ? letter : conspiracy.forger.letter(forged, signer) }];
  };
  return { outgoing: (to, letter) => (context.active() ? lie(to, letter) : [{ to, letter }]) };
}

/** Its NEW-VIEWs rest on any VIEW-CHANGEs that make a quorum, with those of its accomplices made up anew. */
export function lieInNewView(context: MisbehaviourContext, conspiracy: Conspiracy): Misbehaviour {
  const lies = new Map<string, Uint8Array | undefined>();
  const lie = (to: ValidatorId, letter: Uint8Array): readonly Outgoing[] => {
    const message = conspiracy.forger.open(letter);
    if (message?.type !== "new-view" || message.from !== context.validator) return [{ to, letter }];
    const key = `${message.view} ${to % 2}`;
    if (!lies.has(key)) lies.set(key, forgeNewView(conspiracy, context, message.view));
    return [{ to, letter: lies.get(key) ?? letter }];
  };
  return { outgoing: (to, letter) => (context.active() ? lie(to, letter) : [{ to, letter }]) };
}

/** Its VIEW-CHANGE shows certificates that are good one by one and make no chain, wherever there are such. */
export function lieAboutLinks(
  { active, validator, signer }: MisbehaviourContext,
  conspiracy: Conspiracy,
): Misbehaviour {
  return {
    outgoing: (to, letter) => {
      const message = active() ? conspiracy.forger.open(letter) : undefined;
      if (message?.type !== "view-change" || message.from !== validator) return [{ to, letter }];
      const forged = conspiracy.breakLinks(validator, message.view);
      return [{ to, letter: conspiracy.forger.letter(forged, signer) }];
    },
  };
}

/** Its NEW-VIEWs carry one block more than follows from their VIEW-CHANGEs. */
export function lieInCarried(
  { active, validator, signer }: MisbehaviourContext,
  { forger }: Conspiracy,
): Misbehaviour {
  return {
    outgoing: (to, letter) => {
      const message = active() ? forger.open(letter) : undefined;
      if (message?.type !== "new-view" || message.from !== validator) return [{ to, letter }];
      const { signature: _, attachment: __, relayed: ___, ...body } = message;
      const height = (body.carried.at(-1)?.height ?? 0n) + 1n;
      const place = { height, hash: forger.genesisHash, signature: EMPTY };
      const added = { ...place, signature: forger.sign(carriedVote(body, place), signer) };
      return [{ to, letter: forger.letter({ ...body, carried: [...body.carried, added] }, signer) }];
    },
  };
}

/** A valid NEW-VIEW as a letter; undefined while there are not enough VIEW-CHANGEs. */
export function forgeNewView(
  conspiracy: Conspiracy,
  context: MisbehaviourContext,
  view: bigint,
): Uint8Array | undefined {
  const { forger } = conspiracy;
  const { validator, signer, genesisHash } = context;
  const chosen = chooseAsked(conspiracy, context, view);
  if (chosen === undefined) return undefined;
  const asked = chosen.flatMap((bytes) => openAsked(conspiracy, context, bytes) ?? []);
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
  return sealLetter(MAIL_CONSENSUS, encodeMessage(body, forger.sign(body, signer), EMPTY));
}

/** Some of the correct ones' VIEW-CHANGEs, as few as will do, and lies of the members; the primary's own among them. */
function chooseAsked(
  conspiracy: Conspiracy,
  { validator, random }: MisbehaviourContext,
  view: bigint,
): Uint8Array[] | undefined {
  const { forger, members } = conspiracy;
  const known = conspiracy.viewChanges.get(view) ?? new Map<ValidatorId, Uint8Array>();
  const honest = [...known].filter(([from]) => !members.has(from)).map(([, bytes]) => bytes);
  const accomplices = random.shuffle([...members.keys()].filter((member) => member !== validator));
  const most = Math.min(1 + accomplices.length, forger.quorum);
  const least = Math.max(1, forger.quorum - honest.length);
  if (least > most) return undefined;
  const liars = [validator, ...accomplices].slice(0, random.chance(0.7) ? most : random.integer(least, most));
  const forged = liars.flatMap((liar) => forgeBytes(conspiracy, liar, view) ?? []);
  const others = random.shuffle(honest).slice(0, forger.quorum - forged.length);
  return forged.length + others.length === forger.quorum ? [...forged, ...others] : undefined;
}

function forgeBytes(conspiracy: Conspiracy, from: ValidatorId, view: bigint): Uint8Array | undefined {
  const signer = conspiracy.signerOf(from);
  const random = conspiracy.members.get(from)?.random;
  if (signer === undefined || random === undefined) return undefined;
  const lies = { h: random.chance(0.5), p: random.chance(0.7) };
  const body = conspiracy.forgeViewChange(from, view, lies);
  return body && encodeMessage(body, conspiracy.forger.sign(body, signer), EMPTY);
}

/** Nobody would take a NEW-VIEW with an invalid VIEW-CHANGE in it. */
function openAsked(
  { forger }: Conspiracy,
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
