/** A devnet of real processes for tests of the explorer: the built command, ports of its own, and its commands. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePorts } from "../e2e/processes.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/quorate.js", import.meta.url));
/** A node that was killed gives no answer, which the browser's console says. */
export const GONE =
  /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_SOCKET|WebSocket connection/;

export interface RealDevnet {
  /** A folder of the test's own; the devnet is in `net`. */
  readonly dir: string;
  /** The explorer's address as the command printed it, with the token. */
  readonly address: string;
  /** JSON-RPC of each node. */
  readonly rpcUrl: (node: number) => string;
  /** What the command printed on both streams; the test fails where it ends with another exit code than 0. */
  run(...words: string[]): Promise<string>;
  stop(): Promise<void>;
}

export async function startDevnet(...options: string[]): Promise<RealDevnet> {
  const dir = mkdtempSync(join(tmpdir(), "quorate-explorer-"));
  const base = await freePorts(20);
  const ports = ["--port-base", `${base}`, "--p2p-port-base", `${base + 10}`];
  const net = join(dir, "net");
  const child = spawn(process.execPath, [PROGRAM, "devnet", "--devnet", net, ...ports, ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const stop = async () => {
    if (child.exitCode === null) {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      await ended;
    }
    rmSync(dir, { recursive: true, force: true });
  };
  const address = await printedAddress(child);
  const run = (...words: string[]) => runIn(dir, [...words, "--devnet", net]);
  return { dir, address, rpcUrl: (node) => `http://127.0.0.1:${base + node}`, run, stop };
}

function runIn(cwd: string, words: readonly string[]): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [PROGRAM, ...words], { cwd });
    let said = "";
    const add = (chunk: Buffer) => {
      said += chunk;
    };
    child.stdout.on("data", add);
    child.stderr.on("data", add);
    child.once("exit", (code) =>
      code === 0 ? done(said) : fail(new Error(`${words.join(" ")} exited with ${code}: ${said}`)),
    );
  });
}

/** The line with the token, once the devnet is ready. */
function printedAddress(child: ChildProcess): Promise<string> {
  return new Promise((done, fail) => {
    let said = "";
    child.stdout?.on("data", (chunk) => {
      said += chunk;
      const found = /http:\S+\?nodes=\S+#\/\?token=[0-9a-f]{64}/.exec(said);
      if (found !== null && said.includes("Ready in")) done(found[0]);
    });
    child.once("exit", (code) => fail(new Error(`the devnet ended with ${code}: ${said}`)));
  });
}
