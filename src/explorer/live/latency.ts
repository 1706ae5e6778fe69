/**
 * How long transactions take, by the node's own histogram: from the acceptance by this node to their block. Read from
 * /metrics each few seconds; the mean is of what came between two readings.
 */
import { signal } from "@preact/signals";
import { type Metric, parseMetrics, sampleOf } from "../model/metric-text.ts";
import { nodeUrls } from "./asked-nodes.ts";
import { isLive } from "./feed.ts";

const POLL_MS = 3_000;
/** Bytes of an answer that are read. */
const TEXT_MAX = 1_000_000;

export const metrics = signal<readonly Metric[]>([]);
/** Mean of the transactions that became final since the reading before. Undefined before there were any. */
export const latencyMs = signal<number | undefined>(undefined);

interface Reading {
  readonly atMs: number;
  readonly values: ReadonlyMap<string, number>;
}

/** What was read while the page was open, oldest first: of each name the first sample. */
export const history = signal<readonly Reading[]>([]);
const HISTORY_MAX = 400;

let last = { sum: 0, count: 0 };

export function startMetrics(): void {
  if (nodeUrls[0] === undefined) return;
  void read();
  setInterval(() => {
    if (!document.hidden && isLive.peek()) void read();
  }, POLL_MS);
}

async function read(): Promise<void> {
  try {
    const response = await fetch(`${nodeUrls[0]}/metrics`);
    if (!response.ok) return;
    metrics.value = parseMetrics((await response.text()).slice(0, TEXT_MAX));
  } catch {
    // The feed says that the node is gone.
    return;
  }
  const values = new Map<string, number>();
  for (const { samples } of metrics.value)
    for (const { name, value } of samples) if (!values.has(name)) values.set(name, value);
  history.value = [...history.peek(), { atMs: Date.now(), values }].slice(-HISTORY_MAX);
  const now = {
    sum: sampleOf(metrics.value, "tx_latency_seconds_sum") ?? 0,
    count: sampleOf(metrics.value, "tx_latency_seconds_count") ?? 0,
  };
  if (now.count > last.count) latencyMs.value = (1_000 * (now.sum - last.sum)) / (now.count - last.count);
  last = now;
}
