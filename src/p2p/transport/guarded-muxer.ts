/**
 * Yamux with bounds and without stray exceptions. The library waits for a whole Data frame before it looks at the
 * stream's window, so a header that claims 4 GiB makes it keep whatever comes; and it writes to connections that are
 * closed, in places where nobody catches what that throws (a microtask after a stream is opened; its own `abort`,
 * called from an event listener), which would end the process. Here the length is compared with the window as soon
 * as the header is there, everything held is counted against one budget, frames that cost the sender nothing are
 * budgeted, and these writes end their connection instead. Its writes are made fewer as well (connection-writes.ts),
 * and its reads cheaper (encrypted-lengths.ts).
 *
 * The muxer that the library makes is changed before it is used; that its inside is as expected is checked each
 * time, so that another version of the library fails in the first test and not in silence.
 */
import type { StreamMuxer, StreamMuxerFactory } from "@libp2p/interface";
import { yamux } from "@libp2p/yamux";
import { type BucketShape, TokenBucket } from "../../base/token-bucket.ts";
import {
  type FlowControlled,
  needsWindowUpdate,
  type SocketConnection,
  writeOnceATurn,
} from "./connection-writes.ts";
import { type DecodedConnection, readLengthsQuietly } from "./encrypted-lengths.ts";
import { type FramedBytes, FrameProgress } from "./frame-progress.ts";
import type { Rejection } from "./meter.ts";
import type { HeldBytes } from "./peer-held-bytes.ts";

/** The window of one stream: as much may be under way to us and, as the library pauses, unread. */
export const MUXER_WINDOW_BYTES_MAX = 1024 * 1024;
/** Streams that one connection may have opened; each protocol has a lower bound of its own. */
const MUXER_INBOUND_STREAMS_MAX = 128;
/** Streams that one connection may open; a node that catches up opens some dozens a second. */
export const MUXER_STREAMS_OPENED: BucketShape = { capacity: 1_000, perSecond: 250 };
/** Frames without data (pings, window updates, resets): each costs its sender 12 bytes. */
export const MUXER_CONTROL_FRAMES: BucketShape = { capacity: 20_000, perSecond: 4_000 };
/** What a piece of a buffer costs besides its bytes, about: bytes that come one by one must not be cheaper. */
const PIECE_BYTES = 256;

/** The only one of our protocols whose messages have no length before them: 32 bytes each, sent back at once. */
const PING_PROTOCOL = "/ipfs/ping/1.0.0";

const HEADER_BYTES = 12;
const DATA = 0;
const SYN = 1;
/** The window of a stream that has just been opened, as Yamux lays down. */
const FIRST_WINDOW_BYTES = 256 * 1024;

export interface MuxerGuard {
  readonly held: HeldBytes;
  now(): number;
  /** Something was refused, and the connection ends. */
  rejected(reason: Rejection): void;
  /** The library threw where nobody would have caught it; the connection ends. */
  libraryFailed(error: Error): void;
}

interface Pieces {
  readonly byteLength: number;
  readonly bufs?: readonly unknown[];
  subarray(from: number, to: number): Uint8Array;
}

interface InnerStream extends FlowControlled {
  readonly streamId: number;
  readonly readBuffer: Pieces;
  readonly writeBuffer: Pieces;
  /** Empty until both sides have agreed on one. */
  readonly protocol: string;
  sendWindowUpdate(): void;
  dispatchEvent(event: Event & { readonly data?: FramedBytes }): boolean;
  abort(error: Error): void;
}

interface Connection extends DecodedConnection {
  readonly writeBuffer?: Pieces;
  /** What the encrypted stream writes to. */
  readonly stream?: SocketConnection & { readonly writeBuffer?: Pieces };
  abort(error: Error): void;
  addEventListener(type: "close", listener: () => void): void;
}

interface Inner {
  readonly decoder: { readonly buffer: Pieces; readFrame(): unknown };
  readonly maConn: Connection;
  readonly streams: readonly InnerStream[];
  _newStream(...options: unknown[]): InnerStream;
  onData(bytes: unknown): void;
  send(bytes: unknown): boolean;
  abort(error: Error): void;
}

/** Thrown into the library's own handling of broken frames, which ends the connection. */
class RefusedFrameError extends Error {
  override readonly name = "RefusedFrameError";
}

export interface GuardedMuxers {
  /** What a host takes as one of its `streamMuxers`. */
  readonly factory: () => StreamMuxerFactory;
  /** A connection has a peer id now: what is held for all connections of a peer counts together. */
  connected(connection: { readonly muxer?: StreamMuxer | undefined }, peerId: string): void;
}

/** What {@link yamux} makes, guarded. */
export function guardedYamux(guard: MuxerGuard): GuardedMuxers {
  const make = yamux({
    maxInboundStreams: MUXER_INBOUND_STREAMS_MAX,
    streamOptions: {
      maxStreamWindowSize: MUXER_WINDOW_BYTES_MAX,
      maxReadBufferLength: 2 * MUXER_WINDOW_BYTES_MAX,
    },
  });
  const muxers = new Set<GuardedMuxer>();
  const owners = new WeakMap<object, GuardedMuxer>();
  const factory = () => {
    const library = make() as unknown as StreamMuxerFactory;
    const create = library.createStreamMuxer.bind(library);
    library.createStreamMuxer = (connection) => {
      const muxer = create(connection);
      const guarded = new GuardedMuxer(muxer, guard, muxers);
      guarded.install();
      owners.set(muxer, guarded);
      return muxer;
    };
    return library;
  };
  return {
    factory,
    connected: ({ muxer }, peerId) => {
      if (muxer !== undefined) owners.get(muxer)?.belongsTo(peerId);
    },
  };
}

class GuardedMuxer {
  readonly #inner: Inner;
  readonly #guard: MuxerGuard;
  /** All that are open. */
  readonly #muxers: Set<GuardedMuxer>;
  readonly #opened: TokenBucket;
  readonly #control: TokenBucket;
  #peer = `unnamed ${nameless++}`;
  #held = 0;
  /** The frames that a reader of a stream holds until they are whole. */
  readonly #frames = new WeakMap<InnerStream, FrameProgress>();
  #isOver = false;
  /** A frame that waits for its bytes is looked at again with each piece, and counted once. */
  #checked = false;

  constructor(muxer: StreamMuxer, guard: MuxerGuard, muxers: Set<GuardedMuxer>) {
    this.#inner = expectInner(muxer);
    this.#guard = guard;
    this.#muxers = muxers;
    this.#opened = new TokenBucket(MUXER_STREAMS_OPENED, guard.now());
    this.#control = new TokenBucket(MUXER_CONTROL_FRAMES, guard.now());
  }

  belongsTo(peerId: string): void {
    if (this.#isOver) return;
    const { held } = this.#guard;
    held.change(this.#peer, this.#held, 0);
    this.#peer = peerId;
    this.#close(held.change(peerId, 0, this.#held));
  }

  install(): void {
    this.#guardDecoder();
    this.#guardStreams();
    this.#guardAbort();
    this.#countHeld();
    const { maConn } = this.#inner;
    if (maConn.stream !== undefined) writeOnceATurn(maConn.stream);
    readLengthsQuietly(maConn);
  }

  #guardDecoder(): void {
    const { decoder } = this.#inner;
    const readFrame = decoder.readFrame.bind(decoder);
    decoder.readFrame = () => {
      if (decoder.buffer.byteLength >= HEADER_BYTES) this.#checkHeader(decoder.buffer);
      return readFrame();
    };
  }

  #checkHeader(buffer: Pieces): void {
    const header = buffer.subarray(0, HEADER_BYTES);
    const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES);
    const type = view.getUint8(1);
    const isNew = (view.getUint16(2) & SYN) !== 0;
    const streamId = view.getUint32(4);
    const length = view.getUint32(8);
    if (!this.#checked) this.#charge(type, isNew && streamId !== 0);
    if (type === DATA) {
      this.#checkLength(streamId, isNew, length);
      this.#checked = buffer.byteLength < HEADER_BYTES + length;
    }
  }

  #charge(type: number, opens: boolean): void {
    const nowMs = this.#guard.now();
    if (type !== DATA && !this.#control.take(1, nowMs))
      this.#refuse("muxer-flood", "too many frames without data");
    if (opens && !this.#opened.take(1, nowMs)) this.#refuse("muxer-flood", "too many streams opened");
  }

  /** What is still on its way for a stream that was closed here may be as long as any window. */
  #checkLength(streamId: number, isNew: boolean, length: number): void {
    const stream = this.#inner.streams.find((one) => one.streamId === streamId);
    const window = stream?.recvWindowCapacity ?? (isNew ? FIRST_WINDOW_BYTES : MUXER_WINDOW_BYTES_MAX);
    if (length > window) {
      this.#refuse("muxer-frame", `a frame of ${length} bytes for a window of ${window}`);
    }
  }

  #refuse(reason: Rejection, detail: string): never {
    this.#guard.rejected(reason);
    throw new RefusedFrameError(detail);
  }

  /** The library sends a new stream's first window update in a microtask, when the connection may be gone. */
  #guardStreams(): void {
    const inner = this.#inner;
    const newStream = inner._newStream.bind(inner);
    inner._newStream = (...options) => {
      const stream = newStream(...options);
      const sendWindowUpdate = stream.sendWindowUpdate.bind(stream);
      stream.sendWindowUpdate = () => {
        if (!needsWindowUpdate(stream)) return;
        try {
          sendWindowUpdate();
        } catch (error) {
          this.#failed(error as Error);
        }
      };
      this.#followFrames(stream);
      return stream;
    };
  }

  /**
   * Bytes leave the stream's buffer when its reader is given them, and are held by the reader from then on. What both
   * sides say to agree on a protocol is short, and may be given twice: it is not followed.
   */
  #followFrames(stream: InnerStream): void {
    const dispatchEvent = stream.dispatchEvent.bind(stream);
    stream.dispatchEvent = (event) => {
      if (event.type === "message" && event.data !== undefined && hasLengths(stream)) {
        const progress = this.#frames.get(stream) ?? new FrameProgress();
        this.#frames.set(stream, progress);
        progress.push(event.data);
      }
      return dispatchEvent(event);
    };
  }

  /** Its farewell may throw on a connection that is closing, and whoever calls it is an event listener. */
  #guardAbort(): void {
    const inner = this.#inner;
    const abort = inner.abort.bind(inner);
    inner.abort = (error) => {
      try {
        abort(error);
      } catch (thrown) {
        this.#failed(thrown as Error);
      }
    };
  }

  #failed(error: Error): void {
    this.#guard.libraryFailed(error);
    this.#inner.maConn.abort(error);
  }

  #countHeld(): void {
    const inner = this.#inner;
    this.#muxers.add(this);
    for (const name of ["onData", "send"] as const) {
      const method = inner[name].bind(inner);
      inner[name] = (bytes) => {
        const result = method(bytes);
        this.#recount();
        return result as never;
      };
    }
    inner.maConn.addEventListener("close", () => {
      if (this.#isOver) return;
      this.#isOver = true;
      this.#guard.held.change(this.#peer, this.#held, 0);
      this.#muxers.delete(this);
    });
  }

  #recount(): void {
    if (this.#isOver) return;
    const { decoder, maConn, streams } = this.#inner;
    let held = sizeOf(decoder.buffer) + sizeOf(maConn.writeBuffer) + sizeOf(maConn.stream?.writeBuffer);
    for (const stream of streams) {
      held += sizeOf(stream.readBuffer) + sizeOf(stream.writeBuffer) + (this.#frames.get(stream)?.held ?? 0);
    }
    const before = this.#held;
    if (held === before) return;
    this.#held = held;
    this.#close(this.#guard.held.change(this.#peer, before, held));
  }

  #close(peer: string | undefined): void {
    if (peer === undefined) return;
    this.#guard.rejected("memory");
    const error = new Error(`${this.#guard.held.of(peer)} bytes held for one peer`);
    for (const muxer of [...this.#muxers]) if (muxer.#peer === peer) muxer.#inner.maConn.abort(error);
  }
}

let nameless = 0;

function hasLengths({ protocol }: InnerStream): boolean {
  return protocol !== "" && protocol !== PING_PROTOCOL;
}

function sizeOf(pieces: Pieces | undefined): number {
  if (pieces === undefined || pieces.byteLength === 0) return 0;
  return pieces.byteLength + PIECE_BYTES * (pieces.bufs?.length ?? 0);
}

/** @throws Error when the library's muxer is not made as this file expects */
function expectInner(muxer: StreamMuxer): Inner {
  const inner = muxer as unknown as Partial<Inner>;
  const isAsExpected =
    typeof inner.decoder?.readFrame === "function" &&
    typeof inner.decoder.buffer?.byteLength === "number" &&
    typeof inner.maConn?.abort === "function" &&
    typeof inner._newStream === "function" &&
    typeof inner.onData === "function" &&
    typeof inner.send === "function" &&
    Array.isArray(inner.streams);
  if (!isAsExpected) throw new Error("@libp2p/yamux is not made as expected: it must be the pinned version");
  return inner as Inner;
}
