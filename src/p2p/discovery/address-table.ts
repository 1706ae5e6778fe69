/**
 * A table of addresses in buckets. An address has exactly one place, which a secret salt decides: whoever floods the
 * table cannot know which addresses would meet there, and reaches only the buckets of its groups. It knows neither
 * time nor peers. Pure. Source: Heilman et al. 2015, section 2; docs/protocol.md, "Addresses".
 */
import { must } from "../../base/assert.ts";
import { concatBytes, utf8 } from "../../base/bytes.ts";
import {
  BUCKET_PLACES,
  GROUP_PAIRS_REMEMBERED_MAX,
  NEW_BUCKETS,
  NEW_BUCKETS_PER_SOURCE,
  TRIED_BUCKETS,
  TRIED_BUCKETS_PER_GROUP,
} from "../../base/limits.ts";
import { sha256 } from "../../crypto/hash.ts";
import type { AddressEntry, KnownAddress } from "./address-entry.ts";

export interface TablePlace {
  readonly bucket: number;
  readonly slot: number;
}

/** Decides the places of addresses: by SHA-256 over the salt, so that only who knows the salt can aim. */
export class Places {
  readonly #salt: Uint8Array;
  /** Buckets by group and source group: a flood repeats the same few, and hashing is its whole cost. */
  readonly #newBuckets = new Map<string, number>();

  /** @param salt holds 32 secret bytes. */
  constructor(salt: Uint8Array) {
    this.#salt = salt;
  }

  /**
   * The place follows from the groups of the address and of its source; all that one source group tells falls into 32
   * buckets.
   */
  inNew({ key, group, sourceGroup }: KnownAddress): TablePlace {
    const bucket = this.#newBucketOf(group, sourceGroup);
    return { bucket, slot: this.#draw(BUCKET_PLACES, "new slot", bucket, key) };
  }

  /** The place follows from the group of the address alone. The addresses of one group fall into 4 buckets. */
  inTried({ key, group }: KnownAddress): TablePlace {
    const way = this.#draw(TRIED_BUCKETS_PER_GROUP, "tried way", key);
    const bucket = this.#draw(TRIED_BUCKETS, "tried", group, way);
    return { bucket, slot: this.#draw(BUCKET_PLACES, "tried slot", bucket, key) };
  }

  /** The place may be anywhere, whatever the groups; an undefended book uses this. */
  anywhere(key: string): TablePlace {
    const bucket = this.#draw(NEW_BUCKETS + TRIED_BUCKETS, "any", key);
    return { bucket, slot: this.#draw(BUCKET_PLACES, "any slot", bucket, key) };
  }

  #newBucketOf(group: string, sourceGroup: string): number {
    const pair = `${group}|${sourceGroup}`;
    const known = this.#newBuckets.get(pair);
    if (known !== undefined) return known;
    const way = this.#draw(NEW_BUCKETS_PER_SOURCE, "way", group, sourceGroup);
    const bucket = this.#draw(NEW_BUCKETS, "new", sourceGroup, way);
    if (this.#newBuckets.size >= GROUP_PAIRS_REMEMBERED_MAX) this.#newBuckets.clear();
    this.#newBuckets.set(pair, bucket);
    return bucket;
  }

  /** An integer from 0 to `count` - 1. */
  #draw(count: number, ...parts: readonly (string | number)[]): number {
    const digest = sha256(concatBytes(this.#salt, utf8(parts.join("|"))));
    return new DataView(digest.buffer, digest.byteOffset).getUint32(0) % count;
  }
}

export class AddressTable {
  /** Buckets with at least one entry. */
  readonly #buckets = new Map<number, Map<number, AddressEntry>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  at({ bucket, slot }: TablePlace): AddressEntry | undefined {
    return this.#buckets.get(bucket)?.get(slot);
  }

  /** Replaces what is there. */
  put(place: TablePlace, entry: AddressEntry): void {
    this.clear(place);
    const bucket = this.#buckets.get(place.bucket) ?? new Map<number, AddressEntry>();
    this.#buckets.set(place.bucket, bucket.set(place.slot, entry));
    this.#size++;
  }

  clear(place: TablePlace): void {
    const bucket = this.#buckets.get(place.bucket);
    if (bucket?.delete(place.slot) !== true) return;
    this.#size--;
    if (bucket.size === 0) this.#buckets.delete(place.bucket);
  }

  /** A bucket first, then an entry of it: many addresses in few buckets weigh no more than those buckets. */
  draw(random: () => number): AddressEntry | undefined {
    if (this.#size === 0) return undefined;
    const bucket = pick([...this.#buckets.values()], random);
    return pick([...bucket.values()], random);
  }
}

/** One of one or more. @param random a number in [0, 1) */
export function pick<T>(items: readonly T[], random: () => number): T {
  return must(items[Math.floor(random() * items.length)], "there is one to pick");
}
