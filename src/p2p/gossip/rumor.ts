/**
 * Rumor mongering by gossipsub: transactions, many to a message, announcements of committed blocks, and evidence of
 * equivocation. Topics carry the genesis hash. Payloads prove themselves, so messages are unsigned and known by their content; what the
 * seen-cache swallows or a slow peer misses, anti-entropy repairs. What a payload is worth, the receiver says.
 *
 * A batch is passed on only if every transaction of it is right and one of them is passed on for the first time, and
 * rejected only if one is rejected; of a mixed batch the good ones are published anew. What is known costs the sender
 * its allowance (gossip-budget.ts). Source: decisions 3 and 7; docs/protocol.md, "Gossip".
 *
 * This folder: rumors by gossipsub and what each peer may spend on them. Not here: the verdict on a rumor
 * (node/ingress/rumors.ts), and repair of what was lost (p2p/sync).
 */
import { type Message, TopicValidatorResult } from "@chainsafe/libp2p-gossipsub";
import type { PeerId } from "@libp2p/interface";
import { equalBytes, type Hash, hex } from "../../base/bytes.ts";
import type { Relay } from "../../base/fault.ts";
import {
  ANNOUNCEMENT_BYTES_MAX,
  EVIDENCE_RUMOR_BYTES_MAX,
  TRANSACTION_BATCH_BYTES_MAX,
  TRANSACTION_BATCH_MAX,
  TX_BYTES_CEILING,
} from "../../base/limits.ts";
import type { P2pHandlers, ProtocolParts } from "../network-ports.ts";
import { decodeTransactionBatch, encodeTransactionBatch } from "../transport/wire.ts";
import type { GossipBudgets } from "./gossip-budget.ts";
import { ReceivedBatches } from "./received-batches.ts";

export type GossipTopic = "transactions" | "blocks" | "evidence";
export const TOPICS: readonly GossipTopic[] = ["transactions", "blocks", "evidence"];

/** Bytes that a published message may have on each topic. A batch of transactions has a bound of its own. */
const BYTES_MAX: Record<GossipTopic, number> = {
  transactions: TX_BYTES_CEILING,
  blocks: ANNOUNCEMENT_BYTES_MAX,
  evidence: EVIDENCE_RUMOR_BYTES_MAX,
};

/** Least time between two batches that are not full: alone, a transaction leaves at once; under load they gather. */
const BATCH_MS = 5;

const RESULT: Record<Relay, TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
  known: TopicValidatorResult.Ignore,
};

interface Dependencies extends ProtocolParts {
  /** Charged for what is refused. */
  readonly budgets: GossipBudgets;
  /**
   * `bytes` is one transaction, one announcement or one evidence. For what it holds already it answers "accept", and
   * "known" if it did so before.
   */
  rumorReceived(topic: GossipTopic, peerId: string, bytes: Uint8Array): Promise<Relay>;
  readonly transactionsReceived?: P2pHandlers["transactionsReceived"] | undefined;
  readonly transactionsAhead?: P2pHandlers["transactionsAhead"] | undefined;
  /** Is called for each rumor, a whole batch being one. */
  judged?(peerId: string, relay: Relay): void;
}

export function topicName(genesisHash: Hash, topic: GossipTopic): string {
  return `quorate/${hex(genesisHash)}/${topic}`;
}

export class Rumor {
  readonly #genesisHash: Hash;
  readonly #deps: Dependencies;
  /** Undefined where transactions are judged one by one. */
  readonly #received: ReceivedBatches | undefined;
  #batch: Uint8Array[] = [];
  #batchBytes = 4;
  #cancelFlush: (() => void) | undefined;
  #lastFlushMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(genesisHash: Hash, dependencies: Dependencies) {
    this.#genesisHash = genesisHash;
    this.#deps = dependencies;
    const { transactionsReceived: judge, transactionsAhead: ahead } = dependencies;
    if (judge !== undefined) this.#received = new ReceivedBatches({ ...dependencies, judge, ahead });
  }

  /** Transactions that came and are not judged yet. */
  get unjudged(): number {
    return this.#received?.count ?? 0;
  }

  start(): void {
    const { gossip } = this.#deps.host.services;
    for (const topic of TOPICS) {
      const name = topicName(this.#genesisHash, topic);
      gossip.topicValidators.set(name, (peer, message) => this.#judge(peer, message, topic));
      gossip.subscribe(name);
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelFlush?.();
    this.#batch = [];
    this.#received?.stop();
  }

  /** One transaction envelope, one encoded announcement or one evidence. Keeps `bytes` without copying; never throws. */
  publish(topic: GossipTopic, bytes: Uint8Array): void {
    if (this.#isStopped) return;
    if (bytes.length > BYTES_MAX[topic]) this.#deps.meter.rejected("gossip-too-large");
    else if (topic === "transactions") {
      this.#deps.budgets.passedOn(1);
      this.#enqueue(bytes);
    } else void this.#spread(topic, bytes, 1);
  }

  #enqueue(envelope: Uint8Array): void {
    if (this.#isStopped) return;
    const size = 2 + envelope.length;
    const isFull = this.#batch.length >= TRANSACTION_BATCH_MAX;
    if (isFull || this.#batchBytes + size > TRANSACTION_BATCH_BYTES_MAX) this.#flush();
    this.#batch.push(envelope);
    this.#batchBytes += size;
    const { scheduler } = this.#deps;
    // Never longer than a batch takes: the clock may have been set back.
    const waitMs = Math.min(BATCH_MS, Math.max(0, this.#lastFlushMs + BATCH_MS - scheduler.now()));
    this.#cancelFlush ??=
      waitMs === 0 ? thisTurn(() => this.#flush()) : scheduler.after(waitMs, () => this.#flush());
  }

  #flush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    this.#lastFlushMs = this.#deps.scheduler.now();
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 4;
    if (batch.length > 0) void this.#spread("transactions", encodeTransactionBatch(batch), batch.length);
  }

  async #spread(topic: GossipTopic, bytes: Uint8Array, count: number): Promise<void> {
    const { host, meter, logger } = this.#deps;
    try {
      const { recipients } = await host.services.gossip.publish(topicName(this.#genesisHash, topic), bytes);
      for (const peer of recipients) meter.sent(peer.toString(), topic, bytes.length, count);
    } catch (error) {
      meter.rejected("gossip-unsent");
      logger.log("debug", "p2p", "rumor not sent", { topic, error: (error as Error).message });
    }
  }

  async #judge(peer: PeerId, message: Message, topic: GossipTopic): Promise<TopicValidatorResult> {
    const peerId = peer.toString();
    const { sessions, meter, logger } = this.#deps;
    if (this.#isStopped) return TopicValidatorResult.Ignore;
    if (sessions.find(peerId) === undefined) {
      meter.rejected("gossip-before-hello");
      return TopicValidatorResult.Ignore;
    }
    try {
      const relay = await (topic === "transactions"
        ? this.#receiveTransactions(peerId, message.data)
        : this.#receiveOne(topic, peerId, message.data));
      this.#deps.judged?.(peerId, relay);
      if (relay === "reject") meter.rejected("gossip-rejected");
      if (relay === "ignore") meter.rejected("gossip-ignored");
      if (relay === "known") meter.rejected("gossip-known");
      return RESULT[relay];
    } catch (error) {
      // The receiver failed, not the sender.
      logger.log("error", "p2p", "a rumor could not be judged", { topic, error: (error as Error).message });
      return TopicValidatorResult.Ignore;
    }
  }

  async #receiveOne(topic: GossipTopic, peerId: string, bytes: Uint8Array): Promise<Relay> {
    if (bytes.length > BYTES_MAX[topic]) return "reject";
    this.#deps.meter.received(peerId, topic, bytes.length);
    // The memory is gossipsub's, which uses it again (a view of it was seen to change); what is kept must not be.
    const own = new Uint8Array(bytes);
    const relay = await this.#judgeOne(topic, peerId, own);
    if (relay !== "accept" || equalBytes(own, bytes)) return relay;
    // The verdict took so long that gossipsub would pass on something else, which all others would hold against us.
    this.publish(topic, own);
    return "ignore";
  }

  /** The computing happens before the promise is there; what is awaited afterwards is the disk or the clock. */
  async #judgeOne(topic: GossipTopic, peerId: string, bytes: Uint8Array): Promise<Relay> {
    const startMs = performance.now();
    const judged = this.#deps.rumorReceived(topic, peerId, bytes);
    const tookMs = performance.now() - startMs;
    const relay = await judged;
    const { budgets, scheduler } = this.#deps;
    if (relay === "known") budgets.known(peerId, 1, tookMs, scheduler.now());
    else if (relay !== "accept") budgets.refused(peerId, tookMs, scheduler.now());
    else if (topic === "transactions") budgets.passedOn(1);
    return relay;
  }

  async #receiveTransactions(peerId: string, bytes: Uint8Array): Promise<Relay> {
    const { meter, logger } = this.#deps;
    const batch = decodeTransactionBatch(bytes);
    if (!batch.ok) {
      meter.rejected("gossip-malformed");
      logger.log("debug", "p2p", "malformed rumor", { peer: peerId, detail: batch.fault.detail });
      return "reject";
    }
    meter.received(peerId, "transactions", bytes.length, batch.value.length);
    // Copies, because the pool keeps transactions for long and must not keep whole batches with them. Not by slice():
    // of a Buffer that is a view.
    const envelopes = batch.value.map((envelope) => new Uint8Array(envelope));
    const relays = await (this.#received?.receive({ peerId, envelopes }) ??
      Promise.all(envelopes.map((envelope) => this.#judgeOne("transactions", peerId, envelope))));
    const relay = combine(relays);
    if (relay !== "accept") {
      for (const [i, envelope] of envelopes.entries()) {
        if (relays[i] === "accept") this.#enqueue(envelope);
      }
    }
    return relay;
  }
}

/** Runs a task when the turn's own code has ended, where a timer of 0 ms would take 1 ms. */
function thisTurn(task: () => void): () => void {
  const immediate = setImmediate(task);
  return () => clearImmediate(immediate);
}

/** A relay passes on only what is right as a whole, so one permanent fault is the sender's own; and only what brings news. */
export function combine(relays: readonly Relay[]): Relay {
  if (relays.includes("reject")) return "reject";
  if (relays.includes("ignore")) return "ignore";
  return relays.includes("accept") ? "accept" : "known";
}
