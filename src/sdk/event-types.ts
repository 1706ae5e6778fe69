/**
 * What Client.events takes and gives, in Node and in browsers: orders, items, and where a reader keeps how
 * far it is.
 */
import type { DeclaredCode, EventType } from "../chain/modules/define-module.ts";
import type { FieldsOf, TypeForm } from "../chain/modules/value-types.ts";
import type { EventCursor } from "../chain/types/event-cursor.ts";
import type { ResultOf } from "./node-calls.ts";

/** Where a reader keeps the cursor of what it has dealt with. */
export interface Checkpointer {
  /** Undefined when nothing was saved. Several cursors, the newest first, are what `save` was given. */
  load(): Loaded | Promise<Loaded>;
  /**
   * @param earlier cursors of earlier blocks, the newest first: with them a node that never saw the newest one's block
   *   still knows where to go on
   */
  save(cursor: EventCursor, earlier: readonly EventCursor[]): void | Promise<void>;
}

type Loaded = EventCursor | readonly EventCursor[] | undefined;

/** Where to begin: with the block at a height, or behind a cursor (an object, or its text), or behind the first of several that is known. */
export type EventsStart = number | string | EventCursor | readonly EventCursor[];

export interface StreamOptions {
  /** Where to begin when the checkpointer has nothing. Left out, it begins behind the head of now. */
  readonly from?: EventsStart | undefined;
  /** Whether only events of blocks come that are called final, where blocks can be abandoned. */
  readonly final?: boolean;
  /**
   * Loaded at the beginning, and saved when the loop asks for the next item, since what it was given before
   * is dealt with.
   */
  readonly checkpointer?: Checkpointer;
  /** Items after which the checkpointer saves: 1 by default. With more it saves also when nothing waits; after a crash up to so many come again. */
  readonly checkpointEvery?: number;
  /** Ends the loop. */
  readonly signal?: AbortSignal;
}

/** A value as JSON shows it. */
type Shown = string | number | boolean | null;

export interface EventsOrder extends StreamOptions {
  /** The module's name. Left out, events of every module come. */
  readonly module?: string;
  readonly event?: string;
  /** Values that fields must have. */
  readonly fields?: Readonly<Record<string, Shown>>;
}

/** A declared module with its events' types. */
export interface DeclaredEvents<E> extends DeclaredCode {
  readonly events: E;
}

/** Events of a declaration by their names. */
export type EventTypes = Readonly<Record<string, EventType<FieldTypes>>>;
type FieldTypes = Readonly<Record<string, TypeForm>>;

/** An order of either kind, as it is read. */
export interface LooseEventsOrder extends StreamOptions {
  readonly module?: string | DeclaredCode;
  readonly event?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface TypedEventsOrder<E, N extends keyof E & string> extends StreamOptions {
  /** What defineModule gave. */
  readonly module: DeclaredEvents<E>;
  readonly event?: N;
  readonly fields?: E[N] extends EventType<infer F> ? Partial<FieldsOf<F>> : never;
}

export interface ModuleEvent<
  Name extends string = string,
  Fields = Readonly<Record<string, unknown>> | null,
> {
  readonly type: "event";
  readonly cursor: EventCursor;
  /** The time of the block, ms since the Unix epoch. */
  readonly time: number;
  readonly txHash: string;
  readonly txIndex: number;
  readonly module: string;
  readonly event: Name;
  /** The event's number in its module. */
  readonly kind: number;
  /** Null where the node cannot read it: then `data` has its bytes. */
  readonly fields: Fields;
  readonly data?: string;
}

/** The events of a declaration, told apart by `event`. */
export type EventOf<E, N extends keyof E & string> = {
  [K in N]: E[K] extends EventType<infer F> ? ModuleEvent<K, FieldsOf<F>> : never;
}[N];

/** A mined chain gave up blocks: everything behind this item's cursor is undone. */
export interface EventRollback {
  readonly type: "rollback";
  readonly cursor: EventCursor;
  readonly abandoned: { readonly height: number; readonly blockHash: string };
}

export interface AccountTransaction {
  readonly type: "transaction";
  readonly cursor: EventCursor;
  readonly time: number;
  readonly tx: NonNullable<ResultOf<"tx_get">>["tx"];
  readonly receipt: Pick<
    NonNullable<ResultOf<"tx_getReceipt">>,
    "status" | "code" | "fault" | "fee" | "events"
  >;
}

export interface StreamedBlock {
  readonly type: "block";
  readonly cursor: EventCursor;
  readonly header: ResultOf<"chain_getHeader"> & object;
}
