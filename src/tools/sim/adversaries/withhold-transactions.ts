/**
 * Withholds what its compact proposals stand for: keeps the transactions that it is given to itself, proposes them by their hashes,
 * and whoever asks for them gets nothing, or what was not asked for. Besides, it asks others for transactions of whatever
 * blocks it has seen votes for, again and again.
 * Source: docs/protocol.md, "Compact proposals".
 */
import { concatBytes, type Hash } from "../../../base/bytes.ts";
import type { ValidatorId } from "../../../consensus/engine.ts";
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
import { type Forger, someOf } from "./forger.ts";
import { repeatedly } from "./noise.ts";

/** Proposals that it remembers, to ask for their transactions. */
const REMEMBERED_MAX = 16;
/** How often it asks, ms. */
const ASKS_EVERY_MS = 40;

export function withholdTransactions(
  context: MisbehaviourContext,
  { victims }: Extract<AdversarySpec, { kind: "withhold-transactions" }>,
  forger: Forger,
): Misbehaviour {
  const proposed: Hash[] = [];
  return {
    ...repeatedly(context, ASKS_EVERY_MS, () => ask(context, proposed)),
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
  ]);
}

/** The signed vote as it is, and something else in what proves itself behind it. */
function withOtherHashes({ random }: MisbehaviourContext, packet: Uint8Array): Uint8Array {
  const other = new Uint8Array(packet);
  const at = random.integer(Math.floor(packet.length / 2), packet.length - 1);
  other[at] = (other[at] ?? 0) ^ (1 << random.integer(0, 7));
  return other;
}

function ask(context: MisbehaviourContext, proposed: readonly Hash[]): void {
  const { random } = context;
  const block =
    random.chance(0.2) || proposed.length === 0 ? (random.bytes(32) as Hash) : random.pick(proposed);
  const indexes = random.pick([[0], [0, 1], [7], [1, 0], []]);
  const packet = encodePacket(MAIL_WANTED_TRANSACTIONS, encodeWanted({ block, indexes }));
  for (const to of someOf(context)) context.mail(to, packet);
}

function remember(proposed: Hash[], hash: Hash): void {
  proposed.push(hash);
  if (proposed.length > REMEMBERED_MAX) proposed.shift();
}
