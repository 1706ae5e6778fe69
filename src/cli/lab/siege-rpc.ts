/**
 * The attackers of `lab siege` that speak HTTP: a client of JSON-RPC that asks for what is dear and takes no answers,
 * and a web page whose pictures are blocks of a node. Each is bounded in sockets, bytes and questions under way.
 */
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import WebSocket from "ws";
import { must } from "../../base/assert.ts";
import type { SiegeTraffic } from "../../tools/lab/siege/siege.ts";
import { type Attacker, type SiegeTarget, type SiegeTask, TransferTally } from "./siege-task.ts";

const BATCH_CALLS = 100;
/** Batches under way at each node, each with an answer of some megabytes. */
const BATCHES_AT_ONCE = 4;
const BATCH_MS = 100;
/** Sockets at each node that ask for a batch and never read. */
const SLOW_READERS = 8;
/** Sockets at each node that send a body of 1 MiB but for its last byte. */
const UNFINISHED = 16;
const BODY_BYTES = 1024 * 1024;
/** Sockets at each node that never end their headers. */
const HALF_HEADERS = 100;
/** WebSockets at each node, with 32 subscriptions and a batch each that nobody reads. */
const WEB_SOCKETS = 32;
const SUBSCRIPTIONS = 32;
/** Milliseconds between two rounds of sockets, which the nodes may have closed meanwhile. */
const ROUND_MS = 2_000;
/** Pictures that a browser loads at once from one host. */
const PICTURES_AT_ONCE = 6;
/** The pause between a refused or failed question and the next. */
const RETRY_MS = 50;

export class HostileClient implements Attacker {
  readonly #task: SiegeTask;
  readonly #tally = new TransferTally();
  readonly #sockets = new Set<Socket>();
  readonly #webSockets = new Set<WebSocket>();
  readonly #agent = new Agent({ keepAlive: true, maxSockets: BATCHES_AT_ONCE });
  readonly #timers: NodeJS.Timeout[] = [];
  #underWay = new Map<number, number>();

  constructor(task: SiegeTask) {
    this.#task = task;
  }

  get traffic(): SiegeTraffic {
    return this.#tally.counts;
  }

  async start(): Promise<void> {
    const everywhere = (act: (target: SiegeTarget) => void) => () => this.#task.rpc.forEach(act);
    this.#repeat(
      BATCH_MS,
      everywhere((target) => this.#batch(target)),
    );
    this.#repeat(
      ROUND_MS,
      everywhere((target) => this.#besiege(target)),
    );
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    for (const socket of this.#sockets) socket.destroy();
    for (const socket of this.#webSockets) socket.terminate();
    this.#agent.destroy();
  }

  #repeat(ms: number, act: () => void): void {
    act();
    this.#timers.push(setInterval(act, ms));
  }

  /** Asks for a hundred full blocks in one question. The answer is read and thrown away. */
  #batch({ rpcPort }: SiegeTarget): void {
    const busy = this.#underWay.get(rpcPort) ?? 0;
    if (busy >= BATCHES_AT_ONCE) return;
    this.#underWay.set(rpcPort, busy + 1);
    const body = batchOf(this.#task.heights);
    const asked = request({
      host: "127.0.0.1",
      port: rpcPort,
      method: "POST",
      path: "/",
      agent: this.#agent,
    });
    asked.setHeader("content-type", "application/json");
    asked.once("response", (response) => {
      this.#tally.add(`batches answered with ${response.statusCode}`);
      response.on("data", (chunk: Uint8Array) => this.#tally.add("bytes of answers", chunk.length));
      response.on("error", () => undefined);
    });
    asked.on("error", () => this.#tally.add("batches cut off"));
    asked.once("close", () => this.#underWay.set(rpcPort, (this.#underWay.get(rpcPort) ?? 1) - 1));
    asked.end(body);
    this.#tally.add("batches of 100 full blocks");
  }

  /** Sockets of each kind, up to their numbers: those that were closed are opened anew. */
  #besiege(target: SiegeTarget): void {
    const { rpcPort: port } = target;
    const body = batchOf(this.#task.heights);
    const head = (length: number) =>
      `POST / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n`;
    this.#fill(port, "slow readers", SLOW_READERS, `${head(body.length)}\r\n${body}`, false);
    const unfinished = `${head(BODY_BYTES)}\r\n${" ".repeat(BODY_BYTES - 1)}`;
    this.#fill(port, "unfinished bodies", UNFINISHED, unfinished, true);
    this.#fill(port, "half headers", HALF_HEADERS, head(10), true);
    for (let i = this.#open(port); i < WEB_SOCKETS; i++) this.#subscribe(port);
  }

  #fill(port: number, kind: string, count: number, bytes: string, reads: boolean): void {
    const label = `${kind} ${port}`;
    for (let i = [...this.#sockets].filter((one) => labels.get(one) === label).length; i < count; i++) {
      const socket = connect(port, "127.0.0.1");
      labels.set(socket, label);
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => this.#sockets.delete(socket));
      if (reads) socket.resume();
      socket.write(bytes);
      this.#tally.add(kind);
    }
  }

  #open(port: number): number {
    return [...this.#webSockets].filter((one) => one.url.includes(`:${port}/`)).length;
  }

  #subscribe(port: number): void {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    this.#webSockets.add(socket);
    this.#tally.add("WebSockets");
    socket.on("error", () => undefined);
    socket.once("close", () => this.#webSockets.delete(socket));
    socket.once("open", () => {
      for (let id = 0; id < SUBSCRIPTIONS; id++) {
        socket.send(call(id, "sub_subscribe", { topic: id % 2 === 0 ? "newHeads" : "consensus" }));
      }
      socket.send(batchOf(this.#task.heights));
      socket.pause();
    });
  }
}

const labels = new WeakMap<Socket, string>();

/** What `<img src="http://127.0.0.1:PORT/chain_getBlock?...">` on a foreign page makes a browser send. */
export class WebPage implements Attacker {
  readonly #task: SiegeTask;
  readonly #tally = new TransferTally();
  readonly #agent = new Agent({ keepAlive: true, maxSockets: PICTURES_AT_ONCE });
  #isStopped = false;

  constructor(task: SiegeTask) {
    this.#task = task;
  }

  get traffic(): SiegeTraffic {
    return this.#tally.counts;
  }

  /** The browser runs on one machine, which is one node's. */
  async start(): Promise<void> {
    const first = must(this.#task.rpc[0], "a task has nodes to attack");
    for (let i = 0; i < PICTURES_AT_ONCE; i++) void this.#load(first, i);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#agent.destroy();
  }

  async #load(target: SiegeTarget, first: number): Promise<void> {
    for (let i = first; !this.#isStopped; i++) {
      const status = await this.#picture(target, this.#task.heights[i % this.#task.heights.length] ?? 1, i);
      this.#tally.add(`pictures answered with ${status ?? "nothing"}`);
      if (status !== 200) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  #picture({ rpcPort }: SiegeTarget, height: number, i: number): Promise<number | undefined> {
    const path = `/chain_getBlock?block=${height}&full=true&_=${i}`;
    const headers = {
      accept: "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
      referer: "http://attacker.example/",
      "sec-fetch-dest": "image",
      "sec-fetch-mode": "no-cors",
      "sec-fetch-site": "cross-site",
    };
    return new Promise((resolve) => {
      const asked = request({ host: "127.0.0.1", port: rpcPort, path, headers, agent: this.#agent });
      asked.once("response", (response) => {
        response.on("data", (chunk: Uint8Array) => this.#tally.add("bytes of answers", chunk.length));
        response.once("close", () => resolve(response.statusCode));
        response.on("error", () => undefined);
      });
      asked.on("error", () => resolve(undefined));
      asked.end();
    });
  }
}

function call(id: number, method: string, params: object): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, params });
}

function batchOf(heights: readonly number[]): string {
  const calls = Array.from({ length: BATCH_CALLS }, (_, id) =>
    call(id, "chain_getBlock", { block: heights[id % heights.length] ?? 1, full: true }),
  );
  return `[${calls.join(",")}]`;
}
