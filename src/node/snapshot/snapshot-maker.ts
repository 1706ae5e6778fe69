/**
 * Makes snapshots while the node runs. When one is due the database is frozen, in the instant between two blocks; once
 * the checkpoint of that height is stable, where there are checkpoints, the frozen state is written in slices, with as
 * much time for everything else after each. What goes wrong here costs a snapshot and never the node.
 */
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { SnapshotContext } from "../../chain/snapshot/snapshot-check.ts";
import { explainDisk } from "../../storage/disk-fault.ts";
import type { Kv } from "../../storage/kv.ts";
import type { KeptSnapshots } from "./kept-snapshots.ts";
import { writeSnapshotFile } from "./snapshot-file.ts";

/** When snapshots are made, and of which blocks. */
export interface SnapshotSchedule {
  /** Heights between two snapshots, at least. With 0 none are made. */
  readonly interval: bigint;
  /**
   * K of the chain: a snapshot is of the head, at the first checkpoint from a multiple of the interval on. 1 where there
   * are no checkpoints.
   */
  readonly checkpointInterval: bigint;
  /**
   * Where blocks are mined: how many stand on the one whose state is written, when it is due. 0 where blocks
   * are final.
   */
  readonly depth?: bigint;
}

/** A snapshot that was due so many blocks ago is left out: undoing them would cost more than waiting for the next. */
export const SNAPSHOT_LATE_MAX = 64n;

export interface MakerSettings extends SnapshotSchedule {
  /** How many are kept. */
  readonly keptMax: number;
}

export interface MakerPorts {
  readonly context: SnapshotContext;
  readonly kept: KeptSnapshots;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** Milliseconds of a clock that only runs forward. */
  readonly clock: () => number;
  /** The database as it is now. */
  freeze(): Kv;
  /** The certificate of the stable checkpoint at a height. */
  checkpointAt(height: bigint): Uint8Array | undefined;
  /** Whether this node is told of stable checkpoints: one that does not vote is not. */
  votes(): boolean;
  /** Whether most of the chain is still to be fetched: a snapshot would be out of date before it is written. */
  isFarBehind(): boolean;
}

/** How the last snapshot was made. */
export interface MadeSnapshot {
  readonly height: bigint;
  readonly madeAtMs: number;
  readonly tookMs: number;
  /** The longest that it kept the node from everything else at a time, ms. */
  readonly longestPauseMs: number;
}

export class SnapshotMaker {
  readonly #settings: MakerSettings;
  readonly #ports: MakerPorts;
  #waiting: { readonly height: bigint; readonly frozen: Kv } | undefined;
  #making: Promise<void> | undefined;
  #last: MadeSnapshot | undefined;
  #stopped = false;

  constructor(settings: MakerSettings, ports: MakerPorts) {
    this.#settings = settings;
    this.#ports = ports;
  }

  /** The last one that this process made. */
  get last(): MadeSnapshot | undefined {
    return this.#last;
  }

  /** Is called in the instant in which a block is the head of the database, before the next one is written. */
  headChanged(height: bigint): void {
    if (this.#stopped || this.#making !== undefined) return;
    const due = snapshotDue(this.#settings, height);
    const { newest } = this.#ports.kept;
    const isMade = due !== height && newest !== undefined && due !== undefined && newest.height >= due;
    if (due === undefined || isMade || this.#ports.isFarBehind()) return;
    this.#drop();
    this.#waiting = { height: due, frozen: this.#ports.freeze() };
    if (!this.#ports.votes()) this.#make();
  }

  checkpointStable(height: bigint): void {
    if (this.#waiting !== undefined && this.#waiting.height <= height) this.#make();
  }

  /** Resolves when nothing is being written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#drop();
    await this.#making;
  }

  #drop(): void {
    void this.#waiting?.frozen.close();
    this.#waiting = undefined;
  }

  #make(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined || this.#making !== undefined) return;
    this.#making = this.#write(waiting.height, waiting.frozen).finally(() => {
      this.#making = undefined;
    });
  }

  async #write(height: bigint, frozen: Kv): Promise<void> {
    const { context, kept, log, clock, scheduler, checkpointAt } = this.#ports;
    const [startMs, slices] = [clock(), new Slices(this.#ports, () => this.#stopped)];
    try {
      const path = kept.pathOf(height);
      const ports = {
        openKv: async () => frozen,
        height,
        checkpoint: checkpointAt(height),
        pause: () => slices.pause(),
        slice: <T>(work: () => T) => slices.do(work),
      };
      const written = await writeSnapshotFile(context, ports, path);
      if (!written.ok) {
        log.log("error", "snapshot", "no snapshot", { height, why: written.fault.detail });
        return;
      }
      await kept.add(path);
      await kept.prune(this.#settings.keptMax);
      const [tookMs, longestPauseMs] = [Math.round(clock() - startMs), Math.ceil(slices.longestMs)];
      this.#last = { height, madeAtMs: scheduler.now(), tookMs, longestPauseMs };
      const { bytes, accounts, chunks } = written.value;
      log.log("info", "snapshot", "made", { height, bytes, accounts, chunks, tookMs, longestPauseMs });
    } catch (error) {
      if (this.#stopped) return;
      log.log("warn", "snapshot", "no snapshot", { height, why: explainDisk(error) ?? String(error) });
    } finally {
      await frozen.close();
    }
  }
}

/** The height of the snapshot that is due when the head is at a height, or undefined when none is. */
export function snapshotDue(schedule: SnapshotSchedule, height: bigint): bigint | undefined {
  const { interval, checkpointInterval, depth = 0n } = schedule;
  if (interval === 0n || height <= depth) return undefined;
  if (depth === 0n) return isCheckpointDue(schedule, height) ? height : undefined;
  const late = (height - depth) % interval;
  const due = height - depth - late;
  return due > 0n && late <= SNAPSHOT_LATE_MAX && due % checkpointInterval === 0n ? due : undefined;
}

function isCheckpointDue({ interval, checkpointInterval }: SnapshotSchedule, height: bigint): boolean {
  if (height % checkpointInterval !== 0n) return false;
  return height / interval > (height - checkpointInterval) / interval;
}

/** Work in slices: after each the rest of the node has as much time as it took. */
class Slices {
  longestMs = 0;
  #spentMs = 0;
  readonly #ports: Pick<MakerPorts, "clock" | "scheduler">;
  readonly #isStopped: () => boolean;

  constructor(ports: Pick<MakerPorts, "clock" | "scheduler">, isStopped: () => boolean) {
    this.#ports = ports;
    this.#isStopped = isStopped;
  }

  do<T>(work: () => T): T {
    const startMs = this.#ports.clock();
    try {
      return work();
    } finally {
      const ms = this.#ports.clock() - startMs;
      this.#spentMs += ms;
      this.longestMs = Math.max(this.longestMs, ms);
    }
  }

  /** @throws Error when the node stops */
  async pause(): Promise<void> {
    const waitMs = Math.max(1, this.#spentMs);
    this.#spentMs = 0;
    await new Promise<void>((resolve) => this.#ports.scheduler.after(waitMs, resolve));
    if (this.#isStopped()) throw new Error("the node stops");
  }
}
