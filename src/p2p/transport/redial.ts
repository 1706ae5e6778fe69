/**
 * Keeps the static peers connected: libp2p dials once and never again. Exponential backoff with jitter, short at
 * first because the nodes of a devnet start together, long for a peer that refused the handshake. Of two peers
 * that know each other the one with the smaller id dials first, so that they rarely meet on two connections.
 */
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";

/** A line of peers.json. */
export interface StaticPeer {
  /** The name that people are shown. */
  readonly name: string;
  /** The libp2p peer id in base58. */
  readonly peerId: string;
  /** The address at which it is dialled, such as /ip4/10.0.0.2/tcp/9000. */
  readonly multiaddr: string;
}

export interface Backoff {
  readonly firstMs: number;
  readonly factor: number;
  readonly longestMs: number;
  /** How long to wait after a refused handshake. */
  readonly refusedMs: number;
  /** Advance of the smaller peer id. */
  readonly courtesyMs: number;
  /** A connection that lasted so long resets the backoff. */
  readonly steadyMs: number;
}

const BACKOFF: Backoff = {
  firstMs: 120,
  factor: 1.6,
  longestMs: 5_000,
  refusedMs: 30_000,
  courtesyMs: 250,
  steadyMs: 10_000,
};

interface Dependencies {
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  /** Resolves when a connection exists, rejects when there is none to be had. */
  dial(peer: StaticPeer): Promise<void>;
  /** Tells whether the peer passed the handshake. */
  isPresent(peerId: string): boolean;
  /** A number in [0, 1) that need not be secret: spreads the dials of many nodes. */
  jitter(): number;
  dialFailed(peerId: string, error: string): void;
}

interface Target {
  readonly peer: StaticPeer;
  failures: number;
  isRefused: boolean;
  /** Held: not dialled until released. */
  isHeld: boolean;
  connectedAtMs: number | undefined;
  cancel: () => void;
}

export class Redial {
  readonly #targets = new Map<string, Target>();
  readonly #selfId: string;
  readonly #backoff: Backoff;
  readonly #deps: Dependencies;
  #isRunning = false;

  constructor(
    options: { readonly selfId: string; readonly peers: readonly StaticPeer[]; readonly backoff?: Backoff },
    dependencies: Dependencies,
  ) {
    this.#selfId = options.selfId;
    this.#backoff = options.backoff ?? BACKOFF;
    this.#deps = dependencies;
    this.setPeers(options.peers);
  }

  /** Keeps these connected from now on and no others. One with another address than before is dialled there. */
  setPeers(peers: readonly StaticPeer[], held: ReadonlySet<string> = new Set()): void {
    const wanted = new Map(peers.map((peer) => [peer.peerId, peer]));
    wanted.delete(this.#selfId);
    for (const [peerId, { peer, cancel }] of this.#targets) {
      if (wanted.get(peerId)?.multiaddr === peer.multiaddr) wanted.delete(peerId);
      else {
        cancel();
        this.#targets.delete(peerId);
      }
    }
    for (const [peerId, peer] of wanted) {
      const target = newTarget(peer, held.has(peerId));
      this.#targets.set(peerId, target);
      if (this.#isRunning) this.#begin(target);
    }
  }

  start(): void {
    this.#isRunning = true;
    for (const target of this.#targets.values()) this.#begin(target);
  }

  stop(): void {
    this.#isRunning = false;
    for (const target of this.#targets.values()) target.cancel();
  }

  connected(peerId: string): void {
    const target = this.#targets.get(peerId);
    if (target === undefined) return;
    target.cancel();
    target.isRefused = false;
    target.connectedAtMs = this.#deps.scheduler.now();
  }

  disconnected(peerId: string): void {
    const target = this.#targets.get(peerId);
    if (target === undefined || !this.#isRunning) return;
    const lastedMs = this.#deps.scheduler.now() - (target.connectedAtMs ?? Number.NEGATIVE_INFINITY);
    target.connectedAtMs = undefined;
    // A peer that drops us at once, again and again, is dialled more and more slowly.
    target.failures = lastedMs >= this.#backoff.steadyMs ? 0 : target.failures + 1;
    this.#schedule(target, this.#delayMs(target));
  }

  /** From now on exactly these peers are not dialled. One that is no longer among them is dialled at once. */
  hold(peerIds: ReadonlySet<string>): void {
    for (const target of this.#targets.values()) {
      const wasHeld = target.isHeld;
      target.isHeld = peerIds.has(target.peer.peerId);
      if (target.isHeld) target.cancel();
      if (!wasHeld || target.isHeld || !this.#isRunning) continue;
      target.failures = 0;
      target.isRefused = false;
      this.#begin(target);
    }
  }

  /** The handshake with this peer failed: the next dial can wait. */
  refused(peerId: string): void {
    const target = this.#targets.get(peerId);
    if (target === undefined || !this.#isRunning) return;
    target.isRefused = true;
    this.#schedule(target, this.#delayMs(target));
  }

  #begin(target: Target): void {
    this.#schedule(target, this.#selfId < target.peer.peerId ? 0 : this.#backoff.courtesyMs);
  }

  #schedule(target: Target, delayMs: number): void {
    target.cancel();
    if (target.isHeld) return;
    target.cancel = this.#deps.scheduler.after(delayMs, () => void this.#attempt(target));
  }

  async #attempt(target: Target): Promise<void> {
    const { peer } = target;
    if (this.#targets.get(peer.peerId) !== target) return;
    if (this.#deps.isPresent(peer.peerId)) return;
    // The next attempt stands before this one is made, so that no outcome can end the loop.
    target.failures++;
    this.#schedule(target, this.#delayMs(target));
    try {
      await this.#deps.dial(peer);
    } catch (error) {
      if (!this.#isRunning || this.#targets.get(peer.peerId) !== target) return;
      this.#deps.dialFailed(peer.peerId, firstLine((error as Error).message));
      this.#logFailure(target, error as Error);
    }
  }

  #delayMs(target: Target): number {
    const { firstMs, factor, longestMs, refusedMs } = this.#backoff;
    const exponent = Math.max(0, target.failures - 1);
    const delayMs = target.isRefused ? refusedMs : Math.min(longestMs, firstMs * factor ** exponent);
    return delayMs * (0.75 + 0.5 * this.#deps.jitter());
  }

  #logFailure(target: Target, error: Error): void {
    const { name, peerId, multiaddr } = target.peer;
    const fields = {
      name,
      peer: peerId,
      address: multiaddr,
      attempts: target.failures,
      error: firstLine(error.message),
    };
    const isWorthSaying = target.failures === 8 || target.failures % 60 === 0;
    this.#deps.logger.log(isWorthSaying ? "warn" : "debug", "p2p", "peer not reachable, dialling on", fields);
  }
}

function newTarget(peer: StaticPeer, isHeld: boolean): Target {
  const cancel = () => undefined;
  return { peer, failures: 0, isRefused: false, isHeld, connectedAtMs: undefined, cancel };
}

function firstLine(message: string): string {
  return message.split("\n", 1)[0] ?? "";
}
