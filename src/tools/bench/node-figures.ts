/**
 * What a node used between two looks at its metrics: processor, memory, traffic, signature checks, database. Only
 * subtraction and naming; names: docs/metrics.md.
 */
import { LOOP_TIMER_MS } from "../../node/metrics/metrics.ts";
import type { Scrape } from "./scrape.ts";

export interface NodeFigures {
  readonly name: string;
  /** Cores: 1 is one core all the time. */
  readonly cpu: number;
  /** Bytes at the end. */
  readonly memory: number;
  /** How late the event loop ran its timers, 99th percentile since the first look, ms. */
  readonly eventLoopLagP99Ms: number;
  readonly signatureChecks: number;
  /** Mean of one atomic write of the database, ms. */
  readonly databaseWriteMs: number;
  /** What it sent, by channel: mail (consensus), transactions and blocks (gossip), request (repair). */
  readonly sent: Readonly<Record<string, NodeTraffic>>;
}

export interface NodeTraffic {
  readonly messages: number;
  readonly bytes: number;
}

/**
 * @param between looks between the first and the last, if there were any: a node clears its event loop's histogram at each
 *   look, so the worst of them counts
 * @param seconds between the first look and the last
 */
export function nodeFigures(
  name: string,
  before: Scrape,
  after: Scrape,
  seconds: number,
  between: readonly Scrape[] = [],
): NodeFigures {
  const grown = (metric: string) => after.sum(metric) - before.sum(metric);
  const lags = [...between, after].map((page) => page.sum("nodejs_eventloop_lag_p99_seconds"));
  return {
    name,
    cpu: grown("process_cpu_seconds_total") / seconds,
    memory: after.sum("process_resident_memory_bytes"),
    eventLoopLagP99Ms: Math.max(0, 1_000 * Math.max(...lags) - LOOP_TIMER_MS),
    signatureChecks: grown("sig_verify_total"),
    databaseWriteMs: (1_000 * grown("db_batch_seconds_sum")) / grown("db_batch_seconds_count"),
    sent: sentBetween(before, after),
  };
}

/** The traffic of all nodes together by channel. Channels without traffic are left out. */
export function totalSent(nodes: readonly NodeFigures[]): Record<string, NodeTraffic> {
  const total: Record<string, NodeTraffic> = {};
  for (const { sent } of nodes) {
    for (const [channel, { messages, bytes }] of Object.entries(sent)) {
      const sum = total[channel] ?? { messages: 0, bytes: 0 };
      total[channel] = { messages: sum.messages + messages, bytes: sum.bytes + bytes };
    }
  }
  return total;
}

function sentBetween(before: Scrape, after: Scrape): Record<string, NodeTraffic> {
  const bytesOf = (page: Scrape) => page.byLabel("p2p_bytes_out_total", "protocol");
  const countsOf = (page: Scrape) => page.byLabel("p2p_messages_out_total", "protocol");
  const [bytesBefore, countBefore, countAfter] = [bytesOf(before), countsOf(before), countsOf(after)];
  const sent: Record<string, NodeTraffic> = {};
  for (const [channel, bytes] of bytesOf(after)) {
    const messages = (countAfter.get(channel) ?? 0) - (countBefore.get(channel) ?? 0);
    if (messages > 0) sent[channel] = { messages, bytes: bytes - (bytesBefore.get(channel) ?? 0) };
  }
  return sent;
}
