/**
 * The TCP connections of the RPC server: how many one client and all have, and which one ends when there are too many.
 * The new one always gets in, so that a probe is answered whatever number of silent connections there is: the oldest
 * on which nothing happens is closed, of the client who has the most.
 */

import type { Duplex } from "node:stream";
import { must } from "../../base/assert.ts";
import { RPC_SOCKETS_MAX } from "../../base/limits.ts";

/** TCP connections of one client, which is an address, or the /64 of an IPv6 address. */
export const RPC_CLIENT_SOCKETS_MAX = 256;
/** Requests of one connection that are in progress (HTTP pipelining). */
export const RPC_PIPELINED_MAX = 16;

export interface OpenConnection {
  readonly socket: Duplex;
  readonly client: string;
  /** How many HTTP requests of it are in progress. */
  requests: number;
  /** Whether somebody waits for something on it, which can be so of a WebSocket. */
  isAwaited: () => boolean;
}

export class Connections {
  /** Connections in the order in which they came. */
  readonly #open = new Map<Duplex, OpenConnection>();
  readonly #counts = new Map<string, number>();

  add(socket: Duplex, client: string): void {
    this.#open.set(socket, { socket, client, requests: 0, isAwaited: () => false });
    this.#count(client, 1);
    socket.once("close", () => {
      if (this.#open.delete(socket)) this.#count(client, -1);
    });
    if ((this.#counts.get(client) ?? 0) > RPC_CLIENT_SOCKETS_MAX) this.#closeOneOf(client);
    else if (this.#open.size > RPC_SOCKETS_MAX) this.#closeOneOf(this.#largest());
  }

  of(socket: Duplex): OpenConnection | undefined {
    return this.#open.get(socket);
  }

  get size(): number {
    return this.#open.size;
  }

  #closeOneOf(client: string): void {
    const own = [...this.#open.values()].filter((connection) => connection.client === client);
    const least =
      own.find(({ requests, isAwaited }) => requests === 0 && !isAwaited()) ??
      must(own[0], "a client at its bound has a connection");
    this.#open.delete(least.socket);
    this.#count(client, -1);
    least.socket.destroy();
  }

  #largest(): string {
    return [...this.#counts].reduce((most, entry) => (entry[1] > most[1] ? entry : most))[0];
  }

  #count(client: string, difference: 1 | -1): void {
    const count = (this.#counts.get(client) ?? 0) + difference;
    if (count === 0) this.#counts.delete(client);
    else this.#counts.set(client, count);
  }
}
