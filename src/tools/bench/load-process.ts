/**
 * The load generator's process: signs, waits for the word, sends by JSON-RPC and learns from node 0's subscription
 * which blocks are final. It obeys its parent and ends with it. Finality is timed when the notification arrives;
 * the block's transactions are fetched after that.
 */
import { must } from "../../base/assert.ts";
import { FinalBlocks } from "./final-blocks.ts";
import { BenchLoad } from "./load.ts";
import type { FromLoad, LoadOrder, ToLoad } from "./load-messages.ts";
import { RpcLine } from "./rpc-line.ts";
import { sendBatch } from "./send-batch.ts";
import { Transfers } from "./transfers.ts";

const PROGRESS_MS = 250;
const DRAIN_POLL_MS = 20;
/** Milliseconds without a block after which what is outstanding is lost. */
const DRAIN_MS_MAX = 10_000;
const HAS_NODES = "a load has nodes to send to";

class Generator {
  readonly #order: LoadOrder;
  readonly #transfers: Transfers;
  readonly #lines: readonly RpcLine[];
  readonly #finalBlocks: FinalBlocks;
  readonly #load: BenchLoad;
  #cpuAt = process.cpuUsage();

  constructor(order: LoadOrder) {
    this.#order = order;
    this.#transfers = new Transfers(order.seeds, order.nodes, order);
    this.#lines = order.rpcUrls.map((url) => new RpcLine(url));
    this.#load = new BenchLoad(order, {
      now: () => performance.now(),
      take: (node, count) => this.#transfers.take(node, count),
      send: (node, transfers) => sendBatch(must(this.#lines[node], HAS_NODES), transfers),
      fail,
    });
    this.#finalBlocks = new FinalBlocks(must(this.#lines[0], HAS_NODES), {
      final: (ids, atMs) => this.#load.blockFinal(ids, atMs),
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
    await this.#finalBlocks.subscribe();
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
      if (performance.now() - Math.max(stopped, this.#finalBlocks.lastAtMs) > DRAIN_MS_MAX) break;
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
    report({ kind: "drained", left: this.#load.outstanding, total: this.#load.total });
  }

  #reportProgress(): void {
    const { sent, committed, outstanding } = this.#load;
    report({ kind: "progress", sent, committed, outstanding });
  }
}

function report(message: FromLoad): void {
  // Without a parent this process ends by itself.
  process.send?.(message, undefined, undefined, () => undefined);
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
