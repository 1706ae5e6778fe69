/**
 * What a method is: a name, two schemas, examples and a handler. The table (methods/method-table.ts) is the one source of
 * validation, rpc.discover, the typed client, `quorate rpc` and docs/rpc.md. A handler gets checked params and a
 * context; it refuses by throwing CallError, and knows nothing of HTTP or JSON-RPC envelopes.
 */
import type { z } from "zod";
import type { Scheduler } from "../../base/scheduler.ts";
import type { WaitSlots, Waits } from "../answers/waits.ts";
import type { NodeApi } from "../api.ts";
import { readSettled } from "../settled-reads.ts";
import type { Subscriptions } from "../websocket/subscriptions.ts";
import { parseParams } from "./params.ts";

export interface CallContext {
  readonly api: NodeApi;
  readonly scheduler: Scheduler;
  readonly waits: Waits;
  /** How many waits this connection may still open. */
  readonly slots: WaitSlots;
  /** The caller is a program on this machine, or a page of the node itself: what an admin method asks. */
  readonly isLocal: boolean;
  /** The connection's subscriptions. Undefined over plain HTTP. */
  readonly subscriptions: Pick<Subscriptions, "add" | "addStream" | "acknowledge" | "remove"> | undefined;
  /**
   * Called between two items of a long answer: it resolves when everything else has had the turn that is due, if one
   * is.
   */
  pause(): Promise<void>;
  /** The methods of this server, for rpc.discover. */
  readonly methods: MethodTable;
}

export interface Example {
  readonly name: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly result: unknown;
}

export interface Method<P extends z.ZodObject = z.ZodObject, R extends z.ZodType = z.ZodType> {
  readonly name: string;
  /** What the method does, in one sentence for people. */
  readonly summary: string;
  /** Only a `read` is answered by GET, and an `admin` method only to a caller on this machine. */
  readonly kind: "read" | "write" | "admin";
  readonly transport: "any" | "websocket";
  /** A read of whole blocks or many headers: by GET only where no page of another site can have caused it. */
  readonly costly?: boolean;
  /** A read of memory alone, or one that subscribes, or looks after itself: it does not wait for a head that is being written. */
  readonly live?: boolean;
  /** A strict object, whose order of keys is the order of by-position params. */
  readonly params: P;
  readonly result: R;
  readonly examples: readonly Example[];
  call(context: CallContext, params: z.output<P>): z.input<R> | Promise<z.input<R>>;
  /**
   * For a write whose calls are quicker together: told of those of a batch that follow one another, all of which are
   * called at once afterwards: in the same turn, or in one after the promise that it returns, of milliseconds that
   * another thread computed and the caller pays for.
   */
  prepare?(context: CallContext, params: readonly z.output<P>[]): Promise<number> | undefined;
}

export type MethodTable = ReadonlyMap<string, Method>;

type Definition<P extends z.ZodObject, R extends z.ZodType> = Omit<Method<P, R>, "transport"> &
  Partial<Pick<Method<P, R>, "transport">>;

/** Runs a method. A read sees one ledger, however the head moves meanwhile. */
export function runMethod(method: Method, context: CallContext, params: unknown): unknown {
  const call = () => runParsed(method, context, parseParams(method, params));
  return method.kind !== "read" || method.live === true ? call() : readSettled(context.api, call);
}

/** The handler itself, on params that were checked. */
export function runParsed(method: Method, context: CallContext, params: Record<string, unknown>): unknown {
  return method.call(context, params);
}

/** Infers the two schemas, so that the handler and the client are typed by them. */
export function method<P extends z.ZodObject, R extends z.ZodType>(
  definition: Definition<P, R>,
): Method<P, R> {
  return { transport: "any", ...definition };
}
