/**
 * Direct mail between validators: one long-lived stream for each validator and direction. What is posted in one
 * turn of the event loop leaves in one frame; while the validator is away its mail waits in an outbox, and a frame
 * that a broken stream refused is sent again on the next one. Nothing is acknowledged: what is lost in flight,
 * consensus repairs. Mail is taken only from peers that proved to be validators.
 * Source: decision 7; docs/protocol.md, "Mail".
 */
import type { Connection, Stream } from "@libp2p/interface";
import {
  MAIL_FRAME_BYTES_MAX,
  MAIL_FRAME_BYTES_TARGET,
  MAIL_FRAME_MS_MAX,
  MAIL_MESSAGE_BYTES_MAX,
  MAIL_STREAMS_PER_VALIDATOR_MAX,
  MAIL_UNFINISHED_BYTES_MAX,
} from "../../base/limits.ts";
import type { LargeMessage, P2pHandlers, ProtocolParts } from "../network-ports.ts";
import { type FrameStream, frameStream, onFrames } from "./frames.ts";
import type { Meter } from "./meter.ts";
import { Outbox } from "./outbox.ts";
import type { Session } from "./sessions.ts";
import { UnfinishedFrames } from "./unfinished-frames.ts";
import { decodeMailFrame, encodeMailFrame, mailFrameStart } from "./wire.ts";

/** A mail frame that is read in any case; of a longer one nothing is kept unless its one message is awaited. */
const MAIL_FRAME_UNASKED_BYTES_MAX = MAIL_FRAME_BYTES_TARGET + 16;
export const MAIL_PROTOCOL = "/quorate/mail";
/** How long to wait after a stream broke while its connection lives, so that streams are not opened in a hot loop. */
const RETRY_MS = 200;
/** A validator that takes nothing for so long gets a new stream and the frame again. */
const WRITE_TIMEOUT_MS = 5_000;
/** A receiver sends nothing on a mail stream; more than this is cut off. */
const BACKWARD_BYTES_MAX = 1024;

interface Dependencies extends ProtocolParts {
  readonly handlers: Pick<P2pHandlers, "mailReceived" | "mailAnnounced">;
}

interface Line {
  readonly connection: Connection;
  readonly stream: Stream;
  readonly frames: FrameStream;
}

/** The peer whose stream it is, and the validator that it speaks for. */
interface Sender {
  readonly peerId: string;
  readonly author: number;
}

/** The way to one validator. */
interface Mailbox {
  readonly validator: number;
  readonly outbox: Outbox;
  line: Line | undefined;
  isDelivering: boolean;
  cancelRetry: () => void;
}

export class Mail {
  readonly #deps: Dependencies;
  readonly #mailboxes = new Map<number, Mailbox>();
  readonly #posted = new Set<Mailbox>();
  /** Streams that validators opened, in their order. */
  readonly #inbound = new Map<number, readonly Stream[]>();
  /** Frames that validators have begun, by validator. */
  readonly #unfinished = new Map<number, UnfinishedFrames<Stream>>();
  #immediate: NodeJS.Immediate | undefined;
  #isStopped = false;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  async start(): Promise<void> {
    await this.#deps.host.handle(MAIL_PROTOCOL, (stream, connection) => this.#accept(stream, connection), {
      maxInboundStreams: 2,
      maxOutboundStreams: 2,
    });
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    for (const mailbox of this.#mailboxes.values()) mailbox.cancelRetry();
    this.#mailboxes.clear();
    for (const unfinished of this.#unfinished.values()) unfinished.stop();
  }

  /** Posts a message to a validator. Keeps `bytes` without copying; never throws. */
  post(to: number, bytes: Uint8Array): void {
    if (this.#isStopped) return;
    if (bytes.length > MAIL_MESSAGE_BYTES_MAX) {
      this.#deps.meter.rejected("mail-too-large");
      this.#deps.logger.log("error", "p2p", "own mail too large, dropped", { to, bytes: bytes.length });
      return;
    }
    const mailbox = this.#mailboxOf(to);
    const nowMs = this.#deps.scheduler.now();
    this.#countDropped(mailbox.outbox.expire(nowMs) + mailbox.outbox.post(bytes, nowMs));
    this.#posted.add(mailbox);
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      for (const due of this.#posted) void this.#deliver(due);
      this.#posted.clear();
    });
  }

  /** The validator is present (again): what waited for it leaves. */
  validatorConnected(validator: number): void {
    const mailbox = this.#mailboxes.get(validator);
    if (mailbox !== undefined) void this.#deliver(mailbox);
  }

  #mailboxOf(validator: number): Mailbox {
    let mailbox = this.#mailboxes.get(validator);
    if (mailbox === undefined) {
      mailbox = {
        validator,
        outbox: new Outbox(),
        line: undefined,
        isDelivering: false,
        cancelRetry: () => undefined,
      };
      this.#mailboxes.set(validator, mailbox);
    }
    return mailbox;
  }

  /** Writes frame after frame while there is mail and the validator is there. Never rejects. */
  async #deliver(mailbox: Mailbox): Promise<void> {
    if (mailbox.isDelivering) return;
    mailbox.isDelivering = true;
    mailbox.cancelRetry();
    const { sessions, scheduler } = this.#deps;
    while (!this.#isStopped && mailbox.outbox.length > 0) {
      const session = sessions.findValidator(mailbox.validator);
      if (session === undefined) break;
      this.#countDropped(mailbox.outbox.expire(scheduler.now()));
      if (await this.#sendFrame(mailbox, session)) continue;
      mailbox.cancelRetry = scheduler.after(RETRY_MS, () => void this.#deliver(mailbox));
      break;
    }
    mailbox.isDelivering = false;
  }

  /** @returns false when the frame was put back. */
  async #sendFrame(mailbox: Mailbox, session: Session): Promise<boolean> {
    const bundle = mailbox.outbox.take();
    if (bundle.length === 0) return true;
    try {
      mailbox.line = await this.#openLine(mailbox, session);
      const frame = encodeMailFrame(bundle.map((packet) => packet.bytes));
      await mailbox.line.frames.write(frame, WRITE_TIMEOUT_MS);
      this.#deps.meter.sent(session.peerId, "mail", frame.length, bundle.length);
      return true;
    } catch (error) {
      mailbox.line?.stream.abort(error as Error);
      mailbox.line = undefined;
      this.#countDropped(mailbox.outbox.putBack(bundle));
      return false;
    }
  }

  async #openLine(mailbox: Mailbox, { connection }: Session): Promise<Line> {
    const line = mailbox.line;
    if (line?.connection === connection && line.stream.status === "open") return line;
    // What the old line still holds may arrive; a line on a dead connection ends with it.
    line?.stream.close().catch(() => undefined);
    mailbox.line = undefined;
    const stream = await connection.newStream(MAIL_PROTOCOL);
    return { connection, stream, frames: frameStream(stream, BACKWARD_BYTES_MAX) };
  }

  async #accept(stream: Stream, connection: Connection): Promise<void> {
    const { sessions, meter } = this.#deps;
    if (!(await sessions.admits(connection))) return refuseStream(stream, meter, "mail-before-hello");
    const peerId = connection.remotePeer.toString();
    const author = sessions.find(peerId)?.admitted?.validator;
    if (author === undefined) return refuseStream(stream, meter, "mail-not-validator");
    this.#admitStream(author, stream);
    const unfinished = this.#unfinishedOf(author);
    stream.addEventListener("close", () => unfinished.ended(stream));
    onFrames(stream, {
      bytesMax: MAIL_FRAME_BYTES_MAX,
      unaskedMax: MAIL_FRAME_UNASKED_BYTES_MAX,
      isWanted: (start, bytes) => this.#isAwaited({ peerId, author }, stream, { start, bytes }),
      receive: (frame) => this.#open({ peerId, author }, stream, frame),
      fail: (error) => this.#malformed(peerId, stream, error.message),
      awaits: (bytes, isAnother) => {
        if (!this.#isStopped && stream.status === "open") unfinished.changed(stream, bytes, isAnother);
      },
    });
  }

  /** Whether somebody waits for a frame too long to be read unasked, which must be one message. */
  #isAwaited({ peerId, author }: Sender, stream: Stream, frame: LargeMessage): boolean {
    const message = mailFrameStart(frame);
    const answer = message && this.#deps.handlers.mailAnnounced(peerId, author, message);
    if (answer?.isAwaited === true) return true;
    this.#deps.meter.rejected("mail-unasked");
    if (answer?.pause !== undefined) void pauseReading(stream, [answer.pause]);
    return false;
  }

  #open({ peerId, author }: Sender, stream: Stream, frame: Uint8Array): void {
    if (this.#isStopped) return;
    const messages = decodeMailFrame(frame);
    if (!messages.ok) {
      this.#malformed(peerId, stream, messages.fault.detail);
      return;
    }
    this.#deps.meter.received(peerId, "mail", frame.length, messages.value.length);
    // Copies, because consensus keeps some messages for long and must not keep whole frames with them.
    const pauses = messages.value.flatMap(
      (one) => this.#deps.handlers.mailReceived(peerId, author, one.slice()) ?? [],
    );
    if (pauses.length > 0) void pauseReading(stream, pauses);
  }

  /**
   * Bounds the streams of a validator over all its connections, as each may hold an unfinished frame. The newest
   * stay.
   */
  #admitStream(author: number, stream: Stream): void {
    const streams = this.#inbound.get(author) ?? [];
    const open = streams.filter(({ status }) => status === "open");
    const tooMany = Math.max(0, open.length - MAIL_STREAMS_PER_VALIDATOR_MAX + 1);
    for (const oldest of open.splice(0, tooMany)) refuseStream(oldest, this.#deps.meter, "mail-streams");
    this.#inbound.set(author, [...open, stream]);
  }

  #unfinishedOf(author: number): UnfinishedFrames<Stream> {
    const known = this.#unfinished.get(author);
    if (known !== undefined) return known;
    const { scheduler, meter } = this.#deps;
    const made = new UnfinishedFrames<Stream>(
      { bytesMax: MAIL_UNFINISHED_BYTES_MAX, msMax: MAIL_FRAME_MS_MAX },
      {
        scheduler,
        isPaused: (stream) => stream.readStatus === "paused",
        cutOff: (stream) => refuseStream(stream, meter, "mail-unfinished"),
      },
    );
    this.#unfinished.set(author, made);
    return made;
  }

  #malformed(peerId: string, stream: Stream, detail: string): void {
    this.#deps.logger.log("warn", "p2p", "malformed mail, stream closed", { peer: peerId, detail });
    refuseStream(stream, this.#deps.meter, "mail-malformed");
  }

  #countDropped(count: number): void {
    if (count > 0) this.#deps.meter.rejected("mail-dropped", count);
  }
}

/** Back-pressure: what the validator sends meanwhile fills its own window. A stream that has ended needs none. */
async function pauseReading(stream: Stream, until: readonly Promise<void>[]): Promise<void> {
  if (stream.readStatus === "readable") stream.pause();
  await Promise.all(until);
  if (stream.readStatus === "paused") stream.resume();
}

function refuseStream(
  stream: Stream,
  meter: Meter,
  reason: "mail-before-hello" | "mail-not-validator" | "mail-malformed" | "mail-streams" | "mail-unfinished",
): void {
  meter.rejected(reason);
  stream.abort(new Error(reason));
}
