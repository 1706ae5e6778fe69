/**
 * The network of a node: the port that the replica needs (structurally the Network of node/ports.ts, which this floor
 * does not import). It may be asked before the start and after the end, when nothing is sent and nobody is present;
 * while it runs running-network.ts does the work. It decides nothing about what is in a message.
 *
 * This folder: libp2p as a node has it; running-network.ts joins the rooms transport, gossip, sync and discovery. Not
 * here: what a message is worth (node/ingress), and JSON-RPC, which knows nothing of this.
 */
import type { Address } from "../base/bytes.ts";
import type { Discovery } from "./discovery/discovery.ts";
import type { GossipTopic } from "./gossip/rumor.ts";
import type { OperatorPeers, P2pDependencies, P2pHandlers, P2pOptions } from "./network-ports.ts";
import { NetworkState } from "./network-state.ts";
import type { P2pPeer } from "./peer-info.ts";
import { RunningNetwork } from "./running-network.ts";
import type { NetworkCounters } from "./transport/meter.ts";
import { isPeerName } from "./transport/wire.ts";
import type { Trouble } from "./troubles.ts";

export class P2pNetwork {
  readonly #options: P2pOptions;
  readonly #deps: P2pDependencies;
  readonly #state: NetworkState;
  /** What runs between start and stop. */
  #running: RunningNetwork | undefined;

  /** @throws RangeError for options that no configuration should have let through. */
  constructor(options: P2pOptions, dependencies: P2pDependencies) {
    if (!isPeerName(options.name))
      throw new RangeError(`not a name for a peer: ${JSON.stringify(options.name)}`);
    this.#options = options;
    this.#deps = dependencies;
    this.#state = new NetworkState(options);
  }

  /** The peer id of this node, in base58. */
  get peerId(): string {
    return this.#state.peerId;
  }

  /** Live numbers for the metrics. */
  get counters(): NetworkCounters {
    return this.#state.meter.counters;
  }

  /** The addresses listened on, with the peer id. The list is empty before the start. */
  get addresses(): readonly string[] {
    return this.#running?.addresses ?? [];
  }

  /** @throws Error with advice when the address cannot be listened on. */
  async start(handlers: P2pHandlers): Promise<void> {
    const running = await RunningNetwork.open({
      options: this.#options,
      dependencies: this.#deps,
      state: this.#state,
      handlers,
      libraryFailed: (error) => this.noteLibraryError(error),
    });
    this.#running = running;
    await running.start();
  }

  /** Closes every connection and timer; what waits in an outbox is dropped. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.stop();
  }

  /**
   * Sends to a validator. @param to is its seat, which is its place in the keys given last; mail to another number goes
   * nowhere.
   */
  mail(to: number, bytes: Uint8Array): void {
    if (to < this.#state.validators.length) this.#running?.mail(to, bytes);
  }

  /** Whether the validator that sits there is connected, and reads compact proposals. */
  readsCompact(to: number): boolean {
    return this.#running?.readsCompact(to) === true;
  }

  /**
   * The validators by seat, more than before or the same: peers that have proved one of these keys sit there now.
   * @param members the seats of those who are validators today
   */
  seat(keys: readonly Address[], members: readonly number[]): void {
    this.#state.validators = [...keys];
    this.#state.members = new Set(members);
    this.#running?.reseat();
  }

  /** Lets these connect besides the static peers and the genesis's validators. Who no longer may is cut off. */
  allow(peerIds: readonly string[]): void {
    this.#state.allowed.admit(peerIds);
    if (this.#options.discovery === undefined) this.#running?.dropUnadmitted();
  }

  /**
   * The operator names these peers from now on: new ones are dialled and let in, who is named no more is not dialled,
   * and is cut off unless the chain admits it.
   */
  usePeers(peers: OperatorPeers): void {
    this.#state.usePeers(peers);
    this.#running?.usePeers(peers.staticPeers);
    if (this.#options.discovery === undefined) this.#running?.dropUnadmitted();
  }

  publish(topic: GossipTopic, bytes: Uint8Array): void {
    this.#running?.publish(topic, bytes);
  }

  /** Transactions that came by gossip and are not judged yet. */
  unjudged(): number {
    return this.#running?.unjudged ?? 0;
  }

  async request(peerId: string, bytes: Uint8Array): Promise<Uint8Array> {
    if (this.#running === undefined) throw new Error("the network is not running");
    return this.#running.request(peerId, bytes);
  }

  peers(): readonly P2pPeer[] {
    return this.#running?.peers() ?? [];
  }

  /**
   * From now on exactly these peers are cut off, as by a broken cable, and the others are dialled again. For
   * drills on devnets.
   */
  block(peerIds: readonly string[]): void {
    this.#state.blocked = new Set(peerIds);
    this.#deps.logger.log("warn", "p2p", "cut off from peers on purpose", {
      peers: peerIds.map((peerId) => this.#state.nameOf(peerId) ?? peerId).join(" ") || "none",
    });
    this.#running?.dropBlocked();
  }

  /** Why static peers are not connected, as far as it is known. */
  troubles(): readonly Trouble[] {
    return this.#state.troubles.list();
  }

  /** Peer ids that are cut off now. */
  get blocked(): readonly string[] {
    return [...this.#state.blocked];
  }

  /** How strangers are found and kept out, or undefined where only known peers connect, and before the start. */
  get discovery(): Discovery | undefined {
    return this.#running?.discovery;
  }

  /** A peer told its head height: shown in {@link peers}. */
  noteHeight(peerId: string, height: bigint): void {
    this.#state.notes.note(peerId, { height });
  }

  /** A peer brought something right that was not known here: it is worth keeping. */
  brought(peerId: string, what: "block" | "transaction"): void {
    const atMs = this.#deps.scheduler.now();
    const note = what === "block" ? { lastBlockAtMs: atMs } : { lastTransactionAtMs: atMs };
    this.#state.notes.note(peerId, note);
  }

  /** Counts and logs that libp2p threw where nobody catches. The connection that it came from is closed. */
  noteLibraryError(error: Error): void {
    this.#state.meter.rejected("library-error");
    this.#deps.logger.log("warn", "p2p", "the network library failed on a connection", {
      error: error.message,
    });
  }

  /** A peer sent something provably wrong by way of anti-entropy: counted and logged. */
  reportFault(peerId: string, detail: string): void {
    this.#state.meter.rejected("repair-fault");
    this.discovery?.fault(peerId, "repair");
    this.#deps.logger.log("warn", "p2p", "peer at fault", {
      peer: peerId,
      name: this.#state.nameOf(peerId),
      detail,
    });
  }
}
