/**
 * Reads the events of the chain page by page, from a position on: the one way by which history is replayed, streams
 * follow the head and pages are answered. A page speaks of one chain: where the head moves to another branch meanwhile,
 * whoever asked hears of that reorganisation and throws the page away. What follows the head is in the store when it
 * is told, so there is no seam between the past and the present.
 */
import { type Address, equalBytes, type Hash, hex0x, showHash } from "../../base/bytes.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import { WHOLE_BLOCK } from "../../chain/types/event-cursor.ts";
import type { Receipt } from "../../chain/types/receipt.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import type { NodeApi } from "../api.ts";
import type { EventHeights, EventQuery, ModuleEventsQuery } from "../event-index-api.ts";
import { openReceipt, showHeader, showTime, showTransaction } from "../schemas/show.ts";
import { showCount } from "../schemas/show-numbers.ts";
import { describeEvent, moduleName, showOutcome } from "../schemas/show-outcome.ts";
import { concerns, isWanted } from "./event-query.ts";

/** Everything up to it, itself included, is done. */
export interface Position {
  /** The height of the block, or -1n before block 0. */
  readonly height: bigint;
  readonly hash: Hash;
  /** The event's place in its block, as a cursor has it. */
  readonly index: number;
}

export interface EventItem {
  readonly height: bigint;
  readonly index: number;
  readonly hash: Hash;
  /** JSON of an object with `type` and `cursor`. */
  readonly text: string;
}

export interface EventPage {
  readonly items: readonly EventItem[];
  /** Where the next page begins. */
  readonly end: Position;
  /**
   * `full`: there may be more; `top`: that was all; `moving`: the chain is changing, ask again; `absent`: what comes
   * next is not here any more.
   */
  readonly stopped: "full" | "top" | "moving" | "absent";
}

export interface PageLimits {
  readonly itemsMax: number;
  /** How many blocks are looked at for one page. */
  readonly blocksMax: number;
  pause(): Promise<void>;
}

/** Characters of a page's items: it ends with the item that goes beyond. */
const PAGE_CHARACTERS_MAX = 512 * 1024;

/** What a block holds that a query may want, where it is here. */
interface BlockContent {
  readonly head: BlockHead;
  readonly receipts: readonly Uint8Array[];
  readonly transactions: readonly SignedTransaction[];
}

const NOTHING_LISTED: EventHeights = { heights: [], upTo: -1n };

type ReaderApi = Pick<
  NodeApi,
  | "readSettled"
  | "headAt"
  | "sealedBlockAt"
  | "receiptsAt"
  | "chainMode"
  | "modules"
  | "describeSeal"
  | "eventIndex"
>;

export class EventReader {
  readonly #query: EventQuery;
  readonly #api: ReaderApi;
  /** A block that was read in part, and what is left of it. */
  #left: { readonly content: BlockContent; readonly items: readonly EventItem[] } | undefined;
  /** Heights that the index names next, and up to where it was asked. */
  #listed: EventHeights = NOTHING_LISTED;
  #listedAt = 0;

  constructor(query: EventQuery, api: ReaderApi) {
    this.#query = query;
    this.#api = api;
  }

  /** What the index names may be another after a reorganisation. */
  forget(): void {
    this.#left = undefined;
    this.#listed = NOTHING_LISTED;
  }

  /** @param top height of the last block that is wanted */
  async read(from: Position, top: bigint, limits: PageLimits): Promise<EventPage> {
    const items: EventItem[] = [];
    let at = from;
    let characters = 0;
    const end = (stopped: EventPage["stopped"]) => ({ items, end: at, stopped });
    for (let blocks = 0; ; blocks++) {
      if (at.index === WHOLE_BLOCK && at.height >= top) return end("top");
      if (items.length >= limits.itemsMax || characters > PAGE_CHARACTERS_MAX) return end("full");
      if (blocks >= limits.blocksMax) return end("full");
      await limits.pause();
      const height = at.index === WHOLE_BLOCK ? await this.#next(at.height + 1n, top) : at.height;
      if (height > top) {
        const last = await this.#settled(() => this.#api.headAt(top));
        if (last === undefined) return end("moving");
        at = wholeOf(last);
        continue;
      }
      const content = await this.#contentAt(height);
      if (typeof content === "string") return end(content);
      if (!followsOn(content.head, at)) return end("moving");
      const found = this.#itemsOf(content, at);
      const room = limits.itemsMax - items.length;
      const taken = found.length > room ? found.slice(0, room) : found;
      for (const item of taken) {
        items.push(item);
        characters += item.text.length;
      }
      const last = found[taken.length - 1];
      if (taken.length === found.length || last === undefined) at = wholeOf(content.head);
      else {
        at = { height, hash: content.head.hash, index: last.index };
        this.#left = { content, items: found.slice(taken.length) };
      }
    }
  }

  /** The next height at which there may be something; above `top` when there is nothing up to it. */
  async #next(height: bigint, top: bigint): Promise<bigint> {
    const index = this.#api.eventIndex();
    if (index === undefined || this.#query.kind === "blocks") return height;
    if (height > this.#listed.upTo) {
      const found = await index.heights(this.#query, height, top);
      if (found === undefined) return height;
      this.#listed = found;
      this.#listedAt = 0;
    }
    const { heights, upTo } = this.#listed;
    while ((heights[this.#listedAt] ?? height) < height) this.#listedAt++;
    return heights[this.#listedAt] ?? upTo + 1n;
  }

  /** What stands at a height, or why that cannot be had. */
  async #contentAt(height: bigint): Promise<BlockContent | "moving" | "absent"> {
    const api = this.#api;
    const isForkable = api.chainMode().kind === "forkable";
    const read = await this.#settled(async () => {
      const head = await api.headAt(height);
      if (head === undefined) return isForkable ? "moving" : "absent";
      if (this.#left !== undefined && equalBytes(this.#left.content.head.hash, head.hash)) {
        return this.#left.content;
      }
      if (this.#query.kind === "blocks") return { head, receipts: [], transactions: [] };
      const receipts = await api.receiptsAt(height);
      const sealed = this.#query.kind === "transactions" ? await api.sealedBlockAt(height) : undefined;
      if (receipts === undefined || (this.#query.kind === "transactions" && sealed === undefined))
        return "absent";
      return { head, receipts, transactions: sealed?.block.transactions ?? [] };
    });
    return read ?? "moving";
  }

  async #settled<T>(read: () => T | Promise<T>): Promise<T | undefined> {
    return (await this.#api.readSettled(read))?.value;
  }

  #itemsOf(content: BlockContent, at: Position): readonly EventItem[] {
    const { head } = content;
    const height = head.summary.height;
    const below = at.height === height ? at.index : -1;
    const left = this.#left;
    this.#left = undefined;
    if (left?.content === content) return left.items.filter(({ index }) => index > below);
    const query = this.#query;
    if (query.kind === "blocks") return [this.#blockItem(head)];
    if (query.kind === "transactions") return this.#transactionItems(content, query.account, below);
    return this.#eventItems(content, query, below);
  }

  #blockItem(head: BlockHead): EventItem {
    const body = `"header":${JSON.stringify(showHeader(this.#api, head))}`;
    return itemOf(head, WHOLE_BLOCK, cursorText(head), "block", body);
  }

  #transactionItems(
    { head, receipts, transactions }: BlockContent,
    account: Address,
    below: number,
  ): EventItem[] {
    const modules = this.#api.modules();
    const items: EventItem[] = [];
    const prefix = cursorText(head);
    const bytes = Buffer.from(account);
    for (const [index, tx] of transactions.entries()) {
      // What names an account holds its bytes: most are not decoded.
      const mayConcern = equalBytes(tx.from, account) || Buffer.from(tx.payload).includes(bytes);
      const receipt = receipts[index];
      if (index <= below || !mayConcern || receipt === undefined) continue;
      const shown = showTransaction(tx, modules);
      if (!concerns(shown, account)) continue;
      const outcome = showOutcome(openReceipt(receipt), tx.module, modules);
      const body = `"time":${showTime(head)},"tx":${JSON.stringify(shown)},"receipt":${JSON.stringify(outcome)}`;
      items.push(itemOf(head, index, prefix, "transaction", body));
    }
    return items;
  }

  #eventItems({ head, receipts }: BlockContent, query: ModuleEventsQuery, below: number): EventItem[] {
    const items: EventItem[] = [];
    const prefix = cursorText(head);
    const time = showTime(head);
    let index = -1;
    for (const bytes of receipts) {
      const receipt = openReceipt(bytes);
      for (const event of receipt.events) {
        index++;
        if (index <= below || (query.module !== undefined && event.module !== query.module)) continue;
        if (query.eventKind !== undefined && event.kind !== query.eventKind) continue;
        const body = this.#eventBody(receipt, event, query);
        if (body !== undefined) items.push(itemOf(head, index, prefix, "event", `"time":${time},${body}`));
      }
    }
    return items;
  }

  /** Undefined for an event that is not wanted. */
  #eventBody(
    receipt: Receipt,
    event: Receipt["events"][number],
    query: ModuleEventsQuery,
  ): string | undefined {
    const modules = this.#api.modules();
    const place = `"txHash":"${hex0x(receipt.txid)}","txIndex":${receipt.index}`;
    const module = `"module":"${moduleName(event.module, modules)}"`;
    if (query.fields.length === 0) {
      const text = modules.find(event.module)?.eventText?.(event);
      if (text !== undefined) {
        if (query.event !== undefined && query.event !== text.name) return undefined;
        return `${place},${module},"event":"${text.name}","kind":${event.kind},"fields":${text.fields}`;
      }
    }
    const described = describeEvent(event, modules);
    if (!isWanted(query, described)) return undefined;
    const { type, ...fields } = described ?? { type: null };
    const name = `${module},"event":${JSON.stringify(type)},"kind":${event.kind}`;
    const content =
      described === undefined
        ? `"fields":null,"data":"${hex0x(event.data)}"`
        : `"fields":${JSON.stringify(fields)}`;
    return `${place},${name},${content}`;
  }
}

/** The position behind a block. */
export function wholeOf({ hash, summary }: BlockHead): Position {
  return { height: summary.height, hash, index: WHOLE_BLOCK };
}

/** Whether a block is that of a position, or the next one on it; of heights that were passed over nothing is known. */
function followsOn({ hash, header, summary }: BlockHead, at: Position): boolean {
  if (summary.height === at.height) return equalBytes(hash, at.hash);
  return summary.height !== at.height + 1n || at.height < 0n || equalBytes(header.previousHash, at.hash);
}

/** All of a cursor's JSON that its block says. */
function cursorText({ hash, summary }: BlockHead): string {
  return `"height":${showCount(summary.height)},"blockHash":"${showHash(hash)}"`;
}

function itemOf(
  { hash, summary }: BlockHead,
  index: number,
  cursor: string,
  type: string,
  body: string,
): EventItem {
  const text = `{"type":"${type}","cursor":{${cursor},"index":${index}},${body}}`;
  return { height: summary.height, hash, index, text };
}
