/**
 * The devnet's control: HTTP over a unix socket in its folder, so that another terminal can kill and restart nodes.
 * Whoever may write to the folder may use it; nobody else on the machine or the network can. Both ends are here.
 */
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { createServer, request, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { badInput, CliError, EXIT } from "../exit.ts";
import { toJson } from "../output.ts";
import type { NodeState } from "./devnet-nodes.ts";

export const NODE_ACTIONS = ["kill", "pause", "resume", "restart"] as const;
export type NodeAction = (typeof NODE_ACTIONS)[number];

/** A node as the devnet shows it; what it says of itself is null while it gives no answer. */
export interface NodeReport {
  readonly index: number;
  readonly name: string;
  readonly state: NodeState;
  readonly pid: number | null;
  readonly rpcUrl: string;
  readonly p2pPort: number;
  readonly height: number | null;
  readonly view: number | null;
  readonly primary: number | null;
  readonly peers: number | null;
  readonly mempool: number | null;
  /** What a node that mines does. It is null for the others. */
  readonly mining: NodeMining | null;
  /** What it says of itself and its chain, in one line. */
  readonly verdict: NodeVerdict | null;
  /** Names of the nodes on other sides of a partition. */
  readonly cutOffFrom: readonly string[];
}

/** What a node says of why its chain moves, as consensus_explain has it. */
export interface NodeVerdict {
  readonly state: string;
  readonly ok: boolean;
  readonly summary: string;
}

/** What a miner says of its chain and itself. */
export interface NodeMining {
  readonly tip: string;
  /** How hard a block is to find, in multiples of Bitcoin's easiest target. */
  readonly difficulty: number;
  /** Expected hashes of the next block. */
  readonly blockWork: number;
  /** Hashes a second of this node, or 0 while it does not mine. */
  readonly hashrate: number;
  /** Own blocks, those that were abandoned included. */
  readonly blocks: number;
  readonly stale: number;
  readonly reorgs: number;
}

export interface DevnetReport {
  readonly dir: string;
  readonly pid: number;
  /** How many votes decide; null where nobody votes. */
  readonly quorum: number | null;
  /** Names of the nodes that vote, each at the index that the others know it by; none where nobody votes. */
  readonly voters: readonly string[];
  /** Groups of names that talk only among themselves; null while the network is whole. */
  readonly partition: readonly (readonly string[])[] | null;
  readonly nodes: readonly NodeReport[];
}

/** What the supervisor does for the control. */
export interface DevnetControl {
  /** Which processes run, without asking them. */
  nodes(): readonly Pick<NodeReport, "name" | "state" | "rpcUrl">[];
  report(): Promise<DevnetReport>;
  act(index: number, action: NodeAction): Promise<NodeReport>;
  /** Cuts the network into these groups of comma-separated names or indices. No group at all heals it. */
  partition(groups: readonly string[]): Promise<DevnetReport>;
  /** Resolves when all nodes have stopped. */
  stop(): Promise<void>;
}

/** The socket's path: in the folder, unless that is longer than a socket address may be (108 bytes). */
export function controlPath(dir: string): string {
  const path = resolve(dir, "control.sock");
  if (Buffer.byteLength(path) <= 100) return path;
  const name = createHash("sha256").update(path).digest("hex").slice(0, 24);
  return join(tmpdir(), `quorate-${name}.sock`);
}

/** Begins to listen. The caller holds the folder's lock, so a socket file that is there is a dead devnet's. */
export async function serveControl(dir: string, control: DevnetControl): Promise<Server> {
  const path = controlPath(dir);
  rmSync(path, { force: true });
  const server = createServer((incoming, response) => {
    incoming.resume();
    answer(control, incoming.method ?? "", incoming.url ?? "").then(
      (value) => reply(response, 200, value),
      (error: unknown) =>
        reply(response, 400, { error: error instanceof Error ? error.message : String(error) }),
    );
  });
  await new Promise<void>((done, fail) => {
    server.once("error", fail);
    server.listen(path, done);
  });
  return server;
}

async function answer(control: DevnetControl, method: string, url: string): Promise<unknown> {
  const [, noun, index, verb] = url.split("/");
  if (method === "POST" && noun === "partition")
    return control.partition(url.split("/").slice(2).map(decodeURIComponent));
  if (method === "POST" && noun === "heal") return control.partition([]);
  if (method === "GET" && noun === "nodes") return control.nodes();
  if (method === "GET" && noun === "status") return control.report();
  if (method === "POST" && noun === "stop") {
    await control.stop();
    return { stopped: true };
  }
  const action = NODE_ACTIONS.find((known) => known === verb);
  if (method === "POST" && noun === "nodes" && action !== undefined)
    return control.act(Number(index), action);
  throw new Error(`no such order: ${method} ${url}`);
}

function reply(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(toJson(value));
}

/** Asks the devnet of a folder. @throws CliError when none runs there or it refuses. */
export function askDevnet<T>(dir: string, method: "GET" | "POST", path: string): Promise<T> {
  return new Promise((done, fail) => {
    const call = request({ socketPath: controlPath(dir), method, path }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => {
        const value = JSON.parse(text) as T & { error: string };
        if (response.statusCode === 200) done(value);
        else fail(badInput(value.error));
      });
    });
    call.on("error", (error) => {
      const message = `no devnet runs in ${dir}: start it with quorate devnet, or say where with --devnet`;
      fail(new CliError(EXIT.unreachable, "NO_DEVNET", message, { cause: error }));
    });
    call.end();
  });
}
