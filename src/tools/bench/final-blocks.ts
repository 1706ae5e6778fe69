/**
 * The blocks that a node tells to be final, with the ids of their transactions, in order. Finality is timed when the
 * notification arrives; the block's transactions are fetched after that, one block after the other.
 */
import WebSocket from "ws";
import { Client } from "../../sdk/client.ts";
import type { SocketLike } from "../../sdk/client-socket.ts";
import type { RpcLine } from "./rpc-line.ts";

interface TimedHeader {
  readonly height: number;
  readonly txCount: number;
  readonly hash: string;
}

interface FinalBlocksPorts {
  /** A block is final, known at a time of `performance.now`: its transactions' ids. */
  readonly final: (ids: readonly string[], atMs: number) => void;
  readonly fail: (error: unknown) => void;
}

export class FinalBlocks {
  readonly #line: RpcLine;
  readonly #ports: FinalBlocksPorts;
  readonly #watcher: Client;
  #blocks: Promise<void> = Promise.resolve();
  #height: number | undefined;
  #lastAtMs = performance.now();

  /** @param line to the node that is asked; with its token a full queue of others' calls holds up nothing */
  constructor(line: RpcLine, ports: FinalBlocksPorts) {
    this.#line = line;
    this.#ports = ports;
    this.#watcher = new Client(line.url, {
      webSocket: (url) => new WebSocket(url) as unknown as SocketLike,
      reconnectMs: 0,
      // A node under load has better things to do than to say that it is there.
      heartbeatMs: 60_000,
    });
  }

  /** When the last block was told of, by `performance.now`. */
  get lastAtMs(): number {
    return this.#lastAtMs;
  }

  async subscribe(): Promise<void> {
    const onClose = (reason: string) =>
      this.#ports.fail(new Error(`the subscription to finalized blocks ended: ${reason}`));
    await this.#watcher.subscribe<TimedHeader>("finalized", (header) => this.#finalized(header), { onClose });
  }

  #finalized({ height, hash, txCount }: TimedHeader): void {
    const atMs = performance.now();
    this.#lastAtMs = atMs;
    const expected = (this.#height ?? height - 1) + 1;
    if (height !== expected)
      return this.#ports.fail(new Error(`told of block ${height} where ${expected} was expected`));
    this.#height = height;
    this.#blocks = this.#blocks
      .then(async () => this.#ports.final(txCount === 0 ? [] : await this.#idsOf(hash), atMs))
      .catch(this.#ports.fail);
  }

  async #idsOf(hash: string): Promise<string[]> {
    const { txs } = await this.#line.read<{ txs: string[] }>("chain_getBlock", { block: hash });
    return txs.map((shown) => shown.slice(2));
  }
}
