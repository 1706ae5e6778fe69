/**
 * Keeps a pruned node's chain at its bounds while it runs: looks once in a while how much may go, takes it in batches with
 * pauses between them, and lets the database write its tables anew when enough is gone. By number of blocks and by age: a body
 * stays while either keeps it. What others and the node itself may still need stays whatever the settings say.
 */
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { Chain } from "../../chain/chain.ts";
import { blockTimeMs } from "../../chain/types/block-time.ts";
import { pruneSome } from "./prune.ts";

export interface PruneSettings {
  /** Bodies of so many of the newest blocks stay. */
  readonly keepBlocks: number;
  /** Bodies of blocks that are younger than this stay as well, ms. With 0 the number alone counts. */
  readonly keepMs: number;
}

export interface PrunerPorts {
  readonly chain: Chain;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** Bodies below this height may go: what a replica needs at its start, and what is being made of the chain. */
  readonly floor: () => bigint;
  /** Told of the lowest body when as much is gone as may go. */
  readonly pruned?: (lowestBody: bigint) => Promise<void>;
  /** Makes the files of the database smaller; left out where it has none. */
  readonly compact?: () => Promise<void>;
}

/** The log has one line for each thousand blocks that are pruned. */
const SAID_EVERY = 1_000n;
const LOOK_EVERY_MS = 1_000;
const BATCH_PAUSE_MS = 20;
/** So much is deleted before the tables are written anew. */
const COMPACT_BYTES = 64 * 1024 * 1024;

export class Pruner {
  readonly #settings: PruneSettings;
  readonly #ports: PrunerPorts;
  #cancel = (): void => undefined;
  #working: Promise<void> = Promise.resolve();
  #isStopped = false;
  /** Deleted since the tables were written anew. */
  #bytes = 0;

  constructor(settings: PruneSettings, ports: PrunerPorts) {
    this.#settings = settings;
    this.#ports = ports;
  }

  start(): void {
    this.#later(LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#working;
  }

  #later(ms: number): void {
    if (this.#isStopped) return;
    this.#cancel = this.#ports.scheduler.after(ms, () => {
      this.#working = this.#work();
    });
  }

  async #work(): Promise<void> {
    const { chain, log } = this.#ports;
    const from = chain.store.lowestBody();
    try {
      const target = this.target();
      const { blocks, bytes } = target > from ? await pruneSome(chain, target) : { blocks: 0, bytes: 0 };
      this.#bytes += bytes;
      if (blocks > 0 && chain.store.lowestBody() >= target) {
        const level = target / SAID_EVERY > from / SAID_EVERY ? "info" : "debug";
        log.log(level, "storage", "pruned", { lowestBody: target, head: chain.head.summary.height });
        await this.#ports.pruned?.(target);
        await this.#compact();
      }
      this.#later(blocks > 0 ? BATCH_PAUSE_MS : LOOK_EVERY_MS);
    } catch (error) {
      // A failed write has stopped the chain already, which says why.
      log.log("error", "storage", "pruning stopped", { error: (error as Error).message });
    }
  }

  async #compact(): Promise<void> {
    if (this.#bytes < COMPACT_BYTES || this.#isStopped) return;
    this.#bytes = 0;
    await this.#ports.compact?.();
  }

  /** The lowest height whose body stays. */
  target(): bigint {
    const { chain, floor } = this.#ports;
    const { keepBlocks } = this.#settings;
    const byCount = chain.head.summary.height - BigInt(keepBlocks) + 1n;
    const needed = floor();
    const highest = byCount < needed ? byCount : needed;
    return highest <= chain.store.lowestBody() ? highest : this.#byAge(highest);
  }

  /** The lowest height below `highest` that is too young to go. */
  #byAge(highest: bigint): bigint {
    const { chain, scheduler } = this.#ports;
    const { keepMs } = this.#settings;
    if (keepMs === 0) return highest;
    const youngest = BigInt(scheduler.now() - keepMs);
    // Times of blocks rise, on a mined chain nearly: a search by halves.
    let [low, high] = [chain.store.lowestBody(), highest];
    while (low < high) {
      const middle = (low + high) / 2n;
      const hash = chain.store.hashAt(middle);
      const head = hash === undefined ? undefined : chain.store.head(hash);
      if (head !== undefined && blockTimeMs(head) < youngest) low = middle + 1n;
      else high = middle;
    }
    return low;
  }
}
