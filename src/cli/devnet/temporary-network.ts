/**
 * Node processes in a temporary folder on free ports, for a benchmark, a live race or a siege: gone without a trace when it
 * ends, however it ends. It knows nothing of what runs on them.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliError, EXIT } from "../exit.ts";
import { makeNamedFolder } from "../output-folder.ts";
import type { NodeProcess } from "./devnet-nodes.ts";
import type { DevnetNode } from "./devnet-plan.ts";
import { lockDevnet, Supervisor } from "./devnet-supervisor.ts";

export interface TemporaryNetworkOptions {
  readonly dir: string;
  /** Leave the folder, with the nodes' logs. */
  readonly keep: boolean;
  readonly nodes: readonly DevnetNode[];
  /** How many nodes vote, which is 0 where each node mines for itself. */
  readonly voters: number;
  readonly readyMsMax?: number;
  /** A node has ended by itself. @returns the error that the whole fails with, or undefined when it goes on */
  readonly exited: (process: NodeProcess) => CliError | undefined;
}

export class TemporaryNetwork {
  readonly dir: string;
  /** Rejects with what {@link TemporaryNetworkOptions.exited} gave when a node ended by itself. */
  readonly failed: Promise<never>;
  protected readonly supervisor: Supervisor;
  readonly #keep: boolean;

  protected constructor({ dir, keep, nodes, voters, readyMsMax, exited }: TemporaryNetworkOptions) {
    this.dir = dir;
    this.#keep = keep;
    let fail: (error: CliError) => void = () => undefined;
    this.failed = new Promise((_, reject) => {
      fail = reject;
    });
    this.failed.catch(() => undefined);
    this.supervisor = new Supervisor(
      { dir, nodes, voters, ...(readyMsMax === undefined ? {} : { readyMsMax }) },
      {
        lock: lockDevnet(dir),
        exited: (process) => {
          const error = exited(process);
          if (error !== undefined) fail(error);
        },
      },
    );
  }

  /** Resolves when every node is connected to all others. @throws CliError */
  start(): Promise<void> {
    return this.supervisor.start();
  }

  /** Stops the nodes and removes the folder; may be called again. */
  async stop(): Promise<void> {
    await this.supervisor.stop();
    this.#remove();
  }

  /** Ends the nodes without waiting for what they do, and removes the folder. */
  async kill(): Promise<void> {
    await this.supervisor.kill();
    this.#remove();
  }

  #remove(): void {
    if (!this.#keep) rmSync(this.dir, { recursive: true, force: true });
  }
}

/**
 * Makes a temporary folder and in it what `make` makes; the folder goes again where that fails.
 * @param parent is named by the user (`--in`); the system's place by default
 */
export function inTemporaryFolder<T>(
  prefix: string,
  parent: string | undefined,
  make: (dir: string) => T,
): T {
  if (parent !== undefined) makeNamedFolder("--in", parent);
  const dir = mkdtempSync(join(parent ?? tmpdir(), prefix));
  try {
    return make(dir);
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

/** Ports below those that systems give to outgoing connections. */
const PORTS = { first: 20_000, last: 32_000 };
const TRIES = 100;

/** The first of `count` free ports in a row. Somebody may still take one before the nodes do. */
export async function findPorts(count: number): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const base = PORTS.first + Math.floor(Math.random() * (PORTS.last - PORTS.first - count));
    const ports = Array.from({ length: count }, (_, k) => base + k);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return base;
  }
  throw new CliError(
    EXIT.busy,
    "PORT_IN_USE",
    `no ${count} free ports in a row from ${PORTS.first} to ${PORTS.last}`,
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
