/**
 * A network that runs: puts host, handshake, mail, rumor, requests, clocks, redial and discovery together, and tells
 * each of them what happens to peers. It lives from one start of network.ts to the next stop, and all its parts with
 * it, so that none of them is ever missing; each part bears to be called when it has stopped.
 */
import { must } from "../base/assert.ts";
import { Clocks } from "./clocks.ts";
import { isAddressQuestion } from "./discovery/address-wire.ts";
import { Discovery } from "./discovery/discovery.ts";
import { IDONTWANT_BYTES_MIN } from "./gossip/delayed-forwards.ts";
import { GOSSIP_PAUSE_MS, GossipBudgets } from "./gossip/gossip-budget.ts";
import { guardGossip } from "./gossip/gossip-guard.ts";
import { type GossipTopic, Rumor, TOPICS, topicName } from "./gossip/rumor.ts";
import type { P2pDependencies, P2pHandlers, P2pOptions, ProtocolParts } from "./network-ports.ts";
import type { NetworkState } from "./network-state.ts";
import { helloMaker } from "./own-hello.ts";
import { type P2pPeer, viewOf } from "./peer-info.ts";
import { createGater, type NewConnection } from "./transport/handshake.ts";
import {
  closePeer,
  connectionsOf,
  createHost,
  dialPeer,
  type Host,
  inboundPeers,
  startHost,
} from "./transport/host.ts";
import { identityFromSeed } from "./transport/identity.ts";
import { Mail } from "./transport/mail.ts";
import { Redial, type StaticPeer } from "./transport/redial.ts";
import { Requests } from "./transport/requests.ts";
import { type Session, Sessions } from "./transport/sessions.ts";
import { readsCompactProposals } from "./transport/wire.ts";

export interface NetworkSetup {
  readonly options: P2pOptions;
  readonly dependencies: P2pDependencies;
  readonly state: NetworkState;
  readonly handlers: P2pHandlers;
  /** Called when libp2p threw where nobody catches. */
  readonly libraryFailed: (error: Error) => void;
}

export class RunningNetwork {
  /** How strangers are found and kept out, or undefined where only known peers connect. */
  readonly discovery: Discovery | undefined;
  readonly #setup: NetworkSetup;
  readonly #host: Host;
  readonly #sessions: Sessions;
  readonly #mail: Mail;
  readonly #rumor: Rumor;
  readonly #requests: Requests;
  readonly #clocks: Clocks;
  readonly #redial: Redial;

  /** Puts everything together; nothing is listened on or dialled before {@link start}. */
  static async open(setup: NetworkSetup): Promise<RunningNetwork> {
    // Nobody connects before the start: by then both exist.
    const host: Host = await createHost(
      hostOptions(setup, {
        connectionsOf: (peerId) => connectionsOf(host, peerId),
        refuseStranger: (stranger) => running.discovery?.refuses(stranger),
      }),
    );
    const running: RunningNetwork = new RunningNetwork(setup, host);
    await running.#sessions.start();
    await running.#mail.start();
    await running.#requests.start();
    await running.#clocks.start();
    return running;
  }

  private constructor(setup: NetworkSetup, host: Host) {
    this.#setup = setup;
    this.#host = host;
    this.#sessions = this.#createSessions();
    this.#redial = this.#createRedial();
    const { dependencies, state, handlers } = setup;
    const { scheduler, logger } = dependencies;
    const shared = { host, sessions: this.#sessions, scheduler, logger, meter: state.meter };
    const budgets = new GossipBudgets();
    const topics = new Map(TOPICS.map((topic) => [topicName(setup.options.genesisHash, topic), topic]));
    guardGossip(host.services.gossip, {
      ...shared,
      budgets,
      sendAway: (peerId) => this.#sendAway(peerId),
      topicOf: (name) => topics.get(name),
      isMember: (peerId) => this.#isMember(peerId),
    });
    this.#requests = new Requests({
      ...shared,
      requestReceived: (peerId, bytes) => this.#answer(peerId, bytes),
    });
    this.#clocks = new Clocks(shared);
    this.discovery = this.#createDiscovery();
    this.#mail = new Mail({ ...shared, handlers });
    this.#rumor = this.#createRumor(shared, budgets);
  }

  get addresses(): readonly string[] {
    return this.#host.getMultiaddrs().map(String);
  }

  /** @throws Error with advice when the address cannot be listened on. */
  async start(): Promise<void> {
    const { options, dependencies, state } = this.#setup;
    await startHost(this.#host, options.listen);
    this.#rumor.start();
    this.#redial.hold(state.blocked);
    this.#redial.start();
    this.discovery?.start();
    dependencies.logger.log("info", "p2p", "listening", { address: this.addresses.join(" ") });
  }

  async stop(): Promise<void> {
    await this.discovery?.stop();
    this.#redial.stop();
    this.#clocks.stop();
    this.#rumor.stop();
    this.#mail.stop();
    await this.#host.stop();
    this.#sessions.stop();
    this.#setup.state.notes.clear();
  }

  mail(to: number, bytes: Uint8Array): void {
    this.#mail.post(to, bytes);
  }

  /** Transactions that came by gossip and are not judged yet. */
  get unjudged(): number {
    return this.#rumor.unjudged;
  }

  /** Whether a validator is connected whose program reads compact proposals. */
  readsCompact(validator: number): boolean {
    const hello = this.#sessions.findValidator(validator)?.admitted?.hello;
    return hello !== undefined && readsCompactProposals(hello);
  }

  /** The validators have changed: what waited for those who sit now leaves. */
  reseat(): void {
    for (const validator of this.#sessions.reseat()) this.#mail.validatorConnected(validator);
  }

  /** Cuts off who is not on the allowlist any more. */
  dropUnadmitted(): void {
    const { allowed } = this.#setup.state;
    for (const connection of this.#host.getConnections()) {
      if (allowed.has(connection.remotePeer.toString())) continue;
      connection.abort(new Error("not admitted any more"));
    }
  }

  /** Dials these and no others. */
  usePeers(peers: readonly StaticPeer[]): void {
    this.#redial.setPeers(peers, this.#setup.state.blocked);
  }

  /** Cuts off who is blocked now, and dials those who no longer are. */
  dropBlocked(): void {
    const { blocked } = this.#setup.state;
    this.#redial.hold(blocked);
    for (const connection of this.#host.getConnections()) {
      if (blocked.has(connection.remotePeer.toString())) connection.abort(new Error("cut off"));
    }
  }

  publish(topic: GossipTopic, bytes: Uint8Array): void {
    this.#rumor.publish(topic, bytes);
  }

  request(peerId: string, bytes: Uint8Array): Promise<Uint8Array> {
    return this.#requests.request(peerId, bytes);
  }

  peers(): readonly P2pPeer[] {
    return this.#sessions.present().map((session) => this.#view(session));
  }

  #createSessions(): Sessions {
    const { options, dependencies, state } = this.#setup;
    const { genesisHash, chainId } = options;
    return new Sessions(
      { genesisHash, chainId, validators: () => state.validators },
      {
        host: this.#host,
        scheduler: dependencies.scheduler,
        logger: dependencies.logger,
        meter: state.meter,
        ownHello: helloMaker(options, state.peerId, dependencies),
        events: {
          peerConnected: (session) => this.#connected(session),
          peerDisconnected: (peerId) => this.#disconnected(peerId),
          peerHungUp: (peerId) => state.troubles.hungUp(peerId),
          peerRefused: (peerId, detail) => {
            state.troubles.refused(peerId, detail);
            this.#redial.refused(peerId);
            this.discovery?.refused(peerId);
          },
        },
      },
    );
  }

  #createRedial(): Redial {
    const { options, dependencies, state } = this.#setup;
    const { scheduler, logger, jitter } = dependencies;
    return new Redial(
      { selfId: state.peerId, peers: options.staticPeers },
      {
        scheduler,
        logger,
        jitter,
        dial: (peer) => dialPeer(this.#host, peer),
        isPresent: (peerId) => this.#sessions.find(peerId) !== undefined,
        dialFailed: (peerId, error) => {
          state.troubles.dialFailed(peerId, error);
          state.meter.counters.dialFailures++;
        },
      },
    );
  }

  #createRumor(shared: ProtocolParts, budgets: GossipBudgets): Rumor {
    const { options, handlers } = this.#setup;
    return new Rumor(options.genesisHash, {
      ...shared,
      budgets,
      judged: (peerId, relay) => {
        if (relay === "reject") this.discovery?.fault(peerId, "rumor");
      },
      transactionsReceived: handlers.transactionsReceived?.bind(handlers),
      transactionsAhead: handlers.transactionsAhead?.bind(handlers),
      rumorReceived: (topic, peerId, bytes) => handlers.rumorReceived(topic, peerId, bytes),
    });
  }

  #createDiscovery(): Discovery | undefined {
    const { options, dependencies, state } = this.#setup;
    if (options.discovery === undefined) return undefined;
    const host = this.#host;
    const { scheduler, logger } = dependencies;
    return new Discovery(options.discovery, {
      scheduler,
      logger,
      selfId: state.peerId,
      isStatic: (peerId) => state.nameOf(peerId) !== undefined,
      isTrusted: (peerId) => state.allowed.has(peerId),
      isBlocked: (peerId) => state.blocked.has(peerId),
      listenPort: () => Number(/\/tcp\/([0-9]+)/.exec(this.addresses[0] ?? "")?.[1] ?? 0),
      lastBlockAtMs: (peerId) => state.notes.of(peerId).lastBlockAtMs,
      inbound: () => inboundPeers(host).map((peer) => state.notes.complete(peer)),
      evict: (peerId) => {
        state.meter.rejected("inbound-evicted");
        logger.log("debug", "p2p", "a peer gives its place to a newcomer", { peer: peerId });
        closePeer(host, peerId);
      },
      dial: (peer) => dialPeer(host, peer),
      dialFailed: () => {
        state.meter.counters.dialFailures++;
      },
      close: (peerId) => closePeer(host, peerId),
      request: (peerId, bytes) => this.#requests.request(peerId, bytes),
    });
  }

  #isMember(peerId: string): boolean {
    const { members } = this.#setup.state;
    if (members.size === 0) return false;
    const seat = this.#sessions.find(peerId)?.admitted?.validator;
    return seat !== undefined && members.has(seat);
  }

  /** A validator keeps its connection, for its votes: of its gossip no more is read than it pays for. */
  #sendAway(peerId: string): void {
    if (this.#sessions.find(peerId)?.admitted?.validator !== undefined) return;
    const { dependencies, state } = this.#setup;
    state.pauses.begin(peerId, dependencies.scheduler.now() + GOSSIP_PAUSE_MS);
    const seconds = GOSSIP_PAUSE_MS / 1_000;
    dependencies.logger.log("warn", "p2p", "peer sent away: its gossip is not wanted", {
      peer: peerId,
      seconds,
    });
    closePeer(this.#host, peerId);
  }

  /** Questions for addresses are the network's own; the others are the replica's. */
  async #answer(peerId: string, bytes: Uint8Array): Promise<Uint8Array> {
    if (this.discovery !== undefined && isAddressQuestion(bytes)) return this.discovery.answer(peerId, bytes);
    return this.#setup.handlers.requestReceived(peerId, bytes);
  }

  #connected(session: Session): void {
    const { dependencies, state, handlers } = this.#setup;
    const { peerId, connection } = session;
    const { hello, validator } = must(session.admitted, "a connected peer was admitted");
    const { direction } = connection;
    const multiaddr = connection.remoteAddr.toString();
    if (this.discovery?.connected({ peerId, multiaddr, direction }) === false) return;
    state.notes.connected(peerId, hello.headHeight);
    dependencies.logger.log("info", "p2p", "peer connected", {
      peer: peerId,
      name: state.nameOf(peerId) ?? hello.name,
      validator,
      height: hello.headHeight,
      storage: hello.storage?.mode,
      lowestBody: hello.storage?.lowestBody,
      direction,
      address: multiaddr,
    });
    state.troubles.solved(peerId);
    this.#clocks.connected(peerId);
    this.#redial.connected(peerId);
    if (validator !== undefined) this.#mail.validatorConnected(validator);
    handlers.peerConnected(peerId, hello.storage?.lowestBody);
  }

  #disconnected(peerId: string): void {
    const { dependencies, state, handlers } = this.#setup;
    if (this.discovery?.disconnected(peerId) === false) return;
    const name = state.nameOf(peerId);
    dependencies.logger.log("info", "p2p", "peer disconnected", { peer: peerId, name });
    state.meter.forget(peerId);
    state.notes.disconnected(peerId);
    this.#clocks.disconnected(peerId);
    this.#redial.disconnected(peerId);
    handlers.peerDisconnected(peerId);
  }

  #view(session: Session): P2pPeer {
    const { state } = this.#setup;
    const { peerId } = session;
    const { height } = state.notes.of(peerId);
    const clock = this.#clocks.of(peerId);
    return viewOf(session, state.nameOf(peerId), { ...state.meter.traffic(peerId), height, clock });
  }
}

interface GaterPorts {
  connectionsOf(peerId: string): number;
  refuseStranger(stranger: NewConnection): ReturnType<Discovery["refuses"]>;
}

function hostOptions(
  { options, dependencies, state, libraryFailed }: NetworkSetup,
  { connectionsOf, refuseStranger }: GaterPorts,
): Parameters<typeof createHost>[0] {
  const { scheduler, logger } = dependencies;
  return {
    identity: identityFromSeed(options.identitySeed),
    listen: options.listen,
    gater: createGater(state.allowed, {
      meter: state.meter,
      logger,
      isBlocked: (peerId) => state.blocked.has(peerId),
      isPaused: (peerId) => state.pauses.has(peerId, scheduler.now()),
      connectionsOf,
      ...(options.discovery === undefined ? {} : { refuseStranger }),
    }),
    topics: TOPICS.map((topic) => topicName(options.genesisHash, topic)),
    announcedFrom: IDONTWANT_BYTES_MIN,
    rejected: (reason) => state.meter.rejected(reason),
    libraryFailed,
  };
}
