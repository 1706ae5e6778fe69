/**
 * From which height on peers have their blocks whole: a pruned node keeps the newest ones, one that began from a snapshot
 * those above it. A peer says so at the handshake, and is asked again when it had nothing to give; what it says is a
 * hint for whom to ask next: who lacks a block is passed over and not blamed. Source: docs/protocol.md, "Repair between
 * peers".
 */

/** So often a peer is asked at most: what it keeps changes slowly. */
const ASK_EVERY_MS = 30_000;

export interface KeptBlocksPorts {
  /** Milliseconds of any clock that never goes back. */
  readonly now: () => number;
  /** Asks a peer. Undefined where there is no answer. Never rejects. */
  readonly ask: (peerId: string) => Promise<bigint | undefined>;
}

export class KeptBlocks {
  readonly #ports: KeptBlocksPorts;
  readonly #lowest = new Map<string, bigint>();
  readonly #asked = new Map<string, { readonly atMs: number; readonly answered: Promise<void> }>();

  constructor(ports: KeptBlocksPorts) {
    this.#ports = ports;
  }

  /** The lowest height that the peer said it has; 1 as long as it has not said. */
  from(peerId: string): bigint {
    return this.#lowest.get(peerId) ?? 1n;
  }

  /** The peer had nothing to give: it is asked what it has. Resolves when it has answered, or will not. */
  missed(peerId: string): Promise<void> {
    const nowMs = this.#ports.now();
    const last = this.#asked.get(peerId);
    if (last !== undefined && Math.abs(nowMs - last.atMs) < ASK_EVERY_MS) return last.answered;
    const answered = this.#ask(peerId);
    this.#asked.set(peerId, { atMs: nowMs, answered });
    return answered;
  }

  /** The peer says by itself from which height on it has its blocks. */
  advertised(peerId: string, lowest: bigint): void {
    this.#lowest.set(peerId, lowest);
  }

  forget(peerId: string): void {
    this.#lowest.delete(peerId);
    this.#asked.delete(peerId);
  }

  async #ask(peerId: string): Promise<void> {
    const lowest = await this.#ports.ask(peerId);
    if (lowest !== undefined) this.#lowest.set(peerId, lowest);
  }
}
