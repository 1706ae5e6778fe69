/** What an index counts, for Prometheus: served at /metrics of a port of its own, on this machine alone. */
import { createServer, type Server } from "node:http";
import { Counter, Gauge, Registry } from "prom-client";
import type { IndexProgress } from "./indexer.ts";

export class IndexMetrics {
  readonly #registry = new Registry();
  readonly #server: Server;
  readonly #height = this.#gauge("quorate_index_height", "Height of the last block whose rows are written.");
  readonly #target = this.#gauge("quorate_index_node_height", "Height of the node's head, as last asked.");
  readonly #rows = this.#counter("quorate_index_rows_total", "Rows added.");
  readonly #blocks = this.#counter("quorate_index_blocks_total", "Blocks whose rows were added.");
  readonly #undone = this.#counter("quorate_index_undone_blocks_total", "Blocks whose rows were undone.");
  readonly #retries = new Counter({
    name: "quorate_index_retries_total",
    help: "Failures of the node or the database after which it was tried again.",
    labelNames: ["kind"],
    registers: [this.#registry],
  });
  #last: IndexProgress | undefined;

  constructor() {
    this.#server = createServer(async (request, response) => {
      if (request.url !== "/metrics") {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { "content-type": this.#registry.contentType });
      response.end(await this.#registry.metrics());
    });
  }

  /** @param port 0: any that is free. @returns the port @throws Error when it cannot listen */
  async listen(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(port, "127.0.0.1", () => resolve());
    });
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  note(progress: IndexProgress): void {
    this.#height.set(Number(progress.height));
    this.#target.set(Number(progress.target));
    const last = this.#last ?? { rows: 0, blocks: 0, undone: 0n };
    // A new session counts from 0.
    this.#rows.inc(Math.max(0, progress.rows - last.rows));
    this.#blocks.inc(Math.max(0, progress.blocks - last.blocks));
    this.#undone.inc(Math.max(0, Number(progress.undone - last.undone)));
    this.#last = progress;
  }

  retried(kind: "node" | "database"): void {
    this.#retries.inc({ kind });
    if (kind === "database") this.#last = undefined;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.#registry] });
  }

  #counter(name: string, help: string): Counter {
    return new Counter({ name, help, registers: [this.#registry] });
  }
}
