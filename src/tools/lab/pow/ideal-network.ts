/**
 * The network between the replicas of one race, in memory: what is sent arrives in the same instant of virtual time,
 * in order, as the closed forms assume. A replica behind a filter hears only itself. It loses nothing and fakes
 * nothing; the simulator's network (src/tools/sim/simulated-network.ts) is for that.
 */
import type { Network, NetworkHandlers, PeerView, RumorTopic } from "../../../node/ports.ts";
import type { VirtualTime } from "../../sim/time.ts";
import { virtualPeer } from "../../sim/virtual-peer.ts";

/** Who is on the air. */
export class IdealNetwork {
  readonly #time: VirtualTime;
  readonly #endpoints: Endpoint[] = [];

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** @param hearsOnlyItself nothing passes to it or from it */
  endpoint(name: string, hearsOnlyItself: boolean): Endpoint {
    const endpoint = new Endpoint(this, name, hearsOnlyItself);
    this.#endpoints.push(endpoint);
    return endpoint;
  }

  others(self: Endpoint): readonly Endpoint[] {
    if (self.hearsOnlyItself) return [];
    return this.#endpoints.filter((other) => other !== self && other.isOn && !other.hearsOnlyItself);
  }

  soon(run: () => void): void {
    this.#time.after(0, run);
  }
}

/** The network as one replica sees it. */
class Endpoint implements Network {
  readonly peerId: string;
  readonly hearsOnlyItself: boolean;
  /** What its replica reported as provably wrong. */
  readonly faults: string[] = [];
  readonly #network: IdealNetwork;
  #handlers: NetworkHandlers | undefined;

  constructor(network: IdealNetwork, peerId: string, hearsOnlyItself: boolean) {
    this.#network = network;
    this.peerId = peerId;
    this.hearsOnlyItself = hearsOnlyItself;
  }

  get isOn(): boolean {
    return this.#handlers !== undefined;
  }

  async start(handlers: NetworkHandlers): Promise<void> {
    this.#handlers = handlers;
    for (const other of this.#network.others(this)) {
      other.#handlers?.peerConnected(this.peerId);
      handlers.peerConnected(other.peerId);
    }
  }

  async stop(): Promise<void> {
    this.#handlers = undefined;
  }

  /** There is no direct mail, because nobody votes where blocks are mined. */
  mail(): void {}

  publish(topic: RumorTopic, bytes: Uint8Array): void {
    for (const other of this.#network.others(this)) {
      this.#network.soon(() => void other.#handlers?.rumorReceived(topic, this.peerId, bytes));
    }
  }

  request(peerId: string, question: Uint8Array): Promise<Uint8Array> {
    const other = this.#network.others(this).find((endpoint) => endpoint.peerId === peerId);
    return new Promise((resolve, reject) => {
      if (other === undefined) return reject(new Error(`${peerId} is not connected`));
      this.#network.soon(() => {
        if (other.#handlers === undefined) return reject(new Error(`${peerId} left`));
        other.#handlers.requestReceived(this.peerId, question).then(resolve, reject);
      });
    });
  }

  peers(): readonly PeerView[] {
    return this.#network.others(this).map(({ peerId }) => virtualPeer(peerId, peerId));
  }

  noteHeight(): void {}

  reportFault(peerId: string, detail: string): void {
    this.faults.push(`${peerId}: ${detail}`);
  }
}
