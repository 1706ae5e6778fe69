/**
 * The cursors that a reader of events has passed, the newest first: one of each of the last blocks, fewer of earlier
 * ones, at most 32. A node that never saw the newest one's block goes on behind an earlier one. As Bitcoin's locators.
 */
import type { EventCursor } from "../chain/types/event-cursor.ts";

/** What a node takes at once. */
const TRAIL_MAX = 32;
/** The newest of which none is left out. */
const NEAR = 16;

export class EventTrail {
  /** The oldest first. */
  #cursors: EventCursor[];

  /** @param cursors the newest first */
  constructor(cursors: readonly EventCursor[] = []) {
    this.#cursors = [...cursors].reverse();
  }

  /** The newest first. */
  get cursors(): readonly EventCursor[] {
    return [...this.#cursors].reverse();
  }

  get newest(): EventCursor | undefined {
    return this.#cursors.at(-1);
  }

  /** Whether it lies behind the newest. */
  isNext({ height, index }: EventCursor): boolean {
    const { newest } = this;
    if (newest === undefined) return true;
    return height > newest.height || (height === newest.height && index > newest.index);
  }

  add(cursor: EventCursor): void {
    if (this.newest?.blockHash === cursor.blockHash) this.#cursors.pop();
    this.#cursors.push(cursor);
    if (this.#cursors.length > TRAIL_MAX) this.#thin();
  }

  /** The chain went back: what lies behind the cursor is gone, and it is the newest. */
  goBack(cursor: EventCursor): void {
    const isKept = ({ height }: EventCursor) => height < cursor.height;
    this.#cursors = [...this.#cursors.filter(isKept), cursor];
  }

  /** Every second of the far ones goes, the oldest stays. */
  #thin(): void {
    const far = this.#cursors.slice(0, -NEAR);
    this.#cursors = [...far.filter((_, i) => i % 2 === 0), ...this.#cursors.slice(-NEAR)];
  }
}
