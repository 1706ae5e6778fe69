/**
 * The network between the replicas of one race, in memory: what is sent arrives in the same instant of virtual time,
 * in order, as the closed forms assume. A replica behind a filter hears only itself. It loses nothing and fakes
 * nothing; the simulator's network (src/sim/network.ts) is for that.
 */
import type { Network, NetworkHandlers, PeerView, Topic } from "../node/ports.ts";
import type { VirtualTime } from "../sim/time.ts";
import { virtualPeer } from "../sim/virtualpeer.ts";

/** Who is on the air. */
export class Air {
  readonly #time: VirtualTime;
  readonly #stations: Station[] = [];

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** @param hearsOnlyItself nothing passes to it or from it */
  station(name: string, hearsOnlyItself: boolean): Station {
    const station = new Station(this, name, hearsOnlyItself);
    this.#stations.push(station);
    return station;
  }

  others(self: Station): readonly Station[] {
    if (self.hearsOnlyItself) return [];
    return this.#stations.filter((other) => other !== self && other.isOn && !other.hearsOnlyItself);
  }

  soon(run: () => void): void {
    this.#time.after(0, run);
  }
}

/** The network as one replica sees it. */
export class Station implements Network {
  readonly peerId: string;
  readonly hearsOnlyItself: boolean;
  /** What its replica reported as provably wrong. */
  readonly faults: string[] = [];
  readonly #air: Air;
  #handlers: NetworkHandlers | undefined;

  constructor(air: Air, peerId: string, hearsOnlyItself: boolean) {
    this.#air = air;
    this.peerId = peerId;
    this.hearsOnlyItself = hearsOnlyItself;
  }

  get isOn(): boolean {
    return this.#handlers !== undefined;
  }

  async start(handlers: NetworkHandlers): Promise<void> {
    this.#handlers = handlers;
    for (const other of this.#air.others(this)) {
      other.#handlers?.peerConnected(this.peerId);
      handlers.peerConnected(other.peerId);
    }
  }

  async stop(): Promise<void> {
    this.#handlers = undefined;
  }

  /** Where blocks are mined nobody votes, so there is no direct mail. */
  mail(): void {}

  publish(topic: Topic, bytes: Uint8Array): void {
    for (const other of this.#air.others(this)) {
      this.#air.soon(() => void other.#handlers?.rumorReceived(topic, this.peerId, bytes));
    }
  }

  request(peerId: string, question: Uint8Array): Promise<Uint8Array> {
    const other = this.#air.others(this).find((station) => station.peerId === peerId);
    return new Promise((resolve, reject) => {
      if (other === undefined) return reject(new Error(`${peerId} is not connected`));
      this.#air.soon(() => {
        if (other.#handlers === undefined) return reject(new Error(`${peerId} left`));
        other.#handlers.requestReceived(this.peerId, question).then(resolve, reject);
      });
    });
  }

  peers(): readonly PeerView[] {
    return this.#air.others(this).map(({ peerId }) => virtualPeer(peerId, peerId));
  }

  noteHeight(): void {}

  reportFault(peerId: string, detail: string): void {
    this.faults.push(`${peerId}: ${detail}`);
  }
}
