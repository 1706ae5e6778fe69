/**
 * How long transactions take, by the node's own histogram: from the acceptance by this node to their block. Read from
 * /metrics each few seconds; the mean is of what came between two readings.
 */
import { signal } from "@preact/signals";
import { type Metric, parseMetrics, sampleOf } from "../model/metrics.ts";
import { nodeUrls } from "./client.ts";
import { isLive } from "./feed.ts";

const POLL_MS = 3_000;
/** Bytes of an answer that are read. */
const TEXT_MAX = 1_000_000;

const metrics = signal<readonly Metric[]>([]);
/** Mean of the transactions that became final since the reading before; undefined before there were any. */
export const latencyMs = signal<number | undefined>(undefined);

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
  const now = {
    sum: sampleOf(metrics.value, "tx_latency_seconds_sum") ?? 0,
    count: sampleOf(metrics.value, "tx_latency_seconds_count") ?? 0,
  };
  if (now.count > last.count) latencyMs.value = (1_000 * (now.sum - last.sum)) / (now.count - last.count);
  last = now;
}
