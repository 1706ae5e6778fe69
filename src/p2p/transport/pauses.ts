/** Peers that were sent away for a while, each with the time when it may come back. Pure: time is handed in. */
import { dropOldest } from "../../base/drop-oldest.ts";

/** Peers that are remembered as sent away. Beyond it the one sent away longest ago may come back. */
const PAUSES_MAX = 1_024;

export class Pauses {
  readonly #untilMs = new Map<string, number>();

  begin(peerId: string, untilMs: number): void {
    this.#untilMs.delete(peerId);
    if (this.#untilMs.size >= PAUSES_MAX) dropOldest(this.#untilMs);
    this.#untilMs.set(peerId, untilMs);
  }

  has(peerId: string, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(peerId);
    if (untilMs === undefined) return false;
    if (nowMs < untilMs) return true;
    this.#untilMs.delete(peerId);
    return false;
  }
}
