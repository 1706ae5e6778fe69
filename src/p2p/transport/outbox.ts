/**
 * The mail that waits for one validator: a queue bounded in messages, bytes and age. At the bound the oldest is
 * dropped, because consensus repairs what is lost (STATUS) and new mail makes old mail obsolete. No stream, no
 * clock: the time is handed in.
 */
import { assert, must } from "../../base/assert.ts";
import {
  MAIL_FRAME_BYTES_TARGET,
  MAIL_FRAME_MESSAGES_MAX,
  OUTBOX_AGE_MS_MAX,
  OUTBOX_BYTES_MAX,
  OUTBOX_MESSAGES_MAX,
} from "../../base/limits.ts";

interface QueuedPacket {
  readonly bytes: Uint8Array;
  readonly postedAtMs: number;
}

/** What a `take` gave, to be put back if it could not be sent. */
export type Bundle = readonly QueuedPacket[];

export interface OutboxBounds {
  readonly messagesMax: number;
  readonly bytesMax: number;
  readonly ageMsMax: number;
}

const BOUNDS: OutboxBounds = {
  messagesMax: OUTBOX_MESSAGES_MAX,
  bytesMax: OUTBOX_BYTES_MAX,
  ageMsMax: OUTBOX_AGE_MS_MAX,
};

export class Outbox {
  readonly #bounds: OutboxBounds;
  #packets: QueuedPacket[] = [];
  /** Packets before this index were taken or dropped; the array is cut when half of it is gone. */
  #first = 0;
  #bytes = 0;

  constructor(bounds: OutboxBounds = BOUNDS) {
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#packets.length - this.#first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps `bytes` without copying. @returns how many packets were dropped to make room. */
  post(bytes: Uint8Array, nowMs: number): number {
    this.#packets.push({ bytes, postedAtMs: nowMs });
    this.#bytes += bytes.length;
    return this.#trim();
  }

  /** Drops what is older than the bound. @returns how many packets. */
  expire(nowMs: number): number {
    let dropped = 0;
    while (this.length > 0 && nowMs - this.#packetAt(this.#first).postedAtMs > this.#bounds.ageMsMax) {
      this.#dropFirst();
      dropped++;
    }
    return dropped;
  }

  /** Takes packets from the front, as many as one frame should carry; at least one if there is any. */
  take(): Bundle {
    let count = 0;
    let bytes = 0;
    for (let i = this.#first; i < this.#packets.length && count < MAIL_FRAME_MESSAGES_MAX; i++) {
      const size = 4 + this.#packetAt(i).bytes.length;
      if (count > 0 && bytes + size > MAIL_FRAME_BYTES_TARGET) break;
      bytes += size;
      count++;
    }
    const bundle = this.#packets.slice(this.#first, this.#first + count);
    for (let i = 0; i < count; i++) this.#dropFirst();
    return bundle;
  }

  /** Puts a bundle back to the front, in its order. @returns how many packets were dropped to make room. */
  putBack(bundle: Bundle): number {
    this.#packets = [...bundle, ...this.#packets.slice(this.#first)];
    this.#first = 0;
    for (const packet of bundle) this.#bytes += packet.bytes.length;
    return this.#trim();
  }

  #trim(): number {
    let dropped = 0;
    while (
      this.length > 1 &&
      (this.length > this.#bounds.messagesMax || this.#bytes > this.#bounds.bytesMax)
    ) {
      this.#dropFirst();
      dropped++;
    }
    return dropped;
  }

  #packetAt(index: number): QueuedPacket {
    return must(this.#packets[index], "a packet lies between the first and the last");
  }

  #dropFirst(): void {
    this.#bytes -= this.#packetAt(this.#first).bytes.length;
    this.#first++;
    if (this.length === 0 || (this.#first > 32 && 2 * this.#first > this.#packets.length)) {
      this.#packets = this.#packets.slice(this.#first);
      this.#first = 0;
    }
    assert(
      this.length > 0 ? this.#bytes >= 0 : this.#bytes === 0,
      "the bytes are those of the packets that wait",
    );
  }
}
