/**
 * A node of a test at a real port: the shipped RPC server over the replica of each of its lives, always at the same
 * port. While it is open virtual time passes at the pace of real time, so that clients that wait, subscribe or time
 * out meet what they would meet in a network. Nothing listens while the node is down.
 */
import { must } from "../base/assert.ts";
import { SILENT } from "../base/log.ts";
import type { Scheduler } from "../base/scheduler.ts";
import { RpcServer } from "../rpc/server/server.ts";
import type { NodeRpc } from "./node-rpc.ts";

export interface ServedNodePorts {
  readonly clock: Scheduler;
  /** Undefined while the node is down. In its next life it is another one. */
  readonly rpc: () => NodeRpc | undefined;
  /** Lets virtual time pass. */
  readonly pass: (ms: number) => Promise<void>;
  /** The node, or the port, failed. */
  readonly failed: (error: unknown) => void;
}

/** Real milliseconds after which virtual time follows. */
const TICK_MS = 2;
/** Virtual time that passes at once, ms: a process that was stopped for an hour does not compute an hour. */
const STEP_MS_MAX = 1_000;

export class ServedNode {
  readonly #ports: ServedNodePorts;
  #port = 0;
  #server: { readonly rpc: NodeRpc; readonly server: RpcServer } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(ports: ServedNodePorts) {
    this.#ports = ports;
  }

  /** @returns its URL @throws RangeError when the node is down, Error when it cannot listen */
  async start(): Promise<string> {
    if (this.#ports.rpc() === undefined) throw new RangeError("the node is down: start it, then serve it");
    await this.#follow();
    const { server } = must(this.#server, "following a node that is up serves it");
    this.#port = server.port;
    this.#tickAfter(performance.now());
    return server.url;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#timer);
    await this.#ticking;
    await this.#server?.server.stop();
    this.#server = undefined;
  }

  #tickAfter(sinceMs: number): void {
    if (this.#isOver) return;
    this.#timer = setTimeout(() => {
      const nowMs = performance.now();
      this.#ticking = this.#tick(Math.min(STEP_MS_MAX, nowMs - sinceMs)).then(
        () => this.#tickAfter(nowMs),
        (error: unknown) => this.#ports.failed(error),
      );
    }, TICK_MS);
  }

  async #tick(ms: number): Promise<void> {
    await this.#ports.pass(ms);
    await this.#follow();
  }

  /** The server of a life ends with it. */
  async #follow(): Promise<void> {
    const rpc = this.#ports.rpc();
    if (rpc === this.#server?.rpc) return;
    await this.#server?.server.stop();
    this.#server = undefined;
    if (rpc === undefined) return;
    const server = new RpcServer({ port: this.#port }, this.#serverPorts(rpc));
    await server.start();
    this.#server = { rpc, server };
  }

  #serverPorts({ api }: NodeRpc): ConstructorParameters<typeof RpcServer>[1] {
    const { clock, failed } = this.#ports;
    // Connections live in real time, also when a test lets an hour pass at once.
    const scheduler: Scheduler = {
      now: () => clock.now(),
      after(delayMs, task) {
        const timer = setTimeout(task, delayMs).unref();
        return () => clearTimeout(timer);
      },
    };
    return { api, scheduler, log: SILENT, broken: failed };
  }
}
