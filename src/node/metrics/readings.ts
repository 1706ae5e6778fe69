/** What the node counts anyway, as metrics read when the page is asked for. The names are those of docs/metrics.md. */
import { dropOldest } from "../../base/drop-oldest.ts";
import { LOG_WINDOW_CEILING } from "../../base/limits.ts";
import { blockTimeMs } from "../../chain/types/block-time.ts";
import { verifyCounts } from "../../crypto/keys.ts";
import type { NetworkCounters } from "../../p2p/transport/meter.ts";
import type { NodeApi } from "../../rpc/api.ts";
import type { SignerStanding } from "../../rpc/symptoms.ts";
import type { Network } from "../ports.ts";
import type { Replica } from "../replica.ts";
import { type BranchReadingSources, branchReadings, observeReorgs } from "./branch-readings.ts";
import type { CompactCounts } from "./message-counts.ts";
import type { Metrics, Reading } from "./metrics.ts";

export interface ReadingSources extends Omit<BranchReadingSources, "replica" | "api"> {
  readonly replica: Replica;
  readonly api: Pick<NodeApi, "chainMode" | "mining" | "finalized">;
  readonly network: Network & { readonly counters: NetworkCounters };
  /** Signatures that the verifier's thread has judged. */
  readonly threaded: () => number;
  /** Where the validator's key is at a signer elsewhere. */
  readonly remote?: { readonly status: SignerStanding } | undefined;
  /** Open subscriptions over all connections. */
  readonly subscriptions: () => number;
}

export function nodeReadings(sources: ReadingSources): readonly Reading[] {
  return [
    ...chainReadings(sources),
    ...pbftReadings(sources),
    earlyReading(sources),
    ...signerReadings(sources),
    ...branchReadings(sources),
    ...poolReadings(sources),
    ...networkReadings(sources),
    counters(
      "pbft_equivocations_total",
      "Proven equivocations on record, at most 16 of one validator",
      "validator",
      () => [...sources.replica.evidence.counts()].map(([index, count]) => [String(index), count] as const),
    ),
  ];
}

function timeoutSeconds(replica: Replica): number {
  const timers = replica.engineTimers();
  const running = ["request", "new-view"].map((name) => timers.find((timer) => timer.name === name));
  return (running.find((timer) => timer !== undefined)?.lengthMs ?? 0) / 1_000;
}

function chainReadings({ replica, api, threaded, subscriptions }: ReadingSources): Reading[] {
  const summary = () => replica.chain.head.summary;
  return [
    gauge("chain_height", "Height of the head", () => Number(summary().height)),
    gauge("chain_finalized_height", "Height of the last final block; by depth where blocks are mined", () =>
      Number(api.finalized().summary.height),
    ),
    gauge(
      "chain_head_timestamp_seconds",
      "Time of the head",
      () => Number(blockTimeMs(replica.chain.head)) / 1000,
    ),
    gauge("chain_syncing", "1 while blocks are fetched from peers", () => (replica.syncProgress() ? 1 : 0)),
    gauge("rpc_ws_subscriptions", "Open subscriptions", subscriptions),
    counters(
      "sig_verify_total",
      "Signature checks: native, what that refused and the ZIP-215 rule decided, and those of batches",
      "path",
      () => [
        ["native", verifyCounts.native],
        ["fallback", verifyCounts.fallback],
        ["batch", verifyCounts.batch],
        ["thread", threaded()],
      ],
    ),
  ];
}

function signerReadings({ remote }: ReadingSources): Reading[] {
  if (remote === undefined) return [];
  return [
    gauge("signer_connected", "1 while the signer can be asked: without it this validator has no vote", () =>
      remote.status.connected ? 1 : 0,
    ),
    counters("signer_signatures_total", "Signatures asked of the signer since the start", "result", () => [
      ["signed", remote.status.signed],
      ["refused", remote.status.refused],
    ]),
  ];
}

function pbftReadings({ replica, remote }: ReadingSources): Reading[] {
  const status = () => replica.engineStatus();
  const counts = () => replica.messageCounts();
  if (status() === undefined && remote === undefined) return [];
  return [
    gauge("pbft_view", "View", () => Number(status()?.view ?? 0n)),
    gauge("pbft_is_primary", "1 on the primary", () => (status()?.primary === replica.self ? 1 : 0)),
    gauge("pbft_timeout_seconds", "Length of the running timer that ends the view, 0 when none runs", () =>
      timeoutSeconds(replica),
    ),
    gauge("pbft_quorum_size", "Votes that make a quorum", () => status()?.quorum ?? 0),
    gauge("pbft_validators", "Validators of the epoch", () => status()?.n ?? 0),
    {
      name: "pbft_seq",
      help: "Heights that bound the agreement",
      kind: "gauge",
      label: "mark",
      read: () =>
        new Map([
          ["low", Number(status()?.lowWatermark ?? 0n)],
          ["high", Number(status()?.highWatermark ?? 0n)],
          ["last_executed", Number(status()?.lastCommitted ?? 0n)],
          ["stable_checkpoint", Number(status()?.stableCheckpoint ?? 0n)],
        ]),
    },
    {
      name: "pbft_validator_last_seen_seq",
      help: "Highest height in a verified message of each validator",
      kind: "gauge",
      label: "validator",
      read: () => new Map(status()?.lastSeen.map(({ height }, i) => [String(i), Number(height)]) ?? []),
    },
    counters("pbft_messages_received_total", "Messages by type", "type", () => counts()?.received ?? []),
    counters(
      "pbft_messages_sent_total",
      "Messages by type, one a receiver group",
      "type",
      () => counts()?.sent ?? [],
    ),
    counters(
      "pbft_invalid_messages_total",
      "Refused messages by type and fault",
      "reason",
      () => counts()?.refused ?? [],
    ),
    counters(
      "pbft_slow_signatures_total",
      "Signatures in proposals of each validator that the native library refused",
      "validator",
      () => counts()?.slow ?? [],
    ),
    {
      name: "pbft_dropped_messages_total",
      help: "Mail dropped unread because a queue was full or its author's work budget spent",
      kind: "counter",
      read: () => (counts()?.dropped ?? 0) + replica.budgets.dropped,
    },
    {
      name: "pbft_wasted_work_seconds_total",
      help: "Computing that mail of each validator cost for nothing, estimated",
      kind: "counter",
      label: "validator",
      read: () => new Map(replica.budgets.wasted.map((us, i) => [String(i), us / 1e6] as const)),
    },
    ...compactReadings(() => counts()?.compact),
  ];
}

function compactReadings(compact: () => CompactCounts | undefined): Reading[] {
  return [
    counters(
      "pbft_compact_proposals_total",
      "Proposals that came with hashes in place of transactions, by whether all of these were here",
      "transactions",
      () => {
        const { received = 0, incomplete = 0 } = compact() ?? {};
        return [
          ["here", received - incomplete],
          ["missing", incomplete],
        ];
      },
    ),
    {
      name: "pbft_missing_transactions_total",
      help: "Transactions of compact proposals that were not here and had to be asked for",
      kind: "counter",
      read: () => compact()?.missing ?? 0,
    },
  ];
}

function earlyReading({ replica }: ReadingSources): Reading {
  return counters(
    "pbft_early_proposals_total",
    "Proposals of each validator that came from the future, so that a clock is wrong",
    "validator",
    () =>
      [...(replica.messageCounts()?.early ?? [])].map(
        ([validator, { count }]) => [String(validator), count] as const,
      ),
  );
}

function poolReadings({ replica: { pool } }: ReadingSources): Reading[] {
  return [
    gauge("mempool_txs", "Transactions in the pool", () => pool.size),
    gauge("mempool_bytes", "Bytes of the pool", () => pool.bytes),
    gauge("mempool_executable", "Transactions that could run now", () => pool.executable),
  ];
}

function networkReadings({ network }: ReadingSources): Reading[] {
  const { counters: counted } = network;
  return [
    {
      name: "p2p_peers",
      help: "Admitted peers",
      kind: "gauge",
      label: "direction",
      read: () => {
        const inbound = network.peers().filter((peer) => peer.direction === "inbound").length;
        return new Map([
          ["inbound", inbound],
          ["outbound", network.peers().length - inbound],
        ]);
      },
    },
    {
      name: "p2p_clock_offset_seconds",
      help: "Clock of each connected validator minus this node's",
      kind: "gauge",
      label: "validator",
      read: () =>
        new Map(
          network
            .peers()
            .flatMap(({ validator, clock }) =>
              validator === undefined || clock === undefined
                ? []
                : [[String(validator), clock.offsetMs / 1_000] as const],
            ),
        ),
    },
    gauge("p2p_clock_offset_median_seconds", "Median clock of all measured peers minus this node's", () =>
      medianOffset(network.peers()),
    ),
    counters("p2p_bytes_in_total", "Bytes received by protocol", "protocol", () =>
      Object.entries(counted.bytesIn),
    ),
    counters("p2p_bytes_out_total", "Bytes sent by protocol", "protocol", () =>
      Object.entries(counted.bytesOut),
    ),
    counters("p2p_messages_in_total", "Messages received", "protocol", () =>
      Object.entries(counted.messagesIn),
    ),
    counters("p2p_messages_out_total", "Messages sent", "protocol", () =>
      Object.entries(counted.messagesOut),
    ),
    counters("p2p_rejected_total", "What was refused, by reason", "reason", () =>
      Object.entries(counted.rejected),
    ),
    {
      name: "p2p_dial_failures_total",
      help: "Dials that failed",
      kind: "counter",
      read: () => counted.dialFailures,
    },
  ];
}

/** 0 where no clock is measured. */
function medianOffset(peers: ReturnType<Network["peers"]>): number {
  const offsets = peers
    .flatMap(({ clock }) => (clock === undefined ? [] : [clock.offsetMs]))
    .sort((a, b) => a - b);
  return (offsets[Math.floor(offsets.length / 2)] ?? 0) / 1_000;
}

/** Feeds the distributions from the replica's events. */
export function observeReplica(metrics: Metrics, replica: Replica, now: () => number): void {
  observeEngine(metrics, replica);
  observeReorgs(metrics, replica);
  let lastTimeMs = blockTimeMs(replica.chain.head);
  replica.events.heads.subscribe(({ sealed: { block } }) => {
    const timeMs = blockTimeMs(block);
    metrics.blockIntervalSeconds.observe(Number(timeMs - lastTimeMs) / 1000);
    metrics.blockBytes.observe(block.summary.bodyBytes);
    metrics.blockTransactions.observe(block.transactions.length);
    lastTimeMs = timeMs;
  });
  replica.events.pool.subscribe((event) => {
    if (event.kind !== "dropped" || event.reason !== "included") return;
    metrics.finalSeconds.observe(Math.max(0, now() - event.addedMs) / 1000);
  });
}

/** Feeds what the engine's events tell: view changes by reason, how long the phases of a block take. */
function observeEngine(metrics: Metrics, replica: Replica): void {
  const phases = new PhaseClock((phase, ms) => metrics.phaseSeconds.observe({ phase }, ms / 1_000));
  replica.events.engine.subscribe(({ atMs, event }) => {
    if (event.type === "view-change" && event.from === replica.self) {
      metrics.viewChanges.inc({ reason: event.reason ?? "unknown" });
    } else if (event.type === "pre-prepare" || event.type === "prepared" || event.type === "committed") {
      phases.note(event.type, event.height, atMs);
    }
  });
}

/** Measures the phases of the heights in agreement. Bound: the newest heights, as many as can be in flight. */
export class PhaseClock {
  readonly #observe: (phase: "prepare" | "commit", ms: number) => void;
  /** When the newest phase of a height began, and which phase that is. */
  readonly #since = new Map<bigint, { readonly phase: "prepare" | "commit"; readonly atMs: number }>();

  constructor(observe: (phase: "prepare" | "commit", ms: number) => void) {
    this.#observe = observe;
  }

  note(reached: "pre-prepare" | "prepared" | "committed", height: bigint, atMs: number): void {
    const since = this.#since.get(height);
    if (reached === "pre-prepare") {
      this.#begin(height, "prepare", atMs);
      return;
    }
    const ended = reached === "prepared" ? "prepare" : "commit";
    // A clock that was set back measures nothing.
    if (since?.phase === ended && atMs >= since.atMs) this.#observe(ended, atMs - since.atMs);
    if (reached === "prepared") this.#begin(height, "commit", atMs);
    else this.#since.delete(height);
  }

  #begin(height: bigint, phase: "prepare" | "commit", atMs: number): void {
    this.#since.delete(height);
    this.#since.set(height, { phase, atMs });
    if (this.#since.size > LOG_WINDOW_CEILING) dropOldest(this.#since);
  }
}

function gauge(name: string, help: string, read: () => number): Reading {
  return { name, help, kind: "gauge", read };
}

function counters(
  name: string,
  help: string,
  label: string,
  read: () => Iterable<readonly [string, number]>,
): Reading {
  return { name, help, kind: "counter", label, read: () => new Map(read()) };
}
