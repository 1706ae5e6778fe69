/**
 * Lies outside of consensus mail, for which nobody needs to be a validator: announcements of blocks that were not
 * agreed on or whose seals prove nothing, transactions and evidence that are none, and false answers in anti-entropy:
 * of another question, cut short, with a bit flipped, with blocks that are not the next ones or were never agreed.
 * Source: docs/protocol.md, "Gossip", "Repair"; pbft.md 1.13.
 */
import { must } from "../../../base/assert.ts";
import { concatBytes } from "../../../base/bytes.ts";
import { encodeSealedBlock, type SealedBlock } from "../../../chain/types/block.ts";
import { decodeCommitCertificate, encodeCommitCertificate } from "../../../consensus/pbft/certificate.ts";
import type { RumorTopic } from "../../../node/ports.ts";
import type { Replica } from "../../../node/replica.ts";
import { encodeAnswer } from "../../../p2p/sync/repair-wire.ts";
import { announcementOf, encodeAnnouncement } from "../../../p2p/transport/wire.ts";
import type { Misbehaviour } from "../misbehaviour.ts";
import type { Random } from "../random.ts";
import type { Forger } from "./forger.ts";
import { repeatedly } from "./noise.ts";

/** What a liar needs: a replica to know of, and a way to publish, but no key. */
export interface GossipContext {
  readonly random: Random;
  readonly active: () => boolean;
  readonly after: (delayMs: number, task: () => void) => void;
  readonly replica: () => Replica | undefined;
  readonly publish: (topic: RumorTopic, bytes: Uint8Array) => void;
}

/** Answers of anti-entropy that are kept for another question. */
const ANSWERS_KEPT = 16;

export function falseGossip(
  context: GossipContext,
  { everyMs }: { readonly everyMs: number },
  forger: Forger,
): Misbehaviour {
  const { random, active } = context;
  const answers: Uint8Array[] = [];
  return {
    ...repeatedly(context, everyMs, () => {
      const rumor = random.pick([falseAnnouncement, falseAnnouncement, falseTransaction, falseEvidence]);
      const lie = rumor(context, forger);
      if (lie !== undefined) context.publish(lie.topic, lie.bytes);
    }),
    publishes: () => !active() || random.chance(0.5),
    answers: (_question, answer) => {
      if (answers.length >= ANSWERS_KEPT) answers.shift();
      answers.push(answer);
      return active() ? falseAnswer(context, forger, answer, answers) : answer;
    },
  };
}

interface Rumor {
  readonly topic: RumorTopic;
  readonly bytes: Uint8Array;
}

/** A block of the chain under a seal that proves less, or an invented one under the seal of the head. */
function falseSealed({ random, replica }: GossipContext, forger: Forger): SealedBlock | undefined {
  const chain = replica()?.chain;
  const height = chain?.head.summary.height ?? 0n;
  if (chain === undefined || height === 0n) return undefined;
  const at = random.chance(0.6) ? height : BigInt(random.integer(1, Number(height)));
  const sealed = chain.sealedBlockAt(at);
  const head = chain.sealedBlockAt(height);
  if (sealed === undefined || head === undefined) return undefined;
  const certificate = decodeCommitCertificate(sealed.seal);
  const kind = random.integer(0, 4);
  if (kind === 0 || !certificate.ok) return { block: sealed.block, seal: head.seal };
  const { view, signatures } = certificate.value;
  if (kind === 1)
    return { ...sealed, seal: encodeCommitCertificate({ view, signatures: signatures.slice(0, -1) }) };
  if (kind === 2) return { ...sealed, seal: encodeCommitCertificate({ view: view + 1n, signatures }) };
  if (kind === 3) {
    const twice = [
      must(signatures[0], "a certificate has a quorum of signatures"),
      ...signatures.slice(0, -1),
    ];
    return { ...sealed, seal: encodeCommitCertificate({ view, signatures: twice }) };
  }
  const { proposer } = head.block.summary;
  return { block: forger.emptyBlock(head.block, proposer, random.integer(1, 5)), seal: head.seal };
}

function falseAnnouncement(context: GossipContext, forger: Forger): Rumor | undefined {
  const { random } = context;
  const sealed = falseSealed(context, forger);
  if (sealed === undefined) return undefined;
  const bytes = encodeAnnouncement(announcementOf(sealed));
  return { topic: "blocks", bytes: random.chance(0.2) ? damaged(random, bytes) : bytes };
}

function falseTransaction({ random, replica }: GossipContext): Rumor {
  const pooled = replica()?.pool.oldestExecutable()?.transaction.bytes;
  const bytes = pooled === undefined || random.chance(0.3) ? random.bytes(120) : damaged(random, pooled);
  return { topic: "transactions", bytes };
}

function falseEvidence({ random }: GossipContext): Rumor {
  return { topic: "evidence", bytes: random.bytes(random.integer(1, 400)) };
}

const BLOCKS_ANSWER = 2;

function falseAnswer(
  context: GossipContext,
  forger: Forger,
  answer: Uint8Array,
  earlier: readonly Uint8Array[],
): Uint8Array | undefined {
  const { random } = context;
  const kind = random.integer(0, 5);
  if (kind === 0) return undefined;
  if (kind === 1) return damaged(random, answer);
  if (kind === 2) return random.pick(earlier);
  if (kind === 3) return random.bytes(random.integer(0, 200));
  if (kind === 4 || answer[0] !== BLOCKS_ANSWER) return answer;
  const sealed = falseSealed(context, forger);
  return sealed === undefined
    ? answer
    : encodeAnswer({ kind: "blocks", blocks: [encodeSealedBlock(sealed)] });
}

/** A bit flipped, or the end missing. */
function damaged(random: Random, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(1);
  if (random.chance(0.3)) return bytes.subarray(0, random.integer(0, bytes.length - 1));
  const copy = concatBytes(bytes);
  const at = random.integer(0, copy.length - 1);
  copy[at] = must(copy[at], "the place is drawn below the length") ^ (1 << random.integer(0, 7));
  return copy;
}
