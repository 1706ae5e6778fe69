/**
 * Connections and what their HELLOs proved. Each connection is a session: pending, admitted or refused; whatever
 * else arrives on it waits for that. The dialer opens the HELLO stream and speaks first; the listener answers with
 * its own HELLO before it judges, so that both sides can log both values. A peer is present while it has an
 * admitted session. Source: docs/protocol.md, "Handshake".
 */
import type { Connection, Stream } from "@libp2p/interface";
import { assert } from "../../base/assert.ts";
import { accept, type Fault, type Verdict } from "../../base/fault.ts";
import { HELLO_BYTES_MAX, REFUSALS_LOGGED_MAX } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import { frameStream } from "./frames.ts";
import { type ChainIdentity, checkHello, type HelloFaultCode, OnceEach } from "./handshake.ts";
import type { Host } from "./host.ts";
import type { Meter, Rejection } from "./meter.ts";
import { decodeHello, encodeHello, firstHello, type Hello } from "./wire.ts";

export const HELLO_PROTOCOL = "/quorate/hello/2";
/** That of the release before, whose reader knows version 2 of the wire alone. */
export const FIRST_HELLO_PROTOCOL = "/quorate/hello";
/** A refused dialer has so long to read why before the listener closes. */
const LINGER_MS = 1_000;
/** A connection whose HELLO is not done by then is closed. */
const HELLO_TIMEOUT_MS = 5_000;

export interface Session {
  readonly connection: Connection;
  readonly peerId: string;
  /** Resolves to whether the HELLO was accepted; never rejects. */
  readonly settled: Promise<boolean>;
  /** What the HELLO proved, once it was accepted. */
  readonly admitted: AdmittedPeer | undefined;
}

export interface AdmittedPeer {
  readonly hello: Hello;
  readonly validator: number | undefined;
  readonly atMs: number;
  /** Round trip of the HELLO, known to the dialer. */
  readonly roundTripMs: number | undefined;
}

export interface SessionEvents {
  /** The first admitted session of a peer. */
  peerConnected(session: Session): void;
  /** The last admitted session of a peer closed. */
  peerDisconnected(peerId: string): void;
  /** The peer's HELLO does not fit ours: dialling again soon is pointless. */
  peerRefused(peerId: string, detail: string): void;
  /** It ended a connection that this node had opened before the handshake was done. */
  peerHungUp(peerId: string): void;
}

interface Dependencies {
  readonly host: Host;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly events: SessionEvents;
  /** Makes a new HELLO each time, because the head height changes. */
  ownHello(): Hello;
}

class OpenSession implements Session {
  readonly connection: Connection;
  readonly peerId: string;
  readonly settled: Promise<boolean>;
  admitted: AdmittedPeer | undefined;
  isSettled = false;
  cancelTimeout: () => void = () => undefined;
  #resolve!: (admitted: boolean) => void;

  constructor(connection: Connection) {
    this.connection = connection;
    this.peerId = connection.remotePeer.toString();
    this.settled = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  settle(admitted: AdmittedPeer | undefined): void {
    assert(!this.isSettled, "a handshake comes out one way, once");
    this.isSettled = true;
    this.admitted = admitted;
    this.cancelTimeout();
    this.#resolve(admitted !== undefined);
  }
}

export class Sessions {
  readonly #chain: ChainIdentity;
  readonly #deps: Dependencies;
  /** Sessions by connection id, in the order in which they opened. */
  readonly #sessions = new Map<string, OpenSession>();
  readonly #logged = new OnceEach(REFUSALS_LOGGED_MAX);
  readonly #onOpen = (event: CustomEvent<Connection>) => void this.#opened(event.detail);
  readonly #onClose = (event: CustomEvent<Connection>) => this.#closed(event.detail);

  constructor(chain: ChainIdentity, dependencies: Dependencies) {
    this.#chain = chain;
    this.#deps = dependencies;
  }

  /** Runs before the host listens. Otherwise an early dialer would find no HELLO. */
  async start(): Promise<void> {
    const { host } = this.#deps;
    host.addEventListener("connection:open", this.#onOpen);
    host.addEventListener("connection:close", this.#onClose);
    const oneStream = { maxInboundStreams: 1, maxOutboundStreams: 1 };
    for (const protocol of [HELLO_PROTOCOL, FIRST_HELLO_PROTOCOL]) {
      await host.handle(protocol, (stream, connection) => this.#answer(stream, connection), oneStream);
    }
  }

  /** Is called after the host has stopped: the ends of its connections are still events. */
  stop(): void {
    const { host } = this.#deps;
    host.removeEventListener("connection:open", this.#onOpen);
    host.removeEventListener("connection:close", this.#onClose);
    for (const session of this.#sessions.values()) {
      session.cancelTimeout();
      if (!session.isSettled) session.settle(undefined);
    }
    this.#sessions.clear();
  }

  /** Whether the connection's HELLO is accepted, as soon as that is known. */
  admits(connection: Connection): Promise<boolean> {
    return this.#sessionOf(connection).settled;
  }

  /** The youngest admitted session of a peer: an older one may be dead without knowing it. */
  find(peerId: string): Session | undefined {
    return this.#youngest((session) => session.peerId === peerId);
  }

  /** The youngest session of the peer that proved to be this validator. */
  findValidator(validator: number): Session | undefined {
    return this.#youngest((session) => session.admitted?.validator === validator);
  }

  /**
   * The validators have changed: who claimed a key that was nobody's is judged anew.
   * @returns who sits now where nobody sat
   */
  reseat(): number[] {
    const seated: number[] = [];
    for (const session of this.#sessions.values()) {
      const { admitted } = session;
      if (admitted?.hello.claim === undefined || admitted.validator !== undefined) continue;
      const validator = checkHello(this.#chain, admitted.hello, session.peerId);
      if (!validator.ok || validator.value === undefined) continue;
      session.admitted = { ...admitted, validator: validator.value };
      seated.push(validator.value);
    }
    return seated;
  }

  /** One session for each present peer. */
  present(): Session[] {
    const byPeer = new Map<string, Session>();
    for (const session of this.#sessions.values()) if (isLive(session)) byPeer.set(session.peerId, session);
    return [...byPeer.values()];
  }

  #youngest(matches: (session: Session) => boolean): Session | undefined {
    let found: Session | undefined;
    for (const session of this.#sessions.values()) if (isLive(session) && matches(session)) found = session;
    return found;
  }

  /** Streams may arrive before the event that announces their connection. */
  #sessionOf(connection: Connection): OpenSession {
    const known = this.#sessions.get(connection.id);
    if (known !== undefined) return known;
    const session = new OpenSession(connection);
    if (connection.status !== "open") {
      session.settle(undefined);
      return session;
    }
    this.#sessions.set(connection.id, session);
    session.cancelTimeout = this.#deps.scheduler.after(HELLO_TIMEOUT_MS, () => {
      this.#refuse(session, "hello-timeout", `no HELLO within ${HELLO_TIMEOUT_MS} ms`);
    });
    return session;
  }

  async #opened(connection: Connection): Promise<void> {
    const session = this.#sessionOf(connection);
    if (connection.direction !== "outbound" || session.isSettled) return;
    const signal = AbortSignal.timeout(HELLO_TIMEOUT_MS);
    try {
      const stream = await connection.newStream([HELLO_PROTOCOL, FIRST_HELLO_PROTOCOL], { signal });
      const startedAtMs = this.#deps.scheduler.now();
      const theirs = await this.#exchange(session, stream, "ours-first", signal);
      const roundTripMs = this.#deps.scheduler.now() - startedAtMs;
      this.#judge(session, theirs, roundTripMs);
      await stream.close({ signal });
    } catch (error) {
      // A listener that refuses our HELLO closes the connection: its log has the reason, ours may not.
      this.#refuse(session, "hello-malformed", `HELLO failed: ${(error as Error).message}`);
    }
  }

  async #answer(stream: Stream, connection: Connection): Promise<void> {
    const session = this.#sessionOf(connection);
    if (connection.direction !== "inbound" || session.isSettled) {
      stream.abort(new Error("only the dialer opens a HELLO, once"));
      return;
    }
    const signal = AbortSignal.timeout(HELLO_TIMEOUT_MS);
    try {
      const theirs = await this.#exchange(session, stream, "theirs-first", signal);
      this.#judge(session, theirs, undefined);
      await stream.close({ signal });
    } catch (error) {
      stream.abort(error as Error);
      if (session.admitted !== undefined) return;
      this.#refuse(session, "hello-malformed", `HELLO failed: ${(error as Error).message}`);
    }
  }

  async #exchange(
    session: OpenSession,
    stream: Stream,
    order: "ours-first" | "theirs-first",
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const frames = frameStream(stream, HELLO_BYTES_MAX);
    const own = this.#deps.ownHello();
    const ours = encodeHello(stream.protocol === FIRST_HELLO_PROTOCOL ? firstHello(own) : own);
    if (order === "ours-first") await frames.write(ours, signal);
    const theirs = await frames.read(signal);
    if (order === "theirs-first") await frames.write(ours, signal);
    this.#deps.meter.sent(session.peerId, "hello", ours.length);
    this.#deps.meter.received(session.peerId, "hello", theirs.length);
    return theirs;
  }

  #judge(session: OpenSession, bytes: Uint8Array, roundTripMs: number | undefined): void {
    if (session.isSettled) return;
    const proof = this.#open(bytes, session.peerId);
    if (!proof.ok) {
      this.#refuse(session, rejectionOf(proof.fault), proof.fault.detail);
      this.#deps.events.peerRefused(session.peerId, proof.fault.detail);
      return;
    }
    const isFirst = this.find(session.peerId) === undefined;
    session.settle({ ...proof.value, atMs: this.#deps.scheduler.now(), roundTripMs });
    if (isFirst) this.#deps.events.peerConnected(session);
  }

  #open(bytes: Uint8Array, peerId: string): Verdict<Pick<AdmittedPeer, "hello" | "validator">, HelloFault> {
    const hello = decodeHello(bytes);
    if (!hello.ok) return hello;
    const validator = checkHello(this.#chain, hello.value, peerId);
    return validator.ok ? accept({ hello: hello.value, validator: validator.value }) : validator;
  }

  #refuse(session: OpenSession, reason: Rejection, detail: string): void {
    if (session.isSettled) return;
    session.settle(undefined);
    const { meter, logger } = this.#deps;
    // A connection that broke by itself is no refusal.
    if (session.connection.status !== "open" && reason === "hello-malformed") {
      if (session.connection.direction === "outbound") this.#deps.events.peerHungUp(session.peerId);
      return;
    }
    meter.rejected(reason);
    if (this.#logged.first(`${session.peerId} ${detail}`)) {
      const address = session.connection.remoteAddr.toString();
      logger.log("warn", "p2p", "peer refused at the handshake", { peer: session.peerId, address, detail });
    }
    // A refused dialer closes when it has read our HELLO; it must be able to see the difference too.
    if (session.connection.direction === "outbound") void closeConnection(session.connection);
    else {
      session.cancelTimeout = this.#deps.scheduler.after(LINGER_MS, () => {
        void closeConnection(session.connection);
      });
    }
  }

  #closed(connection: Connection): void {
    const session = this.#sessions.get(connection.id);
    if (session === undefined) return;
    this.#sessions.delete(connection.id);
    session.cancelTimeout();
    if (!session.isSettled) {
      session.settle(undefined);
      if (connection.direction === "outbound") this.#deps.events.peerHungUp(session.peerId);
    }
    if (session.admitted === undefined) return;
    const others = [...this.#sessions.values()].filter((other) => other.peerId === session.peerId);
    // gossipsub keeps one stream a peer and does not open another while any connection remains, so the
    // connections of a peer end together and the redial starts afresh.
    for (const other of others) void closeConnection(other.connection);
    if (!others.some(isLive)) this.#deps.events.peerDisconnected(session.peerId);
  }
}

function isLive(session: Session): boolean {
  return session.admitted !== undefined && session.connection.status === "open";
}

type HelloFault = "malformed" | "too-large" | "wire-version" | HelloFaultCode;

function rejectionOf(fault: Fault<HelloFault>): Rejection {
  return fault.code === "too-large" ? "hello-malformed" : (`hello-${fault.code}` as const);
}

async function closeConnection(connection: Connection): Promise<void> {
  try {
    await connection.close({ signal: AbortSignal.timeout(1_000) });
  } catch (error) {
    connection.abort(error as Error);
  }
}
