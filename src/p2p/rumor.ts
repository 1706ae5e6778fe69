/**
 * Rumor mongering by gossipsub: transactions, many to a message, and announcements of committed blocks. Topics
 * carry the genesis hash. Payloads prove themselves, so messages are unsigned and known by their content; what the
 * seen-cache swallows or a slow peer misses, anti-entropy repairs. What a payload is worth, the receiver says.
 *
 * A batch is passed on only if every transaction of it is accepted and rejected only if one is rejected; of a
 * mixed batch the good ones are published anew. Source: decisions 3 and 7; docs/protocol.md, "Gossip".
 */
import { type Message, TopicValidatorResult } from "@chainsafe/libp2p-gossipsub";
import type { PeerId } from "@libp2p/interface";
import { type Hash, hex } from "../base/bytes.ts";
import type { Relay } from "../base/fault.ts";
import {
  ANNOUNCEMENT_BYTES_MAX,
  TRANSACTION_BATCH_BYTES_MAX,
  TRANSACTION_BATCH_MAX,
  TX_BYTES_CEILING,
} from "../base/limits.ts";
import type { Logger } from "../base/log.ts";
import type { Scheduler } from "../base/scheduler.ts";
import type { Host } from "./host.ts";
import type { Meter } from "./meter.ts";
import type { Sessions } from "./sessions.ts";
import { decodeTransactionBatch, encodeTransactionBatch } from "./wire.ts";

export type Topic = "transactions" | "blocks";

/** Least time between two batches that are not full: alone, a transaction leaves at once; under load they gather. */
const BATCH_MS = 5;

const RESULT: Record<Relay, TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

interface Dependencies {
  readonly host: Host;
  readonly sessions: Sessions;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly meter: Meter;
  /** `bytes` is one transaction or one announcement. For what it holds already it answers "accept". */
  rumorReceived(topic: Topic, peerId: string, bytes: Uint8Array): Promise<Relay>;
}

export function topicName(genesisHash: Hash, topic: Topic): string {
  return `quorate/${hex(genesisHash)}/${topic}`;
}

export class Rumor {
  readonly #names: Record<Topic, string>;
  readonly #deps: Dependencies;
  #batch: Uint8Array[] = [];
  #batchBytes = 4;
  #cancelFlush: (() => void) | undefined;
  #lastFlushMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(genesisHash: Hash, dependencies: Dependencies) {
    this.#names = {
      transactions: topicName(genesisHash, "transactions"),
      blocks: topicName(genesisHash, "blocks"),
    };
    this.#deps = dependencies;
  }

  start(): void {
    const { gossip } = this.#deps.host.services;
    gossip.topicValidators.set(this.#names.transactions, (peer, message) =>
      this.#judge(peer, message, "transactions"),
    );
    gossip.topicValidators.set(this.#names.blocks, (peer, message) => this.#judge(peer, message, "blocks"));
    gossip.subscribe(this.#names.transactions);
    gossip.subscribe(this.#names.blocks);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelFlush?.();
    this.#batch = [];
  }

  /** One transaction envelope, or one encoded announcement. Keeps `bytes` without copying; never throws. */
  publish(topic: Topic, bytes: Uint8Array): void {
    if (this.#isStopped) return;
    const bytesMax = topic === "blocks" ? ANNOUNCEMENT_BYTES_MAX : TX_BYTES_CEILING;
    if (bytes.length > bytesMax) this.#deps.meter.rejected("gossip-too-large");
    else if (topic === "blocks") void this.#spread("blocks", bytes, 1);
    else this.#enqueue(bytes);
  }

  #enqueue(envelope: Uint8Array): void {
    const size = 2 + envelope.length;
    const isFull = this.#batch.length >= TRANSACTION_BATCH_MAX;
    if (isFull || this.#batchBytes + size > TRANSACTION_BATCH_BYTES_MAX) this.#flush();
    this.#batch.push(envelope);
    this.#batchBytes += size;
    const { scheduler } = this.#deps;
    // Never longer than a batch takes: the clock may have been set back.
    const waitMs = Math.min(BATCH_MS, Math.max(0, this.#lastFlushMs + BATCH_MS - scheduler.now()));
    this.#cancelFlush ??= scheduler.after(waitMs, () => this.#flush());
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

  async #spread(topic: Topic, bytes: Uint8Array, count: number): Promise<void> {
    const { host, meter, logger } = this.#deps;
    try {
      const { recipients } = await host.services.gossip.publish(this.#names[topic], bytes);
      for (const peer of recipients) meter.sent(peer.toString(), topic, bytes.length, count);
    } catch (error) {
      meter.rejected("gossip-unsent");
      logger.log("debug", "p2p", "rumor not sent", { topic, error: (error as Error).message });
    }
  }

  async #judge(peer: PeerId, message: Message, topic: Topic): Promise<TopicValidatorResult> {
    const peerId = peer.toString();
    const { sessions, meter, logger } = this.#deps;
    if (this.#isStopped) return TopicValidatorResult.Ignore;
    if (sessions.find(peerId) === undefined) {
      meter.rejected("gossip-before-hello");
      return TopicValidatorResult.Ignore;
    }
    try {
      const relay = await (topic === "blocks"
        ? this.#receiveBlock(peerId, message.data)
        : this.#receiveTransactions(peerId, message.data));
      if (relay === "reject") meter.rejected("gossip-rejected");
      if (relay === "ignore") meter.rejected("gossip-ignored");
      return RESULT[relay];
    } catch (error) {
      // The receiver failed, not the sender.
      logger.log("error", "p2p", "a rumor could not be judged", { topic, error: (error as Error).message });
      return TopicValidatorResult.Ignore;
    }
  }

  async #receiveBlock(peerId: string, bytes: Uint8Array): Promise<Relay> {
    if (bytes.length > ANNOUNCEMENT_BYTES_MAX) return "reject";
    this.#deps.meter.received(peerId, "blocks", bytes.length);
    return this.#deps.rumorReceived("blocks", peerId, bytes);
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
    // Copies, because the pool keeps transactions for long and must not keep whole batches with them.
    const envelopes = batch.value.map((envelope) => envelope.slice());
    const relays = await Promise.all(
      envelopes.map((envelope) => this.#deps.rumorReceived("transactions", peerId, envelope)),
    );
    const relay = combine(relays);
    if (relay !== "accept") {
      for (const [i, envelope] of envelopes.entries()) {
        if (relays[i] === "accept") this.publish("transactions", envelope);
      }
    }
    return relay;
  }
}

/** A relay passes on only what it accepts whole, so one permanent fault is the sender's own. */
export function combine(relays: readonly Relay[]): Relay {
  if (relays.includes("reject")) return "reject";
  return relays.includes("ignore") ? "ignore" : "accept";
}
