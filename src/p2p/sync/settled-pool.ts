/**
 * What peers may compare themselves with, as it was listed last: the settled transactions of the pool, their checksum,
 * and their short names under the salts that were asked with last. Settled means that they have been in the pool for a
 * second, so a list that is a quarter of a second old misleads nobody; another head ends it at once. Each list is made
 * once for all who ask meanwhile, and a question for transactions finds the names that the question before it made.
 */
import { must } from "../../base/assert.ts";
import { byteText, type Hash, xorInto } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import { POOL_NAMED_MAX, POOL_PRICES_MAX } from "../../base/limits.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import { ShortHashes } from "./short-hash.ts";

export interface SettledPorts {
  readonly scheduler: Pick<Scheduler, "now">;
  headHash(): Hash;
  /** The pool's settled transactions that pay `feeMin`. */
  hashes(feeMin: bigint): readonly Hash[];
}

interface Listed {
  readonly hashes: readonly Hash[];
  readonly checksum: Uint8Array;
}

interface Named {
  readonly hashes: readonly Hash[];
  readonly names: readonly bigint[];
}

const FRESH_MS = 250;

export class SettledPool {
  readonly #ports: SettledPorts;
  #madeAtMs = 0;
  #madeAt = "";
  /** The lists by price, in the order in which they were first asked for. */
  readonly #listed = new Map<bigint, Listed>();
  /** The namings by salt, of which the one used longest ago comes first. */
  readonly #named = new Map<bigint, Named>();
  #lists = 0;
  #namings = 0;

  constructor(ports: SettledPorts) {
    this.#ports = ports;
  }

  /** How many lists were made since the start, and how often names were computed for one. */
  get counts(): { readonly lists: number; readonly namings: number } {
    return { lists: this.#lists, namings: this.#namings };
  }

  list(feeMin: bigint): Listed {
    this.#refresh();
    const known = this.#listed.get(feeMin);
    if (known !== undefined) return known;
    const hashes = this.#ports.hashes(feeMin);
    this.#lists++;
    const made = { hashes, checksum: checksumOf(hashes) };
    if (this.#listed.size >= POOL_PRICES_MAX) dropOldest(this.#listed);
    this.#listed.set(feeMin, made);
    return made;
  }

  /** Short names under a salt, which are remembered until other salts have taken their place. */
  name(salt: bigint, hashes: readonly Hash[]): readonly bigint[] {
    const known = this.#named.get(salt);
    if (known?.hashes === hashes) return known.names;
    const names = hashes.map(new ShortHashes(salt).of);
    this.#namings++;
    this.#named.delete(salt);
    this.#named.set(salt, { hashes, names });
    while (this.#named.size > POOL_NAMED_MAX) dropOldest(this.#named);
    return names;
  }

  /** The hashes with these names, if all of them were given under this salt. */
  find(salt: bigint, wanted: ReadonlySet<bigint>): readonly Hash[] | undefined {
    const named = this.#named.get(salt);
    if (named === undefined) return undefined;
    const { hashes, names } = named;
    const met = new Set<bigint>();
    const found = hashes.filter((_, i) => {
      const name = must(names[i], "a name for each hash");
      if (!wanted.has(name)) return false;
      met.add(name);
      return true;
    });
    return met.size === wanted.size ? found : undefined;
  }

  #refresh(): void {
    const nowMs = this.#ports.scheduler.now();
    const head = byteText(this.#ports.headHash());
    const ageMs = nowMs - this.#madeAtMs;
    if (head === this.#madeAt && ageMs >= 0 && ageMs < FRESH_MS) return;
    this.#madeAtMs = nowMs;
    this.#madeAt = head;
    this.#listed.clear();
  }
}

/** XOR of the hashes: 32 bytes, whatever their order. */
export function checksumOf(hashes: readonly Uint8Array[]): Uint8Array {
  const checksum = new Uint8Array(32);
  for (const hash of hashes) xorInto(checksum, hash);
  return checksum;
}
