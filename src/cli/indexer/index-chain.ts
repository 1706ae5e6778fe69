/** What `quorate index` does: runs the index, shows how far it is, counts it for Prometheus. */
import { IndexMetrics } from "../../indexer/index-metrics.ts";
import { runIndex } from "../../indexer/index-run.ts";
import type { IndexProgress } from "../../indexer/indexer.ts";
import { loadGenesis } from "../../node/home/home.ts";
import { startBar } from "../bar.ts";
import { CliError, EXIT, valueOrThrow } from "../exit.ts";
import { type Output, showDuration } from "../output.ts";
import { connect, type RpcOptions } from "../rpc.ts";
import { indexError, openPlace } from "./index-errors.ts";
import { folderOf, type PlaceOptions, schemaOf } from "./index-place.ts";

export interface IndexOptions extends PlaceOptions, RpcOptions {
  readonly genesis?: string;
  readonly modules?: string;
  readonly follow?: true;
  readonly metrics?: number;
  readonly batch: number;
}

export async function indexChain(out: Output, options: IndexOptions): Promise<void> {
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  const metrics = options.metrics === undefined ? undefined : new IndexMetrics();
  const shown = new ProgressView(out, options.follow === true);
  try {
    const genesis =
      options.genesis === undefined ? undefined : valueOrThrow(loadGenesis(options.genesis)).genesisJson;
    if (metrics !== undefined && options.metrics !== undefined) {
      const taken = await metrics.listen(options.metrics).catch((error: Error) => {
        throw new CliError(EXIT.busy, "PORT", `--metrics ${options.metrics}: ${error.message}`, {
          cause: error,
        });
      });
      out.note(`metrics at http://127.0.0.1:${taken}/metrics`);
    }
    await runIndex({
      open: () => openPlace(options),
      schema: schemaOf(options),
      client: connect(options),
      folder: folderOf(options),
      modules: options.modules,
      genesis,
      batchBlocks: options.batch,
      follow: options.follow === true,
      signal: stop.signal,
      note: (words) => out.note(words),
      progress(progress) {
        metrics?.note(progress);
        shown.update(progress);
      },
      retrying(kind, error) {
        metrics?.retried(kind);
        shown.failed(kind, error);
      },
      recovered: () => shown.recovered(),
    });
    shown.end();
  } catch (error) {
    shown.stop();
    throw indexError(error, options);
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    await metrics?.close();
  }
}

/** Milliseconds between two lines where no bar can be drawn. */
const LINE_MS = 10_000;

/** The progress for people: a bar on a terminal, now and then a line elsewhere. */
class ProgressView {
  readonly #out: Output;
  readonly #follows: boolean;
  readonly #startedMs = performance.now();
  #bar: ReturnType<typeof startBar>;
  #last: IndexProgress | undefined;
  #lineMs = performance.now();
  #failedSince: string | undefined;

  constructor(out: Output, follows: boolean) {
    this.#out = out;
    this.#follows = follows;
  }

  update(progress: IndexProgress): void {
    const isFirst = this.#last === undefined;
    const before = this.#last;
    this.#last = progress;
    const { height, target } = progress;
    if (this.#out.json && this.#follows && before?.height !== height) this.#out.line(progress, "");
    if (isFirst && target > height) {
      this.#bar = startBar(this.#out, Number(target), FORMAT);
      this.#bar?.update(Number(height));
      return;
    }
    this.#bar?.setTotal(Number(target));
    this.#bar?.update(Number(height), { rows: progress.rows });
    if (height >= target) this.stop();
    const nowMs = performance.now();
    if (this.#bar !== undefined || nowMs - this.#lineMs < LINE_MS || before?.height === height) return;
    this.#lineMs = nowMs;
    this.#out.note(`height ${height} of ${target}, ${progress.rows} rows`);
  }

  failed(kind: "node" | "database", error: Error): void {
    const words = `the ${kind} fails and is tried again: ${error.message || String((error as NodeJS.ErrnoException).code)}`;
    if (this.#failedSince === words) return;
    this.#failedSince = words;
    this.#out.warn(words);
  }

  recovered(): void {
    this.#failedSince = undefined;
    this.#out.note(`${this.#out.tick} it works again`);
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  end(): void {
    this.stop();
    const { height = -1n, rows = 0, blocks = 0, undone = 0n } = this.#last ?? {};
    const tookMs = Math.round(performance.now() - this.#startedMs);
    this.#out.result({ height, blocks, rows, undone, tookMs }, [
      `${this.#out.tick} indexed up to height ${height}: ${blocks} blocks, ${rows} rows in ${showDuration(tookMs)}`,
    ]);
  }
}

const FORMAT = "indexing {bar} block {value}/{total}  {percentage} %  ETA {eta_formatted}";
