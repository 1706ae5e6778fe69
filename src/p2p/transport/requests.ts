/**
 * Questions and answers between two peers, one stream each: the asker writes one frame, the answerer writes one
 * frame, a status byte before the answer. Bounded in bytes, in time and in number on both sides; who asks too much
 * at once is told "busy". What is asked is anti-entropy's matter. Source: docs/protocol.md, "Requests".
 */
import type { Connection, Stream } from "@libp2p/interface";
import { must } from "../../base/assert.ts";
import {
  ANSWER_BYTES_MAX,
  OWN_REQUESTS_PER_PEER_MAX,
  REQUEST_BYTES_MAX,
  REQUESTS_PER_PEER_MAX,
} from "../../base/limits.ts";
import type { ProtocolParts } from "../network-ports.ts";
import { frameStream } from "./frames.ts";
import { REQUEST_WAIT_MS_MAX, RequestBudgets } from "./request-budget.ts";

export const REQUEST_PROTOCOL = "/quorate/request";
/** How long either side waits, from opening the stream to the last byte of the answer. */
const REQUEST_TIMEOUT_MS = 10_000;

const OK = 0;
const BUSY = 1;
const REFUSED = 2;

interface Dependencies extends ProtocolParts {
  requestReceived(peerId: string, bytes: Uint8Array): Promise<Uint8Array>;
}

export class Requests {
  readonly #deps: Dependencies;
  readonly #asked = new Tally(OWN_REQUESTS_PER_PEER_MAX);
  readonly #answering = new Tally(REQUESTS_PER_PEER_MAX);
  readonly #budgets = new RequestBudgets();

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  async start(): Promise<void> {
    await this.#deps.host.handle(REQUEST_PROTOCOL, (stream, connection) => this.#accept(stream, connection), {
      // Beyond the tally, so that an eager peer is told "busy" rather than reset.
      maxInboundStreams: 4 * REQUESTS_PER_PEER_MAX,
      maxOutboundStreams: 4 * OWN_REQUESTS_PER_PEER_MAX,
    });
  }

  /** @throws Error when the peer is absent, busy, refuses, is too slow or goes away. */
  async request(peerId: string, question: Uint8Array): Promise<Uint8Array> {
    const session = this.#deps.sessions.find(peerId);
    if (session === undefined) throw new Error(`peer ${peerId} is not connected`);
    if (question.length > REQUEST_BYTES_MAX) throw new Error(`request of ${question.length} bytes`);
    if (!this.#asked.enter(peerId)) throw new Error(`too many requests to ${peerId} under way`);
    try {
      return openAnswer(peerId, await this.#ask(session.connection, question));
    } finally {
      this.#asked.leave(peerId);
    }
  }

  async #ask(connection: Connection, question: Uint8Array): Promise<Uint8Array> {
    const peerId = connection.remotePeer.toString();
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    const stream = await connection.newStream(REQUEST_PROTOCOL, { signal });
    try {
      const frames = frameStream(stream, ANSWER_BYTES_MAX);
      await frames.write(question, signal);
      this.#deps.meter.sent(peerId, "request", question.length);
      const answer = await frames.read(signal);
      this.#deps.meter.received(peerId, "request", answer.length);
      await stream.close({ signal });
      return answer;
    } catch (error) {
      stream.abort(error as Error);
      throw new Error(`request to ${peerId} failed: ${(error as Error).message}`, { cause: error });
    }
  }

  async #accept(stream: Stream, connection: Connection): Promise<void> {
    const peerId = connection.remotePeer.toString();
    const { meter, logger } = this.#deps;
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    try {
      if (!(await this.#deps.sessions.admits(connection))) {
        meter.rejected("request-before-hello");
        throw new Error("no request before the HELLO");
      }
      await this.#answer(peerId, stream, signal);
      await stream.close({ signal });
    } catch (error) {
      stream.abort(error as Error);
      logger.log("debug", "p2p", "request not answered", { peer: peerId, error: (error as Error).message });
    }
  }

  async #answer(peerId: string, stream: Stream, signal: AbortSignal): Promise<void> {
    const frames = frameStream(stream, REQUEST_BYTES_MAX);
    if (!this.#answering.enter(peerId)) {
      this.#deps.meter.rejected("request-busy");
      await frames.write(Uint8Array.of(BUSY), signal);
      return;
    }
    try {
      const question = await this.#readQuestion(frames, signal);
      this.#deps.meter.received(peerId, "request", question.length);
      if (!(await this.#isAffordable(peerId))) {
        this.#deps.meter.rejected("request-budget");
        await frames.write(Uint8Array.of(BUSY), signal);
        return;
      }
      const answer = await this.#think(peerId, question);
      await frames.write(answer, signal);
      this.#deps.meter.sent(peerId, "request", answer.length);
    } finally {
      this.#answering.leave(peerId);
    }
  }

  async #readQuestion(frames: ReturnType<typeof frameStream>, signal: AbortSignal): Promise<Uint8Array> {
    try {
      return await frames.read(signal);
    } catch (error) {
      this.#deps.meter.rejected("request-malformed");
      throw error;
    }
  }

  /** An answer waits until the peer has paid for the ones before; too long a wait is refused at once. */
  async #isAffordable(peerId: string): Promise<boolean> {
    const { scheduler, sessions } = this.#deps;
    const isValidator = sessions.find(peerId)?.admitted?.validator !== undefined;
    const waitMs = this.#budgets.waitMs(peerId, isValidator, scheduler.now());
    if (waitMs > REQUEST_WAIT_MS_MAX) return false;
    if (waitMs > 0) await new Promise<void>((resolve) => scheduler.after(waitMs, resolve));
    return true;
  }

  async #compute(peerId: string, question: Uint8Array): Promise<Uint8Array> {
    const { scheduler, requestReceived } = this.#deps;
    const startMs = performance.now();
    const computing = requestReceived(peerId, question);
    this.#budgets.computed(peerId, performance.now() - startMs, scheduler.now());
    const answer = await computing;
    this.#budgets.answered(peerId, answer.length, scheduler.now());
    return answer;
  }

  async #think(peerId: string, question: Uint8Array): Promise<Uint8Array> {
    try {
      const answer = await this.#compute(peerId, question);
      const framed = new Uint8Array(1 + answer.length);
      framed[0] = OK;
      framed.set(answer, 1);
      return framed;
    } catch (error) {
      this.#deps.meter.rejected("request-refused");
      const fields = { peer: peerId, error: (error as Error).message };
      this.#deps.logger.log("debug", "p2p", "request refused", fields);
      return Uint8Array.of(REFUSED);
    }
  }
}

function openAnswer(peerId: string, framed: Uint8Array): Uint8Array {
  switch (framed[0]) {
    case OK:
      return framed.subarray(1);
    case BUSY:
      throw new Error(`peer ${peerId} is busy`);
    case REFUSED:
      throw new Error(`peer ${peerId} refused the request`);
    default:
      throw new Error(`peer ${peerId} answered with an unknown status ${framed[0]}`);
  }
}

/** Counts what is under way for each peer. */
class Tally {
  readonly #counts = new Map<string, number>();
  readonly #countMax: number;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  enter(peerId: string): boolean {
    const count = this.#counts.get(peerId) ?? 0;
    if (count >= this.#countMax) return false;
    this.#counts.set(peerId, count + 1);
    return true;
  }

  leave(peerId: string): void {
    const count = must(this.#counts.get(peerId), "who leaves has entered") - 1;
    if (count === 0) this.#counts.delete(peerId);
    else this.#counts.set(peerId, count);
  }
}
