/**
 * Adversaries that make noise with their own key: old messages again, huge views, floods, forged certificates, and
 * small mutations of what their replica says (a view or height changed by one, an older digest, another phase, a
 * flipped bit), most of it signed well, so that it gets as far as it can.
 * Source: pbft.md 1.3, 1.13, 1.15, 1.17; ByzzFuzz (OOPSLA 2023) for the mutations.
 */
import { must } from "../../../base/assert.ts";
import { concatBytes, EMPTY, type Hash } from "../../../base/bytes.ts";
import { encodeSealedBlock } from "../../../chain/types/block.ts";
import type { ValidatorId } from "../../../consensus/engine.ts";
import {
  encodeCheckpointCertificate,
  encodeCommitCertificate,
  type SignerSignature,
} from "../../../consensus/pbft/certificate.ts";
import { preparedHead } from "../../../consensus/pbft/certified-head.ts";
import type { ParsedMessage } from "../../../consensus/pbft/message-bytes.ts";
import type { PbftBody, StatusBody, ViewChangeBody } from "../../../consensus/pbft/messages.ts";
import { encodePacket, MAIL_BLOCK } from "../../../node/ingress/packet.ts";
import type { Misbehaviour, MisbehaviourContext } from "../misbehaviour.ts";
import type { AdversarySpec } from "../schedule.ts";
import type { AdversaryKnowledge } from "./adversary-knowledge.ts";
import { type Forger, othersOf, someOf } from "./forger.ts";

type Spec<K extends AdversarySpec["kind"]> = Extract<AdversarySpec, { kind: K }>;

/** Own packets kept for playing them again; beyond it the oldest is forgotten. */
const REPLAYED_MAX = 256;

/** Does something each interval while the spec says so, in every life of the node. */
export function repeatedly(
  context: Pick<MisbehaviourContext, "active" | "after" | "random">,
  everyMs: number,
  act: () => void,
): Misbehaviour {
  const again = () => {
    if (context.active()) act();
    context.after(everyMs * (0.5 + context.random.fraction()), again);
  };
  return { started: () => context.after(everyMs * context.random.fraction(), again) };
}

/** Sends old messages of its own, as they were, or for another epoch or view, and NEW-VIEWs of anybody. */
export function replay(
  context: MisbehaviourContext,
  { everyMs }: Spec<"replay">,
  knowledge: AdversaryKnowledge,
): Misbehaviour {
  const { random } = context;
  const old: Uint8Array[] = [];
  const send = () => {
    const packets = [...old, ...knowledge.newViews];
    if (packets.length === 0) return;
    const packet = random.pick(packets);
    const again = random.chance(0.3) ? (renewed(context, knowledge.forger, packet) ?? packet) : packet;
    for (const to of someOf(context)) context.mail(to, again);
  };
  return {
    ...repeatedly(context, everyMs, send),
    outgoing: (to, packet) => {
      if (old.length >= REPLAYED_MAX) old.shift();
      if (random.chance(0.2)) old.push(packet);
      return [{ to, packet }];
    },
  };
}

/** The same for another epoch or view, signed anew. */
function renewed(
  { random, signer, validator }: MisbehaviourContext,
  forger: Forger,
  packet: Uint8Array,
): Uint8Array | undefined {
  const message = forger.open(packet);
  if (message === undefined || message.from !== validator) return undefined;
  const { signature: _, attachment, relayed: __, ...body } = message;
  const other = random.chance(0.5)
    ? { ...body, epoch: body.epoch + 1n }
    : "view" in body
      ? { ...body, view: BigInt.asUintN(64, body.view + BigInt(random.integer(1, 3))) }
      : body;
  return forger.packet(other as PbftBody, signer, attachment);
}

const HUGE: readonly bigint[] = [1_000n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n];

/** Asks for, votes in and tells of views that nobody will ever reach. */
export function hugeView(
  context: MisbehaviourContext,
  { everyMs }: Spec<"huge-view">,
  forger: Forger,
): Misbehaviour {
  const { random, signer, validator } = context;
  return repeatedly(context, everyMs, () => {
    const view = random.pick(HUGE) - BigInt(random.integer(0, forger.n));
    const body = random.pick([askFor, statusOf, commitOf, emptyNewView])(
      validator,
      view,
      random.bytes(32) as Hash,
    );
    const packet = forger.packet(body, signer);
    for (const to of someOf(context)) context.mail(to, packet);
  });
}

function askFor(from: ValidatorId, view: bigint): ViewChangeBody {
  return {
    type: "view-change",
    from,
    epoch: 0n,
    view,
    stableCheckpoint: 0n,
    checkpoint: EMPTY,
    certified: [],
  };
}

function statusOf(from: ValidatorId, view: bigint): StatusBody {
  return {
    type: "status",
    from,
    epoch: 0n,
    view,
    mode: "view-change",
    lowWatermark: view,
    stableCheckpoint: view,
    lastCommitted: view,
    viewChangeTarget: view,
    slots: [],
  };
}

function commitOf(from: ValidatorId, view: bigint, hash: Hash): PbftBody {
  return { type: "commit", from, epoch: 0n, view, height: 1n, hash };
}

function emptyNewView(from: ValidatorId, view: bigint): PbftBody {
  return { type: "new-view", from, epoch: 0n, view, viewChanges: [], carried: [] };
}

const FLOOD_MS = 100;

/** Much of everything: good votes for nothing, questions, garbage. */
export function flood(
  context: MisbehaviourContext,
  { perSecond }: Spec<"flood">,
  forger: Forger,
): Misbehaviour {
  const { random, signer } = context;
  return repeatedly(context, FLOOD_MS, () => {
    for (let i = 0; i < (perSecond * FLOOD_MS) / 1_000; i++) {
      const packet = random.chance(0.1)
        ? random.bytes(random.integer(0, 300))
        : forger.packet(anyMessage(context, forger), signer);
      context.mail(random.pick(othersOf(context)), packet);
    }
  });
}

function anyMessage(context: MisbehaviourContext, forger: Forger): PbftBody {
  const { random, validator } = context;
  const status = context.replica()?.engineStatus();
  const view = (status?.view ?? 0n) + BigInt(random.integer(0, 2));
  const height =
    (status?.lastCommitted ?? 0n) + BigInt(random.integer(0, 3 * forger.genesis.consensus.logWindow));
  const hash = random.bytes(32) as Hash;
  const kind = random.integer(0, 5);
  if (kind === 0) return { type: "fetch", from: validator, epoch: 0n, hash };
  if (kind === 1) return askFor(validator, BigInt.asUintN(64, view + 1n));
  if (kind === 2) {
    const facts = { hash, stateRoot: hash, nextValidatorsHash: hash };
    return { type: "checkpoint", from: validator, epoch: 0n, height, ...facts };
  }
  if (kind === 3) return { ...statusOf(validator, view), lastCommitted: height, stableCheckpoint: 0n };
  return forger.vote(kind === 4 ? "prepare" : "commit", { view, height, hash }, validator);
}

/** Certificates with too few signers, with its own signature in the name of others, or one signer again and again. */
export function forgeCertificates(
  context: MisbehaviourContext,
  { everyMs }: Spec<"forge-certificates">,
  knowledge: AdversaryKnowledge,
): Misbehaviour {
  const { random } = context;
  const kinds = [forgedCheckpoint, forgedBlock, forgedViewChange];
  return repeatedly(context, everyMs, () => {
    const packet = random.pick(kinds)(context, knowledge.forger);
    if (packet !== undefined) for (const to of someOf(context)) context.mail(to, packet);
  });
}

/** @param sign what validator `from` would sign */
function forgedSignatures(
  { random, signer, accomplices, validator }: MisbehaviourContext,
  count: number,
  sign: (from: ValidatorId, signer: MisbehaviourContext["signer"]) => Uint8Array,
): SignerSignature[] {
  const kind = random.integer(0, 2);
  const good = [...accomplices]
    .map(([from, key]) => ({ signer: from, signature: sign(from, key) }))
    .sort((a, b) => a.signer - b.signer);
  if (kind === 0) return good;
  if (kind === 1)
    return Array.from({ length: count }, () => ({ signer: validator, signature: sign(validator, signer) }));
  const known = new Map(good.map((one) => [one.signer, one.signature]));
  return Array.from({ length: count }, (_, from) => ({
    signer: from,
    signature: known.get(from) ?? sign(from, signer),
  }));
}

function forgedCheckpoint(context: MisbehaviourContext, forger: Forger): Uint8Array | undefined {
  const chain = context.replica()?.chain;
  if (chain === undefined) return undefined;
  const { random, validator, signer } = context;
  const { checkpointInterval } = forger.genesis.consensus;
  const steps = BigInt(checkpointInterval * random.integer(1, 3));
  const height =
    (chain.head.summary.height / BigInt(checkpointInterval)) * BigInt(checkpointInterval) + steps;
  const hash = random.bytes(32) as Hash;
  const facts = { height, hash, stateRoot: hash, nextValidatorsHash: hash };
  const signatures = forgedSignatures(context, forger.quorum, (from, key) =>
    forger.sign({ type: "checkpoint", from, epoch: 0n, ...facts }, key),
  );
  const body: PbftBody = { type: "checkpoint-certificate", from: validator, epoch: 0n, height, hash };
  return forger.packet(body, signer, encodeCheckpointCertificate({ ...facts, signatures }));
}

/** A block that nobody has agreed on, as an answer to a STATUS. */
function forgedBlock(context: MisbehaviourContext, forger: Forger): Uint8Array | undefined {
  const chain = context.replica()?.chain;
  if (chain === undefined) return undefined;
  const block = forger.emptyBlock(chain.head, context.validator, context.random.integer(1, 50));
  const view = context.replica()?.engineStatus()?.view ?? 0n;
  const place = { view, height: block.summary.height, hash: block.hash };
  const signatures = forgedSignatures(context, forger.quorum, (from, key) =>
    forger.sign(forger.vote("commit", place, from), key),
  );
  const seal = encodeCommitCertificate({ view, signatures });
  return encodePacket(MAIL_BLOCK, encodeSealedBlock({ block, seal }));
}

/** A VIEW-CHANGE whose P rests on a forged prepared certificate. */
function forgedViewChange(context: MisbehaviourContext, forger: Forger): Uint8Array | undefined {
  const chain = context.replica()?.chain;
  const status = context.replica()?.engineStatus();
  if (chain === undefined || status === undefined || status.stableCheckpoint !== 0n) return undefined;
  const genesis = chain.store.head(chain.genesisHash);
  if (genesis === undefined) return undefined;
  const { view } = status;
  const head = forger.emptyBlock(genesis, forger.primaryOf(view), context.random.integer(1, 50));
  const place = { view, height: 1n, hash: head.hash };
  const prepares = forgedSignatures(context, forger.quorum - 1, (from, key) =>
    forger.sign(forger.vote("prepare", place, from), key),
  );
  const prePrepare = forger.sign(forger.vote("pre-prepare", place, forger.primaryOf(view)), context.signer);
  const certified = [preparedHead({ view, head, prePrepare, prepares }).bytes];
  return forger.packet(
    { ...askFor(context.validator, BigInt.asUintN(64, view + 1n)), certified },
    context.signer,
  );
}

/** Each packet of its own is changed a little with the probability, in place of the true one or besides it. */
export function mutate(
  context: MisbehaviourContext,
  { probability }: Spec<"mutate">,
  knowledge: AdversaryKnowledge,
): Misbehaviour {
  const { random } = context;
  return {
    outgoing: (to, packet) => {
      if (!context.active() || !random.chance(probability)) return [{ to, packet }];
      const mutated = mutation(context, knowledge, packet);
      return random.chance(0.5)
        ? [{ to, packet: mutated }]
        : [
            { to, packet },
            { to, packet: mutated },
          ];
    },
  };
}

function mutation(
  context: MisbehaviourContext,
  { forger, sightings }: AdversaryKnowledge,
  packet: Uint8Array,
): Uint8Array {
  const { random, signer, validator } = context;
  const message = forger.open(packet);
  if (message === undefined || message.from !== validator || random.chance(0.1))
    return flipped(context, packet);
  const { signature: _, attachment, relayed: __, ...body } = message;
  const older = [...sightings.values()].slice(-16).map(({ hash }) => hash);
  const changed = changedBody(context, body as ParsedMessage, older);
  return forger.packet(changed, signer, attachment);
}

function flipped({ random }: MisbehaviourContext, packet: Uint8Array): Uint8Array {
  if (packet.length === 0) return Uint8Array.of(1);
  const copy = concatBytes(packet);
  const at = random.integer(0, copy.length - 1);
  copy[at] = must(copy[at], "the place is drawn below the length") ^ (1 << random.integer(0, 7));
  return copy;
}

function changedBody({ random }: MisbehaviourContext, body: ParsedMessage, older: readonly Hash[]): PbftBody {
  const by = random.chance(0.5) ? 1n : -1n;
  const near = (value: bigint) => BigInt.asUintN(64, value + by < 0n ? value + 1n : value + by);
  const kind = random.integer(0, 4);
  if (kind === 0 && "view" in body) return { ...body, view: near(body.view) };
  if (kind === 1 && "height" in body) return { ...body, height: near(body.height) };
  if (kind === 2 && "hash" in body && older.length > 0) return { ...body, hash: random.pick(older) };
  if (kind === 3 && body.type === "prepare") return { ...body, type: "commit" };
  if (kind === 3 && body.type === "commit") return { ...body, type: "prepare" };
  if (body.type === "view-change" && body.certified.length > 0)
    return { ...body, certified: body.certified.slice(0, -1) };
  if (body.type === "status") return { ...body, lastCommitted: near(body.lastCommitted) };
  if (body.type === "new-view") return { ...body, carried: body.carried.slice(0, -1) };
  return "view" in body ? { ...body, view: near(body.view) } : { ...body, epoch: body.epoch + 1n };
}
