/**
 * Metrics in the Prometheus text format. What the node counts anyway is read when the page is asked for (gauges and
 * counters by collect); what needs a distribution is observed as it happens. Names: docs/metrics.md.
 *
 * This folder: what the node counts, for Prometheus, for the log and for people. Not here: reasons in words
 * (rpc/explain).
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/**
 * How often a timer looks whether the loop is late, ms. What prom-client shows as the loop's lag is the time between two of
 * its runs: this much where the loop is never late.
 */
export const LOOP_TIMER_MS = 10;

/** One number read at scrape time, or several with a label each. */
export interface Reading {
  readonly name: string;
  readonly help: string;
  readonly kind: "gauge" | "counter";
  /** The label of the values, when there are several. */
  readonly label?: string;
  readonly read: () => number | ReadonlyMap<string, number>;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly blockIntervalSeconds: Histogram;
  readonly blockBytes: Histogram;
  readonly blockTransactions: Histogram;
  readonly batchSeconds: Histogram;
  readonly finalSeconds: Histogram;
  readonly phaseSeconds: Histogram<"phase">;
  readonly viewChanges: Counter<"reason">;
  /** Undefined where no block is ever abandoned. */
  readonly reorgDepth: Histogram | undefined;
  readonly rpcRequests: Counter<"method" | "code">;
  readonly rpcSeconds: Histogram<"method">;

  /** @param hasBranches whether blocks can be abandoned */
  constructor(readings: readonly Reading[], hasBranches = false) {
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: LOOP_TIMER_MS });
    for (const reading of readings) this.#register(reading);
    this.blockIntervalSeconds = this.#histogram(
      "chain_block_interval_seconds",
      "Time between the timestamps of neighbouring blocks",
      [0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 60],
    );
    this.blockBytes = this.#histogram("chain_block_size_bytes", "Bytes of a block's transactions", SIZES);
    this.blockTransactions = this.#histogram("chain_block_txs", "Transactions in a block", COUNTS);
    this.batchSeconds = this.#histogram("db_batch_seconds", "One atomic write of the database", SECONDS);
    this.finalSeconds = this.#histogram(
      "tx_latency_seconds",
      "From the acceptance of a transaction by this node to its block: final where blocks are",
      SECONDS,
    );
    this.phaseSeconds = new Histogram({
      name: "pbft_phase_duration_seconds",
      help: "From a block's PRE-PREPARE to its being prepared, and from there to its commit",
      labelNames: ["phase"],
      buckets: SECONDS,
      registers: [this.#registry],
    });
    this.viewChanges = new Counter({
      name: "pbft_view_changes_total",
      help: "View changes that this validator asked for, by reason",
      labelNames: ["reason"],
      registers: [this.#registry],
    });
    this.reorgDepth = hasBranches
      ? this.#histogram("pow_reorg_depth", "Blocks that a change of branch abandoned", DEPTHS)
      : undefined;
    this.rpcRequests = new Counter({
      name: "rpc_requests_total",
      help: "JSON-RPC calls by method and error code (0 = success)",
      labelNames: ["method", "code"],
      registers: [this.#registry],
    });
    this.rpcSeconds = new Histogram({
      name: "rpc_duration_seconds",
      help: "Time to answer a call, waits included",
      labelNames: ["method"],
      buckets: SECONDS,
      registers: [this.#registry],
    });
  }

  /** The page. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers: [this.#registry] });
  }

  #register({ name, help, kind, label, read }: Reading): void {
    const options = {
      name,
      help,
      registers: [this.#registry],
      labelNames: label === undefined ? [] : [label],
    };
    const each = (use: (labels: Record<string, string>, value: number) => void): void => {
      const value = read();
      if (typeof value === "number") use({}, value);
      else for (const [key, number] of value) use(label === undefined ? {} : { [label]: key }, number);
    };
    if (kind === "gauge") {
      const gauge: Gauge = new Gauge({
        ...options,
        collect: () => each((labels, value) => gauge.set(labels, value)),
      });
      return;
    }
    const counter: Counter = new Counter({
      ...options,
      collect() {
        counter.reset();
        each((labels, value) => counter.inc(labels, value));
      },
    });
  }
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const DEPTHS = [1, 2, 3, 4, 5, 6, 10, 20, 50, 100];
const SIZES = [1_000, 10_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_000_000];
const COUNTS = [0, 1, 10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];
