/**
 * Frames of one peer whose last bytes are still awaited. Each has a time within which it must be whole, and together
 * they announce no more than one bound, however many streams they come on: one that is begun and left lying, or many
 * begun at once, would hold memory for nothing. What breaks a bound is cut off, the oldest first: after a reconnection
 * the newest stream is the real one. Pure but for the scheduler.
 */
import type { Scheduler } from "../../base/scheduler.ts";

export interface UnfinishedBounds {
  /** Announced by all of them together. */
  readonly bytesMax: number;
  /** How long a frame may take from its first byte to its last, while its stream is read, ms. */
  readonly msMax: number;
}

interface Unfinished {
  readonly bytes: number;
  readonly cancel: () => void;
}

/** @typeParam S is what frames come on. */
export class UnfinishedFrames<S> {
  readonly #bounds: UnfinishedBounds;
  readonly #ports: { readonly scheduler: Scheduler; isPaused(on: S): boolean; cutOff(on: S): void };
  /** Frames in the order in which they began. */
  readonly #frames = new Map<S, Unfinished>();

  constructor(
    bounds: UnfinishedBounds,
    ports: { readonly scheduler: Scheduler; isPaused(on: S): boolean; cutOff(on: S): void },
  ) {
    this.#bounds = bounds;
    this.#ports = ports;
  }

  /** Bytes of all frames that were announced and are not whole. */
  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#frames.values()) sum += bytes;
    return sum;
  }

  /**
   * Takes in that something came. @param bytes of the frame that is begun, 0 when none is. @param isAnother
   * than before
   */
  changed(on: S, bytes: number, isAnother: boolean): void {
    const before = this.#frames.get(on);
    if (before?.bytes === bytes && !isAnother) return;
    const isLengthOnly = before !== undefined && !isAnother && bytes > 0;
    if (isLengthOnly) this.#frames.set(on, { bytes, cancel: before.cancel });
    else {
      this.ended(on);
      if (bytes > 0) this.#frames.set(on, { bytes, cancel: this.#limit(on) });
    }
    for (const oldest of this.#frames.keys()) {
      if (this.bytes <= this.#bounds.bytesMax) return;
      this.#cutOff(oldest);
    }
  }

  /** The stream is closed. */
  ended(on: S): void {
    this.#frames.get(on)?.cancel();
    this.#frames.delete(on);
  }

  stop(): void {
    for (const on of [...this.#frames.keys()]) this.ended(on);
  }

  #limit(on: S): () => void {
    let cancel: () => void;
    const due = () => {
      // Held back by this side: the peer could not go on.
      if (this.#ports.isPaused(on)) cancel = this.#ports.scheduler.after(this.#bounds.msMax, due);
      else this.#cutOff(on);
    };
    cancel = this.#ports.scheduler.after(this.#bounds.msMax, due);
    return () => cancel();
  }

  #cutOff(on: S): void {
    this.ended(on);
    this.#ports.cutOff(on);
  }
}
