/**
 * A node in a home of its own on a real process, as `quorate start` or `quorate join` runs it. A run that is interrupted leaves
 * none behind: one that is paused would outlive its terminal.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { Client, type ResultOf } from "../../src/sdk/client.ts";
import { COMMAND } from "../e2e/processes.ts";

export const WAIT_MS = 150_000;
const ENVIRONMENT = {
  CI: "1",
  QUORATE_CONSENSUS_EMPTY_BLOCKS_MS: "150",
  QUORATE_CONSENSUS_REQUEST_TIMEOUT_MS: "1500",
};

const running = new Set<ChildProcess>();
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** One node's home and its process. */
export class HomeNode {
  readonly name: string;
  home: string;
  readonly url: string;
  readonly ports: readonly string[];
  output = "";
  /** bin/quorate.js of the release that it runs from the next start on. */
  command = COMMAND;
  #process: ChildProcess | undefined;

  constructor(
    name: string,
    { home, rpcPort, p2pPort }: { readonly home: string; readonly rpcPort: number; readonly p2pPort: number },
  ) {
    this.name = name;
    this.home = home;
    this.url = `http://127.0.0.1:${rpcPort}`;
    this.ports = ["--rpc-port", `${rpcPort}`, "--p2p-port", `${p2pPort}`];
  }

  async start(options: readonly string[] = [], environment: Record<string, string> = {}): Promise<void> {
    await this.run(["start", "--dir", this.home, ...this.ports, ...options], environment);
  }

  /** Runs a command that is a node, until it answers. */
  async run(words: readonly string[], environment: Record<string, string> = {}): Promise<void> {
    this.output = "";
    const env = { ...process.env, ...ENVIRONMENT, ...environment };
    const child = spawn(process.execPath, [this.command, ...words], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        this.output = (this.output + chunk.toString()).slice(-200_000);
      });
    const answers = async () => {
      if (child.exitCode !== null) throw new Error(`${this.name} ended: ${this.output.slice(-800)}`);
      return (await this.height().catch(() => undefined)) !== undefined;
    };
    const end = Date.now() + WAIT_MS;
    for (;;) {
      if (await answers()) return;
      if (Date.now() > end) throw new Error(`${this.name} does not answer`);
      await new Promise((resolve) => setTimeout(resolve, 100)); // between two looks at a real process
    }
  }

  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Of a process that ended by itself; undefined while it runs, and after it was stopped. */
  get exitCode(): number | undefined {
    return this.#process?.exitCode ?? undefined;
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#process?.kill(signal);
  }

  call<M extends Parameters<Client["call"]>[0]>(method: M, params: object = {}): Promise<ResultOf<M>> {
    return new Client(this.url).call(method, params as never) as Promise<ResultOf<M>>;
  }

  async height(): Promise<number> {
    return (await this.call("chain_getHead")).height;
  }
}
