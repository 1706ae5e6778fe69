/**
 * Asks each connected peer what time it is, and answers the same question: one stream for each, one byte there and
 * eight back. What is learnt is shown and logged; nothing decides by it. A peer that does not know the protocol is
 * not asked again. Source: docs/protocol.md, "Clocks".
 */
import type { Connection, Stream } from "@libp2p/interface";
import { CLOCK_OFF_MS } from "../base/limits.ts";
import { TokenBucket } from "../base/token-bucket.ts";
import { ClockOffset, type PeerClock } from "./clock-offset.ts";
import type { ProtocolParts } from "./network-ports.ts";
import { frameStream } from "./transport/frames.ts";

export const CLOCK_PROTOCOL = "/quorate/clock";
const QUESTION = Uint8Array.of(0);
const ANSWER_BYTES = 8;
/** Waits before the first questions to a new peer, then between two; a busy start spoils the first answers. */
const FIRST_WAITS_MS = [0, 1_000, 5_000];
const INTERVAL_MS = 30_000;
const TIMEOUT_MS = 10_000;
/** Questions that a peer may ask: more than it needs. */
const ANSWERS = { capacity: 10, perSecond: 1 };
const STREAMS_MAX = 4;

interface Asked {
  readonly clock: ClockOffset;
  readonly answers: TokenBucket;
  questions: number;
  isOff: boolean;
  cancel: () => void;
}

export class Clocks {
  readonly #deps: ProtocolParts;
  /** One entry for each connected peer. */
  readonly #peers = new Map<string, Asked>();
  #isStopped = false;

  constructor(dependencies: ProtocolParts) {
    this.#deps = dependencies;
  }

  async start(): Promise<void> {
    await this.#deps.host.handle(CLOCK_PROTOCOL, (stream, connection) => this.#answer(stream, connection), {
      maxInboundStreams: STREAMS_MAX,
      maxOutboundStreams: STREAMS_MAX,
    });
  }

  stop(): void {
    this.#isStopped = true;
    for (const { cancel } of this.#peers.values()) cancel();
    this.#peers.clear();
  }

  connected(peerId: string): void {
    if (this.#isStopped) return;
    const answers = new TokenBucket(ANSWERS, this.#deps.scheduler.now());
    const asked = { clock: new ClockOffset(), answers, questions: 0, isOff: false, cancel: () => undefined };
    this.#peers.get(peerId)?.cancel();
    this.#peers.set(peerId, asked);
    this.#schedule(peerId, asked);
  }

  disconnected(peerId: string): void {
    this.#peers.get(peerId)?.cancel();
    this.#peers.delete(peerId);
  }

  /** Undefined while no answer has come. */
  of(peerId: string): PeerClock | undefined {
    return this.#peers.get(peerId)?.clock.best;
  }

  #schedule(peerId: string, asked: Asked): void {
    const delayMs = FIRST_WAITS_MS[asked.questions] ?? INTERVAL_MS;
    asked.questions++;
    asked.cancel = this.#deps.scheduler.after(delayMs, () => void this.#ask(peerId, asked));
  }

  /** Asks a peer for its time. The promise never rejects. */
  async #ask(peerId: string, asked: Asked): Promise<void> {
    const { sessions, scheduler, logger, meter } = this.#deps;
    const session = sessions.find(peerId);
    if (session === undefined) return;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    let stream: Stream | undefined;
    try {
      stream = await session.connection.newStream(CLOCK_PROTOCOL, { signal });
      const frames = frameStream(stream, ANSWER_BYTES);
      const askedAtMs = scheduler.now();
      await frames.write(QUESTION, signal);
      const answer = await frames.read(signal);
      const answeredAtMs = scheduler.now();
      meter.sent(peerId, "clock", QUESTION.length);
      meter.received(peerId, "clock", answer.length);
      asked.clock.add({ askedAtMs, answeredAtMs, theirsMs: decodeTime(answer) });
      await stream.close({ signal });
      this.#logChange(peerId, session.admitted?.hello.name, asked);
    } catch (error) {
      stream?.abort(error as Error);
      logger.log("debug", "p2p", "the peer did not say its time", {
        peer: peerId,
        error: (error as Error).message,
      });
      // Another release: it would refuse the protocol each time.
      if ((error as Error).name === "UnsupportedProtocolError") return;
    }
    if (this.#peers.get(peerId) === asked) this.#schedule(peerId, asked);
  }

  /** Once when a clock turns out to be off, and once when it no longer is. */
  #logChange(peer: string, name: string | undefined, asked: Asked): void {
    const { best } = asked.clock;
    if (best === undefined) return;
    const isOff = Math.abs(best.offsetMs) - best.errorMs > CLOCK_OFF_MS;
    if (isOff === asked.isOff) return;
    asked.isOff = isOff;
    const fields = { peer, name, aheadMs: best.offsetMs, errorMs: best.errorMs };
    if (isOff) this.#deps.logger.log("warn", "p2p", "the clock of a peer and this node's differ", fields);
    else this.#deps.logger.log("info", "p2p", "the clock of a peer and this node's agree again", fields);
  }

  async #answer(stream: Stream, connection: Connection): Promise<void> {
    const peerId = connection.remotePeer.toString();
    const { sessions, scheduler, meter } = this.#deps;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    try {
      if (!(await sessions.admits(connection))) throw new Error("no clock before the HELLO");
      const frames = frameStream(stream, QUESTION.length);
      await frames.read(signal);
      meter.received(peerId, "clock", QUESTION.length);
      if (this.#peers.get(peerId)?.answers.take(1, scheduler.now()) !== true)
        throw new Error("asked too often");
      await frames.write(encodeTime(scheduler.now()), signal);
      meter.sent(peerId, "clock", ANSWER_BYTES);
      await stream.close({ signal });
    } catch (error) {
      stream.abort(error as Error);
    }
  }
}

/** u64, big-endian: ms since the Unix epoch. */
function encodeTime(timeMs: number): Uint8Array {
  const bytes = new Uint8Array(ANSWER_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Math.max(0, Math.floor(timeMs))));
  return bytes;
}

/** @throws Error for what is no time: it would be shown as a number that says nothing. */
function decodeTime(bytes: Uint8Array): number {
  if (bytes.length !== ANSWER_BYTES)
    throw new Error(`a time of ${bytes.length} bytes, it has ${ANSWER_BYTES}`);
  const timeMs = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
  if (timeMs > BigInt(TIME_MS_MAX)) throw new Error(`a time beyond every calendar: ${timeMs}`);
  return Number(timeMs);
}

/** The last moment that a Date can say. */
const TIME_MS_MAX = 8_640_000_000_000_000;
