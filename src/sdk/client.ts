/**
 * The client of a network: every method of the table typed by its schemas, over HTTP, and subscriptions over a
 * WebSocket (node-calls.ts). A transaction is sent as PBFT's client does it (submission.ts). Runs in Node and in
 * browsers: it imports types of the table only. An answer that is an error is thrown as RpcError with the node's code;
 * a broken connection or a time-out is an Error.
 *
 * This folder: what programs outside use: the client and its subscriptions, the wallet, reads at a level, receipts,
 * verification without a node (verify.ts). Not here: anything that only a server needs; no file of the node imports
 * this one.
 */
import { hex0x, parseHex, parseShownHash } from "../base/bytes.ts";
import type { Verdict } from "../base/fault.ts";
import { TX_BYTES_CEILING } from "../base/limits.ts";
import type { DeclaredCode } from "../chain/modules/define-module.ts";
import type { Json } from "../chain/modules/module.ts";
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
import type { FollowedGenesis } from "./followed-genesis.ts";
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
import type { DeclaredState, EntriesOf, EntriesOrder, StateTypes } from "./read-entries.ts";
import type { StateReadPorts } from "./read-parts.ts";
import type { BlockRecord, RecordQuestion, TransactionRecord } from "./read-records.ts";
import type { ReadAnswer, ReadOptions } from "./read-types.ts";
import { sendWhenRoom } from "./send-when-room.ts";
import type { AccountState, ClaimedForm, StateQuestion } from "./state-question.ts";
import { type Sent, type SentAfter, Submission, type Trust } from "./submission.ts";
import type { ChainRef } from "./wallet.ts";

export { type EventCursor, formatCursor, parseCursor, WHOLE_BLOCK } from "../chain/types/event-cursor.ts";
export { RpcError } from "../rpc/rpc-error.ts";
export type { MissedBlocks, SubscriptionEvents } from "./client-subscriptions.ts";
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
export { type ModuleReceipt, readReceipt } from "./module-receipt.ts";
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
export type { EntriesOrder, EntriesPage } from "./read-entries.ts";
export type { BlockRecord, TransactionRecord } from "./read-records.ts";
export {
  type NodeWords,
  NotAgreedError,
  NotLatestError,
  NotProvenError,
  READ_LEVELS,
  type ReadAnswer,
  type ReadCheck,
  ReadError,
  type ReadLevel,
  type ReadOptions,
} from "./read-types.ts";
export { Sender, type SenderOptions, type SentInTurn } from "./sender.ts";
export type { AccountState } from "./state-question.ts";
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
  #followedGenesis: Promise<FollowedGenesis | undefined> | undefined;

  /** What a wallet must know of the chain to sign. */
  async chain(): Promise<ChainRef> {
    const { chainId, genesisHash, modules = [] } = await this.call("node_info");
    const hash = parseShownHash(genesisHash);
    if (hash === undefined) throw new Error(`${this.url}: a genesis hash that is none: "${genesisHash}"`);
    const chain = { chainId: BigInt(chainId), genesisHash: hash };
    if (modules.length === 0) return chain;
    return { ...chain, modules: new Map(modules.map(({ name, number }) => [name, number])) };
  }

  /**
   * A block as one node shows it. With options it is the header and transactions of the chosen level, decoded here.
   * @throws as {@link account}; ReadError also where no node knows the block
   * @example (await client.block(7, { level: "proven" })).value.transactions
   */
  block(block?: BlockName): Promise<ResultOf<"chain_getBlock">>;
  block(block: BlockName, options: ReadOptions): Promise<ReadAnswer<BlockRecord>>;
  block(
    block: BlockName = "latest",
    options?: ReadOptions,
  ): Promise<ResultOf<"chain_getBlock"> | ReadAnswer<BlockRecord>> {
    if (options === undefined) return this.call("chain_getBlock", { block });
    return this.#readRecord(({ blockQuestion }) => blockQuestion(block), options);
  }

  /**
   * A transaction in its block, with its receipt, at a level: `proven` where the client has the genesis, else `one`.
   * @param id of the transaction @throws as {@link block}
   */
  transaction(id: string | Uint8Array, options: ReadOptions = {}): Promise<ReadAnswer<TransactionRecord>> {
    return this.#readRecord(({ transactionQuestion }) => transactionQuestion(hexOf(id)), options);
  }

  /** What was anchored under a digest, as {@link read} gives it, which is null when nothing was. */
  anchor(digest: string | Uint8Array, options: ReadOptions = {}): Promise<ReadAnswer<Json>> {
    return this.read(`anchor/${hexOf(digest)}`, options);
  }

  /**
   * An account as one node has it, what waits in its pool counted. With options it is balance and nonce of the chosen level.
   * @throws RangeError for a level that the client cannot have, ReadError when the nodes give no such answer
   * @example (await client.account(address, { level: "proven" })).value.balance
   */
  account(address: string | Uint8Array): Promise<ResultOf<"account_get">>;
  account(address: string | Uint8Array, options: ReadOptions): Promise<ReadAnswer<AccountState>>;
  account(
    address: string | Uint8Array,
    options?: ReadOptions,
  ): Promise<ResultOf<"account_get"> | ReadAnswer<AccountState>> {
    const hex = hexOf(address);
    if (options === undefined) return this.call("account_get", { address: hex });
    return this.#read(async ({ accountQuestion }) => accountQuestion(hex), options);
  }

  /**
   * An entry of a declared module, as JSON, or null when there is none.
   * @param module what defineModule made @param state the map or cell @param key left out (undefined) for a cell
   * @throws as {@link account}
   */
  entry(
    module: DeclaredCode,
    state: string,
    key?: unknown,
    options: ReadOptions = {},
  ): Promise<ReadAnswer<Json>> {
    return this.#read(async ({ entryQuestion, numberOf }, genesis) => {
      const own = genesis?.trusted.genesis.modules?.list ?? [];
      const [modules, who] =
        genesis === undefined ? [await this.call("state_getModules"), "the node"] : [own, "the genesis"];
      return entryQuestion({ module, state, key }, (forms) => numberOf(modules, forms, who));
    }, options);
  }

  /**
   * A page of the entries of a declared module's map, typed by the declaration, as one node tells them (no proof).
   * @throws RangeError for a map that the module does not declare
   * @example
   * const { entries, cursor } = await client.entries(registry, "history", { under: [asset], limit: 50 });
   */
  async entries<S extends StateTypes, N extends keyof S & string>(
    module: DeclaredState<S>,
    state: N,
    order: EntriesOrder = {},
  ): Promise<EntriesOf<S, N>> {
    // Loaded when it is used: most clients list nothing.
    const { readEntries } = await import("./read-entries.ts");
    return readEntries(this, module, state, order);
  }

  /**
   * What stands under a path of state_query: account/<address>, anchor/<digest>[/<sender>], <module>/<map>/<key>. How a
   * module's path and value are read is what a node tells (`unchecked` has "declaration"); {@link entry} asks nobody.
   * @throws as {@link account}
   */
  read(path: string, options: ReadOptions = {}): Promise<ReadAnswer<Json>> {
    const isCommon = /^(account|anchor|bank|gov|coinbase)\//.test(path);
    return this.#read(async ({ pathQuestion }) => {
      return pathQuestion(path, isCommon ? [] : ((await this.call("state_getModules")) as ClaimedForm[]));
    }, options);
  }

  /**
   * The nonce of the sender's next transaction, counting what is in the pool. Who sends several at once uses
   * Sender.
   */
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
   * one is known to be final. Where no node has room it is sent again when they said that there would be.
   * @param tx a signed transaction, or its bytes
   * @param options `timeoutMs` bounds the wait for room and for a block, 10,000 by default
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
    const { timeoutMs: answerMs = TIMEOUT_MS, resendMs = RESEND_MS } = this.options;
    const { id } = decoded.value;
    const trust = await this.#trusted();
    return sendWhenRoom((leftMs) => {
      const options = { bytes, id, wait, waitMs: leftMs, answerMs, resendMs, trust };
      return new Submission(this.inOrder(), options).run();
    }, waitMs);
  }

  /** What is believed and checked when a transaction is called final. */
  async #trusted(): Promise<Trust> {
    const { faults, timeoutMs = TIMEOUT_MS } = this.options;
    const followed = await this.#follow();
    if (followed === undefined) return { faults, validators: undefined, verify: undefined };
    const { trusted, newest } = followed;
    const { validators, sets } = trusted;
    // Nobody votes: how deep a block lies is what a node says, and no number of nodes says it better.
    if (validators.members.length === 0)
      return { faults: undefined, validators: undefined, verify: undefined };
    const [{ verifyInclusion }, { epochOfProof }] = await Promise.all([
      import("./verify-inclusion.ts"),
      import("./followed-genesis.ts"),
    ]);
    const { members } = sets.setOf(newest) ?? validators;
    return {
      faults: faults ?? quorumOf(members.length).f,
      // The genesis proves peer ids of its own validators only.
      validators: newest > 0n ? undefined : new Set(members.map((member) => member.peerId)),
      verify: async (proof, id) => {
        await followed.follow(epochOfProof(proof), this.inOrder(), timeoutMs);
        return verifyInclusion(proof, id, trusted);
      },
    };
  }

  /** The genesis and the sets that follow from it, where there is one. */
  #follow(): Promise<FollowedGenesis | undefined> {
    this.#followedGenesis ??= this.#loadGenesis();
    return this.#followedGenesis;
  }

  async #loadGenesis(): Promise<FollowedGenesis | undefined> {
    const { genesis } = this.options;
    if (genesis === undefined) return undefined;
    // Loaded when it is used: most clients need no schemas and no certificates.
    const { FollowedGenesis } = await import("./followed-genesis.ts");
    return new FollowedGenesis(genesis);
  }

  /** @throws RangeError for a question that is none */
  async #read<T>(
    ask: (
      parts: typeof import("./state-question.ts"),
      genesis: FollowedGenesis | undefined,
    ) => Promise<Verdict<StateQuestion<T>>>,
    { level, timeoutMs = WAIT_MS, minHeight = 0 }: ReadOptions,
  ): Promise<ReadAnswer<T>> {
    const [genesis, parts, { readState }] = await Promise.all([
      this.#follow(),
      import("./state-question.ts"),
      import("./reads.ts"),
    ]);
    const question = await ask(parts, genesis);
    if (!question.ok) throw new RangeError(question.fault.detail);
    const mined = genesis !== undefined && genesis.trusted.validators.members.length === 0;
    const usual = genesis === undefined || mined ? "one" : "proven";
    return readState(level ?? usual, question.value, this.#readPorts(genesis, timeoutMs, minHeight));
  }

  async #readRecord<T>(
    ask: (parts: typeof import("./read-records.ts")) => RecordQuestion<T>,
    { level, timeoutMs = WAIT_MS, minHeight = 0 }: ReadOptions,
  ): Promise<ReadAnswer<T>> {
    const [genesis, records] = await Promise.all([this.#follow(), import("./read-records.ts")]);
    const usual = genesis === undefined ? "one" : "proven";
    return records.readRecord(level ?? usual, ask(records), this.#readPorts(genesis, timeoutMs, minHeight));
  }

  #readPorts(genesis: FollowedGenesis | undefined, waitMs: number, minHeight: number): StateReadPorts {
    const { faults, resendMs = RESEND_MS, timeoutMs: answerMs = TIMEOUT_MS } = this.options;
    return { endpoints: this.inOrder(), genesis, faults, waitMs, answerMs, resendMs, minHeight };
  }
}

function hexOf(bytes: string | Uint8Array): string {
  return typeof bytes === "string" ? bytes : hex0x(bytes);
}
