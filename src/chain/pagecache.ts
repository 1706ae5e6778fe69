/**
 * Pages of the state tree in memory, above the store: the top of the tree, which every block reads, and whatever
 * was used lately. Bounded in bytes; at the bound the page that was not used for longest is dropped and read from
 * the store again. It holds what the store holds, never what a block might write.
 */
import type { PageReader } from "./statetree.ts";

// What a page costs beside its bytes: id, array header, map entry.
const ENTRY_BYTES = 200;

export class PageCache implements PageReader {
  readonly #store: PageReader;
  readonly #bytesMax: number;
  /** Least recently used first. */
  readonly #pages = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(options: { readonly bytesMax: number }, ports: { readonly store: PageReader }) {
    this.#bytesMax = options.bytesMax;
    this.#store = ports.store;
  }

  /** Bytes held now, entries included. */
  get bytes(): number {
    return this.#bytes;
  }

  page(id: string): Uint8Array | undefined {
    const cached = this.#pages.get(id);
    const page = cached ?? this.#store.page(id);
    if (page === undefined) return undefined;
    if (cached !== undefined) this.#pages.delete(id);
    else this.#grow(page.length + ENTRY_BYTES);
    this.#pages.set(id, page);
    return page;
  }

  /** The store now holds these pages (undefined = deleted): call it when their batch is written, not before. */
  written(pages: ReadonlyMap<string, Uint8Array | undefined>): void {
    for (const [id, page] of pages) {
      this.#drop(id);
      if (page === undefined) continue;
      this.#grow(page.length + ENTRY_BYTES);
      this.#pages.set(id, page);
    }
  }

  #grow(bytes: number): void {
    this.#bytes += bytes;
    for (const id of this.#pages.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#drop(id);
    }
  }

  #drop(id: string): void {
    const page = this.#pages.get(id);
    if (page === undefined) return;
    this.#pages.delete(id);
    this.#bytes -= page.length + ENTRY_BYTES;
  }
}
