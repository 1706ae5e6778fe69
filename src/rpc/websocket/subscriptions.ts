/**
 * The subscriptions of one WebSocket: from the node's events to `sub_event` notifications, numbered per subscription
 * so that a client sees a gap. It refuses to know sockets: `send` takes a message and says nothing; a consumer that
 * is too slow is the socket's matter (websocket.ts). Bound: RPC_SUBSCRIPTIONS_MAX.
 */
import { must } from "../../base/assert.ts";
import { equalBytes, type Hash, hex, hex0x } from "../../base/bytes.ts";
import { RPC_HELD_EVENTS_MAX, RPC_SUBSCRIPTIONS_MAX } from "../../base/limits.ts";
import type { Block } from "../../chain/types/block.ts";
import { mustHaveBranches } from "../answers/capabilities.ts";
import { includedStatus, type TxStatus, txStatusOf } from "../answers/tx-status.ts";
import type { BlockEvent, NodeApi, NodeEvents } from "../api.ts";
import { CallError } from "../errors.ts";
import { showAt, showHeader } from "../schemas/show.ts";
import { showEngineEvent } from "../schemas/show-engine-event.ts";
import { EventStream, type StreamOrder, type StreamPorts } from "./event-stream.ts";
import type { Notices } from "./notices.ts";

const LIVE_TOPICS = ["newHeads", "finalized", "reorgs", "tx", "consensus"] as const;
/** What is told as it happens; `newHeads`, `finalized` and `tx` can also be streams with cursors, `events` always is. */
export type LiveTopic = (typeof LIVE_TOPICS)[number];

export const TOPICS = [...LIVE_TOPICS, "events"] as const;
export type SubscriptionTopic = (typeof TOPICS)[number];

export interface SubscriptionPorts {
  readonly api: NodeApi;
  /** What a stream asks for its turn and its rest, as StreamPorts has them. */
  readonly turn: StreamPorts["turn"];
  readonly rest: StreamPorts["rest"];
  /** Sends one notification of a stream; resolves when the peer takes more. */
  sendPaced(text: string): Promise<void>;
  /** A store that cannot be read. */
  failed(error: unknown): void;
  readonly notices: Pick<Notices, "textOf" | "add">;
  /** Sends one notification. */
  send(text: string): void;
  /** The peer does not take what waits for it. */
  tooSlow(): void;
  /** Called with the difference in open subscriptions. */
  changed(difference: 1 | -1): void;
}

/** Takes a result as JSON. */
type Emit = (result: string) => void;

export class Subscriptions {
  readonly #ports: SubscriptionPorts;
  readonly #open = new Map<string, () => void>();
  /** News of subscriptions whose id the peer has not been told yet. */
  readonly #held = new Map<string, string[]>();
  readonly #streams = new Map<string, EventStream>();
  #lastId = 0;
  #closed = false;
  /** Notifications that wait for their turn. */
  #queued = 0;

  constructor(ports: SubscriptionPorts) {
    this.#ports = ports;
  }

  /**
   * Starts a subscription. Its events are held until `release`, so that none comes before the answer with its id.
   * @throws CallError TOO_MANY_SUBSCRIPTIONS, INVALID_PARAMS, WRONG_CONSENSUS
   */
  add(topic: LiveTopic, txHash: Hash | undefined): string {
    this.#check(topic, txHash);
    const id = `0x${(++this.#lastId).toString(16)}`;
    let seq = 0;
    const emit: Emit = (result) => {
      // What was on its way when the subscription ended is not sent.
      if (!this.#open.has(id)) return;
      this.#send(id, notification(id, ++seq, result));
    };
    this.#held.set(id, []);
    this.#open.set(id, this.#listen(topic, txHash, emit));
    this.#ports.changed(1);
    return id;
  }

  /**
   * Starts a stream of events with cursors. It sends nothing before `release`.
   * @throws CallError TOO_MANY_SUBSCRIPTIONS, and as startOf
   */
  async addStream(order: StreamOrder): Promise<string> {
    this.#checkRoom();
    const id = `0x${(++this.#lastId).toString(16)}`;
    this.#open.set(id, () => undefined);
    this.#ports.changed(1);
    try {
      const stream = await EventStream.open(order, this.#streamPorts(id));
      if (!this.#open.has(id)) stream.stop();
      this.#open.set(id, () => stream.stop());
      this.#streams.set(id, stream);
      return id;
    } catch (error) {
      this.remove(id);
      throw error;
    }
  }

  /** False when there is no such stream. */
  acknowledge(id: string, seq: number): boolean {
    this.#streams.get(id)?.acknowledge(seq);
    return this.#streams.has(id);
  }

  #streamPorts(id: string): StreamPorts {
    const { api, turn, rest, sendPaced } = this.#ports;
    let seq = 0;
    const send = (result: string) => sendPaced(notification(id, ++seq, result));
    return { api, turn, rest, send, ended: () => this.remove(id) };
  }

  /** The answer with this id is on its way. */
  release(id: string): void {
    this.#streams
      .get(id)
      ?.run()
      .catch((error: unknown) => this.#ports.failed(error));
    const held = this.#held.get(id) ?? [];
    this.#held.delete(id);
    for (const text of held) this.#queue(id, text);
  }

  /** False when there is no such subscription. */
  remove(id: string): boolean {
    const unsubscribe = this.#open.get(id);
    if (unsubscribe === undefined) return false;
    unsubscribe();
    this.#open.delete(id);
    this.#held.delete(id);
    this.#streams.delete(id);
    this.#ports.changed(-1);
    return true;
  }

  get size(): number {
    return this.#open.size;
  }

  close(): void {
    this.#closed = true;
    for (const id of [...this.#open.keys()]) this.remove(id);
  }

  #queue(id: string, text: string): void {
    this.#queued++;
    if (this.#queued > RPC_HELD_EVENTS_MAX) return this.#ports.tooSlow();
    this.#ports.notices.add(() => {
      this.#queued--;
      if (this.#open.has(id)) this.#ports.send(text);
    });
  }

  #send(id: string, text: string): void {
    const held = this.#held.get(id);
    if (held === undefined) return this.#queue(id, text);
    held.push(text);
    if (held.length > RPC_HELD_EVENTS_MAX) held.shift();
  }

  #check(topic: LiveTopic, txHash: Hash | undefined): void {
    if ((topic === "tx") !== (txHash !== undefined)) {
      const detail = topic === "tx" ? "topic tx needs filter {hash}" : `topic ${topic} takes no filter`;
      throw new CallError("INVALID_PARAMS", detail);
    }
    if (topic === "reorgs") mustHaveBranches(this.#ports.api);
    this.#checkRoom();
  }

  #checkRoom(): void {
    if (this.#closed || this.#open.size >= RPC_SUBSCRIPTIONS_MAX) {
      throw new CallError(
        "TOO_MANY_SUBSCRIPTIONS",
        `at most ${RPC_SUBSCRIPTIONS_MAX} subscriptions a connection: end one with sub_unsubscribe`,
      );
    }
  }

  #listen(topic: LiveTopic, txHash: Hash | undefined, emit: Emit): () => void {
    const { api, notices } = this.#ports;
    const emitEvent = (event: object, show: () => unknown) => emit(notices.textOf(topic, event, show));
    switch (topic) {
      case "newHeads":
        return api.subscribe("head", (event) => emitEvent(event, () => showHeader(api, event.sealed.block)));
      case "finalized":
        return api.subscribe("finalized", (event) =>
          emitEvent(event, () => showHeader(api, event.sealed.block)),
        );
      case "reorgs":
        return api.subscribe("reorg", (event) => emitEvent(event, () => showReorgEvent(event)));
      case "consensus":
        return api.subscribe("consensus", (event) =>
          emitEvent(event, () => ({ t: event.atMs, ...showEngineEvent(event.event) })),
        );
      case "tx":
        return watchTransaction(api, must(txHash, "the topic tx is refused without a hash"), (status) =>
          emit(JSON.stringify(status)),
        );
    }
  }
}

function notification(id: string, seq: number, result: string): string {
  return `{"jsonrpc":"2.0","method":"sub_event","params":{"subscription":"${id}","seq":${seq},"result":${result}}}`;
}

/** Emits the status of now, if the transaction is known, then each change of it. */
function watchTransaction(api: NodeApi, id: Hash, emit: (status: TxStatus) => void): () => void {
  const key = hex(id);
  let last: string | undefined;
  let changes = 0;
  const emitChange = (status: TxStatus) => {
    // In another block after a reorganisation it is included anew.
    const now = `${status.status} ${status.receipt?.blockHash}`;
    if (now === last) return;
    last = now;
    changes++;
    emit(status);
  };
  const arrived = ({ sealed, receipts }: BlockEvent) => {
    const index = indexIn(sealed.block, key);
    if (index !== undefined) emitChange(includedStatus(api, sealed.block, receipts, index));
  };
  const dropped = (event: NodeEvents["dropped"]) => {
    if (equalBytes(event.id, id)) emitChange({ txHash: hex0x(id), status: dropStatus(event.reason) });
  };
  const look = () => {
    // News that came first are newer than this answer. A failing store shows in every other call.
    const before = changes;
    txStatusOf(api, id).then(
      (status) => {
        if (status !== undefined && changes === before) emitChange(status);
      },
      () => undefined,
    );
  };
  const abandoned = (event: NodeEvents["reorg"]) => {
    if (event.dropped.some((dropped) => equalBytes(dropped, id))) look();
  };
  const unsubscribes = [
    api.subscribe("head", arrived),
    api.subscribe("finalized", arrived),
    api.subscribe("dropped", dropped),
    api.subscribe("reorg", abandoned),
  ];
  look();
  return () => {
    for (const unsubscribe of unsubscribes) unsubscribe();
  };
}

/** Where each transaction of a block is, by txid in hex: made once for all who watch one. */
const INDEXES = new WeakMap<Block, ReadonlyMap<string, number>>();

function indexIn(block: Block, txid: string): number | undefined {
  let indexes = INDEXES.get(block);
  if (indexes === undefined) {
    indexes = new Map(block.transactions.map(({ id }, i) => [hex(id), i]));
    INDEXES.set(block, indexes);
  }
  return indexes.get(txid);
}

/** The interface's words for the ways out of the pool. */
export function dropStatus(reason: NodeEvents["dropped"]["reason"]): "expired" | "replaced" | "dropped" {
  return reason === "evicted" ? "dropped" : reason;
}

/** How many ids stand in one notification at most; `dropped` is their whole number. */
const DROPPED_SHOWN_MAX = 100;

function showReorgEvent(event: NodeEvents["reorg"]) {
  const { atMs, abandoned, entered, dropped, finalizedReversed } = event;
  return {
    atMs,
    depth: abandoned.length,
    oldHead: showAt(event.oldHead),
    newHead: showAt(event.newHead),
    commonAncestor: showAt(event.ancestor),
    entered: entered.length,
    dropped: dropped.length,
    droppedTxs: dropped.slice(0, DROPPED_SHOWN_MAX).map((id) => hex0x(id)),
    finalizedReversed,
  };
}
