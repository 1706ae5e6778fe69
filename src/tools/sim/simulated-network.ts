/**
 * The network of a run: the port node/ports.ts between nodes of one process. Each message takes its own time, may be
 * lost, doubled or held back, as the schedule's faults say, until GST; from then on every message arrives within a
 * bound. Each link draws from a stream of its own. Connections outlive partitions, as TCP's do; a crash ends them.
 */
import type { Address } from "../../base/bytes.ts";
import type { ValidatorId } from "../../consensus/engine.ts";
import type { Network, NetworkHandlers, PeerView, RumorTopic } from "../../node/ports.ts";
import type { Seat } from "../../node/votes/seats.ts";
import { isMeant, type LoadedMessage } from "./message-faults.ts";
import { newNetworkCounts } from "./network-counts.ts";
import type { Observer } from "./observer.ts";
import { never, type Power } from "./power.ts";
import type { Random } from "./random.ts";
import type { NetworkFault, NetworkTiming, NodeId } from "./schedule.ts";
import { seatsOf } from "./sim-seats.ts";
import type { Processor } from "./simulated-processor.ts";
import type { VirtualTime } from "./time.ts";
import type { Trace } from "./trace.ts";
import { nodeOf, peerIdOf, virtualPeer } from "./virtual-peer.ts";

export interface VirtualNetworkOptions {
  readonly timing: NetworkTiming;
  readonly gstMs: number;
  /** Which validator each node is. A full node is undefined, and twins share one. */
  readonly validators: readonly (ValidatorId | undefined)[];
  /** Their keys, where the members change and a replica's seats are not these numbers. */
  readonly keys?: readonly Address[];
  /** Whether what peers tell of their heads is kept, as p2p does. */
  readonly keepsHeights?: boolean | undefined;
  /** Whether all of them read compact proposals. */
  readonly readsCompact?: boolean | undefined;
}

export interface NetworkPorts {
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly random: Random;
  readonly emit: Required<Observer>;
  /** A handler rejected: no replica may do that. */
  readonly broken: (error: unknown) => void;
}

interface Link {
  readonly random: Random;
}

export class SimNetwork {
  readonly counts = newNetworkCounts();
  readonly ports: NetworkPorts;
  readonly #options: VirtualNetworkOptions;
  readonly #nodes = new Map<NodeId, SimPort>();
  readonly #links = new Map<number, Link>();
  readonly #addressees: readonly (readonly NodeId[])[];
  #active: readonly NetworkFault[] = [];
  /** Cuts by hand, which are between nodes of different groups. Undefined when there are none. */
  #groups: readonly (readonly NodeId[])[] | undefined;

  constructor(options: VirtualNetworkOptions, ports: NetworkPorts) {
    this.#options = options;
    this.ports = ports;
    const count = Math.max(-1, ...options.validators.map((validator) => validator ?? -1)) + 1;
    this.#addressees = Array.from({ length: count }, (_, validator) =>
      [...options.validators.keys()].filter((node) => options.validators[node] === validator),
    );
  }

  /** The faults that come and go by themselves. */
  schedule(faults: readonly NetworkFault[]): void {
    const { time, emit } = this.ports;
    for (const fault of faults) {
      time.at(fault.atMs, () => {
        this.#active = [...this.#active, fault];
        emit.injected(fault.kind);
      });
      time.at(fault.untilMs, () => {
        this.#active = this.#active.filter((other) => other !== fault);
      });
    }
  }

  /** Nothing passes between different groups from now on; a node in no group is alone. */
  partition(groups: readonly (readonly NodeId[])[]): void {
    this.#groups = groups;
  }

  heal(): void {
    this.#groups = undefined;
    this.#active = [];
  }

  /** @param processor takes in what arrives; without one it happens at once */
  port(node: NodeId, power: Power, processor?: Processor): SimPort {
    return new SimPort(node, this, power, processor);
  }

  /** The nodes that run a validator. */
  nodesOf(validator: ValidatorId): readonly NodeId[] {
    return this.#addressees[validator] ?? [];
  }

  validatorOf(node: NodeId): ValidatorId | undefined {
    return this.#options.validators[node];
  }

  get readsCompact(): boolean {
    return this.#options.readsCompact === true;
  }

  get keepsHeights(): boolean {
    return this.#options.keepsHeights === true;
  }

  /** Who sits where at a replica that knows these keys. */
  seatsOf(keys: readonly Address[]): readonly (ValidatorId | undefined)[] | undefined {
    const known = this.#options.keys;
    return known && seatsOf(known, keys);
  }

  join(port: SimPort, connected: (other: SimPort) => void): void {
    const others = [...this.#nodes.values()];
    this.#nodes.set(port.node, port);
    for (const other of others) {
      other.peerConnected(port.peerId);
      connected(other);
    }
  }

  leave(node: NodeId): void {
    const port = this.#nodes.get(node);
    if (port === undefined) return;
    this.#nodes.delete(node);
    for (const other of this.#nodes.values()) other.peerDisconnected(port.peerId);
  }

  get nodes(): ReadonlyMap<NodeId, SimPort> {
    return this.#nodes;
  }

  /** Carries something from node to node, or not. `load`: what it is, if a fault may be about that. */
  carry(from: NodeId, to: NodeId, arrive: (port: SimPort) => unknown, load?: LoadedMessage): void {
    const { time, trace } = this.ports;
    const { random } = this.#link(from, to);
    const cut = this.#cutUntil(from, to, load);
    if (cut === Number.POSITIVE_INFINITY || (cut === undefined && this.#loses(random))) {
      this.counts[cut === undefined ? "lost" : "cut"]++;
      trace.note("lost", time.nowMs, from, to);
      return;
    }
    if (cut !== undefined) this.counts.held++;
    // What is said leaves when the computing that led to it is done.
    const earliest = Math.max(cut ?? time.nowMs, this.#nodes.get(from)?.processor?.freeAtMs ?? 0);
    const copies = this.#doubles(random) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      time.at(this.#arrival(earliest, from, random), () => {
        const port = this.#nodes.get(to);
        if (port === undefined) return;
        this.counts.delivered++;
        if (port.processor === undefined) arrive(port);
        else port.processor.receive(from, sizeOf(load), () => this.#nodes.get(to) === port && arrive(port));
      });
    }
  }

  #link(from: NodeId, to: NodeId): Link {
    const key = from * 1_000 + to;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = { random: this.ports.random.split(`${from}-${to}`) };
      this.#links.set(key, link);
    }
    return link;
  }

  /** When what leaves at `earliest` is there: before GST as it likes, yet never later than a bound after GST. */
  #arrival(earliest: number, from: NodeId, random: Random): number {
    const { timing, gstMs } = this.#options;
    const { delayMsMin, delayMsMax, tail, tailMs, stepMs, settledDelayMsMax } = timing;
    let delayMs = delayMsMin + random.fraction() * (delayMsMax - delayMsMin);
    const settled = earliest >= gstMs;
    if (!settled && random.chance(tail)) {
      delayMs += random.fraction() * tailMs;
      this.counts.late++;
    }
    for (const fault of this.#active) {
      if (fault.kind === "slow-links" && fault.nodes.includes(from))
        delayMs += random.fraction() * fault.extraMs;
    }
    if (settled) delayMs = Math.min(delayMs, settledDelayMsMax);
    const atMs = Math.ceil((earliest + delayMs) / stepMs) * stepMs;
    return Math.min(atMs, Math.max(earliest, gstMs) + settledDelayMsMax);
  }

  #loses(random: Random): boolean {
    return this.#active.some((fault) => fault.kind === "loss" && random.chance(fault.probability));
  }

  #doubles(random: Random): boolean {
    const doubles = this.#active.some(
      (fault) => fault.kind === "duplicate" && random.chance(fault.probability),
    );
    if (doubles) this.counts.doubled++;
    return doubles;
  }

  /**
   * Until when the link is cut and the message held, ms. Undefined when nothing cuts it, and Infinity when
   * the message is lost.
   */
  #cutUntil(from: NodeId, to: NodeId, load: LoadedMessage | undefined): number | undefined {
    if (this.#groups !== undefined && areApart(this.#groups, from, to)) return Number.POSITIVE_INFINITY;
    let until: number | undefined;
    for (const fault of this.#active) {
      if (!this.#cuts(fault, from, to, load)) continue;
      const end = "hold" in fault && fault.hold ? fault.untilMs : Number.POSITIVE_INFINITY;
      until = Math.max(until ?? 0, end);
    }
    return until;
  }

  #cuts(fault: NetworkFault, from: NodeId, to: NodeId, load: LoadedMessage | undefined): boolean {
    switch (fault.kind) {
      case "partition":
        return areApart(fault.groups, from, to);
      case "one-way":
        return fault.from.includes(from) && fault.to.includes(to);
      case "letters":
        return fault.from.includes(from) && fault.to.includes(to) && isMeant(fault, load);
      case "flapping": {
        const phase = Math.floor((this.ports.time.nowMs - fault.atMs) / (fault.periodMs / 2));
        return phase % 2 === 0 && areApart(fault.groups, from, to);
      }
      default:
        return false;
    }
  }
}

function sizeOf(load: LoadedMessage | undefined): number {
  return load instanceof Uint8Array ? load.length : 0;
}

function areApart(groups: readonly (readonly NodeId[])[], a: NodeId, b: NodeId): boolean {
  return !groups.some((group) => group.includes(a) && group.includes(b));
}

/** The network as one node sees it, in one of its lives. */
export class SimPort implements Network {
  readonly peerId: string;
  readonly node: NodeId;
  /** What it reported as provably wrong. */
  readonly faults: string[] = [];
  readonly processor: Processor | undefined;
  readonly #heights = new Map<string, bigint>();
  readonly #network: SimNetwork;
  readonly #power: Power;
  #handlers: NetworkHandlers | undefined;
  /** The validators by seat. Undefined where seats are validators. */
  #seats: readonly (ValidatorId | undefined)[] | undefined;

  constructor(node: NodeId, network: SimNetwork, power: Power, processor?: Processor) {
    this.processor = processor;
    this.peerId = peerIdOf(node);
    this.node = node;
    this.#network = network;
    this.#power = power;
  }

  async start(handlers: NetworkHandlers): Promise<void> {
    this.#handlers = handlers;
    this.#network.join(this, (other) => handlers.peerConnected(other.peerId));
  }

  async stop(): Promise<void> {
    this.#handlers = undefined;
    if (this.#network.nodes.get(this.node) === this) this.#network.leave(this.node);
  }

  seat(keys: readonly Address[]): void {
    this.#seats = this.#network.seatsOf(keys);
  }

  mail(seat: Seat, packet: Uint8Array): void {
    if (!this.#power.act()) return;
    const to = this.#seats === undefined ? seat : this.#seats[seat];
    if (to === undefined) return;
    const { counts, ports } = this.#network;
    ports.emit.sent(this.node, to, packet);
    ports.trace.note("sent", ports.time.nowMs, this.node, to, packet);
    const author = this.#network.validatorOf(this.node);
    if (author === undefined) return;
    for (const node of this.#network.nodesOf(to)) {
      if (node === this.node) continue;
      counts.mails++;
      counts.mailBytes += packet.length;
      const arrive = (port: SimPort) => port.#receiveMail(this.node, author, packet);
      this.#network.carry(this.node, node, arrive, packet);
    }
  }

  readsCompact(): boolean {
    return this.#network.readsCompact;
  }

  publish(topic: RumorTopic, bytes: Uint8Array): void {
    if (!this.#power.act()) return;
    const { counts, ports } = this.#network;
    ports.emit.published(this.node, topic, bytes);
    ports.trace.note("published", ports.time.nowMs, this.node, undefined, bytes);
    for (const node of this.#others()) {
      counts.rumors++;
      const arrive = (port: SimPort) => {
        ports.trace.note("delivered", ports.time.nowMs, node, this.node);
        port.#handlers?.rumorReceived(topic, this.peerId, bytes).catch(ports.broken);
      };
      this.#network.carry(this.node, node, arrive, topic === "blocks" ? "announcement" : undefined);
    }
  }

  /** A lost question or answer is never answered: the caller has a deadline of its own. */
  request(peerId: string, question: Uint8Array): Promise<Uint8Array> {
    if (!this.#power.act()) return never();
    const { counts, ports } = this.#network;
    counts.requests++;
    const to = nodeOf(peerId);
    ports.trace.note("asked", ports.time.nowMs, this.node, to, question);
    if (!this.#network.nodes.has(to)) return Promise.reject(new Error(`${peerId} is not connected`));
    return new Promise((resolve, reject) => {
      const arrive = (port: SimPort) => port.#answer(this, question, resolve, reject);
      this.#network.carry(this.node, to, arrive, "request");
    });
  }

  peers(): readonly PeerView[] {
    return this.#others().map((node) => {
      const peerId = peerIdOf(node);
      const seat = this.#seatOf(this.#network.validatorOf(node));
      return { ...virtualPeer(peerId, `node${node}`, seat), height: this.#heights.get(peerId) };
    });
  }

  noteHeight(peerId: string, height: bigint): void {
    if (this.#network.keepsHeights) this.#heights.set(peerId, height);
  }

  reportFault(peerId: string, detail: string): void {
    this.faults.push(`${peerId}: ${detail}`);
  }

  peerConnected(peerId: string): void {
    this.#handlers?.peerConnected(peerId);
  }

  peerDisconnected(peerId: string): void {
    this.#handlers?.peerDisconnected(peerId);
  }

  #receiveMail(from: NodeId, author: ValidatorId, packet: Uint8Array): unknown {
    const { ports } = this.#network;
    ports.trace.note("delivered", ports.time.nowMs, this.node, from);
    ports.emit.delivered(this.node, from, packet);
    const seat = this.#seatOf(author);
    return seat === undefined ? undefined : this.#handlers?.mailReceived(peerIdOf(from), seat, packet);
  }

  #seatOf(validator: ValidatorId | undefined): Seat | undefined {
    if (this.#seats === undefined || validator === undefined) return validator;
    const seat = this.#seats.indexOf(validator);
    return seat < 0 ? undefined : seat;
  }

  #answer(
    asker: SimPort,
    question: Uint8Array,
    resolve: (answer: Uint8Array) => void,
    reject: (error: Error) => void,
  ): void {
    if (this.#handlers === undefined) return;
    const back = (deliver: () => void) => {
      if (!this.#power.act()) return;
      const arrive = (port: SimPort) => {
        if (port === asker) deliver(); // not to a later life of it
      };
      this.#network.carry(this.node, asker.node, arrive, "request");
    };
    this.#handlers.requestReceived(asker.peerId, question).then(
      (answer) => back(() => resolve(answer)),
      () => back(() => reject(new Error("refused"))),
    );
  }

  #others(): NodeId[] {
    return [...this.#network.nodes.keys()].filter((node) => node !== this.node);
  }
}
