/**
 * The network of validators that share a process: queues, each message in a turn of the loop of its own. Transactions are
 * gathered and encoded as gossip has them (p2p/gossip/rumor.ts). Nothing is lost but what is under way to a validator that
 * has stopped; nobody is asked for anything.
 */
import type { Network, NetworkHandlers } from "../../node/ports.ts";
import { decodeTransactionBatch, encodeTransactionBatch } from "../../p2p/transport/wire.ts";

/** How long gossip gathers them at most, and how many of transfers' size. */
const GATHER_MS = 5;
const GATHERED_MAX = 200;

export class QueueNetworks {
  readonly #handlers: (NetworkHandlers | undefined)[] = [];

  /** The port of validator `self`. */
  port(self: number): Network {
    const gathering = new Gathering((batch) => this.#spread(self, batch));
    return {
      peerId: `${self}`,
      start: async (handlers) => {
        this.#handlers[self] = handlers;
      },
      stop: async () => {
        gathering.stop();
        this.#handlers[self] = undefined;
      },
      mail: (to, bytes) =>
        void setImmediate(
          () => void this.#handlers[to]?.mailReceived(`${self}`, self, new Uint8Array(bytes)),
        ),
      readsCompact: () => true,
      publish: (topic, bytes) => {
        if (topic === "transactions") gathering.add(bytes);
        else this.#others(self, (to) => void to.rumorReceived(topic, `${self}`, new Uint8Array(bytes)));
      },
      request: () => Promise.reject(new Error("nobody is asked here")),
      peers: () => [],
      noteHeight: () => undefined,
      reportFault: () => undefined,
    };
  }

  #spread(self: number, batch: Uint8Array): void {
    this.#others(self, (to) => {
      const decoded = decodeTransactionBatch(batch);
      if (!decoded.ok) throw new Error(decoded.fault.detail);
      const envelopes = decoded.value.map((envelope) => new Uint8Array(envelope));
      to.transactionsReceived?.([{ peerId: `${self}`, envelopes }]);
    });
  }

  #others(self: number, deliver: (to: NetworkHandlers) => void): void {
    for (const node of this.#handlers.keys()) {
      if (node !== self) setImmediate(() => this.#deliver(node, deliver));
    }
  }

  /** Delivers to a validator that runs at that moment. */
  #deliver(node: number, deliver: (to: NetworkHandlers) => void): void {
    const handlers = this.#handlers[node];
    if (handlers !== undefined) deliver(handlers);
  }
}

class Gathering {
  readonly #send: (batch: Uint8Array) => void;
  #gathered: Uint8Array[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (batch: Uint8Array) => void) {
    this.#send = send;
  }

  add(envelope: Uint8Array): void {
    if (this.#gathered.length === GATHERED_MAX) this.#flush();
    this.#gathered.push(envelope);
    this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#gathered = [];
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const gathered = this.#gathered;
    this.#gathered = [];
    this.#send(encodeTransactionBatch(gathered));
  }
}
