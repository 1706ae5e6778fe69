/**
 * How a node of an open network finds peers: it asks those it dialled for addresses, keeps them in its book, and
 * dials what outbound-slots.ts plans. It carries the decisions of the book, the plan and the bans to the connections and
 * back; it draws no address and judges no message itself. Nothing of identify, of gossipsub's peer exchange or of a
 * peer that came by itself enters the book, but for the caller's own address. Source: docs/protocol.md, "Addresses".
 *
 * This folder: the peers of an open network: the address book and its tables, whom to dial and whom to give up, bans.
 * Not here: connections themselves (p2p/transport), and peers that an operator names (node/home).
 */
import { ADDRESSES_PER_ANSWER_MAX } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { NewConnection } from "../transport/handshake.ts";
import type { AddressBook, AdvertisedAddress } from "./address-book.ts";
import { AddressBuckets } from "./address-buckets.ts";
import { isPeerId, type KnownAddress, type PeerAddress } from "./address-entry.ts";
import { formatAddress, parseAddress, type Scope, scopeOf } from "./address-groups.ts";
import {
  decodeAddresses,
  decodeAddressQuestion,
  encodeAddresses,
  encodeAddressQuestion,
} from "./address-wire.ts";
import type { BanFault, BanRecord, Bans } from "./bans.ts";
import { type InboundPeer, InboundPlaces } from "./inbound-slots.ts";
import { type Dial, oldestOf, planDials, planDrops, type Situation } from "./outbound-slots.ts";
import { OwnConnections, type PresentPeer } from "./own-connections.ts";

const TICK_MS = 2_000;
/** A peer is asked again after this long; sooner while connections of our choice are missing. */
const ASK_MS = 10 * 60_000;
const ASK_WANTING_MS = 30_000;
const SAVE_MS = 10 * 60_000;
/** One random sample of the book serves every asker for so long. */
const SAMPLE_MS = 10_000;
/** What a peer told may be older than it says. */
const HEARSAY_PENALTY_MS = 2 * 3_600_000;

export interface DiscoveryOptions {
  readonly book: AddressBook;
  readonly bans: Bans;
  /** Connections that this node chooses. Nodes use OUTBOUND_SLOTS. */
  readonly outboundSlots: number;
  /** Connections that others may open. Nodes use INBOUND_MAX. */
  readonly inboundMax: number;
  /** A number in [0, 1) that peers cannot predict. */
  random(): number;
  /** Whether the head is older than it should be by chance. */
  isTipStale(): boolean;
  /** Makes book and bans durable. */
  save(): Promise<void>;
}

export interface DiscoveryPorts {
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly selfId: string;
  /** Redialled by itself, and its group counts as taken. */
  isStatic(peerId: string): boolean;
  /** Always let in and never banned. */
  isTrusted(peerId: string): boolean;
  isBlocked(peerId: string): boolean;
  /** The port that others can dial, 0 for none. */
  listenPort(): number;
  /** When a peer last brought blocks that were not known here. */
  lastBlockAtMs(peerId: string): number | undefined;
  /** Peers with connections that they opened, those without a handshake included. */
  inbound(): readonly InboundPeer[];
  /** Closes the connections of a peer whose place is needed. */
  evict(peerId: string): void;
  dial(peer: PeerAddress): Promise<void>;
  dialFailed(): void;
  close(peerId: string): void;
  request(peerId: string, bytes: Uint8Array): Promise<Uint8Array>;
}

export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #ports: DiscoveryPorts;
  readonly #connections = new OwnConnections();
  readonly #inbound: InboundPlaces;
  readonly #received = new AddressBuckets();
  readonly #sent = new AddressBuckets();
  readonly #samples = new Map<Scope, { readonly atMs: number; readonly addresses: KnownAddress[] }>();
  #anchors: readonly PeerAddress[] = [];
  #lastFeelerMs = 0;
  #lastSaveMs = 0;
  #wasStale = false;
  #isRunning = false;
  #cancelTick: () => void = () => undefined;

  constructor(options: DiscoveryOptions, ports: DiscoveryPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#inbound = new InboundPlaces(options.inboundMax, String(options.random()), ports);
  }

  start(): void {
    const nowMs = this.#ports.scheduler.now();
    this.#isRunning = true;
    this.#anchors = this.#options.book.anchors;
    this.#lastFeelerMs = nowMs;
    this.#lastSaveMs = nowMs;
    this.#tickAfter(0);
  }

  /** Is called before the connections are closed: the oldest of them become the anchors. Never rejects. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.#cancelTick();
    await this.#save();
  }

  /** The gater's question about a peer that encryption proved; trusted peers are not asked about. */
  refuses({ peerId, multiaddr, direction }: NewConnection): "peer-banned" | "inbound-full" | undefined {
    const isBanned = this.#options.bans.isBanned(peerId, multiaddr, this.#ports.scheduler.now());
    if (isBanned) return "peer-banned";
    if (direction === "outbound") return undefined;
    return this.#inbound.makeRoom({ peerId, multiaddr }) ? undefined : "inbound-full";
  }

  /** @returns false for a feeler: it has done its work and is nobody's peer */
  connected(connection: NewConnection): boolean {
    const { scheduler, isStatic, close } = this.#ports;
    const nowMs = scheduler.now();
    const isStaticPeer = isStatic(connection.peerId);
    const peer = this.#connections.connected({ ...connection, isStatic: isStaticPeer }, nowMs);
    if (connection.direction === "outbound") {
      // Also one that was dialled by peers.json: a proven address is worth knowing and telling.
      this.#options.book.add({ ...peer, lastSeenMs: nowMs }, peer.multiaddr, nowMs);
      this.#options.book.succeeded(peer.key, nowMs);
    }
    if (peer.role === "feeler") close(peer.peerId);
    else if (peer.role !== undefined) this.#tickAfter(0);
    return peer.role !== "feeler";
  }

  /** @returns false for a feeler */
  disconnected(peerId: string): boolean {
    const peer = this.#connections.disconnected(peerId);
    if (peer?.role === "feeler") return false;
    if (peer?.role !== undefined) this.#tickAfter(0);
    return true;
  }

  /** The handshake showed another chain or release: the address is of no use. */
  refused(peerId: string): void {
    const dial = this.#connections.failed(peerId);
    if (dial !== undefined) this.#options.book.remove(dial.key);
  }

  /** A peer provably did wrong. */
  fault(peerId: string, fault: BanFault): void {
    const { logger, scheduler, isTrusted } = this.#ports;
    const peer = this.#connections.find(peerId);
    if (peer === undefined || isTrusted(peerId)) return;
    const nowMs = scheduler.now();
    if (!this.#options.bans.report(peerId, peer.multiaddr, fault, nowMs)) return;
    logger.log("warn", "p2p", "peer banned for a day", { peer: peerId, address: peer.multiaddr, fault });
    this.#dropBanned(nowMs);
  }

  /** Book and bans, to be looked at. */
  get memory(): Pick<DiscoveryOptions, "book" | "bans"> {
    return this.#options;
  }

  /** The operator's ban of a subject of bans.ts. @returns undefined for a trusted peer and this node itself */
  ban(subject: BanRecord["subject"]): BanRecord | undefined {
    const { logger, scheduler, isTrusted, selfId } = this.#ports;
    const peerId = /^peer:(.*)$/.exec(subject)?.[1];
    if (peerId !== undefined && (peerId === selfId || isTrusted(peerId))) return undefined;
    const nowMs = scheduler.now();
    const record = this.#options.bans.ban(subject, nowMs);
    logger.log("warn", "p2p", "banned for a day by the operator", { subject });
    this.#dropBanned(nowMs);
    void this.#save();
    return record;
  }

  /** @returns whether there was a ban or a fault to forgive */
  unban(subject: BanRecord["subject"]): boolean {
    const wasThere = this.#options.bans.lift(subject);
    if (wasThere) this.#ports.logger.log("info", "p2p", "forgiven by the operator", { subject });
    if (wasThere) void this.#save();
    return wasThere;
  }

  #dropBanned(nowMs: number): void {
    const { isTrusted, close } = this.#ports;
    for (const other of this.#connections.present()) {
      const isBanned = this.#options.bans.isBanned(other.peerId, other.multiaddr, nowMs);
      if (!isBanned || isTrusted(other.peerId)) continue;
      this.#options.book.remove(other.key);
      close(other.peerId);
    }
  }

  /** Answers a question for addresses. @throws Error when it does not decode. */
  answer(peerId: string, bytes: Uint8Array): Uint8Array {
    const question = decodeAddressQuestion(bytes);
    if (!question.ok) {
      this.fault(peerId, "addresses");
      throw new Error(question.fault.detail);
    }
    const peer = this.#connections.find(peerId);
    if (peer === undefined) return encodeAddresses([]);
    const nowMs = this.#ports.scheduler.now();
    if (peer.role === undefined) this.#noteCaller(peer, question.value.listenPort, nowMs);
    const sample = this.#sampleFor(peer, nowMs).filter((address) => address.peerId !== peerId);
    return encodeAddresses(sample.slice(0, this.#sent.take(peerId, sample.length, nowMs)));
  }

  /** Who called names its port; the host is the one we see. */
  #noteCaller({ peerId, multiaddr }: PresentPeer, port: number, nowMs: number): void {
    const address = parseAddress(multiaddr);
    if (address === undefined || port === 0 || !isPeerId(peerId)) return;
    if (this.#received.take(peerId, 1, nowMs) === 0) return;
    const own = formatAddress({ host: address.host, port });
    this.#options.book.add({ peerId, multiaddr: own, lastSeenMs: nowMs }, multiaddr, nowMs);
  }

  #sampleFor(peer: PresentPeer, nowMs: number): readonly KnownAddress[] {
    const { book, random } = this.#options;
    const scope = scopeOfPeer(peer);
    const kept = this.#samples.get(scope);
    if (kept !== undefined && nowMs - kept.atMs < SAMPLE_MS && book.counts.new + book.counts.tried > 64)
      return kept.addresses;
    const addresses = book
      .sample(ADDRESSES_PER_ANSWER_MAX, scope, nowMs, random)
      .filter(({ peerId }) => isPeerId(peerId));
    this.#samples.set(scope, { atMs: nowMs, addresses });
    return addresses;
  }

  /** Plans the next step after `delayMs`: never within the caller's own step. */
  #tickAfter(delayMs: number): void {
    this.#cancelTick();
    if (this.#isRunning) this.#cancelTick = this.#ports.scheduler.after(delayMs, () => this.#tick());
  }

  #tick(): void {
    this.#tickAfter(TICK_MS);
    const nowMs = this.#ports.scheduler.now();
    const situation = this.#situation(nowMs);
    for (const { key, connectedAtMs } of situation.own) {
      if (connectedAtMs !== undefined) this.#options.book.seen(key, nowMs);
    }
    for (const peerId of planDrops(situation, nowMs)) this.#ports.close(peerId);
    this.#inbound.trim();
    const dials = planDials(this.#options.book, situation, nowMs, () => this.#options.random());
    for (const dial of dials) void this.#dial(dial, nowMs);
    this.#askAround(situation, nowMs);
    if (nowMs - this.#lastSaveMs >= SAVE_MS) void this.#save();
  }

  #situation(nowMs: number): Situation & { own: ReturnType<OwnConnections["own"]> } {
    const { selfId, isBlocked, isStatic, logger } = this.#ports;
    const isTipStale = this.#options.isTipStale();
    if (isTipStale && !this.#wasStale) {
      logger.log("warn", "p2p", "no new block for unusually long: looking for one more peer");
    }
    this.#wasStale = isTipStale;
    return {
      own: this.#connections.own(nowMs, (peerId) => this.#ports.lastBlockAtMs(peerId)),
      slots: this.#options.outboundSlots,
      isTipStale,
      anchors: this.#anchors,
      lastFeelerMs: this.#lastFeelerMs,
      isExcluded: ({ peerId, multiaddr }) =>
        peerId === selfId ||
        isStatic(peerId) ||
        isBlocked(peerId) ||
        this.#connections.find(peerId) !== undefined ||
        this.#options.bans.isBanned(peerId, multiaddr, nowMs),
    };
  }

  async #dial(dial: Dial, nowMs: number): Promise<void> {
    const { peer, key, role } = dial;
    if (role === "feeler") this.#lastFeelerMs = nowMs;
    // Once: an anchor that does not answer is an address like any other.
    this.#anchors = this.#anchors.filter(({ peerId }) => peerId !== peer.peerId);
    this.#options.book.attempted(key, nowMs);
    this.#connections.dialled(dial, nowMs);
    const fields = { peer: peer.peerId, address: peer.multiaddr, role };
    this.#ports.logger.log("debug", "p2p", "dialling an address of the book", fields);
    try {
      await this.#ports.dial(peer);
    } catch (error) {
      this.#connections.failed(peer.peerId);
      if (!this.#isRunning) return;
      this.#ports.dialFailed();
      const reason = (error as Error).message.split("\n", 1)[0] ?? "";
      this.#ports.logger.log("debug", "p2p", "address not reachable", { ...fields, error: reason });
    }
  }

  /** Asks only peers that this node chose itself: whoever comes uninvited is not believed about addresses. */
  #askAround({ own, slots }: Situation, nowMs: number): void {
    const chosen = own.filter(({ role, connectedAtMs }) => role !== "static" && connectedAtMs !== undefined);
    const intervalMs = chosen.length < slots ? ASK_WANTING_MS : ASK_MS;
    for (const { peerId } of own) {
      const peer = this.#connections.find(peerId);
      if (peer === undefined || peer.nextAskMs > nowMs) continue;
      peer.nextAskMs = nowMs + intervalMs * (0.75 + 0.5 * this.#options.random());
      void this.#ask(peer);
    }
  }

  async #ask(peer: PresentPeer): Promise<void> {
    const { logger, request, listenPort } = this.#ports;
    const { peerId, multiaddr } = peer;
    let answer: Uint8Array;
    try {
      answer = await request(peerId, encodeAddressQuestion({ listenPort: listenPort() }));
    } catch (error) {
      const fields = { peer: peerId, error: (error as Error).message };
      logger.log("debug", "p2p", "no addresses from a peer", fields);
      return;
    }
    const advertised = decodeAddresses(answer);
    if (!advertised.ok) {
      this.fault(peerId, "addresses");
      logger.log("warn", "p2p", "peer at fault", { peer: peerId, detail: advertised.fault.detail });
      return;
    }
    const nowMs = this.#ports.scheduler.now();
    const before = this.#options.book.counts.new;
    this.#receive(advertised.value, peer, nowMs);
    const found = this.#options.book.counts.new - before;
    const fields = { peer: peerId, address: multiaddr, advertised: advertised.value.length, new: found };
    logger.log("debug", "p2p", "addresses from a peer", fields);
    if (found > 0) this.#tickAfter(0);
  }

  #receive(
    advertised: readonly AdvertisedAddress[],
    { peerId, multiaddr }: PresentPeer,
    nowMs: number,
  ): void {
    for (const address of advertised.slice(0, this.#received.take(peerId, advertised.length, nowMs))) {
      if (address.peerId === this.#ports.selfId) continue;
      const lastSeenMs = Math.min(address.lastSeenMs, nowMs) - HEARSAY_PENALTY_MS;
      this.#options.book.add({ ...address, lastSeenMs }, multiaddr, nowMs);
    }
  }

  async #save(): Promise<void> {
    const { scheduler, logger } = this.#ports;
    this.#lastSaveMs = scheduler.now();
    const own = this.#connections.own(this.#lastSaveMs, () => undefined);
    const anchors = oldestOf(own).flatMap(({ peerId }) => this.#connections.find(peerId) ?? []);
    // Without any the earlier ones are still the best there is.
    if (anchors.length > 0) this.#options.book.setAnchors(anchors.map(addressOf));
    try {
      await this.#options.save();
    } catch (error) {
      logger.log("warn", "p2p", "the address book could not be saved", { error: (error as Error).message });
    }
  }
}

function addressOf({ peerId, multiaddr }: PresentPeer): PeerAddress {
  return { peerId, multiaddr };
}

/** One whose address says nothing is treated as a stranger. */
function scopeOfPeer({ multiaddr }: PresentPeer): Scope {
  const address = parseAddress(multiaddr);
  return (address === undefined ? undefined : scopeOf(address)) ?? "public";
}
