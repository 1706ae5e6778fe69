/**
 * One budget of bytes for everything that clients make the RPC server hold: requests not finished, calls queued,
 * answers not read, over HTTP and WebSockets together. Each client has a share; all have a bound together, below which
 * a client who holds little is always served. It counts and refuses; what a refusal means its callers decide. Pure.
 */

/** Bytes of blocks that are kept decoded for the next read. */
export const RPC_DECODED_BLOCKS_BYTES_MAX = 16 * 1024 * 1024;
/** Bytes held for all clients together; with the blocks that are kept decoded, 96 MiB. */
export const RPC_HELD_BYTES_MAX = 96 * 1024 * 1024 - RPC_DECODED_BLOCKS_BYTES_MAX;
/** Bytes that are held for one client, which is an address, or the /64 of an IPv6 address. */
export const RPC_CLIENT_HELD_BYTES_MAX = 32 * 1024 * 1024;
/** A client who holds no more is served whatever others hold. */
export const RPC_CLIENT_RESERVED_BYTES = 128 * 1024;
/** What a byte of JSON takes while its call is in progress: the text, and what it was parsed to. */
export const RPC_PARSED_FACTOR = 4;

/** What one message or connection holds. */
export interface Holding {
  readonly bytes: number;
  /** False when it is too much: nothing was added. */
  grow(bytes: number): boolean;
  /** May be called twice. */
  release(): void;
}

export class HeldRpcBytes {
  readonly #byClient = new Map<string, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  of(client: string): number {
    return this.#byClient.get(client) ?? 0;
  }

  begin(client: string): Holding {
    let held = 0;
    const add = (bytes: number) => {
      held += bytes;
      this.#add(client, bytes);
    };
    return {
      get bytes() {
        return held;
      },
      grow: (bytes) => {
        const fits = this.#fits(client, bytes);
        if (fits) add(bytes);
        return fits;
      },
      release: () => add(-held),
    };
  }

  #fits(client: string, bytes: number): boolean {
    const own = this.of(client) + bytes;
    if (own <= RPC_CLIENT_RESERVED_BYTES) return true;
    return own <= RPC_CLIENT_HELD_BYTES_MAX && this.#total + bytes <= RPC_HELD_BYTES_MAX;
  }

  #add(client: string, bytes: number): void {
    this.#total += bytes;
    const own = this.of(client) + bytes;
    if (own === 0) this.#byClient.delete(client);
    else this.#byClient.set(client, own);
  }
}
