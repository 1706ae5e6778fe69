/**
 * A load that does not care whether the nodes keep up (open loop): in each phase so many transfers a second are offered,
 * by many accounts, each of which waits for the answer to its last one. What a node refuses its account offers again, after
 * the time that the node told; meanwhile others offer. So whoever is refused behaves well, and there are always more who
 * want something. A phase without a rate keeps a number of transfers outstanding instead (closed loop). It refuses to know
 * HTTP and processes.
 */
import { must } from "../../base/assert.ts";
import { BENCH_SAMPLES_MAX } from "../../base/limits.ts";
import type { RpcRefusal } from "./send-batch.ts";
import { SendingSeconds } from "./sending-seconds.ts";
import { type Distribution, summarize } from "./statistics.ts";
import type { LoadTransfer } from "./transfers.ts";

export interface OpenLoadOptions {
  readonly nodes: number;
  /** How many accounts send. One every `nodes` of them sends through the same node. */
  readonly accounts: number;
  /** How many transfers are in one request at most. */
  readonly batch: number;
}

export interface LoadPhase {
  /** Transfers offered a second, those that were refused before counted again. Undefined for a closed loop. */
  readonly rate: number | undefined;
  /** Sent and not final at most, in a closed loop. */
  readonly outstandingMax: number;
}

export interface OpenLoadPorts {
  /** A monotonic clock in ms. */
  readonly now: () => number;
  /** The next transfer of an account. */
  readonly take: (account: number) => LoadTransfer;
  /** Sends one request and answers what the node refused of it. */
  readonly send: (node: number, transfers: readonly LoadTransfer[]) => Promise<readonly RpcRefusal[]>;
  readonly fail: (error: unknown) => void;
}

/** Refusals of one code in a phase. */
export interface RefusalFigures {
  readonly code: string;
  /** The number of the error. */
  readonly number: number;
  readonly count: number;
  /** The times that the node told to wait, ms. */
  readonly retryAfterMs: Distribution;
}

export interface PhaseFigures {
  readonly seconds: number;
  readonly offered: number;
  /** What was due and not offered, because every account or connection waited for an answer. */
  readonly withheld: number;
  readonly accepted: number;
  /** What became final in the phase, whenever it was sent. */
  readonly committed: number;
  readonly blocks: number;
  readonly refusals: readonly RefusalFigures[];
  /** From sending a request to its answer, ms. */
  readonly answerMs: Distribution;
  /** From sending to finality of what was sent in the phase, ms. */
  readonly latencyMs: Distribution;
}

/** Requests to one node without an answer. */
const OPEN_REQUESTS_MAX = 32;
/** Milliseconds between two looks at what is due. */
const TICK_MS = 5;
/** Milliseconds for which what is due is gathered into a request. */
const GATHERED_MS = 20;
/** Milliseconds before what was refused is offered again, where the node says no time. */
const RETRY_MS = 1_000;
/** The pool has it already: no refusal. */
const HELD = "TX_DUPLICATE";
const HAS_COUNT = "every node has a count and a list";

interface OfferingAccount {
  readonly index: number;
  /** What was refused and is offered next. */
  held: LoadTransfer | undefined;
}

interface Outstanding {
  readonly phase: PhaseRecord;
  readonly sentAt: number;
}

export class OpenLoad {
  readonly #options: OpenLoadOptions;
  readonly #ports: OpenLoadPorts;
  readonly #outstanding = new Map<string, Outstanding>();
  readonly #requests: number[];
  /** Accounts of each node that may offer. */
  readonly #ready: OfferingAccount[][];
  #timer: NodeJS.Timeout | undefined;
  #phase: LoadPhase = { rate: undefined, outstandingMax: 0 };
  #record: PhaseRecord;
  #turn = 0;
  #offeredAt = 0;
  #total = 0;

  constructor(options: OpenLoadOptions, ports: OpenLoadPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#record = new PhaseRecord(ports.now());
    this.#requests = Array.from({ length: options.nodes }, () => 0);
    this.#ready = this.#requests.map(() => []);
    for (let index = 0; index < options.accounts; index++)
      this.#readyOf(index % options.nodes).push({ index, held: undefined });
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  /** Different transfers that nodes accepted since the start. */
  get total(): number {
    return this.#total;
  }

  /** Offered and committed in the phase so far. */
  get counts(): Pick<PhaseFigures, "offered" | "committed"> {
    const { offered, committed } = this.#record;
    return { offered, committed };
  }

  figures(): PhaseFigures {
    return this.#record.figures(this.#ports.now());
  }

  /** The second of the phase from which on all is normal, as {@link SendingSeconds.normalFrom} says. */
  normalFrom(normalMs: number): number | undefined {
    const { seconds, startedAt } = this.#record;
    return seconds.normalFrom(normalMs, this.#ports.now() - startedAt);
  }

  /** From now on the load is this one, and everything is counted anew. */
  begin(phase: LoadPhase): void {
    this.#phase = phase;
    this.#record = new PhaseRecord(this.#ports.now());
    this.#timer ??= setInterval(() => this.#pump(), TICK_MS);
    this.#pump();
  }

  /** Offers nothing more; what is outstanding may still become final. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** A block is final, known at `atMs`: its transactions' ids. */
  blockFinal(ids: readonly string[], atMs: number): void {
    this.#record.blocks++;
    for (const id of ids) {
      const outstanding = this.#outstanding.get(id);
      if (outstanding === undefined) continue;
      this.#outstanding.delete(id);
      this.#record.committed++;
      outstanding.phase.final(outstanding.sentAt, atMs);
    }
    this.#pump();
  }

  #pump(): void {
    while (this.#timer !== undefined) {
      const due = this.#due();
      const count = Math.min(this.#options.batch, due);
      // Half-filled requests would only multiply the requests.
      if (count < 1 || (count < this.#options.batch && !this.#hasGathered())) return;
      const node = this.#freeNode();
      if (node === undefined) {
        if (this.#phase.rate !== undefined) this.#record.withheld += due;
        return;
      }
      void this.#offer(node, this.#readyOf(node).splice(0, count));
    }
  }

  /** Whether what is due at a rate has waited for long enough to be sent without a request's fill. */
  #hasGathered(): boolean {
    return this.#phase.rate !== undefined && this.#ports.now() - this.#offeredAt >= GATHERED_MS;
  }

  #due(): number {
    const { rate, outstandingMax } = this.#phase;
    if (rate === undefined) return outstandingMax - this.#outstanding.size;
    const { startedAt, offered, withheld } = this.#record;
    return Math.floor((rate * (this.#ports.now() - startedAt)) / 1_000) - offered - withheld;
  }

  /** In turn, those that have an account and a connection free. */
  #freeNode(): number | undefined {
    const { nodes } = this.#options;
    for (let i = 0; i < nodes; i++) {
      const node = (this.#turn + i) % nodes;
      if (this.#readyOf(node).length === 0 || this.#underWay(node) >= OPEN_REQUESTS_MAX) continue;
      this.#turn = (node + 1) % nodes;
      return node;
    }
    return undefined;
  }

  async #offer(node: number, accounts: readonly OfferingAccount[]): Promise<void> {
    const sentAt = this.#ports.now();
    this.#offeredAt = sentAt;
    const phase = this.#record;
    const transfers = accounts.map((account) => account.held ?? this.#ports.take(account.index));
    for (const { id } of transfers) {
      this.#outstanding.set(id, { phase, sentAt });
      phase.sent(sentAt);
    }
    this.#requests[node] = this.#underWay(node) + 1;
    try {
      const refusals = await this.#ports.send(node, transfers);
      phase.answered(this.#ports.now() - sentAt);
      const refused = new Map(refusals.map((refusal) => [refusal.index, refusal]));
      accounts.forEach((account, i) => {
        const transfer = must(transfers[i], "each account offers one");
        this.#conclude(node, account, transfer, refused.get(i), { phase, sentAt });
      });
    } catch (error) {
      this.#ports.fail(error);
    }
    this.#requests[node] = this.#underWay(node) - 1;
    this.#pump();
  }

  #conclude(
    node: number,
    account: OfferingAccount,
    transfer: LoadTransfer,
    refusal: RpcRefusal | undefined,
    { phase, sentAt }: Outstanding,
  ): void {
    if (refusal === undefined || refusal.code === HELD) {
      account.held = undefined;
      this.#total++;
      phase.accepted++;
      this.#readyOf(node).push(account);
      return;
    }
    account.held = transfer;
    this.#outstanding.delete(transfer.id);
    phase.refused(sentAt, refusal);
    setTimeout(() => this.#readyOf(node).push(account), refusal.retryAfterMs ?? RETRY_MS).unref();
  }

  #readyOf(node: number): OfferingAccount[] {
    return must(this.#ready[node], HAS_COUNT);
  }

  #underWay(node: number): number {
    return must(this.#requests[node], HAS_COUNT);
  }
}

/** What is counted of one phase, also of answers and blocks that come after it. */
class PhaseRecord {
  readonly startedAt: number;
  readonly seconds = new SendingSeconds();
  offered = 0;
  withheld = 0;
  accepted = 0;
  committed = 0;
  blocks = 0;
  readonly #answers: number[] = [];
  readonly #latencies: number[] = [];
  readonly #refusals = new Map<string, { number: number; count: number; waits: number[] }>();

  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }

  sent(atMs: number): void {
    this.offered++;
    this.seconds.sent(atMs - this.startedAt);
  }

  answered(afterMs: number): void {
    if (this.#answers.length < BENCH_SAMPLES_MAX) this.#answers.push(afterMs);
  }

  refused(sentAt: number, { code, number, retryAfterMs }: RpcRefusal): void {
    this.seconds.refused(sentAt - this.startedAt);
    const refusals = this.#refusals.get(code) ?? { number, count: 0, waits: [] };
    refusals.count++;
    if (retryAfterMs !== undefined && refusals.waits.length < BENCH_SAMPLES_MAX)
      refusals.waits.push(retryAfterMs);
    this.#refusals.set(code, refusals);
  }

  final(sentAt: number, atMs: number): void {
    this.seconds.final(sentAt - this.startedAt, atMs - sentAt);
    if (this.#latencies.length < BENCH_SAMPLES_MAX) this.#latencies.push(atMs - sentAt);
  }

  figures(now: number): PhaseFigures {
    const { offered, withheld, accepted, committed, blocks } = this;
    return {
      seconds: (now - this.startedAt) / 1_000,
      ...{ offered, withheld, accepted, committed, blocks },
      refusals: Array.from(this.#refusals, ([code, { number, count, waits }]) => {
        return { code, number, count, retryAfterMs: summarize(waits) };
      }),
      answerMs: summarize(this.#answers),
      latencyMs: summarize(this.#latencies),
    };
  }
}
