/**
 * One stream of events: from a position to the head and on with it, until it is ended. It reads the store in pages,
 * both for the past and for the present, so nothing is missed or told twice between them. Its reader sets the pace:
 * while the socket is not drained, or the reader has not acknowledged enough, nothing is read. A reorganisation that
 * undoes what was told is an item of its own. Memory: one page.
 */
import { showHash } from "../../base/bytes.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import { type EventCursor, WHOLE_BLOCK } from "../../chain/types/event-cursor.ts";
import {
  type EventItem,
  type EventPage,
  EventReader,
  type Position,
  wholeOf,
} from "../answers/event-reader.ts";
import { type AbandonedBlock, isUndone, pruned, startOf } from "../answers/event-start.ts";
import type { NodeApi, ReorgEvent } from "../api.ts";
import { CallError } from "../errors.ts";
import type { EventQuery } from "../event-index-api.ts";
import type { EventsFrom } from "../schemas/event-input.ts";
import { showCount } from "../schemas/show-numbers.ts";
import { readSettled } from "../settled-reads.ts";

/** What the reader of a stream asks for. */
export interface StreamOrder {
  readonly query: EventQuery;
  /** Where the stream begins. With undefined it begins behind the head. */
  readonly from: EventsFrom | undefined;
  /** Whether only events of blocks come that are called final. */
  readonly isFinal: boolean;
  /** How many items one notification has. With undefined each item is one by itself, not in a list. */
  readonly batch: number | undefined;
  /** Notifications ahead of the reader's acknowledgement. With undefined it is as many as the socket takes. */
  readonly window: number | undefined;
}

export interface StreamPorts {
  readonly api: NodeApi;
  /** Runs reading in the turn of the connection's client, who pays for it. @throws CallError RATE_LIMIT */
  turn<T>(work: (pause: () => Promise<void>) => Promise<T>): Promise<T>;
  /** Sends a result as a notification; resolves when the peer takes more. */
  send(result: string): Promise<void>;
  /** Waits a little, for what is not news: a client that computed too much, a chain that is moving. */
  rest(): Promise<void>;
  /** It has ended by itself; its last item says why. */
  ended(): void;
}

/** The chain went back to `ancestor`, which undoes what was told up to `abandoned`. */
interface Undone {
  readonly ancestor: Position;
  readonly abandoned: AbandonedBlock;
}

/** Items that one page may have. */
const PAGE_ITEMS_MAX = 1_000;
/** Blocks that are looked at for a page; behind so many without an item a `progress` says how far it is. */
const PAGE_BLOCKS_MAX = 2_000;

export class EventStream {
  readonly #order: StreamOrder;
  readonly #ports: StreamPorts;
  readonly #reader: EventReader;
  readonly #unsubscribes: readonly (() => void)[];
  #at: Position;
  /** Where the chain went back to, below what was told, since the last look. */
  #undone: Undone | undefined;
  /** Grows with each reorganisation: a page from before it is thrown away. */
  #changes = 0;
  #sent = 0;
  #acknowledged = 0;
  #isOver = false;
  #wake: () => void = () => undefined;

  private constructor(order: StreamOrder, ports: StreamPorts) {
    this.#order = order;
    this.#ports = ports;
    this.#reader = new EventReader(order.query, ports.api);
    this.#at = wholeOf(ports.api.head());
    const wake = () => this.#wake();
    const { api } = ports;
    this.#unsubscribes = [
      api.subscribe("head", wake),
      api.subscribe("finalized", wake),
      api.subscribe("reorg", (event) => this.#branchChanged(event)),
    ];
  }

  /** Nothing is sent before {@link run}. @throws CallError as startOf */
  static async open(order: StreamOrder, ports: StreamPorts): Promise<EventStream> {
    const stream = new EventStream(order, ports);
    try {
      await stream.#begin();
      return stream;
    } catch (error) {
      stream.stop();
      throw error;
    }
  }

  /** The reader has all notifications up to this one. */
  acknowledge(seq: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, Math.min(seq, this.#sent));
    this.#wake();
  }

  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const unsubscribe of this.#unsubscribes) unsubscribe();
    this.#wake();
  }

  /** Sends until it is stopped, or what comes next is not here. Never rejects, but for a store that cannot be read. */
  async run(): Promise<void> {
    while (!this.#isOver) {
      if (this.#undone !== undefined) await this.#sendRollback(this.#undone);
      else if (this.#isAtTop()) await this.#nextBlock();
      else await this.#sendPage();
    }
  }

  async #begin(): Promise<void> {
    const { api } = this.#ports;
    const { position, abandoned } = await readSettled(api, () => {
      this.#undone = undefined;
      return startOf(api, this.#order.from, this.#top());
    });
    this.#at = position;
    if (abandoned !== undefined) this.#undone = { ancestor: position, abandoned };
  }

  #top(): BlockHead {
    const { api } = this.#ports;
    return this.#order.isFinal ? api.finalized() : api.head();
  }

  #isAtTop(): boolean {
    const { height, index } = this.#at;
    const top = this.#top().summary.height;
    return height > top || (height === top && index === WHOLE_BLOCK);
  }

  #branchChanged({ ancestor }: ReorgEvent): void {
    this.#changes++;
    this.#reader.forget();
    this.#wake();
    if (!isUndone(this.#at, ancestor)) return;
    const { height, hash } = this.#at;
    const abandoned = this.#undone?.abandoned ?? { height: showCount(height), blockHash: showHash(hash) };
    this.#at = wholeOf(ancestor);
    this.#undone = { ancestor: this.#at, abandoned };
  }

  async #sendPage(): Promise<void> {
    const page = await this.#read();
    if (page === undefined) return;
    await this.#sendItems(page);
    if (page.stopped === "moving") await this.#ports.rest();
    if (page.stopped === "absent") await this.#end(pruned(this.#at.height + 1n));
  }

  /** Undefined where a reorganisation came meanwhile, or it has to be tried again. */
  async #read(): Promise<EventPage | undefined> {
    const before = this.#changes;
    const top = this.#top().summary.height;
    const limits = { itemsMax: PAGE_ITEMS_MAX, blocksMax: PAGE_BLOCKS_MAX };
    try {
      const page = await this.#ports.turn((pause) => this.#reader.read(this.#at, top, { ...limits, pause }));
      if (before === this.#changes) return page;
      this.#reader.forget();
      return undefined;
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      await this.#ports.rest();
      return undefined;
    }
  }

  async #sendItems({ items, end, stopped }: EventPage): Promise<void> {
    const before = this.#changes;
    const size = this.#order.batch ?? 1;
    for (let from = 0; from < items.length; from += size) {
      if (!(await this.#room(before))) return;
      const batch = items.slice(from, from + size);
      this.#at = positionOf(batch[batch.length - 1] ?? this.#at);
      await this.#send(batch.map(({ text }) => text));
      if (before !== this.#changes || this.#isOver) return;
    }
    this.#at = end;
    if (items.length > 0 || stopped !== "full" || !(await this.#room(before))) return;
    await this.#send([`{"type":"progress","cursor":${JSON.stringify(cursorOf(end))}}`]);
  }

  /** Waits until the reader wants more; false where the stream is over or the chain changed meanwhile. */
  async #room(before: number): Promise<boolean> {
    const { window } = this.#order;
    while (window !== undefined && this.#sent - this.#acknowledged >= window) {
      if (this.#isOver || before !== this.#changes) return false;
      await this.#nextBlock();
    }
    return !this.#isOver && before === this.#changes;
  }

  async #sendRollback({ ancestor, abandoned }: Undone): Promise<void> {
    if (!(await this.#room(this.#changes))) return;
    this.#undone = undefined;
    const item = { type: "rollback", cursor: cursorOf(ancestor), abandoned };
    await this.#send([JSON.stringify(item)]);
  }

  async #end({ code, message, data }: CallError): Promise<void> {
    await this.#send([JSON.stringify({ type: "end", cursor: cursorOf(this.#at), code, message, ...data })]);
    this.stop();
    this.#ports.ended();
  }

  #send(items: readonly string[]): Promise<void> {
    this.#sent++;
    return this.#ports.send(this.#order.batch === undefined ? items.join() : `[${items.join()}]`);
  }

  /** Resolves at the next head, reorganisation or acknowledgement, or when the stream is over. */
  #nextBlock(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function positionOf({ height, hash, index }: EventItem | Position): Position {
  return { height, hash, index };
}

/** The cursor of a position. Before block 0 there is none, but height 0 and no block. */
function cursorOf({ height, hash, index }: Position): EventCursor {
  return { height: showCount(height < 0n ? 0n : height), index, blockHash: showHash(hash) };
}
