/**
 * The client of a network: every method of the table typed by its schemas, over HTTP, and subscriptions over a
 * WebSocket. With several URLs a call goes to the next node when one does not answer, and a transaction is sent as
 * PBFT's client does it (submission.ts). Runs in Node and in browsers: it imports types of the table only. An answer
 * that is an error is thrown as RpcError with the node's code; a broken connection or a time-out is an Error.
 */

import type { z } from "zod";
import { must } from "../base/assert.ts";
import { hex0x, parseHex, parseShownHash } from "../base/bytes.ts";
import { TX_BYTES_CEILING } from "../base/limits.ts";
import { decodeTransaction } from "../chain/types/transaction.ts";
import { quorumOf } from "../consensus/pbft/quorum.ts";
import { ADMIN_METHODS } from "../rpc/admin-methods.ts";
import type { Methods } from "../rpc/methods/table.ts";
import { RpcError } from "../rpc/rpc-error.ts";
import type { SocketMaker } from "./client-socket.ts";
import { ClientSubscriptions, type SubscriptionEvents } from "./client-subscriptions.ts";
import { type CallLimits, Endpoint } from "./endpoint.ts";
import { type Sent, type SentAfter, Submission, type Trust } from "./submission.ts";
import type { TrustedGenesis } from "./trusted-genesis.ts";
import type { ChainRef } from "./wallet.ts";

export { RpcError } from "../rpc/rpc-error.ts";
export type { MissedNews, SubscriptionEvents } from "./client-subscriptions.ts";
export { NotConfirmedError, OutcomeUnknownError } from "./outcome.ts";
export { Sender, type SenderOptions, type SentInTurn } from "./sender.ts";
export type { Finality, Sent, SentAfter } from "./submission.ts";
export {
  type AnchorOrder,
  type ChainRef,
  distinctExpiry,
  FeeTooHighError,
  type TransferOrder,
  Wallet,
} from "./wallet.ts";

export type MethodName = keyof Methods;
export type ParamsOf<M extends MethodName> = z.input<Methods[M]["params"]>;
export type ResultOf<M extends MethodName> = z.output<Methods[M]["result"]>;
/** A block by height, hash or tag. */
export type BlockName = ParamsOf<"chain_getBlock">["block"];
export type WaitFor = NonNullable<ParamsOf<"tx_send">["wait"]>;

/** One call of a batch. */
export interface BatchCall<M extends MethodName = MethodName> {
  readonly method: M;
  readonly params?: ParamsOf<M>;
}

export interface ClientOptions {
  /** Milliseconds for an answer, beside what the call itself says it waits. 30,000 by default. */
  readonly timeoutMs?: number;
  /** T_client: without an answer for so many ms the next node is asked, for a transaction all. 5,000 by default. */
  readonly resendMs?: number;
  /**
   * What is trusted: the text of genesis.json, or what openGenesis (quorate/verify) made of it. Then `send` believes
   * "final" only with a certificate that it checked, or f+1 equal answers of validators. Where blocks are mined
   * "final" is the depth that a node waits for, told in `finality.depth`.
   */
  readonly genesis?: string | TrustedGenesis;
  /**
   * How many of the nodes may lie: "final" takes one more equal answers. By default what the genesis can bear; with
   * neither, one node's word is taken. Needs as many URLs, each of a node of its own.
   */
  readonly faults?: number;
  readonly fetch?: typeof fetch;
  /** The token of the node at a URL, for its admin methods (rpc.token in its home); asked for, and sent, with these alone. */
  readonly token?: (url: string) => string | undefined;
  /** For subscriptions where there is no global WebSocket (Node 20): `(url) => new WebSocket(url)` of ws. */
  readonly webSocket?: SocketMaker;
  /**
   * How long a subscription whose connection broke looks for another node, ms: 300,000 by default; with 0 it does not
   * look.
   */
  readonly reconnectMs?: number;
  /** A subscription's node that says nothing for so long is asked, and left when it stays silent as long again. 3,000 by default. */
  readonly heartbeatMs?: number;
}

/** Params may be left out where none is required. */
type ParamsArgument<M extends MethodName> =
  Record<string, never> extends ParamsOf<M> ? [params?: ParamsOf<M>] : [params: ParamsOf<M>];

const TIMEOUT_MS = 30_000;
const RESEND_MS = 5_000;
const WAIT_MS = 10_000;
const RECONNECT_MS = 300_000;
const HEARTBEAT_MS = 3_000;

export class Client {
  readonly #endpoints: readonly Endpoint[];
  readonly #options: ClientOptions;
  /** Index of the node that answered last. */
  #preferred = 0;
  #trust: Promise<Trust> | undefined;
  #subscriptions: ClientSubscriptions | undefined;

  /**
   * @param url of the RPC server, such as "http://127.0.0.1:18545", or of several, the one to ask first in front
   * @throws RangeError for no URL, one that is none, or too few of them for `faults`
   */
  constructor(url: string | readonly string[], options: ClientOptions = {}) {
    const urls = Array.isArray(url) ? [...new Set<string>(url)] : [url as string];
    const { faults = 0, genesis } = options;
    if (urls.length === 0) throw new RangeError("no URL to ask");
    if (!Number.isSafeInteger(faults) || faults < 0) throw new RangeError(`faults: ${faults}`);
    if (genesis === undefined && urls.length <= faults) {
      throw new RangeError(`${faults + 1} equal answers take ${faults + 1} URLs, ${urls.length} given`);
    }
    this.#endpoints = urls.map((one) => new Endpoint(one, options.fetch, options.token));
    this.#options = options;
  }

  /** Of the node that is asked first. */
  get url(): string {
    return must(this.#endpoints[this.#preferred], "the preferred one is one of the endpoints").url;
  }

  /** @throws RpcError when the node refuses; Error when none answers. */
  call<M extends MethodName>(method: M, ...[params]: ParamsArgument<M>): Promise<ResultOf<M>> {
    const waitMs = waitOf(params);
    const ask = (endpoint: Endpoint, { timeoutMs }: CallLimits) =>
      endpoint.call(method, params, { timeoutMs: timeoutMs + waitMs }) as Promise<ResultOf<M>>;
    return this.#askOne([method], ask);
  }

  /** Calls in one request, at most 100; the answers in their order, a refusal as an RpcError among them. */
  async batch<M extends MethodName>(calls: readonly BatchCall<M>[]): Promise<(ResultOf<M> | RpcError)[]> {
    if (calls.length === 0) return [];
    const waitMs = Math.max(...calls.map(({ params }) => waitOf(params)));
    const ask = (endpoint: Endpoint, { timeoutMs }: CallLimits) =>
      endpoint.batch(calls, { timeoutMs: timeoutMs + waitMs }) as Promise<(ResultOf<M> | RpcError)[]>;
    return this.#askOne(
      calls.map(({ method }) => method),
      ask,
    );
  }

  /** What a wallet must know of the chain to sign. */
  async chain(): Promise<ChainRef> {
    const { chainId, genesisHash } = await this.call("node_info");
    const hash = parseShownHash(genesisHash);
    if (hash === undefined) throw new Error(`${this.url}: a genesis hash that is none: "${genesisHash}"`);
    return { chainId: BigInt(chainId), genesisHash: hash };
  }

  block(block: BlockName = "latest"): Promise<ResultOf<"chain_getBlock">> {
    return this.call("chain_getBlock", { block });
  }

  async account(address: string | Uint8Array): Promise<ResultOf<"account_get">> {
    return this.call("account_get", { address: hexOf(address) });
  }

  /** The nonce of the sender's next transaction, counting what is in the pool. For several at once: Sender. */
  async nextNonce(address: string | Uint8Array): Promise<bigint> {
    return BigInt((await this.account(address)).pendingNonce);
  }

  /**
   * Sends a transaction, to one node first and to all when no good answer comes within T_client; sending the same
   * bytes again is harmless, and what is in the pool or in a block already is a success. `finality` says how a final
   * one is known to be final.
   * @param tx a signed transaction, or its bytes
   * @throws RpcError when it is refused, Error when no node was reached: then nothing was sent. OutcomeUnknownError
   *   when it may still happen: the wait ran out, a node broke off or let go of it; its subclass NotConfirmedError when
   *   nodes call it final but not in a way to be believed
   */
  async send<W extends WaitFor = "accepted">(
    tx: { readonly bytes: Uint8Array } | Uint8Array | string,
    options: { readonly wait?: W; readonly timeoutMs?: number } = {},
  ): Promise<SentAfter<W>> {
    return (await this.#send(tx, options)) as SentAfter<W>;
  }

  async #send(
    tx: { readonly bytes: Uint8Array } | Uint8Array | string,
    options: { readonly wait?: WaitFor; readonly timeoutMs?: number },
  ): Promise<Sent> {
    const given = typeof tx === "object" && "bytes" in tx ? tx.bytes : tx;
    const bytes = typeof given === "string" ? parseHex(given) : given;
    const decoded = bytes === undefined ? undefined : decodeTransaction(bytes, TX_BYTES_CEILING);
    // A node says best what is wrong with it.
    if (bytes === undefined || decoded?.ok !== true) {
      return this.call("tx_send", { tx: hexOf(given), ...options });
    }
    const { wait = "accepted", timeoutMs: waitMs = WAIT_MS } = options;
    const submission = new Submission(this.#inOrder(), {
      bytes,
      id: decoded.value.id,
      wait,
      waitMs,
      answerMs: this.#options.timeoutMs ?? TIMEOUT_MS,
      resendMs: this.#options.resendMs ?? RESEND_MS,
      trust: await this.#trusted(),
    });
    return submission.run();
  }

  /**
   * Starts a subscription over a WebSocket, opened at the first one. When its node ends or goes silent it goes on with
   * the next one (the same, where there is one URL) and says which heights it may have missed; `seq` begins anew then.
   * @returns a function that ends it
   * @throws RpcError when the node refuses, Error when none can be had
   */
  subscribe<T = unknown>(
    topic: ParamsOf<"sub_subscribe">["topic"],
    listener: (result: T, seq: number) => void,
    options: SubscriptionEvents & { readonly filter?: { readonly hash: string } } = {},
  ): Promise<() => Promise<void>> {
    this.#subscriptions ??= this.#openSubscriptions();
    const { filter, ...events } = options;
    const params = filter === undefined ? { topic } : { topic, filter };
    return this.#subscriptions.subscribe(params, (result, seq) => listener(result as T, seq), events);
  }

  /** Ends the subscriptions. */
  close(): void {
    this.#subscriptions?.close();
    this.#subscriptions = undefined;
  }

  #openSubscriptions(): ClientSubscriptions {
    const { webSocket, reconnectMs = RECONNECT_MS, heartbeatMs = HEARTBEAT_MS } = this.#options;
    return new ClientSubscriptions(() => this.#inOrder(), webSocket, { reconnectMs, heartbeatMs });
  }

  /** The node that answered last, then the others in their order. */
  #inOrder(): readonly Endpoint[] {
    const first = this.#preferred;
    return [...this.#endpoints.slice(first), ...this.#endpoints.slice(0, first)];
  }

  #limits(isLast: boolean): CallLimits {
    const { timeoutMs = TIMEOUT_MS, resendMs = RESEND_MS } = this.#options;
    return { timeoutMs: isLast ? timeoutMs : Math.min(timeoutMs, resendMs) };
  }

  /** An order to one node is not another's: it goes to the first. */
  #askOne<T>(
    methods: readonly string[],
    ask: (endpoint: Endpoint, limits: CallLimits) => Promise<T>,
  ): Promise<T> {
    const isOrder = methods.some((method) => ADMIN_METHODS.has(method));
    return isOrder
      ? ask(must(this.#endpoints[0], "a client has an endpoint"), this.#limits(true))
      : this.#askAny(ask);
  }

  /** Asks one node after the other until one answers; a refusal is an answer unless the node cannot serve now. */
  async #askAny<T>(ask: (endpoint: Endpoint, limits: CallLimits) => Promise<T>): Promise<T> {
    const errors: Error[] = [];
    for (const [i, endpoint] of this.#inOrder().entries()) {
      try {
        const answer = await ask(endpoint, this.#limits(i === this.#endpoints.length - 1));
        this.#preferred = this.#endpoints.indexOf(endpoint);
        return answer;
      } catch (error) {
        if (error instanceof RpcError && !CANNOT_SERVE.includes(error.data.code ?? "")) throw error;
        errors.push(error as Error);
      }
    }
    const refusal = errors.find((error) => error instanceof RpcError);
    if (refusal !== undefined || errors.length === 1) throw refusal ?? must(errors[0], "there is one error");
    throw new Error(errors.map((error) => error.message).join("; "), { cause: errors[0] });
  }

  #trusted(): Promise<Trust> {
    this.#trust ??= this.#loadTrust();
    return this.#trust;
  }

  async #loadTrust(): Promise<Trust> {
    const { genesis, faults } = this.#options;
    if (genesis === undefined) return { faults, validators: undefined, verify: undefined };
    // Loaded when it is used: most clients need no schemas and no certificates.
    const [{ openGenesis }, { verifyInclusion }, { ProvedSets, linksOf }] = await Promise.all([
      import("./trusted-genesis.ts"),
      import("./verify-inclusion.ts"),
      import("./epoch-chain.ts"),
    ]);
    const opened =
      typeof genesis === "string" ? openGenesis(genesis) : ({ ok: true, value: genesis } as const);
    if (!opened.ok) throw new RangeError(`genesis: ${opened.fault.detail}`);
    const { members } = opened.value.validators;
    // Nobody votes: how deep a block lies is what a node says, and no number of nodes says it better.
    if (members.length === 0) return { faults: undefined, validators: undefined, verify: undefined };
    const trusted = { ...opened.value, sets: new ProvedSets(opened.value) };
    /** Follows the sets to the epoch of a proof: each step is signed by the set before it, whoever brings it. */
    const follow = async (epoch: number): Promise<void> => {
      const { sets } = trusted;
      while (sets.newest < BigInt(epoch)) {
        const before = sets.newest;
        const answer = await this.call("chain_getEpochs", { from: Number(before) });
        for (const link of linksOf(answer)) if (!sets.extend(link).ok) return;
        if (sets.newest === before) return;
      }
    };
    return {
      faults: faults ?? quorumOf(members.length).f,
      validators: new Set(members.map((member) => member.peerId)),
      verify: async (proof, id) => {
        await follow(epochOf(proof));
        return verifyInclusion(proof, id, trusted);
      },
    };
  }
}

/** The epoch that the summary in a proof names, unchecked: u64 behind chain id and height. */
function epochOf(proof: unknown): number {
  const { summary } = (proof ?? {}) as { summary?: unknown };
  return typeof summary === "string" ? Number.parseInt(summary.slice(2 + 32, 2 + 48), 16) || 0 : 0;
}

/** Refusals of a node that is not able to answer now. */
const CANNOT_SERVE: readonly string[] = ["SYNCING", "STOPPING"];

/** What tx_send may wait by its own parameters, ms. */
function waitOf(params: unknown): number {
  const { wait, timeoutMs } = (params ?? {}) as { wait?: string; timeoutMs?: number | string };
  return wait === "included" || wait === "final" ? Number(timeoutMs ?? WAIT_MS) : 0;
}

function hexOf(bytes: string | Uint8Array): string {
  return typeof bytes === "string" ? bytes : hex0x(bytes);
}
