/**
 * Connections on loopback that take as long as distance does: what comes in leaves in its order after a delay, and one of so
 * many segments is lost, which holds up everything behind it for as long as TCP takes to send it again. The sizes and
 * times of sockets are real, the loss is played. Nothing is cut or changed.
 */

import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { must } from "../../base/assert.ts";

export interface LinkQuality {
  /** Milliseconds in each direction. */
  readonly delayMs: number;
  /** The share of segments that are lost, from 0 to 1. */
  readonly loss: number;
}

const SEGMENT_BYTES = 1_448;
/** Linux waits at least so long before it sends a segment again. */
const RETRANSMISSION_MS = 200;
/** What a direction of a connection holds before its sender waits. */
const HELD_BYTES = 1024 * 1024;

/** One direction of a connection: from the one socket to the other. Both allow half-open connections. */
export function slowDown(from: Socket, to: Socket, { delayMs, loss }: LinkQuality): void {
  const way = new SlowWay();
  let held = 0;
  from.on("data", (bytes: Buffer) => {
    const segments = Math.ceil(bytes.length / SEGMENT_BYTES);
    const isLost = Math.random() > (1 - loss) ** segments;
    held += bytes.length;
    if (held > HELD_BYTES) from.pause();
    way.after(delayMs + (isLost ? RETRANSMISSION_MS + 2 * delayMs : 0), () => {
      held -= bytes.length;
      if (held <= HELD_BYTES) from.resume();
      if (!to.destroyed) to.write(bytes);
    });
  });
  from.on("end", () => way.after(delayMs, () => to.end()));
  from.on("error", () => to.destroy());
  from.on("close", () => {
    if (!from.readableEnded) way.after(delayMs, () => to.destroy());
  });
}

/** What happens later, in the order in which it was said: what comes behind a lost segment waits for it. */
class SlowWay {
  readonly #waiting: { readonly atMs: number; readonly what: () => void }[] = [];

  after(ms: number, what: () => void): void {
    this.#waiting.push({ atMs: performance.now() + ms, what });
    if (this.#waiting.length === 1) this.#wait();
  }

  #wait(): void {
    const next = this.#waiting[0];
    if (next !== undefined) setTimeout(() => this.#pass(), Math.ceil(next.atMs - performance.now()));
  }

  #pass(): void {
    while (this.#waiting.length > 0 && must(this.#waiting[0], "one waits").atMs <= performance.now())
      this.#waiting.shift()?.what();
    this.#wait();
  }
}

/** For each of some ports on loopback one by which it is reached slowly. */
export class SlowLinks {
  readonly #servers: readonly Server[];
  readonly #sockets = new Set<Socket>();

  private constructor(servers: readonly Server[]) {
    this.#servers = servers;
  }

  static async open(ports: readonly number[], quality: LinkQuality): Promise<SlowLinks> {
    const servers = ports.map((port) =>
      createServer({ allowHalfOpen: true }, (from) => {
        const to = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
        for (const socket of [from, to]) links.#keep(socket);
        slowDown(from, to, quality);
        slowDown(to, from, quality);
      }),
    );
    const links = new SlowLinks(servers);
    await Promise.all(
      servers.map((server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
    );
    return links;
  }

  /** The slow ports, in the order of those given. */
  get ports(): readonly number[] {
    return this.#servers.map((server) => (server.address() as AddressInfo).port);
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }
}
