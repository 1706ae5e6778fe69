/**
 * The network port in memory: four or more replicas in one process on virtual time. Links can be cut; everything
 * else arrives after a fixed delay, in order. Rumors reach every connected node once per publisher.
 */
import type { Scheduler } from "../../src/base/scheduler.ts";
import type { Network, NetworkHandlers, PeerView, RumorTopic } from "../../src/node/ports.ts";

const DELAY_MS = 5;

/** Who is on the air. */
export class Ether {
  readonly scheduler: Pick<Scheduler, "after">;
  readonly nodes = new Map<number, MemoryNetwork>();
  /** Bytes and messages of direct mail, for counting costs. */
  readonly mailed = { messages: 0, bytes: 0 };
  /** Packets of direct mail by their kind. */
  readonly kinds = new Map<number, number>();
  /** While it is true no rumor of transactions arrives anywhere. */
  losesTransactions = false;
  /** Replicas whose program reads no compact proposals. */
  readonly older = new Set<number>();
  readonly #delayMs: number;
  #cut = new Set<string>();

  constructor(scheduler: Pick<Scheduler, "after">, delayMs = DELAY_MS) {
    this.scheduler = scheduler;
    this.#delayMs = delayMs;
  }

  /** Cuts every link between `group` and the others; an empty group heals. */
  partition(group: readonly number[]): void {
    this.#cut = new Set();
    for (const inside of group) {
      for (const outside of this.nodes.keys())
        if (!group.includes(outside)) this.#cut.add(link(inside, outside));
    }
  }

  connected(a: number, b: number): boolean {
    return this.nodes.has(a) && this.nodes.has(b) && !this.#cut.has(link(a, b));
  }

  deliver(from: number, to: number, receive: (node: MemoryNetwork) => void): void {
    this.scheduler.after(this.#delayMs, () => {
      const node = this.nodes.get(to);
      if (node !== undefined && this.connected(from, to)) receive(node);
    });
  }
}

function link(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}

export class MemoryNetwork implements Network {
  readonly peerId: string;
  readonly counters = { faults: [] as string[] };
  readonly #index: number;
  readonly #ether: Ether;
  #handlers: NetworkHandlers | undefined;

  constructor(index: number, ether: Ether) {
    this.peerId = `peer${index}`;
    this.#index = index;
    this.#ether = ether;
  }

  async start(handlers: NetworkHandlers): Promise<void> {
    this.#handlers = handlers;
    this.#ether.nodes.set(this.#index, this);
    for (const other of this.#others()) {
      this.#ether.nodes.get(other)!.#handlers?.peerConnected(this.peerId);
      handlers.peerConnected(`peer${other}`);
    }
  }

  async stop(): Promise<void> {
    this.#handlers = undefined;
    this.#ether.nodes.delete(this.#index);
  }

  mail(to: number, bytes: Uint8Array): void {
    this.#ether.mailed.messages++;
    this.#ether.mailed.bytes += bytes.length;
    this.#ether.kinds.set(bytes[0] ?? 0, (this.#ether.kinds.get(bytes[0] ?? 0) ?? 0) + 1);
    this.#ether.deliver(this.#index, to, (node) =>
      node.#handlers?.mailReceived(this.peerId, this.#index, bytes),
    );
  }

  readsCompact(to: number): boolean {
    return this.#ether.connected(this.#index, to) && !this.#ether.older.has(to);
  }

  publish(topic: RumorTopic, bytes: Uint8Array): void {
    if (topic === "transactions" && this.#ether.losesTransactions) return;
    for (const to of this.#others()) {
      this.#ether.deliver(
        this.#index,
        to,
        (node) => void node.#handlers?.rumorReceived(topic, this.peerId, bytes),
      );
    }
  }

  request(peerId: string, bytes: Uint8Array): Promise<Uint8Array> {
    const to = Number(peerId.slice(4));
    return new Promise((resolve, reject) => {
      if (!this.#ether.connected(this.#index, to)) return reject(new Error("not connected"));
      this.#ether.deliver(this.#index, to, (node) => {
        node.#handlers?.requestReceived(this.peerId, bytes).then(resolve, reject);
      });
    });
  }

  peers(): readonly PeerView[] {
    return this.#others().map((other) => ({
      peerId: `peer${other}`,
      name: `node${other}`,
      address: "memory",
      direction: "outbound",
      validator: other,
      connectedAtMs: 0,
      latencyMs: DELAY_MS,
      bytesIn: 0,
      bytesOut: 0,
      height: undefined,
    }));
  }

  noteHeight(): void {}

  reportFault(peerId: string, detail: string): void {
    this.counters.faults.push(`${peerId}: ${detail}`);
  }

  #others(): number[] {
    return [...this.#ether.nodes.keys()].filter((other) => this.#ether.connected(this.#index, other));
  }
}
