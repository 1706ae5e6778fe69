/**
 * The client of a network: every method of the table typed by its schemas, over HTTP, and subscriptions over a
 * WebSocket (node-calls.ts). A transaction is sent as PBFT's client does it (submission.ts). Runs in Node and in
 * browsers: it imports types of the table only. An answer that is an error is thrown as RpcError with the node's code;
 * a broken connection or a time-out is an Error.
 */
import { hex0x, parseHex, parseShownHash } from "../base/bytes.ts";
import { TX_BYTES_CEILING } from "../base/limits.ts";
import { decodeTransaction } from "../chain/types/transaction.ts";
import { quorumOf } from "../consensus/pbft/quorum.ts";
import type { FollowerPorts } from "./event-follower.ts";
import type {
  AccountTransaction,
  EventOf,
  EventRollback,
  EventsOrder,
  EventTypes,
  LooseEventsOrder,
  ModuleEvent,
  StreamedBlock,
  StreamOptions,
  TypedEventsOrder,
} from "./event-types.ts";
import {
  type BlockName,
  HEARTBEAT_MS,
  NodeCalls,
  RECONNECT_MS,
  RESEND_MS,
  type ResultOf,
  TIMEOUT_MS,
  WAIT_MS,
  type WaitFor,
} from "./node-calls.ts";
import { type Sent, type SentAfter, Submission, type Trust } from "./submission.ts";
import type { ChainRef } from "./wallet.ts";

export { type EventCursor, formatCursor, parseCursor, WHOLE_BLOCK } from "../chain/types/event-cursor.ts";
export { RpcError } from "../rpc/rpc-error.ts";
export type { MissedNews, SubscriptionEvents } from "./client-subscriptions.ts";
export type {
  AccountTransaction,
  Checkpointer,
  EventOf,
  EventRollback,
  EventsOrder,
  EventsStart,
  ModuleEvent,
  StreamedBlock,
  StreamOptions,
  TypedEventsOrder,
} from "./event-types.ts";
export { EventsLostError } from "./events-lost.ts";
export type {
  BatchCall,
  BlockName,
  ClientOptions,
  MethodName,
  ParamsOf,
  ResultOf,
  WaitFor,
} from "./node-calls.ts";
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

export class Client extends NodeCalls {
  #trust: Promise<Trust> | undefined;

  /** What a wallet must know of the chain to sign. */
  async chain(): Promise<ChainRef> {
    const { chainId, genesisHash, modules = [] } = await this.call("node_info");
    const hash = parseShownHash(genesisHash);
    if (hash === undefined) throw new Error(`${this.url}: a genesis hash that is none: "${genesisHash}"`);
    const chain = { chainId: BigInt(chainId), genesisHash: hash };
    if (modules.length === 0) return chain;
    return { ...chain, modules: new Map(modules.map(({ name, number }) => [name, number])) };
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
   * Events of modules, each once and in order: first those of history from `from` on, then each as it comes, on to the
   * next node when one ends. With a module's declaration they have its types. Of mined chains a `rollback` undoes what
   * lies behind its cursor.
   * @throws (in the loop) EventsLostError when no node has what comes next, RpcError when one refuses the order, Error
   *   when none answers for as long as a subscription looks for one
   * @example
   * for await (const e of client.events({ module: registry, event: "registered", from: 0 })) { ... e.fields.owner ... }
   */
  events<E extends EventTypes, N extends keyof E & string = keyof E & string>(
    order: TypedEventsOrder<E, N>,
  ): AsyncGenerator<EventOf<E, N> | EventRollback, void, undefined>;
  events(order: EventsOrder): AsyncGenerator<ModuleEvent | EventRollback, void, undefined>;
  async *events(order: LooseEventsOrder): AsyncGenerator<ModuleEvent | EventRollback, void, undefined> {
    // Loaded when it is used: most clients follow nothing.
    const [{ followEvents }, { readerOf }] = await Promise.all([
      import("./event-follower.ts"),
      import("./event-fields.ts"),
    ]);
    const { filter, read } = readerOf(order);
    for await (const item of followEvents({ topic: "events", filter }, order, this.#followed())) {
      yield item.type === "event" ? read(item as ModuleEvent) : (item as EventRollback);
    }
  }

  /** Transactions that an account sent or is named in, as {@link events}. */
  async *transactions(
    order: StreamOptions & { readonly account: string | Uint8Array },
  ): AsyncGenerator<AccountTransaction | EventRollback, void, undefined> {
    const { followEvents } = await import("./event-follower.ts");
    const filter = { account: hexOf(order.account) };
    for await (const item of followEvents({ topic: "tx", filter }, order, this.#followed()))
      yield item as AccountTransaction | EventRollback;
  }

  /** Headers of blocks, as {@link events}. */
  async *blocks(order: StreamOptions = {}): AsyncGenerator<StreamedBlock | EventRollback, void, undefined> {
    const { followEvents } = await import("./event-follower.ts");
    for await (const item of followEvents({ topic: "newHeads" }, order, this.#followed()))
      yield item as StreamedBlock | EventRollback;
  }

  #followed(): FollowerPorts {
    const { webSocket, heartbeatMs = HEARTBEAT_MS, reconnectMs = RECONNECT_MS } = this.options;
    return { endpoints: () => this.inOrder(), make: webSocket, heartbeatMs, reconnectMs };
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
    const submission = new Submission(this.inOrder(), {
      bytes,
      id: decoded.value.id,
      wait,
      waitMs,
      answerMs: this.options.timeoutMs ?? TIMEOUT_MS,
      resendMs: this.options.resendMs ?? RESEND_MS,
      trust: await this.#trusted(),
    });
    return submission.run();
  }

  #trusted(): Promise<Trust> {
    this.#trust ??= this.#loadTrust();
    return this.#trust;
  }

  async #loadTrust(): Promise<Trust> {
    const { genesis, faults } = this.options;
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

function hexOf(bytes: string | Uint8Array): string {
  return typeof bytes === "string" ? bytes : hex0x(bytes);
}
