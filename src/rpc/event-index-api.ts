/** What is asked of events, and the port to the node's index of them, where it keeps one (config index.events). */
import type { Address } from "../base/bytes.ts";

/** What a stream is of. */
export type EventQuery = BlocksQuery | TransactionsQuery | ModuleEventsQuery;

/** Asks for each block. */
export interface BlocksQuery {
  readonly kind: "blocks";
}

export interface TransactionsQuery {
  readonly kind: "transactions";
  readonly account: Address;
}

export interface ModuleEventsQuery {
  readonly kind: "events";
  /** The number of the module. Events of every module are meant when it is undefined. */
  readonly module: number | undefined;
  /** The name of the event. Every event is meant when it is undefined. */
  readonly event: string | undefined;
  /** The number of the event, where the module declares its events. */
  readonly eventKind: number | undefined;
  /** Fields by name, with their values as text, hex in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** Heights at which something may stand, ascending; none is left out up to `upTo`. */
export interface EventHeights {
  readonly heights: readonly bigint[];
  readonly upTo: bigint;
}

export interface EventIndexApi {
  /**
   * The heights from `from` to `to` that have such events. Undefined where the index does not have `from`,
   * and the blocks are to be read.
   */
  heights(
    query: TransactionsQuery | ModuleEventsQuery,
    from: bigint,
    to: bigint,
  ): Promise<EventHeights | undefined>;
  status(): EventIndexStatus;
}

export interface EventIndexStatus {
  /** The lowest block that is in the index. */
  readonly from: bigint;
  /** The highest: below the head while the index is being built. */
  readonly to: bigint;
  /** Blocks a second of late while it is being built. */
  readonly blocksPerSecond: number | undefined;
}
