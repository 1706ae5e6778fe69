/**
 * The process that makes an open load: signs, offers by JSON-RPC as the phase says, and learns from node 0's subscription
 * which blocks are final. It obeys its parent and ends with it.
 */
import { must } from "../../base/assert.ts";
import { FinalBlocks } from "./final-blocks.ts";
import { OpenLoad } from "./open-load.ts";
import type { FromOverload, OverloadOrder, PhaseOrder, ToOverload } from "./overload-messages.ts";
import { RpcLine } from "./rpc-line.ts";
import { sendBatch } from "./send-batch.ts";
import { Transfers } from "./transfers.ts";

const PROGRESS_MS = 250;
const DRAIN_POLL_MS = 20;
/** Milliseconds without a block after which what is outstanding is lost. */
const DRAIN_MS_MAX = 10_000;
const HAS_NODES = "a load has nodes to send to";

class OpenGenerator {
  readonly #order: OverloadOrder;
  readonly #transfers: Transfers;
  readonly #lines: readonly RpcLine[];
  readonly #finalBlocks: FinalBlocks;
  readonly #load: OpenLoad;
  #normalMs: number | undefined;
  #cpuAt = process.cpuUsage();

  constructor(order: OverloadOrder) {
    const { batch, rpcUrls, seeds } = order;
    this.#order = order;
    this.#transfers = new Transfers(seeds, rpcUrls.length, order);
    this.#lines = rpcUrls.map((url) => new RpcLine(url));
    this.#load = new OpenLoad(
      { nodes: rpcUrls.length, accounts: seeds.length, batch },
      {
        now: () => performance.now(),
        take: (account) => this.#transfers.takeOf(account),
        send: (node, transfers) => sendBatch(must(this.#lines[node], HAS_NODES), transfers),
        fail: failed,
      },
    );
    this.#finalBlocks = new FinalBlocks(new RpcLine(must(rpcUrls[0], HAS_NODES), order.token), {
      final: (ids, atMs) => this.#load.blockFinal(ids, atMs),
      fail: failed,
    });
  }

  async prepare(): Promise<void> {
    await this.#finalBlocks.subscribe();
    setInterval(() => this.#reportProgress(), PROGRESS_MS).unref();
    answer({ kind: "prepared" });
  }

  async begin({ rate, outstandingMax, presigned, normalMs }: PhaseOrder): Promise<void> {
    // Signing takes the processors from the nodes: then nothing is offered.
    if (presigned > 0) this.#load.stop();
    for (let signed = 0; signed < presigned; signed += this.#order.seeds.length) {
      this.#transfers.signRound();
      await new Promise(setImmediate); // the parent may be gone, and answers come
    }
    this.#normalMs = normalMs;
    this.#cpuAt = process.cpuUsage();
    this.#load.begin({ rate, outstandingMax });
    answer({ kind: "begun" });
  }

  look(): void {
    const figures = this.#load.figures();
    const { user, system } = process.cpuUsage(this.#cpuAt);
    answer({ kind: "figures", figures, cpu: (user + system) / 1e6 / figures.seconds });
  }

  async end(): Promise<void> {
    this.#load.stop();
    const stopped = performance.now();
    while (this.#load.outstanding > 0) {
      if (performance.now() - Math.max(stopped, this.#finalBlocks.lastAtMs) > DRAIN_MS_MAX) break;
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
    answer({ kind: "drained", left: this.#load.outstanding, total: this.#load.total });
  }

  #reportProgress(): void {
    const { outstanding } = this.#load;
    answer({ kind: "progress", ...this.#load.counts, outstanding });
    if (this.#normalMs === undefined) return;
    const second = this.#load.normalFrom(this.#normalMs);
    if (second === undefined) return;
    this.#normalMs = undefined;
    answer({ kind: "normal", second });
  }
}

function answer(message: FromOverload): void {
  // Without a parent this process ends by itself.
  process.send?.(message, undefined, undefined, () => undefined);
}

function failed(error: unknown): void {
  answer({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
}

let generator: OpenGenerator | undefined;

async function follow(message: ToOverload): Promise<void> {
  switch (message.kind) {
    case "prepare":
      generator = new OpenGenerator(message.order);
      return generator.prepare();
    case "phase":
      return generator?.begin(message.phase);
    case "look":
      return generator?.look();
    case "end":
      return generator?.end();
  }
}

process.on("message", (message) => void follow(message as ToOverload).catch(failed));
process.once("disconnect", () => process.exit());
// Ctrl-C reaches the whole process group; the parent decides what ends when.
process.on("SIGINT", () => undefined);
