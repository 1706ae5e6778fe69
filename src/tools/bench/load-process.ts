/**
 * The load generator's process: signs, waits for the word, sends by JSON-RPC and learns from node 0's subscription
 * which blocks are final. It obeys its parent and ends with it. Finality is timed when the notification arrives;
 * the block's transactions are fetched after that.
 */
import WebSocket from "ws";
import { must } from "../../base/assert.ts";
import { Client } from "../../sdk/client.ts";
import type { SocketLike } from "../../sdk/client-socket.ts";
import { BenchLoad, type Refusal } from "./load.ts";
import type { FromLoad, LoadOrder, ToLoad } from "./load-messages.ts";
import { RpcLine } from "./rpc-line.ts";
import { type LoadTransfer, Transfers } from "./transfers.ts";

const PROGRESS_MS = 250;
const DRAIN_POLL_MS = 20;
/** Milliseconds without a block after which what is outstanding is lost. */
const DRAIN_MS_MAX = 10_000;
const HAS_NODES = "a load has nodes to send to";

interface Header {
  readonly height: number;
  readonly txCount: number;
  readonly hash: string;
}

class Generator {
  readonly #order: LoadOrder;
  readonly #transfers: Transfers;
  readonly #lines: readonly RpcLine[];
  readonly #watcher: Client;
  readonly #load: BenchLoad;
  #blocks: Promise<void> = Promise.resolve();
  #height: number | undefined;
  #lastBlockAt = performance.now();
  #cpuAt = process.cpuUsage();

  constructor(order: LoadOrder) {
    this.#order = order;
    this.#transfers = new Transfers(order.seeds, order.nodes, order);
    this.#lines = order.rpcUrls.map((url) => new RpcLine(url));
    this.#watcher = new Client(must(order.rpcUrls[0], HAS_NODES), {
      webSocket: (url) => new WebSocket(url) as unknown as SocketLike,
      reconnectMs: 0,
      // A node under load has better things to do than to say that it is there.
      heartbeatMs: 60_000,
    });
    this.#load = new BenchLoad(order, {
      now: () => performance.now(),
      take: (node, count) => this.#transfers.take(node, count),
      send: (node, transfers) => sendBatch(must(this.#lines[node], HAS_NODES), transfers),
      fail,
    });
  }

  async prepare(): Promise<void> {
    const { presigned, seeds } = this.#order;
    for (let signed = 0; signed < presigned; signed += seeds.length) {
      this.#transfers.signRound();
      await new Promise(setImmediate); // the parent may be gone
    }
    report({ kind: "prepared" });
  }

  async start(): Promise<void> {
    const onClose = (reason: string) =>
      fail(new Error(`the subscription to finalized blocks ended: ${reason}`));
    await this.#watcher.subscribe<Header>("finalized", (header) => this.#finalized(header), { onClose });
    this.#load.start();
    setInterval(() => this.#reportProgress(), PROGRESS_MS).unref();
  }

  begin(): void {
    this.#load.beginWindow();
    this.#cpuAt = process.cpuUsage();
    report({ kind: "begun" });
  }

  async end(): Promise<void> {
    const figures = this.#load.figures();
    this.#load.stop();
    const { user, system } = process.cpuUsage(this.#cpuAt);
    const cpu = (user + system) / 1e6 / figures.seconds;
    report({ kind: "ended", figures: { ...figures, cpu, signedLate: this.#transfers.signedLate } });
    const stopped = performance.now();
    while (this.#load.outstanding > 0) {
      if (performance.now() - Math.max(stopped, this.#lastBlockAt) > DRAIN_MS_MAX) break;
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
    report({ kind: "drained", left: this.#load.outstanding, total: this.#load.total });
  }

  #reportProgress(): void {
    const { sent, committed, outstanding } = this.#load;
    report({ kind: "progress", sent, committed, outstanding });
  }

  /** Blocks are fetched one after the other; each is timed by its notification. */
  #finalized({ height, hash, txCount }: Header): void {
    const atMs = performance.now();
    this.#lastBlockAt = atMs;
    const expected = (this.#height ?? height - 1) + 1;
    if (height !== expected) return fail(new Error(`told of block ${height} where ${expected} was expected`));
    this.#height = height;
    this.#blocks = this.#blocks
      .then(async () => this.#load.blockFinal(txCount === 0 ? [] : await this.#idsOf(hash), atMs))
      .catch(fail);
  }

  async #idsOf(hash: string): Promise<string[]> {
    const line = must(this.#lines[0], HAS_NODES);
    const { txs } = await line.read<{ txs: string[] }>("chain_getBlock", { block: hash });
    return txs.map((shown) => shown.slice(2));
  }
}

async function sendBatch(line: RpcLine, transfers: readonly LoadTransfer[]): Promise<readonly Refusal[]> {
  const calls = transfers.map(
    ({ bytes }, i) =>
      `{"jsonrpc":"2.0","id":${i},"method":"tx_send","params":{"tx":"0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex")}"}}`,
  );
  const text = await line.post(calls.length === 1 ? calls.join() : `[${calls.join(",")}]`);
  if (!text.includes('"error":')) return [];
  const answers = [JSON.parse(text)].flat() as {
    id: number | null;
    error?: { message: string; data?: { code: string } };
  }[];
  return answers.flatMap(({ id, error }) => {
    if (error === undefined) return [];
    if (id === null) throw new Error(`${line.url}: ${error.message}`);
    return [{ index: id, code: error.data?.code ?? error.message }];
  });
}

function report(message: FromLoad): void {
  process.send?.(message);
}

function fail(error: unknown): void {
  report({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
}

let generator: Generator | undefined;

async function obey(message: ToLoad): Promise<void> {
  switch (message.kind) {
    case "prepare":
      generator = new Generator(message.order);
      return generator.prepare();
    case "start":
      return generator?.start();
    case "begin":
      return generator?.begin();
    case "end":
      return generator?.end();
  }
}

process.on("message", (message) => void obey(message as ToLoad).catch(fail));
process.once("disconnect", () => process.exit());
// Ctrl-C reaches the whole process group; the parent decides what ends when.
process.on("SIGINT", () => undefined);
