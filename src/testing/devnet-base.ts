/**
 * What every chain inside a test has, whatever makes its blocks: accounts that sign, nodes that are switched off and
 * on, a network that is cut and healed, time that passes while it is waited for, and JSON-RPC, by `fetch` without a
 * socket or at a real port.
 */
import { asAddress, hex0x, parseBytes32 } from "../base/bytes.ts";
import { modulesOf } from "../chain/execution/modules-in-force.ts";
import type { Genesis } from "../chain/genesis/genesis.ts";
import { formatGenesis } from "../chain/genesis/genesis-file.ts";
import { computeGenesisHash } from "../chain/genesis/genesis-state.ts";
import { readAccount } from "../chain/modules/accounts.ts";
import type { CallFields, CallOf } from "../chain/modules/define-module.ts";
import type { Json } from "../chain/modules/module.ts";
import { entryAt, openValue } from "../chain/modules/module-state.ts";
import type { FieldsOf } from "../chain/modules/value-types.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import type { PlannedAccount } from "../node/home/network-plan.ts";
import type { Replica } from "../node/replica.ts";
import { type ChainRef, Wallet } from "../sdk/wallet.ts";
import type { SimNode } from "../tools/sim/sim-node.ts";
import type { VirtualTime } from "../tools/sim/time.ts";
import { NodeFetch } from "./node-fetch.ts";
import { NodeRpc, type NodeRpcOptions } from "./node-rpc.ts";
import { ServedNode } from "./served-node.ts";
import { SharedTime, WAIT_MS } from "./shared-time.ts";

export interface DevnetAccount {
  readonly name: string;
  /** 0x and 64 hex digits. */
  readonly address: `0x${string}`;
  /** Signs what {@link BaseDevnet.submit} takes. */
  readonly wallet: Wallet;
}

export interface TransferRequest {
  /** Name of an account of the devnet. */
  readonly from: string;
  /** A name, or an address in 0x-hex. */
  readonly to: string;
  readonly amount: bigint;
  readonly fee?: bigint;
  readonly memo?: string;
  /** Which node it is handed to. It is the first that is up by default. */
  readonly node?: number;
}

/** A node refused a transaction. `code` is as in JSON-RPC, such as TX_NONCE_TOO_LOW. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly code: string;

  constructor(code: string, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

/** The nodes below: replicas on virtual time. */
export interface DevnetNodes {
  readonly time: VirtualTime;
  readonly nodes: readonly SimNode[];
  readonly network: { partition(groups: readonly (readonly number[])[]): void; heal(): void };
  start(...ids: readonly number[]): void;
  crash(id: number): void;
  stop(): Promise<void>;
}

export abstract class BaseDevnet {
  readonly accounts: readonly DevnetAccount[];
  /** What wallets sign for. */
  readonly chain: ChainRef;
  /** The text of genesis.json, which a Client checks certificates against. */
  readonly genesis: string;
  /** The URLs of the nodes, for {@link fetch} alone: http://node0.test and so on. */
  readonly urls: readonly string[];
  /**
   * Asks a node, as the global fetch asks a real one. Time passes until it has answered. A node that is down cannot be
   * reached.
   * @example new Client(net.urls, { fetch: net.fetch })
   */
  readonly fetch: typeof fetch;
  readonly #nodes: DevnetNodes;
  readonly #genesis: Genesis;
  readonly #time: SharedTime;
  /** Sent and not executed, by account: the next nonce counts them. */
  readonly #nonces = new Map<string, bigint>();
  /** The servers of JSON-RPC, one for each life of a node. */
  readonly #rpcs = new WeakMap<Replica, NodeRpc>();
  readonly #served: ServedNode[] = [];
  #failure: unknown;

  protected constructor(nodes: DevnetNodes, genesis: Genesis, accounts: readonly PlannedAccount[]) {
    this.#nodes = nodes;
    this.#genesis = genesis;
    this.#time = new SharedTime(nodes.time);
    const modules = new Map(genesis.modules?.list.map(({ name, number }) => [name, number]));
    this.chain = { chainId: genesis.chainId, genesisHash: computeGenesisHash(genesis), modules };
    this.genesis = formatGenesis(genesis);
    this.accounts = accounts.map(({ name, seed }) => {
      const wallet = Wallet.fromSeed(seed);
      return { name, address: wallet.addressHex, wallet };
    });
    const ports = {
      rpcOf: (node: number) => this.#rpcOf(node),
      run: (ms: number, done: () => boolean) => this.pass(ms, done),
    };
    const asker = new NodeFetch(nodes.nodes.length, ports);
    this.urls = asker.urls;
    this.fetch = (input, init) => asker.fetch(input, init);
  }

  /** What its kind adds to a node's JSON-RPC. */
  protected abstract rpcOptions(node: SimNode): Pick<NodeRpcOptions, "mode" | "mining" | "finalityDepth">;

  /** Starts the nodes that are down; they run once time has passed. Whoever makes a devnet calls it. */
  start(): void {
    this.#nodes.start();
  }

  /** Virtual time since the start, ms. */
  get nowMs(): number {
    return this.#nodes.time.nowMs;
  }

  /** @throws RangeError when there is no account of this name */
  account(name: string): DevnetAccount {
    const account = this.accounts.find((one) => one.name === name);
    if (account !== undefined) return account;
    throw new RangeError(
      `no account "${name}"; there are ${this.accounts.map((one) => one.name).join(", ")}`,
    );
  }

  /** Signs a transfer with the next nonce and hands it to a node. @returns its id. @throws Refused */
  transfer({ from, to, amount, fee = 0n, memo = "", node }: TransferRequest): string {
    const { wallet, address } = this.account(from);
    const nonce = this.nonce(from);
    const order = { chain: this.chain, nonce, fee, memo, to: this.addressOf(to), amount };
    const id = this.submit(wallet.transfer(order), node);
    this.#nonces.set(address, nonce + 1n);
    return id;
  }

  /**
   * Signs a call of a module with the next nonce and hands it to a node. @returns its id. @throws Refused
   * @example net.call(registry.transfer, { asset, to: net.account("bob").address }, { from: "alice" })
   */
  call<F extends CallFields>(
    called: CallOf<F>,
    args: FieldsOf<F>,
    { from, fee = 0n, node }: { readonly from: string; readonly fee?: bigint; readonly node?: number },
  ): string {
    const { wallet, address } = this.account(from);
    const nonce = this.nonce(from);
    const id = this.submit(wallet.call(called, args, { chain: this.chain, nonce, fee }), node);
    this.#nonces.set(address, nonce + 1n);
    return id;
  }

  /** An entry of a module's state as JSON, as a node has it: null for none. @param key parts of it, as in state_query */
  entry(module: string, name: string, ...key: readonly string[]): Json {
    const { chain } = this.replica(this.#ahead());
    const own = modulesOf(chain.genesis).named(module);
    if (own === undefined) throw new RangeError(`no module "${module}" on this chain`);
    const place = entryAt(own, name, key);
    if (!place.ok) throw new RangeError(place.fault.detail);
    const found = chain.committed.get(place.value.key);
    const value = found === undefined ? undefined : openValue(place.value.state, found);
    return value?.ok === true ? value.value : null;
  }

  /** Hands a signed transaction to a node, the first that is up by default. @returns its id. @throws Refused */
  submit(transaction: SignedTransaction, node: number = this.firstUp()): string {
    const { replica } = this.node(node);
    if (replica === undefined) throw new Refused("UNREACHABLE", `node ${node} is down`);
    const verdict = replica.submit(transaction.bytes);
    if (!verdict.ok) throw new Refused(verdict.fault.code, verdict.fault.detail);
    return hex0x(transaction.id);
  }

  /** Lets virtual time pass. @throws Error when a node had to stop by itself */
  async advance(ms: number): Promise<void> {
    await this.pass(ms, () => false);
  }

  /** Lets time pass until `condition`. @returns whether it came true within `withinMs` of virtual time */
  async until(condition: () => boolean, withinMs: number = WAIT_MS): Promise<boolean> {
    return this.pass(withinMs, condition);
  }

  /** The height of a node's last block. Without a node it is that of the most advanced one. */
  height(node?: number): number {
    if (node !== undefined) return heightOf(this.replica(node));
    return Math.max(0, ...this.#nodes.nodes.map(({ replica }) => heightOf(replica)));
  }

  /**
   * The root of the state behind a node's last block, in 0x-hex. Without a node it is that of the most
   * advanced one.
   */
  stateRoot(node: number = this.#ahead()): string {
    return hex0x(this.replica(node).chain.head.summary.stateRoot);
  }

  /**
   * The balance of an account by name, or by its address in 0x-hex, as a node has it: the most advanced one
   * by default.
   */
  balance(account: string, node: number = this.#ahead()): bigint {
    return this.#read(account, node).balance;
  }

  /** The next nonce of an account by name: after what was transferred here, also when that is not in a block yet. */
  nonce(account: string, node: number = this.#ahead()): bigint {
    const executed = this.#read(account, node).nonce;
    const sent = this.#nonces.get(this.addressOf(account)) ?? 0n;
    return sent > executed ? sent : executed;
  }

  /** Power off: the node forgets what it had not made durable, its pool among it. */
  crash(node: number): void {
    this.node(node);
    this.#nodes.crash(node);
  }

  /** Power on: the node starts from its disk, while time passes. */
  restart(node: number): void {
    this.node(node);
    this.#nodes.start(node);
  }

  /** From now on only nodes of one group hear each other, as in `[[0, 1], [2, 3]]`. A node in no group is alone. */
  partition(groups: readonly (readonly number[])[]): void {
    for (const node of groups.flat()) this.node(node);
    this.#nodes.network.partition(groups);
  }

  /** All nodes hear each other again. */
  heal(): void {
    this.#nodes.network.heal();
  }

  /**
   * Opens a node's JSON-RPC, its WebSocket and probes at a free port of 127.0.0.1, for whatever speaks HTTP. From then
   * on time passes as it does outside, until the devnet stops. The port stays the node's own through a crash.
   * @returns its URL
   */
  async serve(node = 0): Promise<string> {
    const served = new ServedNode({
      clock: this.node(node).clock,
      rpc: () => this.#rpcOf(node),
      pass: (ms) => this.advance(ms),
      failed: (error) => this.failed(error),
    });
    this.#served.push(served);
    return served.start();
  }

  /** Stops the nodes. Unless one is served nothing keeps the process alive, so a test that forgets it harms nobody. */
  async stop(): Promise<void> {
    await Promise.all(this.#served.splice(0).map((served) => served.stop()));
    await this.#nodes.stop();
  }

  /** The first failure is what every later call throws. */
  protected failed(error: unknown): void {
    this.#failure ??= error;
  }

  protected async pass(ms: number, done: () => boolean): Promise<boolean> {
    const came = await this.#time.run(ms, () => this.#failure !== undefined || done());
    if (this.#failure !== undefined) throw this.#failure;
    return came;
  }

  protected addressOf(account: string): string {
    return account.startsWith("0x") ? account : this.account(account).address;
  }

  protected replica(node: number): Replica {
    const { replica } = this.node(node);
    if (replica === undefined) throw new RangeError(`node ${node} is down`);
    return replica;
  }

  protected firstUp(): number {
    const up = this.#nodes.nodes.find(({ replica }) => replica !== undefined);
    if (up === undefined) throw new Refused("UNREACHABLE", "every node is down");
    return up.id;
  }

  protected node(id: number): SimNode {
    const { nodes } = this.#nodes;
    const node = nodes[id];
    if (node === undefined) throw new RangeError(`no node ${id}; there are 0 to ${nodes.length - 1}`);
    return node;
  }

  /** Undefined while the node is down. */
  #rpcOf(id: number): NodeRpc | undefined {
    const node = this.node(id);
    if (node.replica === undefined) return undefined;
    let rpc = this.#rpcs.get(node.replica);
    if (rpc === undefined) {
      const broken = (error: unknown) => this.failed(error);
      rpc = new NodeRpc({ node, genesis: this.#genesis, broken, ...this.rpcOptions(node) });
      this.#rpcs.set(node.replica, rpc);
    }
    return rpc;
  }

  #read(account: string, node: number): { readonly balance: bigint; readonly nonce: bigint } {
    const address = parseBytes32(this.addressOf(account));
    if (address === undefined) throw new RangeError(`${account}: expected 0x and 64 hex digits`);
    const { chain } = this.replica(node);
    return readAccount(chain.committed, asAddress(address)) ?? { balance: 0n, nonce: 0n };
  }

  #ahead(): number {
    const height = this.height();
    const ahead = this.#nodes.nodes.find(
      ({ replica }) => replica !== undefined && heightOf(replica) === height,
    );
    return ahead?.id ?? this.firstUp();
  }
}

export function heightOf(replica: Replica | undefined): number {
  return Number(replica?.chain.head.summary.height ?? 0n);
}
