/**
 * The upper pages of the committed state tree in memory: every change passes through them, and a read from the
 * store costs several hashes. Not an opinion of its own: what it holds equals what the store holds at that moment,
 * also while a block is being written, when a reader may see the store before or after.
 */
import { STATE_CACHE_DEPTH_MAX } from "../../base/limits.ts";

/** The depth at which a page begins is the first character of its id. */
function isTop(id: string): boolean {
  return id.charCodeAt(0) <= STATE_CACHE_DEPTH_MAX;
}

export class TopPages {
  readonly #load: (id: string) => Uint8Array | undefined;
  readonly #held = new Map<string, Uint8Array>();
  #suspended = false;

  constructor(load: (id: string) => Uint8Array | undefined) {
    this.#load = load;
  }

  page(id: string): Uint8Array | undefined {
    const held = this.#held.get(id);
    if (held !== undefined) return held;
    const page = this.#load(id);
    if (page !== undefined && !this.#suspended && isTop(id)) this.#held.set(id, page);
    return page;
  }

  /**
   * Call before these pages are written: until `resume` they are read from the store, which alone knows when the
   * write has taken effect, and nothing is kept. If the write fails it stays so.
   */
  suspend(ids: Iterable<string>): void {
    this.#suspended = true;
    for (const id of ids) this.#held.delete(id);
  }

  /** Call when the pages are written: they are known now without reading. */
  resume(pages: ReadonlyMap<string, Uint8Array | undefined>): void {
    this.#suspended = false;
    for (const [id, page] of pages) if (page !== undefined && isTop(id)) this.#held.set(id, page);
  }
}
