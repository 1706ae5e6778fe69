/**
 * The processes of a devnet: one child a node, each a `quorate start` of its own home. It knows how to start, kill,
 * pause and stop them and what became of them; it asks them nothing. A child has an IPC channel to this process and
 * stops when it breaks, so that no node outlives its devnet.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { must } from "../../base/assert.ts";
import { homePaths } from "../../node/home/home.ts";
import { MOVED_OPTION } from "../../node/home/home-stamp.ts";
import { makeFolder } from "../../storage/durable-file.ts";
import type { DevnetNode } from "./devnet-plan.ts";
import { STDERR_FILE } from "./devnet-settings.ts";

/** What a node does. We `killed` it, or `stopped` it gracefully, or it `exited` by itself. */
export type NodeState = "running" | "paused" | "killed" | "stopped" | "exited";

const STOP_MS = 10_000;
const TAIL_LINES = 3;
const LOG_LINES = 5;

export class NodeProcess {
  readonly node: DevnetNode;
  readonly #devnetDir: string | undefined;
  readonly #exited: (process: NodeProcess) => void;
  #child: ChildProcess | undefined;
  #guard: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #state: NodeState = "stopped";
  #exitCode: number | string | undefined;

  /**
   * @param exited is told when the child ends by itself
   * @param devnetDir whose control the node passes orders on to
   */
  constructor(node: DevnetNode, exited: (process: NodeProcess) => void, devnetDir?: string) {
    this.node = node;
    this.#devnetDir = devnetDir;
    this.#exited = exited;
  }

  get state(): NodeState {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The code or signal of the last exit by itself. */
  get exitCode(): number | string | undefined {
    return this.#exitCode;
  }

  /** @param cutOffFrom names of the nodes that it may not talk to */
  start(cutOffFrom: readonly string[] = []): void {
    if (this.#child !== undefined) return;
    const child = spawnNode(this.node, this.#errorFile(), this.#linkWords(), cutOffFrom);
    this.#child = child;
    this.#state = "running";
    this.#gone = new Promise((resolve) => {
      child.once("error", () => resolve());
      child.once("exit", (code, signal) => {
        this.#child = undefined;
        this.#exitCode = signal ?? code ?? undefined;
        const unexpected = this.#state === "running" || this.#state === "paused";
        if (unexpected) this.#state = "exited";
        resolve();
        if (unexpected) this.#exited(this);
      });
    });
  }

  /** SIGKILL: no goodbye, as a power cut would. */
  async kill(): Promise<void> {
    this.#state = "killed";
    this.#endGuard();
    this.#child?.kill("SIGKILL");
    await this.#gone;
  }

  pause(): void {
    if (this.#state !== "running" || this.#child === undefined) return;
    this.#state = "paused";
    this.#child.kill("SIGSTOP");
    this.#guard = spawnGuard(must(this.#child.pid, "a child that runs has a process id"));
  }

  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    this.#endGuard();
    this.#child?.kill("SIGCONT");
  }

  /** SIGTERM, and SIGKILL when that does not help in time. */
  async stop(): Promise<void> {
    if (this.#child === undefined) return;
    this.resume();
    this.#state = "stopped";
    this.#child.kill("SIGTERM");
    const late = setTimeout(() => this.#child?.kill("SIGKILL"), STOP_MS);
    await this.#gone;
    clearTimeout(late);
  }

  /** The last words on standard error: why it exited. */
  lastWords(): readonly string[] {
    return tailOf(this.#errorFile(), TAIL_LINES);
  }

  /** The file to which it logs. */
  get logFile(): string {
    return this.node.logFile ?? homePaths(this.node.dir).logFile;
  }

  /** The end of its log, for those who cannot look it up: empty if it never wrote one. */
  logTail(): readonly string[] {
    return tailOf(this.logFile, LOG_LINES);
  }

  #linkWords(): readonly string[] {
    return this.#devnetDir === undefined ? [] : ["--devnet-dir", resolve(this.#devnetDir)];
  }

  #endGuard(): void {
    this.#guard?.kill("SIGKILL");
    this.#guard = undefined;
  }

  #errorFile(): string {
    return join(this.node.dir, STDERR_FILE);
  }
}

function tailOf(path: string, count: number): string[] {
  try {
    const lines = readFileSync(path, "utf8").trim().split("\n");
    return lines.filter((line) => line !== "").slice(-count);
  } catch {
    return [];
  }
}

/**
 * A paused node cannot notice that its devnet is gone. The guard's standard input ends with this process, whatever
 * ends it; then it wakes the node, which finds its channel broken and stops.
 */
function spawnGuard(pid: number): ChildProcess {
  const script = 'cat >/dev/null; kill -CONT "$0"';
  const guard = spawn("/bin/sh", ["-c", script, `${pid}`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  guard.on("error", () => undefined);
  guard.unref();
  return guard;
}

function spawnNode(
  node: DevnetNode,
  errorFile: string,
  link: readonly string[],
  cutOffFrom: readonly string[],
): ChildProcess {
  makeFolder(join(node.dir, "logs"));
  const errors = openSync(errorFile, "w");
  const cut = cutOffFrom.length === 0 ? [] : ["--cut-off", cutOffFrom.join(",")];
  const words = [
    ...process.execArgv,
    must(process.argv[1], "Node runs a file"),
    "start",
    "--dir",
    node.dir,
    // A devnet may be copied as a whole: whoever copies it has no validator of it elsewhere that matters.
    MOVED_OPTION,
    ...(node.words ?? []),
    ...cut,
    ...link,
  ];
  const child = spawn(process.execPath, words, {
    stdio: ["ignore", "ignore", errors, "ipc"],
    env: childEnvironment(node),
  });
  closeSync(errors);
  // Only the processes keep the devnet alive, not their channels.
  child.channel?.unref();
  return child;
}

/**
 * glibc gives memory back to the kernel, and asks for it again, for each of the buffers that a node under load makes and drops;
 * it keeps up to 64 MiB in each arena with these: 3 % less processor time for 10 MB. A node has ten threads that would each have an
 * arena of its own, half of it holes: 30 MB less with two arenas (docs/benchmarks.md, "Memory over a long window"). Read by glibc
 * alone, at the start of a process.
 */
const ALLOCATOR = {
  MALLOC_TRIM_THRESHOLD_: "67108864",
  MALLOC_MMAP_THRESHOLD_: "4194304",
  MALLOC_ARENA_MAX: "2",
};

/** The QUORATE_* variables that are every node's: one port for four of them would be no use. */
function childEnvironment({ variables }: DevnetNode): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("QUORATE_") || name === "QUORATE_DEBUG",
  );
  return { ...ALLOCATOR, ...Object.fromEntries(kept), ...variables };
}
