/**
 * One WebSocket: its messages to the dispatcher, answers and sub_event notifications back. It decides what happens
 * to a peer that sends too much (RATE_LIMIT), does not read ({"dropped": n}, then closed) or went silent (ping).
 * The adapter for ws. Source: RFC 6455.
 *
 * This folder: a WebSocket and its subscriptions, streams of events among them. Not here: where an event stands
 * (rpc/answers, node/event-index).
 */
import type { RawData, WebSocket } from "ws";
import { parseUtf8Document } from "../../base/bytes.ts";
import { RPC_BACKLOG_BYTES_MAX, RPC_BODY_BYTES_MAX, RPC_WS_MESSAGES_MAX } from "../../base/limits.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import { WaitSlots } from "../answers/waits.ts";
import type { NodeApi } from "../api.ts";
import type { Caller } from "../budgets/call-queue.ts";
import { type HeldRpcBytes, type Holding, RPC_PARSED_FACTOR } from "../budgets/client-held-bytes.ts";
import type { Connection, Dispatcher } from "../jsonrpc/jsonrpc.ts";
import type { Notices } from "./notices.ts";
import { Subscriptions } from "./subscriptions.ts";

/** RFC 6455 §7.4.1 and the IANA registry. */
const GOING_AWAY = 1001;
const INTERNAL_ERROR = 1011;
const TRY_AGAIN_LATER = 1013;

/** Bytes that wait for a peer before its streams wait for it to read. */
const PACED_BYTES_MAX = 128 * 1024;
/** Milliseconds after which a stream looks again, where nothing will wake it. */
const REST_MS = 50;
/** Milliseconds that a peer may not read while its streams wait for it; then its connection ends. */
const RPC_PAUSED_MS_MAX = 600_000;

export interface WebSocketPorts {
  readonly api: NodeApi;
  readonly dispatcher: Dispatcher;
  /** Whether the client is on this machine, as in CallContext.isLocal. */
  readonly isLocal: boolean;
  readonly scheduler: Scheduler;
  /** Who calls, as in Caller.client. */
  readonly client: string;
  readonly memory: HeldRpcBytes;
  readonly notices: Notices;
  /** Called with the difference in open subscriptions. */
  subscriptionsChanged(difference: 1 | -1): void;
}

export class WebSocketConnection {
  readonly #socket: WebSocket;
  readonly #dispatcher: Dispatcher;
  readonly #isLocal: boolean;
  readonly #caller: Caller;
  readonly #subscriptions: Subscriptions;
  readonly #slots = new WaitSlots();
  readonly #memory: HeldRpcBytes;
  /** The frames of a message that is not complete. */
  readonly #unfinished: Holding;
  /** What is held of messages in progress and of answers that wait to be read. */
  readonly #holdings = new Set<Holding>();
  readonly #scheduler: Scheduler;
  /** When a stream began to wait for the peer to read. */
  #pausedAtMs: number | undefined;
  #messages = 0;
  #answered = true;
  #closing = false;

  constructor(socket: WebSocket, ports: WebSocketPorts) {
    const { api, dispatcher, isLocal, client, memory, notices, scheduler, subscriptionsChanged } = ports;
    this.#scheduler = scheduler;
    this.#memory = memory;
    this.#unfinished = memory.begin(client);
    this.#socket = socket;
    this.#dispatcher = dispatcher;
    this.#isLocal = isLocal;
    this.#caller = { client, isGone: () => this.#closing };
    this.#subscriptions = new Subscriptions({
      api,
      notices,
      send: (text) => this.#send(text),
      tooSlow: () => this.#endSlow(),
      turn: (work) => dispatcher.inTurn(this.#caller, work),
      rest: () => new Promise((resolve) => void scheduler.after(REST_MS, resolve)),
      sendPaced: (text) => this.#sendPaced(text),
      failed: (error) => {
        dispatcher.failed("sub_subscribe", error);
        this.#socket.close(INTERNAL_ERROR, "the node failed");
      },
      changed: subscriptionsChanged,
    });
  }

  /** Whether the peer waits for something: an answer, or events. */
  isAwaited(): boolean {
    return this.#messages > 0 || this.#subscriptions.size > 0;
  }

  /** Told of the bytes of frames before they are looked at. A message in tiny frames takes many times its length. */
  arrived(bytes: number): void {
    const isTooLong = this.#unfinished.bytes > FRAGMENT_FACTOR * (RPC_BODY_BYTES_MAX + FRAME_SLACK);
    if (isTooLong || !this.#unfinished.grow(bytes * FRAGMENT_FACTOR)) this.#socket.terminate();
  }

  start(): void {
    this.#socket.on("message", (data) => void this.#receive(data));
    this.#socket.on("pong", () => {
      this.#answered = true;
    });
    this.#socket.on("close", () => this.#closed());
    // A broken frame or connection: ws closes the socket by itself.
    this.#socket.on("error", () => undefined);
  }

  /** Asks the peer for a sign of life; ends the connection when the last question had no answer. */
  ping(): void {
    // Who does not read now does not hear the question either.
    const isPaused =
      this.#pausedAtMs !== undefined && this.#scheduler.now() - this.#pausedAtMs < RPC_PAUSED_MS_MAX;
    if (!this.#answered && !isPaused) {
      this.#socket.terminate();
      return;
    }
    this.#answered = false;
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  /** Says goodbye and does not wait for the answer. */
  stop(): void {
    this.#release();
    this.#socket.close(GOING_AWAY, "the node is stopping");
    this.#socket.terminate();
  }

  async #receive(data: RawData): Promise<void> {
    this.#answered = true;
    this.#unfinished.release();
    if (this.#closing) return;
    if (this.#messages >= RPC_WS_MESSAGES_MAX) {
      const detail = `${RPC_WS_MESSAGES_MAX} messages of this connection are in progress`;
      this.#send(this.#dispatcher.refuse("RATE_LIMIT", detail));
      return;
    }
    const holding = this.#memory.begin(this.#caller.client);
    if (!holding.grow(sizeOf(data) * RPC_PARSED_FACTOR)) {
      this.#send(this.#dispatcher.refuse("RATE_LIMIT", "this client has too much in progress and unread"));
      return;
    }
    this.#holdings.add(holding);
    this.#messages++;
    const started: string[] = [];
    const answer = await this.#dispatcher.answer(textOf(data), this.#connectionOf(started, holding));
    this.#messages--;
    const done = () => {
      holding.release();
      this.#holdings.delete(holding);
    };
    if (answer !== undefined && !this.#closing) this.#send(answer, done);
    else done();
    for (const id of started) this.#subscriptions.release(id);
  }

  /** What one message sees of the connection; `started` gets the subscriptions that it starts. */
  #connectionOf(started: string[], holding: Holding): Connection {
    const own = this.#subscriptions;
    const begun = (id: string) => {
      started.push(id);
      return id;
    };
    const subscriptions: Connection["subscriptions"] = {
      add: (topic, txHash) => begun(own.add(topic, txHash)),
      addStream: async (order) => begun(await own.addStream(order)),
      acknowledge: (id, seq) => own.acknowledge(id, seq),
      remove: (id) => own.remove(id),
    };
    return {
      slots: this.#slots,
      isLocal: this.#isLocal,
      subscriptions,
      caller: this.#caller,
      keep: holding.grow,
    };
  }

  #send(text: string, sent: () => void = () => undefined): void {
    if (this.#closing || this.#socket.readyState !== this.#socket.OPEN) return sent();
    const backlog = this.#socket.bufferedAmount;
    // A single answer may be larger than the bound: what counts is what still waits before it.
    if (backlog <= RPC_BACKLOG_BYTES_MAX) return this.#socket.send(text, sent);
    sent();
    this.#endSlow();
  }

  /**
   * Sends at once while little waits, and else when it has left: what is sent in this way never makes a
   * reader too slow.
   */
  #sendPaced(text: string): Promise<void> {
    if (this.#closing || this.#socket.readyState !== this.#socket.OPEN) return Promise.resolve();
    if (this.#socket.bufferedAmount + text.length < PACED_BYTES_MAX) {
      this.#socket.send(text);
      return Promise.resolve();
    }
    this.#pausedAtMs ??= this.#scheduler.now();
    return new Promise((resolve) =>
      this.#socket.send(text, () => {
        this.#pausedAtMs = undefined;
        resolve();
      }),
    );
  }

  /** The last thing that a peer hears who does not read is how much was dropped. */
  #endSlow(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#socket.send(JSON.stringify({ dropped: 1 + this.#messages }));
    this.#socket.close(TRY_AGAIN_LATER, "slow consumer");
    this.#release();
  }

  #release(): void {
    this.#closing = true;
    this.#slots.close();
    this.#subscriptions.close();
    this.#unfinished.release();
  }

  /** Nothing of it is in memory any more. */
  #closed(): void {
    this.#release();
    for (const holding of this.#holdings) holding.release();
    this.#holdings.clear();
  }
}

/** What a frame of one byte takes: its header, its mask and the objects that ws keeps for it. */
const FRAGMENT_FACTOR = 4;
/** Bytes of frames' headers, and of what comes in the same packet. */
const FRAME_SLACK = 256 * 1024;

function sizeOf(data: RawData): number {
  return Array.isArray(data) ? data.reduce((sum, part) => sum + part.length, 0) : data.byteLength;
}

function textOf(data: RawData): string | undefined {
  const bytes = Array.isArray(data) ? Buffer.concat(data) : new Uint8Array(data as ArrayBuffer);
  return parseUtf8Document(bytes);
}
