/**
 * Withholds what its compact proposals stand for: keeps the transactions that it is given to itself, proposes them by their hashes,
 * and whoever asks for them gets nothing, or what was not asked for. Besides, again and again, it asks others for
 * transactions of whatever blocks it has seen votes for, proposes the blocks of others as its own of the next view, and
 * proposes blocks of which nobody has a transaction.
 * Source: docs/protocol.md, "Compact proposals".
 */
import { concatBytes, type Hash } from "../../../base/bytes.ts";
import { BLOCK_TRANSACTIONS_CEILING } from "../../../base/limits.ts";
import { assembleBlock, type BlockHead, readBlockHead, writeBlockHead } from "../../../chain/types/block.ts";
import { decode } from "../../../codec/reader.ts";
import { Writer } from "../../../codec/writer.ts";
import type { ValidatorId } from "../../../consensus/engine.ts";
import { encodeMessage } from "../../../consensus/pbft/message-bytes.ts";
import { merkleRoot } from "../../../crypto/merkle.ts";
import { encodeBlockTransactions, encodeWanted } from "../../../node/ingress/compact-wire.ts";
import {
  decodePacket,
  encodePacket,
  MAIL_BLOCK_TRANSACTIONS,
  MAIL_COMPACT_PROPOSAL,
  MAIL_CONSENSUS,
  MAIL_WANTED_TRANSACTIONS,
} from "../../../node/ingress/packet.ts";
import type { Misbehaviour, MisbehaviourContext, Outgoing } from "../misbehaviour.ts";
import type { AdversarySpec } from "../schedule.ts";
import type { AdversaryKnowledge } from "./adversary-knowledge.ts";
import { type Forger, someOf } from "./forger.ts";
import { repeatedly } from "./noise.ts";

/** Proposals that it remembers, to ask for their transactions. */
const REMEMBERED_MAX = 16;
/** How often it does something by itself, ms. */
const ACTS_EVERY_MS = 20;

interface Tools {
  readonly context: MisbehaviourContext;
  readonly forger: Forger;
  readonly knowledge: AdversaryKnowledge;
  /** Hashes of blocks that were voted for. */
  readonly proposed: readonly Hash[];
}

export function withholdTransactions(
  context: MisbehaviourContext,
  { victims }: Extract<AdversarySpec, { kind: "withhold-transactions" }>,
  knowledge: AdversaryKnowledge,
): Misbehaviour {
  const { forger } = knowledge;
  const proposed: Hash[] = [];
  return {
    ...repeatedly(context, ACTS_EVERY_MS, () => {
      const packet = context.random.pick([ask, claim, invent])({ context, forger, knowledge, proposed });
      if (packet !== undefined) for (const to of someOf(context)) context.mail(to, packet);
    }),
    sendsCompact: true,
    outgoing: (to, packet) => {
      const message = forger.open(packet);
      if (message !== undefined && "hash" in message) remember(proposed, message.hash);
      if (!context.active() || !victims.includes(to)) return [{ to, packet }];
      if (packet[0] === MAIL_BLOCK_TRANSACTIONS) return answer(context, to, packet);
      if (packet[0] === MAIL_COMPACT_PROPOSAL && context.random.chance(0.2)) {
        return [{ to, packet: withOtherHashes(context, packet) }];
      }
      // STATUS would bring the whole proposal.
      const isWhole = packet[0] === MAIL_CONSENSUS && message?.type === "pre-prepare";
      return isWhole || message?.type === "block" ? [] : [{ to, packet }];
    },
    publishes: (topic) => topic !== "transactions" || !context.active(),
  };
}

/** Nothing, an empty answer, one that is cut short, or another transaction than those that were asked for. */
function answer({ random }: MisbehaviourContext, to: ValidatorId, packet: Uint8Array): Outgoing[] {
  const content = decodePacket(packet)?.content ?? packet;
  const block = content.slice(0, 32) as Hash;
  const instead = (envelopes: readonly Uint8Array[]) => ({
    to,
    packet: encodePacket(MAIL_BLOCK_TRANSACTIONS, encodeBlockTransactions({ block, envelopes })),
  });
  const spoiled = concatBytes(content.subarray(38), Uint8Array.of(random.integer(0, 255)));
  return random.pick([
    [],
    [],
    [instead([])],
    [{ to, packet: packet.subarray(0, packet.length - 1) }],
    [instead([spoiled])],
    [instead([spoiled]), { to, packet }],
    [instead(new Array<Uint8Array>(50).fill(spoiled))],
  ]);
}

/** The signed vote as it is, and something else in what proves itself behind it. */
function withOtherHashes({ random }: MisbehaviourContext, packet: Uint8Array): Uint8Array {
  const other = new Uint8Array(packet);
  const at = random.integer(Math.floor(packet.length / 2), packet.length - 1);
  other[at] = (other[at] ?? 0) ^ (1 << random.integer(0, 7));
  return other;
}

function ask({ context: { random }, proposed }: Tools): Uint8Array {
  const block =
    random.chance(0.2) || proposed.length === 0 ? (random.bytes(32) as Hash) : random.pick(proposed);
  const indexes = random.pick([[0], [0, 1], [7], [1, 0], []]);
  return encodePacket(MAIL_WANTED_TRANSACTIONS, encodeWanted({ block, indexes }));
}

/** The newest compact proposal of another, without its envelopes, as one of this validator's own next view. */
function claim({ context, forger, knowledge }: Tools): Uint8Array | undefined {
  const { signer, validator } = context;
  const message = knowledge.compact && forger.open(knowledge.compact);
  if (message?.type !== "pre-prepare" || forger.primaryOf(message.view + 1n) !== validator) return undefined;
  const read = decode(message.attachment, "compact proposal", (reader) => {
    const head = readBlockHead(reader);
    const hashes = reader.list(BLOCK_TRANSACTIONS_CEILING, (r) => r.raw(32) as Hash);
    reader.raw(reader.remaining);
    return { head, hashes };
  });
  if (!read.ok) return undefined;
  return compactPacket(forger, signer, message.view + 1n, validator, read.value);
}

/** A block of the next height of which nobody has a transaction, or of one hash again and again. */
function invent({ context, forger }: Tools): Uint8Array | undefined {
  const { random, signer, validator } = context;
  const replica = context.replica();
  const view = replica?.engineStatus()?.view;
  if (replica === undefined || view === undefined) return undefined;
  const own = [view, view + 1n].find((each) => forger.primaryOf(each) === validator);
  if (own === undefined) return undefined;
  const repeated = random.bytes(32) as Hash;
  const count = random.integer(1, 12);
  const hashes = Array.from({ length: count }, () =>
    random.chance(0.5) ? repeated : (random.bytes(32) as Hash),
  );
  const { header, summary } = forger.emptyBlock(replica.chain.head, validator, random.integer(1, 50));
  const { bodyRoot: _, ...fields } = header;
  const body = { txRoot: merkleRoot(hashes), txCount: count, bodyBytes: 150 * count };
  const head = assembleBlock(fields, { ...summary, ...body }, []);
  return compactPacket(forger, signer, own, validator, { head, hashes });
}

function compactPacket(
  forger: Forger,
  signer: MisbehaviourContext["signer"],
  view: bigint,
  from: ValidatorId,
  { head, hashes }: { readonly head: BlockHead; readonly hashes: readonly Hash[] },
): Uint8Array {
  const { hash, summary } = head;
  const body = forger.vote("pre-prepare", { view, height: summary.height, hash }, from);
  const writer = new Writer(512 + 32 * hashes.length);
  writeBlockHead(writer, head);
  const attachment = writer
    .list(hashes, (w, each) => w.raw(each))
    .list([], () => undefined)
    .finish();
  return encodePacket(MAIL_COMPACT_PROPOSAL, encodeMessage(body, forger.sign(body, signer), attachment));
}

function remember(proposed: Hash[], hash: Hash): void {
  proposed.push(hash);
  if (proposed.length > REMEMBERED_MAX) proposed.shift();
}
