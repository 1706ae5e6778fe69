/**
 * A load: keeps a bounded number of transfers outstanding, spread over all nodes, as fast as they become final
 * (closed loop) or at an offered rate. It decides what is sent when and counts what became of it; it refuses to know
 * HTTP and processes. Refused transfers are sent again, because the nonces behind them wait.
 */
import { must } from "../../base/assert.ts";
import { BENCH_SAMPLES_MAX } from "../../base/limits.ts";
import { type Distribution, summarize } from "./statistics.ts";
import type { LoadTransfer } from "./transfers.ts";

export interface LoadOptions {
  readonly nodes: number;
  /** How many transfers are in one request. */
  readonly batch: number;
  /** Sent and not final. */
  readonly outstandingMax: number;
  /** Transfers offered a second. Undefined for a closed loop. */
  readonly rate: number | undefined;
}

export interface LoadPorts {
  /** A monotonic clock in ms. */
  readonly now: () => number;
  readonly take: (node: number, count: number) => LoadTransfer[];
  /** Sends one request; answers which of the transfers, by index, the node refused, and with which code. */
  readonly send: (node: number, transfers: readonly LoadTransfer[]) => Promise<readonly Refusal[]>;
  readonly fail: (error: unknown) => void;
}

export interface Refusal {
  readonly index: number;
  readonly code: string;
}

export interface LoadFigures {
  readonly seconds: number;
  readonly sent: number;
  readonly committed: number;
  readonly blocks: number;
  /** Refusals by code. Their transfers were sent again. */
  readonly refused: Readonly<Record<string, number>>;
  /** The time from sending to finality, ms. */
  readonly latencyMs: Distribution;
}

/** Requests to one node without an answer. */
const REQUESTS_MAX = 8;
/** Milliseconds between two looks at what is due at an offered rate. */
const TICK_MS = 5;
/** Milliseconds for which a request that is not full waits at an offered rate: clients that gather do not wait for ever. */
const GATHER_MS_MAX = 100;
/** Milliseconds before what was refused is sent again. */
const RETRY_MS = 50;
/** The pool has it already: no refusal. */
const HELD = "TX_DUPLICATE";

export class BenchLoad {
  readonly #options: LoadOptions;
  readonly #ports: LoadPorts;
  /** When each outstanding transfer was sent, by id. */
  readonly #outstanding = new Map<string, number>();
  readonly #requests: number[];
  #timer: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #total = 0;
  #turn = 0;
  #window = emptyWindow(0);

  constructor(options: LoadOptions, ports: LoadPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#requests = Array.from({ length: options.nodes }, () => 0);
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  /** Different transfers sent since the start. */
  get total(): number {
    return this.#total;
  }

  get sent(): number {
    return this.#window.sent;
  }

  get committed(): number {
    return this.#window.committed;
  }

  start(): void {
    this.#startedAt = this.#ports.now();
    this.#timer = setInterval(() => this.#pump(), TICK_MS);
    this.#pump();
  }

  /** Sends nothing new; what is outstanding may still become final. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Forgets what was counted: the warm-up is over. */
  beginWindow(): void {
    this.#window = emptyWindow(this.#ports.now());
  }

  figures(): LoadFigures {
    const { startedAt, sent, committed, blocks, refused, latencies } = this.#window;
    return {
      seconds: (this.#ports.now() - startedAt) / 1_000,
      sent,
      committed,
      blocks,
      refused: Object.fromEntries(refused),
      latencyMs: summarize(latencies),
    };
  }

  /** A block is final, known at `atMs`: its transactions' ids. */
  blockFinal(ids: readonly string[], atMs: number): void {
    this.#window.blocks++;
    for (const id of ids) {
      const sentAt = this.#outstanding.get(id);
      if (sentAt === undefined) continue;
      this.#outstanding.delete(id);
      this.#window.committed++;
      if (this.#window.latencies.length < BENCH_SAMPLES_MAX) this.#window.latencies.push(atMs - sentAt);
    }
    this.#pump();
  }

  /** Sends while something is due, there is room and a node has a request free. */
  #pump(): void {
    const { batch, outstandingMax } = this.#options;
    while (this.#timer !== undefined) {
      const room = outstandingMax - this.#outstanding.size;
      const count = Math.min(batch, this.#due(), room);
      // Half-filled requests would only multiply the requests.
      if (count < this.#fewest()) return;
      const node = this.#freeNode();
      if (node === undefined) return;
      this.#total += count;
      void this.#send(node, this.#ports.take(node, count));
    }
  }

  /** The transfers that a request has at least: at a rate those of a while, where that is less than a full one. */
  #fewest(): number {
    const { batch, outstandingMax, rate = Number.POSITIVE_INFINITY } = this.#options;
    return Math.max(1, Math.min(batch, outstandingMax, Math.floor((rate * GATHER_MS_MAX) / 1_000)));
  }

  #due(): number {
    const { rate } = this.#options;
    if (rate === undefined) return Number.POSITIVE_INFINITY;
    return Math.floor((rate * (this.#ports.now() - this.#startedAt)) / 1_000) - this.#total;
  }

  /** How many requests a node has not answered. */
  #underWay(node: number): number {
    return must(this.#requests[node], "every node has a count");
  }

  /** The least busy, in turn among equals. */
  #freeNode(): number | undefined {
    const { nodes } = this.#options;
    let best: number | undefined;
    for (let i = 0; i < nodes; i++) {
      const node = (this.#turn + i) % nodes;
      if (best === undefined || this.#underWay(node) < this.#underWay(best)) best = node;
    }
    if (best === undefined || this.#underWay(best) >= REQUESTS_MAX) return undefined;
    this.#turn = (best + 1) % nodes;
    return best;
  }

  async #send(node: number, transfers: readonly LoadTransfer[]): Promise<void> {
    const now = this.#ports.now();
    for (const { id } of transfers) {
      // One that is sent again keeps its first time.
      if (this.#outstanding.has(id)) continue;
      this.#outstanding.set(id, now);
      this.#window.sent++;
    }
    this.#requests[node] = this.#underWay(node) + 1;
    try {
      const refusals = (await this.#ports.send(node, transfers)).filter(({ code }) => code !== HELD);
      for (const { code } of refusals)
        this.#window.refused.set(code, (this.#window.refused.get(code) ?? 0) + 1);
      if (refusals.length > 0)
        this.#repeat(
          node,
          refusals.map(({ index }) => must(transfers[index], "a refusal names one that was sent")),
        );
    } catch (error) {
      this.#ports.fail(error);
    }
    this.#requests[node] = this.#underWay(node) - 1;
    this.#pump();
  }

  #repeat(node: number, transfers: readonly LoadTransfer[]): void {
    const again = transfers.filter(({ id }) => this.#outstanding.has(id));
    setTimeout(() => void this.#send(node, again), RETRY_MS).unref();
  }
}

interface Window {
  readonly startedAt: number;
  readonly latencies: number[];
  readonly refused: Map<string, number>;
  sent: number;
  committed: number;
  blocks: number;
}

function emptyWindow(startedAt: number): Window {
  return { startedAt, latencies: [], refused: new Map(), sent: 0, committed: 0, blocks: 0 };
}
