/**
 * The peers that a snapshot is fetched from: what each offers, how busy it is, how long it rests after it did not
 * answer, and who has lied and is asked no more.
 */
import { byteText, type Hash } from "../../base/bytes.ts";
import {
  decodeSnapshotAnswer,
  encodeSnapshotQuestion,
  type SnapshotOffer,
} from "../../p2p/sync/snapshot-wire.ts";

/** Questions to one peer at a time. */
const ASKED_MAX = 2;
const REST_MS = 500;
const REST_MS_MAX = 30_000;

export interface SourcePorts {
  /** The peers that are present. */
  peers(): readonly string[];
  request(peerId: string, question: Uint8Array): Promise<Uint8Array>;
  /** A peer sent something provably wrong. */
  reportFault(peerId: string, detail: string): void;
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

interface Source {
  offers: readonly SnapshotOffer[] | undefined;
  asked: number;
  failures: number;
  restsUntilMs: number;
}

/** A snapshot that peers offer. */
export interface OfferedSnapshot extends SnapshotOffer {
  readonly peers: readonly string[];
}

export class SnapshotSources {
  readonly #ports: SourcePorts;
  readonly #sources = new Map<string, Source>();
  readonly #liars = new Map<string, string>();

  constructor(ports: SourcePorts) {
    this.#ports = ports;
  }

  /** Who was dropped, and why. */
  get liars(): ReadonlyMap<string, string> {
    return this.#liars;
  }

  /** How many present peers have said what they offer. */
  get answered(): number {
    return this.#present().filter((id) => this.#of(id).offers !== undefined).length;
  }

  get present(): number {
    return this.#present().length;
  }

  now(): number {
    return this.#ports.now();
  }

  /** Asks every present peer what it offers. */
  async list(): Promise<void> {
    await Promise.all(
      this.#present().map(async (peerId) => {
        const bytes = await this.ask(peerId, encodeSnapshotQuestion({ kind: "list" }));
        if (bytes === undefined) return;
        const answer = decodeSnapshotAnswer("list", bytes);
        if (answer.ok) this.#of(peerId).offers = answer.value.offers;
        else this.lied(peerId, answer.fault.detail);
      }),
    );
  }

  /** What is offered: what two peers have goes before what one has, then the higher one. */
  candidates(): readonly OfferedSnapshot[] {
    const found = new Map<string, { offer: SnapshotOffer; peers: string[]; chunks: number[] }>();
    for (const peerId of this.#present()) {
      for (const offer of this.#of(peerId).offers ?? []) {
        const key = `${byteText(offer.headHash)} ${offer.height}`;
        const known = found.get(key) ?? { offer, peers: [], chunks: [] };
        known.peers.push(peerId);
        known.chunks.push(offer.chunks);
        found.set(key, known);
      }
    }
    const all = [...found.values()].map(({ offer, peers, chunks }) => ({
      ...offer,
      peers,
      chunks: chunks.sort((a, b) => a - b)[chunks.length >>> 1] ?? 1,
    }));
    const isShared = ({ peers }: OfferedSnapshot) => Math.min(2, peers.length);
    return all.sort((a, b) => isShared(b) - isShared(a) || Number(b.height - a.height));
  }

  /** The peers that offer a snapshot and may be asked now, the least busy first. */
  ready(headHash: Hash): string[] {
    const hash = byteText(headHash);
    const nowMs = this.#ports.now();
    return this.#present()
      .filter((id) => {
        const { offers, asked, restsUntilMs } = this.#of(id);
        const isOffered = offers?.some((offer) => byteText(offer.headHash) === hash) === true;
        return isOffered && asked < ASKED_MAX && restsUntilMs <= nowMs;
      })
      .sort((a, b) => this.#of(a).asked - this.#of(b).asked);
  }

  /** @returns undefined where there is no answer; then the peer rests for a while */
  async ask(peerId: string, question: Uint8Array): Promise<Uint8Array | undefined> {
    const source = this.#of(peerId);
    source.asked++;
    try {
      const answer = await this.#ports.request(peerId, question);
      source.failures = 0;
      return answer;
    } catch {
      const restMs = Math.min(REST_MS_MAX, REST_MS * 2 ** source.failures++);
      source.restsUntilMs = this.#ports.now() + restMs;
      return undefined;
    } finally {
      source.asked--;
    }
  }

  /** The peer does not keep it any more; what it offers is asked for again. */
  gone(peerId: string): void {
    this.#of(peerId).offers = [];
  }

  lied(peerId: string, detail: string): void {
    if (this.#liars.has(peerId)) return;
    this.#liars.set(peerId, detail);
    this.#sources.delete(peerId);
    this.#ports.reportFault(peerId, `snapshot: ${detail}`);
  }

  #present(): readonly string[] {
    return this.#ports.peers().filter((peerId) => !this.#liars.has(peerId));
  }

  #of(peerId: string): Source {
    const known = this.#sources.get(peerId);
    if (known !== undefined) return known;
    const source: Source = { offers: undefined, asked: 0, failures: 0, restsUntilMs: 0 };
    this.#sources.set(peerId, source);
    return source;
  }
}
