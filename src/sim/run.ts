/**
 * One run of one schedule: a cluster is made, the schedule's faults happen at their times, checkers watch. After GST
 * everything is healed and the run goes on until every transfer is final everywhere or the deadline has passed,
 * which is a violation of liveness. Same schedule, same trace.
 */
import { equalBytes } from "../base/bytes.ts";
import { Clients } from "./clients.ts";
import { Cluster } from "./cluster.ts";
import { Costs } from "./costs.ts";
import { ACCOUNTS, BALANCE } from "./generate.ts";
import type { MisbehaviourMaker } from "./misbehaviour.ts";
import type { NetworkCounts } from "./network.ts";
import type { Observer } from "./observer.ts";
import type { Crash, Schedule } from "./schedule.ts";
import { type SignatureScheme, signatureWorld } from "./signatures.ts";
import type { SimNode } from "./simnode.ts";
import type { Checker, CheckerMaker, Violation } from "./violation.ts";
import { World } from "./world.ts";

export interface RunOptions {
  readonly checkers?: readonly CheckerMaker[];
  readonly misbehave?: MisbehaviourMaker;
  readonly observers?: readonly Observer[];
  /** `ideal` by default: see signatures.ts. */
  readonly signatures?: SignatureScheme;
}

export interface RunStats {
  readonly height: bigint;
  /** Of virtual time. */
  readonly virtualMs: number;
  readonly events: number;
  readonly costs: Costs;
  readonly network: NetworkCounts;
  readonly signed: number;
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

class Run {
  readonly #schedule: Schedule;
  readonly #cluster: Cluster;
  readonly #clients: Clients;
  readonly #costs = new Costs();
  readonly #checkers: readonly Checker[];
  readonly #violations: Violation[] = [];
  readonly #world: World;

  constructor(schedule: Schedule, options: RunOptions) {
    this.#schedule = schedule;
    this.#world = new World(
      { validators: schedule.nodes, accounts: ACCOUNTS, balance: BALANCE, consensus: schedule.consensus },
      signatureWorld(options.signatures ?? "ideal"),
    );
    const cluster = () => this.#cluster;
    this.#clients = new Clients(schedule.workload, cluster);
    const report = (rule: string, detail: string) => this.#report(rule, detail);
    this.#checkers = (options.checkers ?? []).map((make) => make({ schedule, cluster, report }));
    const failures: Observer = {
      failed: (node, error, expected) => {
        if (!expected && cluster().isCorrect(node)) report("failure", `node ${node}: ${describe(error)}`);
      },
    };
    const observers = [failures, this.#costs, this.#clients, ...this.#checkers, ...(options.observers ?? [])];
    const { settings, syncIntervalMs, network, gstMs, crashes, clocks, adversaries, seed } = schedule;
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
        ...(options.misbehave === undefined ? {} : { misbehave: options.misbehave }),
      },
      observers,
    );
  }

  async play(): Promise<void> {
    const { gstMs, deadlineMs } = this.#schedule;
    try {
      this.#arrange();
      await this.#cluster.start();
      const violated = () => this.#violations.length > 0;
      await this.#cluster.time.run(gstMs, violated);
      if (violated()) return;
      if (deadlineMs > gstMs && !(await this.#converge())) this.#reportStuck();
      if (!violated()) for (const checker of this.#checkers) checker.finish?.();
    } catch (error) {
      this.#report("threw", describe(error));
    } finally {
      for (const node of this.#cluster.nodes) if (node.isUp) node.cutPower();
    }
  }

  result(): RunResult {
    const { time, trace, network } = this.#cluster;
    return {
      violations: this.#violations,
      traceHash: trace.digest(),
      stats: {
        height: this.#costs.height,
        virtualMs: time.nowMs,
        events: trace.events,
        costs: this.#costs,
        network: network.counts,
        signed: this.#world.signatures.counts.signed,
      },
    };
  }

  /** Puts everything that the schedule names onto the clock. */
  #arrange(): void {
    const cluster = this.#cluster;
    const { time } = cluster;
    const { faults, crashes, disks, gstMs } = this.#schedule;
    cluster.network.schedule(faults);
    cluster.broken = (error) => this.#report("threw", describe(error));
    cluster.restartAfterCrash = (node, crash) => this.#restart(node, crash.downMs);
    cluster.restartAfterFailure = (node) => this.#restart(node, 0);
    for (const crash of crashes) if (crash.when.kind === "time") this.#crashAt(crash.when.atMs, crash);
    for (const fault of disks) {
      const node = cluster.nodes[fault.node];
      if (node === undefined) continue; // a twin that was left out
      if (fault.kind === "flip") time.at(fault.atMs, () => this.#flip(node, fault.downMs));
      else this.#troubleDisk(node, fault);
    }
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
    const atMs = Math.min(time.nowMs + waitMs, Math.max(this.#schedule.gstMs, time.nowMs));
    time.at(atMs, () => {
      if (node.isUp) return;
      if (node.disk.full) this.#restart(node, downMs);
      else void this.#cluster.start(node.id);
    });
  }

  /** GST. */
  #heal(): void {
    const cluster = this.#cluster;
    cluster.network.heal();
    for (const node of cluster.nodes) {
      node.fuse.disarm();
      node.disk.full = false;
      node.disk.latencyMs = 0;
      if (!node.isUp) void cluster.start(node.id);
    }
  }

  /** Until every transfer is final and all correct nodes have the same head. */
  async #converge(): Promise<boolean> {
    const { time } = this.#cluster;
    const { deadlineMs } = this.#schedule;
    while (time.nowMs < deadlineMs) {
      if (this.#violations.length > 0 || this.#converged()) return true;
      await time.run(time.nowMs + LOOK_MS);
    }
    return this.#converged();
  }

  #converged(): boolean {
    if (!this.#clients.done) return false;
    const heads = this.#cluster.correct.map(({ replica }) => replica?.chain.head.hash);
    return heads.every((hash) => hash !== undefined && equalBytes(hash, heads[0]!));
  }

  #reportStuck(): void {
    const heights = this.#cluster.nodes.map(({ replica }) => {
      const status = replica?.engineStatus();
      const where = status === undefined ? "" : ` in view ${status.view} ${status.mode}`;
      return replica === undefined ? "down" : `${replica.chain.head.summary.height}${where}`;
    });
    const { gstMs, deadlineMs } = this.#schedule;
    this.#report(
      "liveness",
      `${this.#clients.pending} transfers are not final ${deadlineMs - gstMs} ms after everything healed; heights: ${heights.join(", ")}`,
    );
  }

  #report(rule: string, detail: string): void {
    this.#violations.push({ rule, atMs: this.#cluster.time.nowMs, detail });
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : ` (because: ${describe(error.cause)})`;
  return `${error.name}: ${error.message}${cause}`;
}
