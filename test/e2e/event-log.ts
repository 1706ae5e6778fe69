/** A program that reads events over the devnet's nodes while they are killed, and the ledger that it is compared with. */
import { Client } from "../../src/sdk/client.ts";
import { type Devnet, until } from "./processes.ts";

const ORDER = { module: "bank" };

/** Where an event stands, and of which transaction it is. */
interface ReadItem {
  readonly cursor: { readonly height: number; readonly index: number };
  readonly txHash?: string;
}

const show = ({ cursor, txHash }: ReadItem) => `${cursor.height}:${cursor.index} ${txHash}`;

export class EventLog {
  readonly #devnet: Devnet;
  readonly #from: number;
  readonly #seen: string[] = [];
  readonly #stop = new AbortController();
  readonly #reading: Promise<void>;

  /** @param first the node that is asked first */
  constructor(devnet: Devnet, from: number, first: number) {
    this.#devnet = devnet;
    this.#from = from;
    this.#reading = this.#read(first);
    this.#reading.catch(() => undefined);
  }

  async #read(first: number): Promise<void> {
    const { size } = this.#devnet;
    const urls = Array.from({ length: size }, (_, i) => this.#devnet.rpcUrl((first + i) % size));
    const { signal } = this.#stop;
    for await (const item of new Client(urls).events({ ...ORDER, from: this.#from, signal })) {
      this.#seen.push(show(item as ReadItem));
    }
  }

  /** What was read up to the head, and what a node's ledger holds. */
  async compared(
    node: number,
  ): Promise<{ readonly seen: readonly string[]; readonly held: readonly string[] }> {
    const held = await this.#held(node);
    const failed = this.#reading.then(() => Promise.reject(new Error("the loop has ended")));
    const read = until(async () => this.#seen.length >= held.length, "every event was read", 90_000);
    await Promise.race([read, failed]).finally(() => this.#stop.abort());
    await this.#reading;
    return { seen: this.#seen, held };
  }

  async #held(node: number): Promise<string[]> {
    const held: string[] = [];
    for (let from: unknown = this.#from; ; ) {
      const page = await this.#devnet.rpc<{ items: ReadItem[]; next: unknown; isEnd: boolean }>(
        node,
        "chain_getEvents",
        { filter: ORDER, from, limit: 500 },
      );
      held.push(...page.items.map(show));
      if (page.isEnd) return held;
      from = page.next;
    }
  }
}
