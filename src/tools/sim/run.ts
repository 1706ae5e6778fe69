/**
 * One run of one schedule: a cluster is made, the schedule's faults happen at their times, checkers watch. After GST
 * everything is healed and the run goes on until every transfer is final everywhere or the deadline has passed,
 * which is a violation of liveness. Same schedule, same trace.
 *
 * This folder: the simulator: schedules (generate.ts, widen.ts), a cluster of shipped replicas on virtual time,
 * networks, disks and clocks that fail. Not here: the protocol, and running campaigns in threads (cli/sim).
 */
import type { Genesis, GenesisLimits } from "../../chain/genesis/genesis.ts";
import { adversaries as createAdversaries } from "./adversary.ts";
import { Checkers } from "./checkers/checkers.ts";
import type { Violation } from "./checkers/facts.ts";
import { Clients } from "./clients.ts";
import { Cluster } from "./cluster.ts";
import { Costs } from "./costs.ts";
import { arrangeRollbacks } from "./database-rollback.ts";
import { BALANCE } from "./generate.ts";
import type { MisbehaviourMaker } from "./misbehaviour.ts";
import type { NetworkCounts } from "./network-counts.ts";
import type { Observer } from "./observer.ts";
import type { Crash, Schedule } from "./schedule.ts";
import { type SignatureScheme, signatureWorld } from "./signatures.ts";
import type { SimNode } from "./sim-node.ts";
import { ACCOUNTS } from "./workload.ts";
import { World } from "./world.ts";

export interface RunOptions {
  /** Makes misbehaviour in place of adversary.ts. */
  readonly misbehave?: MisbehaviourMaker;
  readonly observers?: readonly Observer[];
  /** One more, which is told the virtual time. */
  readonly observe?: (nowMs: () => number) => Observer;
  /** `ideal` by default: see signatures.ts. */
  readonly signatures?: SignatureScheme;
  /** Declared modules of the chain, with their code: users call them. */
  readonly modules?: Pick<Genesis, "modules" | "code">;
}

export interface RunStats {
  readonly height: bigint;
  /** The length of the run in virtual time. */
  readonly virtualMs: number;
  readonly events: number;
  readonly costs: Costs;
  readonly network: NetworkCounts;
  readonly signed: number;
  /** What passed from the last scheduled event until all was final: view changes of one node, and T_max. */
  readonly recovery: ReturnType<Checkers["recovery"]>;
  /** More copies of a block were destroyed than PBFT survives, and no progress was asked for (lost-data.ts). */
  readonly lostData: boolean;
  /** How often each moment of a crash came on each node, so that a crash can be put at any of them. */
  readonly moments: readonly Moments[];
}

export interface Moments {
  readonly action: number;
  readonly write: number;
  readonly flush: number;
}

export interface RunResult {
  readonly violations: readonly Violation[];
  readonly traceHash: string;
  readonly stats: RunStats;
}

/** How often after GST it is asked whether all is done, ms. */
const LOOK_MS = 20;

export async function runSchedule(schedule: Schedule, options: RunOptions = {}): Promise<RunResult> {
  const run = new Run(schedule, options);
  await run.play();
  return run.result();
}

function settledMs({ gstMs, crashes, workload, adversaries }: Schedule): number {
  const ends = crashes.map(({ when, downMs }) => (when.kind === "time" ? when.atMs + downMs : 0));
  const begins = [...workload, ...adversaries].map(({ atMs }) => atMs);
  return Math.max(gstMs, ...ends, ...begins);
}

/** A schedule's blocks are narrow by the bytes of transfers; calls are longer, so there they are narrow by their number alone. */
function limitsOf({ limits = {} }: Schedule, { modules }: RunOptions): Partial<GenesisLimits> {
  if (modules?.modules === undefined) return limits;
  const { maxTxBytes: _, maxBlockBytes: __, ...others } = limits;
  return others;
}

class Run {
  readonly #schedule: Schedule;
  readonly #cluster: Cluster;
  readonly #clients: Clients;
  readonly #costs = new Costs();
  /** Violations that the run itself found, besides the checkers'. */
  readonly #own: Violation[] = [];
  readonly #checkers: Checkers;
  readonly #world: World;
  /** When the last thing that the schedule names has happened: only adversaries go on after that. */
  readonly #settledMs: number;

  constructor(schedule: Schedule, options: RunOptions) {
    this.#schedule = schedule;
    this.#settledMs = settledMs(schedule);
    this.#world = new World(
      {
        validators: schedule.nodes,
        accounts: ACCOUNTS,
        balance: BALANCE,
        consensus: schedule.consensus,
        limits: limitsOf(schedule, options),
        ...(options.modules === undefined ? {} : { modules: options.modules }),
      },
      signatureWorld(options.signatures ?? "ideal"),
    );
    this.#clients = new Clients(schedule.workload, () => this.#cluster, schedule.seed);
    this.#checkers = new Checkers(this.#world);
    const colluders = createAdversaries();
    const observers = [
      colluders.observer,
      ...this.#checkers.observers,
      this.#costs,
      this.#clients,
      ...(options.observers ?? []),
      ...(options.observe === undefined ? [] : [options.observe(() => this.#cluster.time.nowMs)]),
    ];
    const { settings, syncIntervalMs, network, gstMs, crashes, clocks, adversaries, seed, computing } =
      schedule;
    const { full = 0, strangers = [], compact } = schedule;
    this.#cluster = new Cluster(
      {
        world: this.#world,
        seed,
        settings,
        syncIntervalMs,
        timing: network,
        gstMs,
        crashes,
        clocks,
        adversaries,
        computing,
        compact,
        full,
        strangers,
        misbehave: options.misbehave ?? colluders.misbehave,
      },
      observers,
    );
    this.#checkers.watch(this.#cluster);
    if (schedule.deadlineMs > gstMs && settings.timeoutMaxMs < schedule.deadlineMs)
      this.#checkers.expect({
        atMs: this.#settledMs,
        settings,
        delayMsMax: network.settledDelayMsMax,
        blocksMax: schedule.limits === undefined ? 2 : 2 + schedule.workload.length,
      });
  }

  async play(): Promise<void> {
    const { gstMs, deadlineMs } = this.#schedule;
    try {
      this.#arrange();
      this.#cluster.start();
      await this.#cluster.time.run(gstMs, () => this.#violated);
      if (this.#violated) return;
      const settles = deadlineMs > gstMs;
      if (settles) await this.#converge();
      if (this.#violated) return;
      const liveness = settles && !this.#hasLostData;
      this.#checkers.finish({ liveness });
      if (liveness && !this.#clients.done && !this.#violated) this.#reportPending();
    } catch (error) {
      this.#broke(error);
    } finally {
      for (const node of this.#cluster.nodes) if (node.isUp) node.cutPower();
    }
  }

  result(): RunResult {
    const { time, trace, network, nodes } = this.#cluster;
    return {
      violations: [...this.#checkers.violations, ...this.#own],
      traceHash: trace.digest(),
      stats: {
        height: this.#costs.height,
        virtualMs: time.nowMs,
        events: trace.events,
        costs: this.#costs,
        network: network.counts,
        recovery: this.#checkers.recovery(),
        lostData: this.#hasLostData,
        signed: this.#world.signatures.counts.signed,
        moments: nodes.map(({ trigger }) => ({
          action: trigger.actions,
          write: trigger.writes,
          flush: trigger.flushes,
        })),
      },
    };
  }

  /** Puts everything that the schedule names onto the clock. */
  #arrange(): void {
    const cluster = this.#cluster;
    const { time } = cluster;
    const { faults, crashes, disks, gstMs } = this.#schedule;
    cluster.network.schedule(faults);
    cluster.broken = (error) => this.#broke(error);
    cluster.restartAfterCrash = (node, crash) => this.#restart(node, crash.downMs);
    cluster.restartAfterFailure = (node) => this.#restart(node, 0);
    for (const crash of crashes) if (crash.when.kind === "time") this.#crashAt(crash.when.atMs, crash);
    for (const fault of disks) {
      const node = cluster.nodes[fault.node];
      if (node === undefined) continue; // a twin that was left out
      if (fault.kind === "flip") time.at(fault.atMs, () => this.#flip(node, fault.downMs));
      else this.#troubleDisk(node, fault);
    }
    arrangeRollbacks(this.#schedule.rollbacks ?? [], cluster, (node, downMs) => this.#restart(node, downMs));
    time.at(gstMs, () => this.#heal());
    this.#clients.start();
  }

  #crashAt(atMs: number, crash: Crash): void {
    const cluster = this.#cluster;
    cluster.time.at(atMs, () => {
      const node = cluster.nodes[crash.node];
      if (node?.isUp !== true) return;
      cluster.injected("crash time");
      cluster.crash(crash.node, crash);
      this.#restart(node, crash.downMs);
    });
  }

  #flip(node: SimNode, downMs: number): void {
    this.#cluster.crash(node.id);
    this.#cluster.flipBit(node.id);
    this.#restart(node, downMs);
  }

  #troubleDisk(node: SimNode, fault: Extract<Schedule["disks"][number], { kind: "slow" | "full" }>): void {
    const { time } = this.#cluster;
    time.at(fault.atMs, () => {
      this.#cluster.injected(`disk ${fault.kind}`);
      if (fault.kind === "full") node.disk.full = true;
      else node.disk.latencyMs = fault.latencyMs;
    });
    time.at(fault.untilMs, () => {
      if (fault.kind === "full") node.disk.full = false;
      else node.disk.latencyMs = 0;
    });
  }

  /** A full disk is tried again and again. */
  #restart(node: SimNode, downMs: number): void {
    const { time } = this.#cluster;
    const waitMs = node.disk.full ? Math.max(downMs, 100) : downMs;
    const { gstMs } = this.#schedule;
    // What fails before GST is back then at the latest; later on it takes its time.
    const atMs = time.nowMs < gstMs ? Math.min(time.nowMs + waitMs, gstMs) : time.nowMs + waitMs;
    time.at(atMs, () => {
      if (node.isUp) return;
      if (node.disk.full) this.#restart(node, downMs);
      else this.#cluster.start(node.id);
    });
  }

  /** Ends all faults, which is the GST of the run. */
  #heal(): void {
    const cluster = this.#cluster;
    cluster.network.heal();
    for (const node of cluster.nodes) {
      node.trigger.disarm();
      node.disk.full = false;
      node.disk.latencyMs = 0;
      if (!node.isUp) cluster.start(node.id);
    }
  }

  /** Goes on until every transfer is final and all correct nodes have the same head, or blocks are lost for good. */
  async #converge(): Promise<void> {
    const { time } = this.#cluster;
    const { deadlineMs } = this.#schedule;
    while (time.nowMs < deadlineMs) {
      if (this.#violated || this.#converged) return;
      await time.run(time.nowMs + LOOK_MS);
    }
  }

  get #converged(): boolean {
    if (this.#cluster.time.nowMs < this.#settledMs) return false;
    return this.#hasLostData || (this.#clients.done && this.#checkers.unfinished() === undefined);
  }

  get #hasLostData(): boolean {
    return this.#checkers.lostHeight !== undefined;
  }

  get #violated(): boolean {
    return this.#own.length > 0 || this.#checkers.violations.length > 0;
  }

  #reportPending(): void {
    const nodes = this.#cluster.nodes.map(({ id, replica }) => {
      if (replica === undefined) return `node ${id} down`;
      const status = replica.engineStatus();
      const where = status === undefined ? "" : ` in view ${status.view} ${status.mode}`;
      return `node ${id} at ${replica.chain.head.summary.height}${where}`;
    });
    this.#report("liveness", `${this.#clients.pending} transfers are not final: ${nodes.join(", ")}`);
  }

  #broke(error: unknown): void {
    this.#report("threw", error instanceof Error ? `${error.stack}` : String(error));
  }

  #report(checker: string, detail: string): void {
    this.#own.push({ checker, atMs: this.#cluster.time.nowMs, replica: undefined, detail });
  }
}
