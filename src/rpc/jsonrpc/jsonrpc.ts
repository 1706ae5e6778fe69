/**
 * JSON-RPC 2.0, exactly: from the text of one message to the text of its answer, or to none for notifications. It
 * decides what is a call, finds the method, checks the params by the method's schema and turns every outcome into
 * a response; it refuses to know HTTP and WebSocket. Source: https://www.jsonrpc.org/specification.
 *
 * Calls of a batch begin in order. A write does not wait for the calls before it, so that a batch of tx_send with
 * wait "final" takes one wait, not a hundred; writes of one method that follow one another run in one turn where the
 * method can prepare them together, and what follows them in the batch begins after them; reads run one after the other, so that their answers stay bounded. When each runs
 * says call-queue.ts.
 *
 * This folder: JSON-RPC 2.0 over any transport, OpenRPC, and docs/rpc.md as it is made of the table. Not here: the
 * methods, and sockets.
 */
import { InvariantError, must } from "../../base/assert.ts";
import { numbersUnder } from "../../base/jsontext.ts";
import {
  RPC_ANSWERS_BYTES_MAX,
  RPC_BATCH_CALLS_MAX,
  RPC_ECHO_MAX,
  RPC_ID_LENGTH_MAX,
} from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import { didYouMean } from "../../base/suggest.ts";
import type { RpcObserver } from "../budgets/call-observer.ts";
import { type Caller, CallQueue, type CallQueuePorts, type Pause } from "../budgets/call-queue.ts";
import { CallError, ERROR_NUMBERS, SPEC_MESSAGES } from "../errors.ts";
import { type Outcome, type PreparedCalls, prepareTogether, runTogether } from "./joint-calls.ts";
import { jsonInPieces } from "./json-pieces.ts";
import { type CallContext, type Method, type MethodTable, runMethod } from "./method.ts";

/** What a call sees of its connection; the dispatcher adds the rest. */
export interface Connection extends Pick<CallContext, "slots" | "isLocal" | "subscriptions"> {
  readonly caller: Caller;
  /**
   * Pays for bytes of answers that are kept until the message is answered, or returns false when there is no
   * room for them.
   */
  keep?(bytes: number): boolean;
}

export interface DispatcherPorts
  extends Omit<CallContext, keyof Connection | "pause">,
    Pick<CallQueuePorts, "busyMs" | "pause"> {
  readonly observer: RpcObserver;
  readonly log: Logger;
  /** Called with an InvariantError of a handler: the node contradicts itself and should stop. */
  broken(error: InvariantError): void;
}

/** The id as JSON: a number stays as the caller wrote it, so that none is rounded. */
type Id = string;

const NULL_ID: Id = "null";

/** A call that has the form of one. `id` is undefined for a notification. */
interface Call {
  readonly method: string;
  readonly params: unknown;
  readonly id: Id | undefined;
}

export class Dispatcher {
  readonly #ports: DispatcherPorts;
  readonly #queue: CallQueue;

  constructor(ports: DispatcherPorts) {
    this.#ports = ports;
    this.#queue = new CallQueue(ports);
  }

  /** The answer to one message, or undefined when nothing is to be sent. Never rejects. */
  async answer(text: string | undefined, connection: Connection): Promise<string | undefined> {
    let message: unknown;
    let written: ReadonlyMap<number, string> | undefined;
    try {
      if (text === undefined) throw new SyntaxError("not UTF-8");
      [message, written] = await this.#queue.run(connection.caller, () => parseMessage(text));
    } catch (error) {
      if (error instanceof CallError) return showError(NULL_ID, error);
      return this.refuse("PARSE_ERROR", (error as Error).message.slice(0, 2 * RPC_ECHO_MAX));
    }
    if (!Array.isArray(message)) return this.#answerOne(message, connection, { writtenId: written?.get(0) });
    if (message.length === 0) return this.refuse("INVALID_REQUEST", "an empty batch");
    if (message.length > RPC_BATCH_CALLS_MAX) {
      return this.refuse(
        "BATCH_TOO_LARGE",
        `${message.length} calls in a batch, at most ${RPC_BATCH_CALLS_MAX}: nothing was done`,
      );
    }
    return this.#answerBatch(message, connection, written);
  }

  /** Calls a method outside of a message (GET); always answers. */
  async call(method: string, params: unknown, connection: Connection): Promise<string> {
    return (await this.#perform({ method, params, id: NULL_ID }, connection)) ?? "";
  }

  /** Runs work that goes on after its call, in the turns of its client. @throws CallError RATE_LIMIT */
  inTurn<T>(caller: Caller, work: (pause: Pause) => Promise<T>): Promise<T> {
    return this.#queue.run(caller, work);
  }

  /** An error that belongs to no call. */
  refuse(code: keyof typeof ERROR_NUMBERS, detail: string): string {
    this.#ports.observer.callAnswered("unknown", ERROR_NUMBERS[code], 0);
    return showError(NULL_ID, new CallError(code, detail));
  }

  async #answerBatch(
    calls: readonly unknown[],
    connection: Connection,
    written: ReadonlyMap<number, string> | undefined,
  ): Promise<string | undefined> {
    const answers: Promise<string | undefined | readonly (string | undefined)[]>[] = [];
    let bytes = 0;
    let full: number | undefined;
    for (let index = 0; index < calls.length; index++) {
      // Nobody takes the answer: what was not begun is not done.
      if (connection.caller.isGone()) return undefined;
      const method = this.#preparing(calls[index]);
      const joint = method === undefined ? [] : jointCalls(calls, index, written);
      if (method !== undefined && joint.length > 1) {
        const begun = this.#beginTogether(joint, method, connection);
        answers.push(this.#concludeTogether(joint, method, begun));
        index += joint.length - 1;
        if (index < calls.length - 1) await begun;
        continue;
      }
      const call = calls[index];
      if (bytes > RPC_ANSWERS_BYTES_MAX) full ??= index;
      const pending = this.#answerOne(call, connection, { writtenId: written?.get(index), full });
      answers.push(pending);
      if (this.#isWrite(call)) continue;
      const length = (await pending)?.length ?? 0;
      bytes += length;
      if (connection.keep?.(length) === false) full ??= index + 1;
    }
    const texts = (await Promise.all(answers)).flat().filter((answer) => answer !== undefined);
    return texts.length === 0 ? undefined : `[${texts.join(",")}]`;
  }

  /** The method of a call, where it prepares those that follow one another together. */
  #preparing(call: unknown): Method | undefined {
    const name = (call as { method?: unknown } | null)?.method;
    const method = typeof name === "string" ? this.#ports.methods.get(name) : undefined;
    return method?.prepare === undefined ? undefined : method;
  }

  /** Resolves when all have begun. They run in one turn, or in a second one where they are prepared on another thread. */
  async #beginTogether(
    calls: readonly Call[],
    method: Method,
    connection: Connection,
  ): Promise<readonly Outcome[]> {
    const { caller } = connection;
    const context = (pause: Pause) => ({ ...this.#ports, ...connection, pause });
    const params = calls.map((call) => call.params);
    const prepare = (pause: Pause) => {
      const prepared = prepareTogether(method, context(pause), params);
      return prepared.ahead === undefined ? runTogether(method, context(pause), prepared) : prepared;
    };
    const run = (prepared: PreparedCalls) => (pause: Pause) => runTogether(method, context(pause), prepared);
    try {
      const begun = await this.#queue.run(caller, prepare, calls.length);
      if (!("ahead" in begun)) return begun;
      const owedMs = await begun.ahead;
      return await this.#queue.run(caller, run(begun), calls.length, owedMs);
    } catch (error) {
      return calls.map(() => ({ error }));
    }
  }

  /** The answers in order. */
  async #concludeTogether(
    calls: readonly Call[],
    method: Method,
    begun: Promise<readonly Outcome[]>,
  ): Promise<readonly (string | undefined)[]> {
    const startedAt = performance.now();
    const outcomes = await begun;
    return Promise.all(
      calls.map((call, i) =>
        this.#conclude(call, method, startedAt, must(outcomes[i], "each has an outcome")),
      ),
    );
  }

  #conclude(
    call: Call,
    method: Method,
    startedAt: number,
    outcome: Outcome,
  ): string | undefined | Promise<string | undefined> {
    if ("error" in outcome) return this.#refused(call, method, startedAt, outcome.error);
    const { result } = outcome;
    if (!(result instanceof Promise)) return this.#answered(call, method, startedAt, JSON.stringify(result));
    return result.then(
      (value) => this.#answered(call, method, startedAt, JSON.stringify(value)),
      (error: unknown) => this.#refused(call, method, startedAt, error),
    );
  }

  #isWrite(call: unknown): boolean {
    const name = (call as { method?: unknown } | null)?.method;
    return typeof name === "string" && this.#ports.methods.get(name)?.kind === "write";
  }

  async #answerOne(
    message: unknown,
    connection: Connection,
    { writtenId, full }: { readonly writtenId: string | undefined; readonly full?: number | undefined },
  ): Promise<string | undefined> {
    const call = parseCall(message, writtenId);
    if (call instanceof CallError) {
      this.#ports.observer.callAnswered("unknown", call.number, 0);
      return showError(idOf(message, writtenId), call);
    }
    return this.#perform(call, connection, full);
  }

  /** Runs one call and counts it. A notification has no answer, which is undefined. */
  async #perform(call: Call, connection: Connection, full?: number): Promise<string | undefined> {
    const { methods } = this.#ports;
    const method = methods.get(call.method);
    const startedAt = performance.now();
    try {
      if (method === undefined) throw unknownMethod(call.method, methods);
      if (method.kind === "admin" && !connection.isLocal) throw notLocal(method.name);
      if (full !== undefined && method.kind === "read") throw answersTooLarge(full);
      return this.#answered(
        call,
        method,
        startedAt,
        await this.#performInTurn(method, call.params, connection),
      );
    } catch (error) {
      return this.#refused(call, method, startedAt, error);
    }
  }

  /** @param result is JSON text. */
  #answered({ id }: Call, { name }: Method, startedAt: number, result: string): string | undefined {
    this.#ports.observer.callAnswered(name, 0, performance.now() - startedAt);
    return id === undefined ? undefined : `{"jsonrpc":"2.0","result":${result},"id":${id}}`;
  }

  #refused(call: Call, method: Method | undefined, startedAt: number, error: unknown): string | undefined {
    const refusal = error instanceof CallError ? error : this.failed(call.method, error);
    const tookMs = performance.now() - startedAt;
    this.#ports.observer.callAnswered(method?.name ?? "unknown", refusal.number, tookMs);
    return call.id === undefined ? undefined : showError(call.id, refusal);
  }

  /** The result as JSON. A write or an order may wait for a block: its turn ends when it has begun to. */
  async #performInTurn(method: Method, params: unknown, connection: Connection): Promise<string> {
    const run = async (pause: Pause) =>
      jsonInPieces(await this.#run(method, params, { ...this.#ports, ...connection, pause }), pause);
    if (method.kind === "read") return this.#queue.run(connection.caller, run);
    const { result } = await this.#queue.run(connection.caller, (pause) => ({ result: run(pause) }));
    return result;
  }

  #run(method: Method, params: unknown, context: CallContext): unknown {
    return runMethod(method, context, params);
  }

  /** The world or we ourselves failed: the log has the whole of it, the caller learns nothing of our insides. */
  failed(method: string, error: unknown): CallError {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#ports.log.log("error", "rpc", "method failed", { method, error: detail });
    if (error instanceof InvariantError) this.#ports.broken(error);
    return new CallError("INTERNAL", "");
  }
}

/** The message, and its ids as they were written where a number among them may be another than it was. */
function parseMessage(
  text: string,
): readonly [message: unknown, ids: ReadonlyMap<number, string> | undefined] {
  const message: unknown = JSON.parse(text);
  return [message, hasRoundedId(message) ? numbersUnder("id", text) : undefined];
}

/** Reads the form of a request object (§4) and refuses anything else. */
function parseCall(message: unknown, writtenId: string | undefined): Call | CallError {
  if (typeof message !== "object" || message === null || Array.isArray(message)) {
    return new CallError("INVALID_REQUEST", "a call is an object");
  }
  const { jsonrpc, method, params, id } = message as Record<string, unknown>;
  if (jsonrpc !== "2.0") {
    const detail = 'expected "jsonrpc": "2.0"';
    return new CallError(typeof jsonrpc === "string" ? "VERSION_NOT_SUPPORTED" : "INVALID_REQUEST", detail);
  }
  if (typeof method !== "string") return new CallError("INVALID_REQUEST", "method must be a string");
  if (params !== undefined && (typeof params !== "object" || params === null)) {
    return new CallError("INVALID_REQUEST", "params must be an object or an array");
  }
  const shown = showId(id, writtenId);
  if (id !== undefined && shown === undefined) {
    const detail = `id must be a string, a number or null, of at most ${RPC_ID_LENGTH_MAX} characters as JSON`;
    return new CallError("INVALID_REQUEST", detail);
  }
  return { method, params: params ?? {}, id: shown };
}

/** The calls from `index` on that have the form of one and name the same method. */
function jointCalls(
  calls: readonly unknown[],
  index: number,
  written: ReadonlyMap<number, string> | undefined,
): Call[] {
  const joint: Call[] = [];
  for (let at = index; at < calls.length; at++) {
    const call = parseCall(calls[at], written?.get(at));
    if (call instanceof CallError || call.method !== (joint[0]?.method ?? call.method)) break;
    joint.push(call);
  }
  return joint;
}

/** The id of a refused message, if it can be told (§5). */
function idOf(message: unknown, writtenId: string | undefined): Id {
  return showId((message as { id?: unknown } | null)?.id, writtenId) ?? NULL_ID;
}

/** An id as JSON, or undefined when it is none. */
function showId(id: unknown, written: string | undefined): Id | undefined {
  if (id !== null && typeof id !== "string" && typeof id !== "number") return undefined;
  const shown = typeof id === "number" && written !== undefined ? written : JSON.stringify(id);
  return shown.length <= RPC_ID_LENGTH_MAX ? shown : undefined;
}

/** Whether a number among the ids may be another than the caller wrote. */
function hasRoundedId(message: unknown): boolean {
  const calls: readonly unknown[] = Array.isArray(message) ? message : [message];
  return calls.some((call) => {
    const id = (call as { id?: unknown } | null)?.id;
    return typeof id === "number" && !Number.isSafeInteger(id);
  });
}

function unknownMethod(name: string, methods: MethodTable): CallError {
  const detail = `no method "${name.slice(0, RPC_ECHO_MAX)}"${didYouMean(name, methods.keys())}`;
  return new CallError("METHOD_NOT_FOUND", detail);
}

function notLocal(name: string): CallError {
  const detail = `${name} needs the node's token (rpc.token in its home) as "Authorization: Bearer TOKEN". Commands of the node's user find it at the address where the node listens (127.0.0.1, not localhost); else set QUORATE_RPC_TOKEN`;
  return new CallError("AUTH_REQUIRED", detail);
}

function answersTooLarge(next: number): CallError {
  const detail = `the answers of this batch exceed ${RPC_ANSWERS_BYTES_MAX} bytes: ask again from its call ${next} (counted from 0)`;
  return new CallError("ANSWER_TOO_LARGE", detail, { next });
}

function showError(id: Id, error: CallError): string {
  const { code, number, message, data } = error;
  const sentence = SPEC_MESSAGES[code as keyof typeof SPEC_MESSAGES];
  // Where the specification has a sentence, that is the message, and ours is data.detail.
  const detail = sentence === undefined || message === "" ? {} : { detail: message };
  const body = {
    code: number,
    message: code === "INVALID_PARAMS" ? `${sentence}: ${message}` : (sentence ?? message),
    data: { code, ...detail, ...data },
  };
  return `{"jsonrpc":"2.0","error":${JSON.stringify(body)},"id":${id}}`;
}
