/**
 * Real processes for end-to-end tests: the command as a user runs it, on free ports of loopback and in a temporary
 * folder, ended by the test that started it.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { askDevnet, type NodeAction } from "../../src/cli/devnet/devnet-control.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../src/node/home/network-plan.ts";
import { Wallet } from "../../src/sdk/client.ts";

export const COMMAND = fileURLToPath(new URL("../../bin/quorate.js", import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command to its end. */
export function quorate(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { timeout: 60_000, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, CI: "1" } };
    execFile(process.execPath, [COMMAND, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}

/** Four processes start at once beside the other tests. */
const READY_MS_MAX = 120_000;

/** Waits until `condition` gives a value. @throws Error after `limitMs`. */
export async function until<T>(
  condition: () => Promise<T | undefined | false>,
  what: string,
  limitMs = 40_000,
): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = await condition().catch(() => undefined);
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50)); // between two looks at a real process
  }
}

/** Below what systems give to outgoing connections; each worker of the tests has a part of its own. */
const PORTS = { first: 20_000, parts: 8, part: 1_500 };

/** The first of `count` neighbouring ports that are free now. Nobody else should take one before they are listened on. */
export async function freePorts(count: number): Promise<number> {
  const worker = Number(process.env.VITEST_POOL_ID ?? Math.floor(Math.random() * PORTS.parts));
  const first = PORTS.first + PORTS.part * (worker % PORTS.parts);
  for (;;) {
    const base = first + Math.floor(Math.random() * (PORTS.part - count));
    const ports = Array.from({ length: count }, (_, i) => base + i);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return base;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

interface DevnetPlace {
  readonly dir: string;
  /** RPC ports from here on, p2p ports after them. */
  readonly portBase: number;
  readonly size: number;
  /** Further options of the command. */
  readonly options?: readonly string[];
  readonly variables?: NodeJS.ProcessEnv;
}

/** `quorate devnet` in a temporary folder. */
export class Devnet {
  readonly dir: string;
  readonly portBase: number;
  readonly size: number;
  readonly #options: readonly string[];
  readonly #variables: NodeJS.ProcessEnv;
  #process: ChildProcess | undefined;
  output = "";

  /** A devnet that is running already. */
  constructor({ dir, portBase, size, options = [], variables = {} }: DevnetPlace) {
    this.#options = options;
    this.#variables = variables;
    this.dir = dir;
    this.portBase = portBase;
    this.size = size;
  }

  static async start(
    size = 4,
    options: readonly string[] = [],
    variables: NodeJS.ProcessEnv = {},
  ): Promise<Devnet> {
    const dir = mkdtempSync(join(tmpdir(), "quorate-e2e-"));
    const devnet = new Devnet({ dir, portBase: await freePorts(2 * size), size, options, variables });
    try {
      await devnet.#launch();
    } catch (error) {
      await devnet.remove();
      throw error;
    }
    return devnet;
  }

  async #launch(): Promise<void> {
    const p2p = String(this.portBase + this.size);
    const ports = ["--port-base", String(this.portBase), "--p2p-port-base", p2p];
    const args = [
      COMMAND,
      "devnet",
      "-n",
      String(this.size),
      "--devnet",
      this.dir,
      ...ports,
      ...this.#options,
    ];
    const child = spawn(process.execPath, args, {
      // Tests do not wait two seconds for each view change.
      env: { ...process.env, CI: "1", QUORATE_CONSENSUS_REQUEST_TIMEOUT_MS: "1000", ...this.#variables },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    }
    await until(
      async () => {
        if (child.exitCode !== null) throw new Error(this.output);
        return this.output.includes("Ready in");
      },
      "devnet ready",
      READY_MS_MAX,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.output}`);
    });
  }

  rpcUrl(index: number): string {
    return `http://127.0.0.1:${this.portBase + index}`;
  }

  p2pPort(index: number): number {
    return this.portBase + this.size + index;
  }

  /** `quorate devnet <args> --devnet <this one>` */
  control(...args: readonly string[]): Promise<Outcome> {
    return quorate("devnet", ...args, "--devnet", this.dir);
  }

  /** The same as `devnet kill` or `restart` from another terminal, without a process for each. */
  act(index: number, action: NodeAction): Promise<unknown> {
    return askDevnet(this.dir, "POST", `/nodes/${index}/${action}`);
  }

  /** A JSON-RPC call as curl would make it. */
  async rpc<T = Record<string, unknown>>(index: number, method: string, params: object = {}): Promise<T> {
    const response = await fetch(this.rpcUrl(index), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${readFileSync(join(this.dir, `node${index}`, "rpc.token"), "utf8")}`,
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      signal: AbortSignal.timeout(20_000),
    });
    const { result, error } = (await response.json()) as { result: T; error?: unknown };
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  }

  /** A funded account of seed "dev". */
  wallet(name: string): Wallet {
    const plan = planNetwork({ ...DEVNET, validators: this.size }, secretsFromSeed("dev"));
    return Wallet.fromSeed(plan.accounts.find((account) => account.name === name)!.seed);
  }

  log(index: number): string {
    return readFileSync(join(this.dir, `node${index}`, "logs", "node.log"), "utf8");
  }

  async remove(): Promise<void> {
    const child = this.#process;
    if (child !== undefined && child.exitCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}
