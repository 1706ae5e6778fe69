/**
 * Wrong CHECKPOINTs: another hash, state root or next validators' hash than the ones that were executed, at the true
 * height or another one, by all members together or one alone, the true one to some and the false one to others; and
 * certificates that count the true and the false as one. Source: pbft.md 1.6 (equal in all that is signed).
 */
import type { Hash } from "../../../base/bytes.ts";
import { encodeCheckpointCertificate } from "../../../consensus/pbft/certificate.ts";
import type { CheckpointBody } from "../../../consensus/pbft/messages.ts";
import type { Misbehaviour, MisbehaviourContext } from "../misbehaviour.ts";
import type { AdversarySpec } from "../schedule.ts";
import type { AdversaryKnowledge } from "./adversary-knowledge.ts";
import { someOf } from "./forger.ts";
import { repeatedly } from "./noise.ts";

type Spec = Extract<AdversarySpec, { kind: "false-checkpoints" }>;

export function falseCheckpoints(
  context: MisbehaviourContext,
  { everyMs }: Spec,
  knowledge: AdversaryKnowledge,
): Misbehaviour {
  const { random, validator, signer } = context;
  const { forger } = knowledge;
  return {
    ...repeatedly(context, everyMs, () => {
      const body = falseCheckpoint(context, knowledge);
      if (body === undefined) return;
      if (random.chance(0.3)) return sendCertificate(context, knowledge, body);
      const voters = random.chance(0.7) ? [...knowledge.members.values()] : [context];
      for (const voter of voters) {
        const packet = forger.packet({ ...body, from: voter.validator }, voter.signer);
        for (const to of someOf(voter)) voter.mail(to, packet);
      }
    }),
    // Its replica's own one becomes a false one now and then: the first of a sender is the one that counts.
    outgoing: (to, packet) => {
      const message = context.active() ? forger.open(packet) : undefined;
      if (message?.type !== "checkpoint" || message.from !== validator || random.chance(0.4))
        return [{ to, packet }];
      const { type, epoch, from, height, hash, stateRoot, nextValidatorsHash } = message;
      const body = changed(context, { type, epoch, from, height, hash, stateRoot, nextValidatorsHash });
      return [{ to, packet: forger.packet(body, signer) }];
    },
  };
}

/** Lies around the newest checkpoint of the own chain: about what others are about to sign. */
function falseCheckpoint(
  context: MisbehaviourContext,
  { forger }: AdversaryKnowledge,
): CheckpointBody | undefined {
  const chain = context.replica()?.chain;
  if (chain === undefined) return undefined;
  const { random, validator } = context;
  const interval = BigInt(forger.genesis.consensus.checkpointInterval);
  const { summary, hash } = chain.head;
  const height = (summary.height / interval) * interval + (random.chance(0.6) ? 0n : interval);
  if (height === 0n) return undefined;
  const sealed = height <= summary.height ? chain.sealedBlockAt(height) : undefined;
  const { stateRoot, nextValidatorsHash } = sealed?.block.summary ?? summary;
  const facts = { height, hash: sealed?.block.hash ?? hash, stateRoot, nextValidatorsHash };
  return changed(context, { type: "checkpoint", from: validator, epoch: 0n, ...facts });
}

function changed({ random }: MisbehaviourContext, body: CheckpointBody): CheckpointBody {
  const field = random.pick(["hash", "stateRoot", "stateRoot", "nextValidatorsHash"] as const);
  // The same lie for all who tell it at this height.
  const lie = Uint8Array.from(body[field], (byte) => byte ^ 0xff) as Hash;
  return { ...body, [field]: lie };
}

/** True and false CHECKPOINTs of one height under the false facts. */
function sendCertificate(
  context: MisbehaviourContext,
  { forger, members, checkpoints }: AdversaryKnowledge,
  body: CheckpointBody,
): void {
  const { height, hash, stateRoot, nextValidatorsHash } = body;
  const signatures = new Map(
    (checkpoints.get(height)?.signatures ?? []).map(({ signer, signature }) => [signer, signature]),
  );
  for (const [from, { signer }] of members) signatures.set(from, forger.sign({ ...body, from }, signer));
  const listed = [...signatures].map(([signer, signature]) => ({ signer, signature }));
  listed.sort((a, b) => a.signer - b.signer);
  const facts = { height, hash, stateRoot, nextValidatorsHash };
  const certificate = encodeCheckpointCertificate({ ...facts, signatures: listed.slice(0, forger.quorum) });
  const { validator, signer } = context;
  const place = { from: validator, epoch: 0n, height, hash } as const;
  const packet = forger.packet({ type: "checkpoint-certificate", ...place }, signer, certificate);
  for (const to of someOf(context)) context.mail(to, packet);
}
