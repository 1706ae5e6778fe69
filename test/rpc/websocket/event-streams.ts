/** What tests of streams share: a reader that keeps what it was told as a checkpointed reader would, and the truth. */
import type { EventCursor } from "../../../src/chain/types/event-cursor.ts";
import { EventReader, type Position } from "../../../src/rpc/answers/event-reader.ts";
import type { NodeApi } from "../../../src/rpc/api.ts";
import type { EventQuery } from "../../../src/rpc/event-index-api.ts";
import { EventStream, type StreamOrder } from "../../../src/rpc/websocket/event-stream.ts";

export interface ShownItem {
  readonly type: "event" | "transaction" | "block" | "rollback" | "progress" | "end";
  readonly cursor: EventCursor;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into items of all types
  readonly [field: string]: any;
}

export const BEGINNING: Position = {
  height: -1n,
  hash: new Uint8Array(32) as Position["hash"],
  index: 0xffffffff,
};

/** All that the chain of now holds for a query, read at once. */
export async function truthOf(api: NodeApi, query: EventQuery): Promise<ShownItem[]> {
  const limits = { itemsMax: 1e9, blocksMax: 1e9, pause: async () => undefined };
  const reader = new EventReader(query, { ...boundApi(api), eventIndex: () => undefined });
  const page = await reader.read(BEGINNING, api.head().summary.height, limits);
  return page.items.map(({ text }) => JSON.parse(text));
}

function boundApi(api: NodeApi) {
  return {
    readSettled: api.readSettled.bind(api),
    headAt: api.headAt.bind(api),
    sealedBlockAt: api.sealedBlockAt.bind(api),
    receiptsAt: api.receiptsAt.bind(api),
    chainMode: api.chainMode.bind(api),
    modules: api.modules.bind(api),
    describeSeal: api.describeSeal.bind(api),
  } as Pick<
    NodeApi,
    "readSettled" | "headAt" | "sealedBlockAt" | "receiptsAt" | "chainMode" | "modules" | "describeSeal"
  >;
}

/** A reader's data: what it was told and has not undone. */
export class ReaderData {
  readonly items: ShownItem[] = [];
  /** Of what it was told last, rollbacks and progress too. */
  last: EventCursor | undefined;

  take(item: ShownItem): void {
    this.last = item.cursor;
    if (item.type === "progress") return;
    if (item.type === "rollback") {
      const { height, index } = item.cursor;
      const isUndone = ({ cursor }: ShownItem) =>
        cursor.height > height || (cursor.height === height && cursor.index > index);
      while (this.items.length > 0 && isUndone(this.items.at(-1)!)) this.items.pop();
      return;
    }
    const before = this.items.at(-1)?.cursor;
    const isOrdered =
      before === undefined ||
      item.cursor.height > before.height ||
      (item.cursor.height === before.height && item.cursor.index > before.index);
    if (!isOrdered) throw new Error(`${JSON.stringify(item.cursor)} behind ${JSON.stringify(before)}`);
    this.items.push(item);
  }
}

/** A stream into `data`; `before`, where given, is awaited before each notification is taken. */
export async function openInto(
  api: NodeApi,
  order: Partial<StreamOrder> & Pick<StreamOrder, "query">,
  data: Pick<ReaderData, "take">,
  before: () => Promise<void> = async () => undefined,
): Promise<EventStream & { readonly texts: string[] }> {
  const texts: string[] = [];
  let isStopped = false;
  const stream = await EventStream.open(
    { from: undefined, isFinal: false, batch: undefined, window: undefined, ...order },
    {
      api,
      turn: (work) => work(async () => undefined),
      async send(text) {
        await before();
        if (isStopped) return;
        texts.push(text);
        for (const item of [JSON.parse(text)].flat()) data.take(item);
      },
      rest: () => new Promise((resolve) => setImmediate(resolve)),
      ended: () => undefined,
    },
  );
  void stream.run();
  const stop = stream.stop.bind(stream);
  return Object.assign(stream, {
    texts,
    stop: () => {
      isStopped = true;
      stop();
    },
  });
}

/** Lets everything that can go on do so: nothing here waits for time. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
}
