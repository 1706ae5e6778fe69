/**
 * The network of a node: puts host, handshake, mail, rumor, requests and redial together and is the port that the
 * replica needs (structurally the Network of node/ports.ts, which this floor does not import). It decides nothing
 * about what is in a message.
 */
import { must } from "../base/assert.ts";
import type { Address } from "../base/bytes.ts";
import { Clocks } from "./clocks.ts";
import { isAddressQuestion } from "./discovery/address-wire.ts";
import { Discovery } from "./discovery/discovery.ts";
import { GOSSIP_PAUSE_MS, GossipBudgets } from "./gossip/gossip-budget.ts";
import { guardGossip } from "./gossip/gossip-guard.ts";
import { type GossipTopic, Rumor, TOPICS, topicName } from "./gossip/rumor.ts";
import type { P2pDependencies, P2pHandlers, P2pOptions } from "./network-ports.ts";
import { helloMaker } from "./own-hello.ts";
import { type P2pPeer, viewOf } from "./peer-info.ts";
import { Allowlist } from "./transport/allowlist.ts";
import { createGater } from "./transport/handshake.ts";
import {
  closePeer,
  connectionsOf,
  createHost,
  dialPeer,
  type Host,
  inboundPeers,
  startHost,
} from "./transport/host.ts";
import { identityFromSeed, peerIdFromSeed } from "./transport/identity.ts";
import { Mail } from "./transport/mail.ts";
import { Meter, type NetworkCounters } from "./transport/meter.ts";
import { Pauses } from "./transport/pauses.ts";
import { PeerNotes } from "./transport/peer-notes.ts";
import { Redial } from "./transport/redial.ts";
import { Requests } from "./transport/requests.ts";
import { type Session, Sessions } from "./transport/sessions.ts";
import { isPeerName } from "./transport/wire.ts";
import { type Trouble, Troubles } from "./troubles.ts";

interface Parts {
  readonly host: Host;
  readonly sessions: Sessions;
  readonly mail: Mail;
  readonly rumor: Rumor;
  readonly requests: Requests;
  readonly clocks: Clocks;
  readonly redial: Redial;
  readonly discovery: Discovery | undefined;
}

export class P2pNetwork {
  /** This node's peer id. */
  readonly peerId: string;
  readonly #options: P2pOptions;
  readonly #deps: P2pDependencies;
  readonly #meter = new Meter();
  readonly #notes = new PeerNotes();
  readonly #pauses = new Pauses();
  readonly #troubles: Troubles;
  #blocked: ReadonlySet<string>;
  /** The validators by seat; the list grows where the members of the chain change. */
  #validators: readonly Address[];
  readonly #allowed: Allowlist;
  #parts: Parts | undefined;

  /** @throws RangeError for options that no configuration should have let through. */
  constructor(options: P2pOptions, dependencies: P2pDependencies) {
    if (!isPeerName(options.name))
      throw new RangeError(`not a name for a peer: ${JSON.stringify(options.name)}`);
    this.#options = options;
    this.#validators = options.validators;
    this.#allowed = new Allowlist([...options.allowlist, ...options.staticPeers.map((peer) => peer.peerId)]);
    this.#deps = dependencies;
    this.#blocked = new Set(options.blocked);
    this.peerId = peerIdFromSeed(options.identitySeed);
    this.#troubles = new Troubles(this.peerId, options.staticPeers);
  }

  /** Live numbers for the metrics. */
  get counters(): NetworkCounters {
    return this.#meter.counters;
  }

  /** The addresses listened on, with the peer id; empty before the start. */
  get addresses(): readonly string[] {
    return this.#parts?.host.getMultiaddrs().map(String) ?? [];
  }

  /** @throws Error with advice when the address cannot be listened on. */
  async start(handlers: P2pHandlers): Promise<void> {
    const { genesisHash, listen, discovery } = this.#options;
    const host: Host = await createHost({
      identity: identityFromSeed(this.#options.identitySeed),
      listen,
      gater: createGater(this.#allowed, {
        meter: this.#meter,
        logger: this.#deps.logger,
        isBlocked: (peerId) => this.#blocked.has(peerId),
        isPaused: (peerId) => this.#pauses.has(peerId, this.#deps.scheduler.now()),
        connectionsOf: (peerId) => connectionsOf(host, peerId),
        ...(discovery === undefined ? {} : { refuseStranger: (one) => this.#parts?.discovery?.refuses(one) }),
      }),
      topics: TOPICS.map((topic) => topicName(genesisHash, topic)),
      rejected: (reason) => this.#meter.rejected(reason),
      libraryFailed: (error) => this.noteLibraryError(error),
    });
    const parts = this.#assemble(host, handlers);
    await parts.sessions.start();
    await parts.mail.start();
    await parts.requests.start();
    await parts.clocks.start();
    this.#parts = parts;
    await startHost(host, listen);
    parts.rumor.start();
    parts.redial.hold(this.#blocked);
    parts.redial.start();
    parts.discovery?.start();
    this.#deps.logger.log("info", "p2p", "listening", { address: this.addresses.join(" ") });
  }

  /** Closes every connection and timer; what waits in an outbox is dropped. */
  async stop(): Promise<void> {
    const parts = this.#parts;
    if (parts === undefined) return;
    this.#parts = undefined;
    await parts.discovery?.stop();
    parts.redial.stop();
    parts.clocks.stop();
    parts.rumor.stop();
    parts.mail.stop();
    await parts.host.stop();
    parts.sessions.stop();
    this.#notes.clear();
  }

  /**
   * Sends to a validator. @param to is its seat, which is its place in the keys given last; mail to another number
   * goes nowhere.
   */
  mail(to: number, bytes: Uint8Array): void {
    if (to < this.#validators.length) this.#parts?.mail.post(to, bytes);
  }

  /** The validators by seat, more than before or the same: peers that have proved one of these keys sit there now. */
  seat(keys: readonly Address[]): void {
    this.#validators = [...keys];
    for (const validator of this.#parts?.sessions.reseat() ?? [])
      this.#parts?.mail.validatorConnected(validator);
  }

  /** Besides the static peers and the genesis's validators these may connect; who no longer may is cut off. */
  allow(peerIds: readonly string[]): void {
    this.#allowed.admit(peerIds);
    if (this.#options.discovery !== undefined) return;
    for (const connection of this.#parts?.host.getConnections() ?? []) {
      if (this.#allowed.has(connection.remotePeer.toString())) continue;
      connection.abort(new Error("not admitted any more"));
    }
  }

  publish(topic: GossipTopic, bytes: Uint8Array): void {
    this.#parts?.rumor.publish(topic, bytes);
  }

  async request(peerId: string, bytes: Uint8Array): Promise<Uint8Array> {
    if (this.#parts === undefined) throw new Error("the network is not running");
    return this.#parts.requests.request(peerId, bytes);
  }

  peers(): readonly P2pPeer[] {
    return (this.#parts?.sessions.present() ?? []).map((session) => this.#view(session));
  }

  /** Exactly these are cut off from now on, as by a broken cable; the others are dialled again. For drills on devnets. */
  block(peerIds: readonly string[]): void {
    this.#blocked = new Set(peerIds);
    this.#deps.logger.log("warn", "p2p", "cut off from peers on purpose", {
      peers: peerIds.map((peerId) => this.#nameOf(peerId) ?? peerId).join(" ") || "none",
    });
    if (this.#parts === undefined) return;
    this.#parts.redial.hold(this.#blocked);
    for (const connection of this.#parts.host.getConnections()) {
      if (this.#blocked.has(connection.remotePeer.toString())) connection.abort(new Error("cut off"));
    }
  }

  /** Why static peers are not connected, as far as it is known. */
  troubles(): readonly Trouble[] {
    return this.#troubles.list();
  }

  /** Peer ids that are cut off now. */
  get blocked(): readonly string[] {
    return [...this.#blocked];
  }

  /** How strangers are found and kept out; undefined where only known peers connect, and before the start. */
  get discovery(): Discovery | undefined {
    return this.#parts?.discovery;
  }

  /** A peer told its head height: shown in {@link peers}. */
  noteHeight(peerId: string, height: bigint): void {
    this.#notes.note(peerId, { height });
  }

  /** A peer brought something right that was not known here: it is worth keeping. */
  brought(peerId: string, what: "block" | "transaction"): void {
    const atMs = this.#deps.scheduler.now();
    this.#notes.note(peerId, what === "block" ? { lastBlockAtMs: atMs } : { lastTransactionAtMs: atMs });
  }

  /** libp2p threw where nobody catches: counted and logged; the connection that it came from is closed. */
  noteLibraryError(error: Error): void {
    this.#meter.rejected("library-error");
    this.#deps.logger.log("warn", "p2p", "the network library failed on a connection", {
      error: error.message,
    });
  }

  /** A peer sent something provably wrong by way of anti-entropy: counted and logged. */
  reportFault(peerId: string, detail: string): void {
    this.#meter.rejected("repair-fault");
    this.#parts?.discovery?.fault(peerId, "repair");
    this.#deps.logger.log("warn", "p2p", "peer at fault", {
      peer: peerId,
      name: this.#nameOf(peerId),
      detail,
    });
  }

  /** A validator keeps its connection, for its votes: of its gossip no more is read than it pays for. */
  #sendAway(peerId: string): void {
    const session = this.#parts?.sessions.find(peerId);
    if (this.#parts === undefined || session?.admitted?.validator !== undefined) return;
    this.#pauses.begin(peerId, this.#deps.scheduler.now() + GOSSIP_PAUSE_MS);
    const seconds = GOSSIP_PAUSE_MS / 1_000;
    this.#deps.logger.log("warn", "p2p", "peer sent away: its gossip is not wanted", {
      peer: peerId,
      seconds,
    });
    closePeer(this.#parts.host, peerId);
  }

  #assemble(host: Host, handlers: P2pHandlers): Parts {
    const { scheduler, logger, jitter } = this.#deps;
    const meter = this.#meter;
    const ownHello = helloMaker(this.#options, this.peerId, () => this.#deps.headHeight());
    const { genesisHash, chainId } = this.#options;
    const chain = { genesisHash, chainId, validators: () => this.#validators };
    const sessions: Sessions = new Sessions(chain, {
      host,
      scheduler,
      logger,
      meter,
      ownHello,
      events: {
        peerConnected: (session) => this.#connected(session, handlers),
        peerDisconnected: (peerId) => this.#disconnected(peerId, handlers),
        peerHungUp: (peerId) => this.#troubles.hungUp(peerId),
        peerRefused: (peerId, detail) => {
          this.#troubles.refused(peerId, detail);
          redial.refused(peerId);
          this.#parts?.discovery?.refused(peerId);
        },
      },
    });
    const redial = new Redial(
      { selfId: this.peerId, peers: this.#options.staticPeers },
      {
        scheduler,
        logger,
        jitter,
        dial: (peer) => dialPeer(host, peer),
        isPresent: (peerId) => sessions.find(peerId) !== undefined,
        dialFailed: (peerId, error) => {
          this.#troubles.dialFailed(peerId, error);
          meter.counters.dialFailures++;
        },
      },
    );
    const shared = { host, sessions, scheduler, logger, meter };
    const budgets = new GossipBudgets();
    guardGossip(host.services.gossip, { ...shared, budgets, sendAway: (peerId) => this.#sendAway(peerId) });
    const requests = new Requests({
      ...shared,
      requestReceived: (peerId, bytes) => this.#answer(peerId, bytes, handlers),
    });
    return {
      host,
      sessions,
      redial,
      requests,
      clocks: new Clocks(shared),
      discovery: this.#discovery(host, requests),
      mail: new Mail({ ...shared, handlers }),
      rumor: new Rumor(this.#options.genesisHash, {
        ...shared,
        budgets,
        transactionsReceived: (envelopes) => handlers.transactionsReceived?.(envelopes),
        rumorReceived: async (topic, peerId, bytes) => {
          const relay = await handlers.rumorReceived(topic, peerId, bytes);
          if (relay === "reject") this.#parts?.discovery?.fault(peerId, "rumor");
          return relay;
        },
      }),
    };
  }

  #discovery(host: Host, requests: Requests): Discovery | undefined {
    const { discovery } = this.#options;
    if (discovery === undefined) return undefined;
    const staticIds = new Set(this.#options.staticPeers.map((peer) => peer.peerId));
    const { scheduler, logger } = this.#deps;
    return new Discovery(discovery, {
      scheduler,
      logger,
      selfId: this.peerId,
      isStatic: (peerId) => staticIds.has(peerId),
      isTrusted: (peerId) => this.#allowed.has(peerId),
      isBlocked: (peerId) => this.#blocked.has(peerId),
      listenPort: () => Number(/\/tcp\/([0-9]+)/.exec(this.addresses[0] ?? "")?.[1] ?? 0),
      lastBlockAtMs: (peerId) => this.#notes.of(peerId).lastBlockAtMs,
      inbound: () => inboundPeers(host).map((peer) => this.#notes.complete(peer)),
      evict: (peerId) => {
        this.#meter.rejected("inbound-evicted");
        logger.log("debug", "p2p", "a peer gives its place to a newcomer", { peer: peerId });
        closePeer(host, peerId);
      },
      dial: (peer) => dialPeer(host, peer),
      dialFailed: () => {
        this.#meter.counters.dialFailures++;
      },
      close: (peerId) => closePeer(host, peerId),
      request: (peerId, bytes) => requests.request(peerId, bytes),
    });
  }

  /** Questions for addresses are the network's own; the others are the replica's. */
  async #answer(peerId: string, bytes: Uint8Array, handlers: P2pHandlers): Promise<Uint8Array> {
    const discovery = this.#parts?.discovery;
    if (discovery !== undefined && isAddressQuestion(bytes)) return discovery.answer(peerId, bytes);
    return handlers.requestReceived(peerId, bytes);
  }

  #connected(session: Session, handlers: P2pHandlers): void {
    const { peerId, connection } = session;
    const { hello, validator } = must(session.admitted, "a connected peer was admitted");
    const { direction } = connection;
    const multiaddr = connection.remoteAddr.toString();
    if (this.#parts?.discovery?.connected({ peerId, multiaddr, direction }) === false) return;
    this.#notes.connected(peerId, hello.headHeight);
    this.#deps.logger.log("info", "p2p", "peer connected", {
      peer: peerId,
      name: this.#nameOf(peerId) ?? hello.name,
      validator,
      height: hello.headHeight,
      direction,
      address: multiaddr,
    });
    this.#troubles.solved(peerId);
    this.#parts?.clocks.connected(peerId);
    this.#parts?.redial.connected(peerId);
    if (validator !== undefined) this.#parts?.mail.validatorConnected(validator);
    handlers.peerConnected(peerId);
  }

  #disconnected(peerId: string, handlers: P2pHandlers): void {
    if (this.#parts?.discovery?.disconnected(peerId) === false) return;
    this.#deps.logger.log("info", "p2p", "peer disconnected", { peer: peerId, name: this.#nameOf(peerId) });
    this.#meter.forget(peerId);
    this.#notes.disconnected(peerId);
    this.#parts?.clocks.disconnected(peerId);
    this.#parts?.redial.disconnected(peerId);
    handlers.peerDisconnected(peerId);
  }

  #nameOf(peerId: string): string | undefined {
    return this.#options.staticPeers.find((peer) => peer.peerId === peerId)?.name;
  }

  #view(session: Session): P2pPeer {
    const { peerId } = session;
    const { height } = this.#notes.of(peerId);
    const clock = this.#parts?.clocks.of(peerId);
    return viewOf(session, this.#nameOf(peerId), { ...this.#meter.traffic(peerId), height, clock });
  }
}
