/**
 * The subscriptions of one WebSocket: from the node's news to `sub_event` notifications, numbered per subscription
 * so that a client sees a gap. It refuses to know sockets: `send` takes a message and says nothing; a consumer that
 * is too slow is the socket's matter (websocket.ts). Bound: RPC_SUBSCRIPTIONS_MAX.
 */
import { equalBytes, type Hash, hex0x, showHash } from "../base/bytes.ts";
import { RPC_HELD_EVENTS_MAX, RPC_SUBSCRIPTIONS_MAX } from "../base/limits.ts";
import type { EngineEvent } from "../consensus/engine.ts";
import type { BlockNews, NodeApi, NodeNews } from "./api.ts";
import { mustHaveBranches } from "./capabilities.ts";
import { CallError } from "./errors.ts";
import { showAt, showHeader, showWide } from "./show.ts";
import { includedStatus, type TxStatus, txStatusOf } from "./txstatus.ts";

export const TOPICS = ["newHeads", "finalized", "reorgs", "tx", "consensus"] as const;
export type Topic = (typeof TOPICS)[number];

export interface SubscriptionPorts {
  readonly api: NodeApi;
  /** Queues one notification. */
  send(message: SubscriptionEvent): void;
  /** Told the difference in open subscriptions. */
  changed(difference: 1 | -1): void;
}

export interface SubscriptionEvent {
  readonly jsonrpc: "2.0";
  readonly method: "sub_event";
  readonly params: { readonly subscription: string; readonly seq: number; readonly result: unknown };
}

type Emit = (result: unknown) => void;

export class Subscriptions {
  readonly #ports: SubscriptionPorts;
  readonly #open = new Map<string, () => void>();
  /** News of subscriptions whose id the peer has not been told yet. */
  readonly #held = new Map<string, SubscriptionEvent[]>();
  #lastId = 0;
  #closed = false;

  constructor(ports: SubscriptionPorts) {
    this.#ports = ports;
  }

  /**
   * Starts a subscription. Its news are held until `release`, so that none comes before the answer with its id.
   * @throws CallError TOO_MANY_SUBSCRIPTIONS, INVALID_PARAMS, WRONG_CONSENSUS
   */
  add(topic: Topic, txHash: Hash | undefined): string {
    this.#check(topic, txHash);
    const id = `0x${(++this.#lastId).toString(16)}`;
    let seq = 0;
    const emit: Emit = (result) => {
      // What was on its way when the subscription ended is not sent.
      if (!this.#open.has(id)) return;
      this.#send(id, {
        jsonrpc: "2.0",
        method: "sub_event",
        params: { subscription: id, seq: ++seq, result },
      });
    };
    this.#held.set(id, []);
    this.#open.set(id, this.#listen(topic, txHash, emit));
    this.#ports.changed(1);
    return id;
  }

  /** The answer with this id is on its way. */
  release(id: string): void {
    const held = this.#held.get(id) ?? [];
    this.#held.delete(id);
    for (const event of held) this.#ports.send(event);
  }

  /** False when there is no such subscription. */
  remove(id: string): boolean {
    const unsubscribe = this.#open.get(id);
    if (unsubscribe === undefined) return false;
    unsubscribe();
    this.#open.delete(id);
    this.#held.delete(id);
    this.#ports.changed(-1);
    return true;
  }

  close(): void {
    this.#closed = true;
    for (const id of [...this.#open.keys()]) this.remove(id);
  }

  #send(id: string, event: SubscriptionEvent): void {
    const held = this.#held.get(id);
    if (held === undefined) return this.#ports.send(event);
    held.push(event);
    if (held.length > RPC_HELD_EVENTS_MAX) held.shift();
  }

  #check(topic: Topic, txHash: Hash | undefined): void {
    if ((topic === "tx") !== (txHash !== undefined)) {
      const detail = topic === "tx" ? "topic tx needs filter {hash}" : `topic ${topic} takes no filter`;
      throw new CallError("INVALID_PARAMS", detail);
    }
    if (topic === "reorgs") mustHaveBranches(this.#ports.api);
    if (this.#closed || this.#open.size >= RPC_SUBSCRIPTIONS_MAX) {
      throw new CallError(
        "TOO_MANY_SUBSCRIPTIONS",
        `at most ${RPC_SUBSCRIPTIONS_MAX} subscriptions a connection: end one with sub_unsubscribe`,
      );
    }
  }

  #listen(topic: Topic, txHash: Hash | undefined, emit: Emit): () => void {
    const { api } = this.#ports;
    switch (topic) {
      case "newHeads":
        return api.subscribe("head", (news) => emit(showHeader(api, news.sealed.block)));
      case "finalized":
        return api.subscribe("finalized", (news) => emit(showHeader(api, news.sealed.block)));
      case "reorgs":
        return api.subscribe("reorg", (news) => emit(showReorgNews(news)));
      case "consensus":
        return api.subscribe("consensus", ({ atMs, event }) => emit({ t: atMs, ...showEngineEvent(event) }));
      case "tx":
        return watchTransaction(api, txHash!, emit);
    }
  }
}

/** Emits the status of now, if the transaction is known, then each change of it. */
function watchTransaction(api: NodeApi, id: Hash, emit: Emit): () => void {
  let last: string | undefined;
  let changes = 0;
  const tell = (status: TxStatus) => {
    // In another block after a reorganisation it is included anew.
    const now = `${status.status} ${status.receipt?.blockHash}`;
    if (now === last) return;
    last = now;
    changes++;
    emit(status);
  };
  const arrived = ({ sealed, receipts }: BlockNews) => {
    const index = sealed.block.transactions.findIndex((tx) => equalBytes(tx.id, id));
    if (index >= 0) tell(includedStatus(api, sealed.block, receipts, index));
  };
  const dropped = (news: NodeNews["dropped"]) => {
    if (equalBytes(news.id, id)) tell({ txHash: hex0x(id), status: dropStatus(news.reason) });
  };
  const look = () => {
    // News that came first are newer than this answer. A failing store shows in every other call.
    const before = changes;
    txStatusOf(api, id).then(
      (status) => {
        if (status !== undefined && changes === before) tell(status);
      },
      () => undefined,
    );
  };
  const abandoned = (news: NodeNews["reorg"]) => {
    if (news.dropped.some((dropped) => equalBytes(dropped, id))) look();
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

/** The interface's words for the ways out of the pool. */
export function dropStatus(reason: NodeNews["dropped"]["reason"]): "expired" | "replaced" | "dropped" {
  return reason === "evicted" ? "dropped" : reason;
}

/** At most so many ids stand in one notification; `dropped` is their whole number. */
const DROPPED_SHOWN_MAX = 100;

function showReorgNews(news: NodeNews["reorg"]) {
  const { atMs, abandoned, entered, dropped, finalizedReversed } = news;
  return {
    atMs,
    depth: abandoned.length,
    oldHead: showAt(news.oldHead),
    newHead: showAt(news.newHead),
    commonAncestor: showAt(news.ancestor),
    entered: entered.length,
    dropped: dropped.length,
    droppedTxs: dropped.slice(0, DROPPED_SHOWN_MAX).map((id) => hex0x(id)),
    finalizedReversed,
  };
}

/** Heights are called seq, as in the paper and in consensus_getState. */
function showEngineEvent(event: EngineEvent): Record<string, string | number> {
  const shown: Record<string, string | number> = { type: event.type };
  if ("height" in event) shown.seq = showWide(event.height);
  if ("view" in event) shown.view = showWide(event.view);
  if ("hash" in event) shown.digest = showHash(event.hash);
  if ("from" in event) shown.from = event.from;
  if ("detail" in event) shown.detail = event.detail;
  if ("reason" in event) shown.reason = event.reason;
  if ("minHeight" in event) {
    shown.minSeq = showWide(event.minHeight);
    shown.maxSeq = showWide(event.maxHeight);
  }
  return shown;
}
