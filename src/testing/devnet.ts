/**
 * `quorate/testing`: a whole chain inside a test. The shipped replicas run in this process on virtual time: no ports,
 * no files, no waiting; a minute of the chain's life takes milliseconds, and the same calls give the same blocks.
 * Time passes only while a method that is awaited lets it pass. Nothing here knows a test framework.
 */
import { asAddress, asHash, byteText, type Hash, hex0x, parseBytes32 } from "../base/bytes.ts";
import { readAccount } from "../chain/modules/bank.ts";
import { decodeReceipt } from "../chain/types/receipt.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import type { EngineSettings, EngineStatus } from "../consensus/engine.ts";
import type { Replica } from "../node/replica.ts";
import { type ChainRef, Wallet } from "../sdk/wallet.ts";
import { Cluster } from "../tools/sim/cluster.ts";
import { signatureWorld } from "../tools/sim/signatures.ts";
import { World } from "../tools/sim/world.ts";

export interface DevnetOptions {
  /** 1 to 100; 4 by default, which survives one that is down or lies. */
  readonly validators?: number;
  /** Accounts with a balance: alice, bob, carol, ...; 10 by default. */
  readonly accounts?: number;
  /** What each of them has at genesis; 1,000,000 by default. */
  readonly balance?: bigint;
  /** Decides how long messages take; 1 by default. */
  readonly seed?: number;
  /** Longest time that a message takes, ms; 10 by default. */
  readonly delayMsMax?: number;
  /** Timers of the nodes, as in config.toml. */
  readonly settings?: Partial<EngineSettings>;
}

export interface DevnetAccount {
  readonly name: string;
  /** 0x-hex. */
  readonly address: string;
  /** Signs what {@link Devnet.submit} takes. */
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
  /** Which node it is handed to; the first that is up by default. */
  readonly node?: number;
}

/** Where a transaction became final. */
export interface FinalTransaction {
  /** 0x-hex. */
  readonly id: string;
  readonly height: number;
  /** Place in the block. */
  readonly index: number;
  /** `failed`: its fee and nonce are taken, its effects are not. */
  readonly status: "success" | "failed";
}

/** A node refused a transaction; `code` as in JSON-RPC, e.g. TX_NONCE_TOO_LOW. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly code: string;

  constructor(code: string, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

const SETTINGS: EngineSettings = {
  statusIntervalMs: 1_000,
  blockTimeMs: 0,
  emptyBlocksMs: undefined,
  requestTimeoutMs: 2_000,
  timeoutMaxMs: 60_000,
  resendIntervalMs: 1_000,
  fairnessTimeoutMs: 5_000,
};

/** How much virtual time {@link Devnet.final} lets pass at most, ms. */
const FINAL_MS = 120_000;

/**
 * Starts a chain inside the test.
 *
 * @example
 * const net = await devnet({ validators: 4 });
 * const id = net.transfer({ from: "alice", to: "bob", amount: 5n });
 * net.crash(3);
 * await net.final(id); // three of four suffice
 * await net.stop();
 */
export async function devnet(options: DevnetOptions = {}): Promise<Devnet> {
  const net = new Devnet(options);
  net.start();
  await net.advance(0);
  return net;
}

class Devnet {
  readonly accounts: readonly DevnetAccount[];
  /** What wallets sign for. */
  readonly chain: ChainRef;
  readonly #cluster: Cluster;
  /** Sent and not executed, by account: the next nonce counts them. */
  readonly #nonces = new Map<string, bigint>();
  /** Of committed transactions, by the text of the id. */
  readonly #final = new Map<string, FinalTransaction>();
  #failure: unknown;

  constructor(options: DevnetOptions) {
    const { validators = 4, accounts = 10, balance = 1_000_000n, seed = 1, delayMsMax = 10 } = options;
    const world = new World({ validators, accounts, balance }, signatureWorld("ed25519"));
    const stepMs = 1;
    const timing = { delayMsMin: 1, delayMsMax, tail: 0, tailMs: 0, stepMs, settledDelayMsMax: delayMsMax };
    const settings = { ...SETTINGS, ...options.settings };
    this.#cluster = new Cluster({ world, seed, settings, syncIntervalMs: 1_000, timing, gstMs: 0 }, [
      {
        committed: (_, { block }, receipts) => this.#committed(block, receipts),
        failed: (node, error) => {
          this.#failure ??= new Error(`node ${node} had to stop`, { cause: error });
        },
      },
    ]);
    this.chain = { chainId: world.genesis.chainId, genesisHash: world.genesisHash };
    this.accounts = world.plan.accounts.map(({ name, seed: secret }) => {
      const wallet = Wallet.fromSeed(secret);
      return { name, address: wallet.addressHex, wallet };
    });
  }

  /** Starts the nodes that are down; they run once time has passed. {@link devnet} calls it. */
  start(): void {
    this.#cluster.start();
  }

  /** Virtual time since the start, ms. */
  get nowMs(): number {
    return this.#cluster.time.nowMs;
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
    const target = to.startsWith("0x") ? to : this.account(to).address;
    const order = { chain: this.chain, nonce, fee, memo, to: target, amount };
    const id = this.submit(wallet.transfer(order), node);
    this.#nonces.set(address, nonce + 1n);
    return id;
  }

  /** Hands a signed transaction to a node, the first that is up by default. @returns its id. @throws Refused */
  submit(transaction: SignedTransaction, node = this.#firstUp()): string {
    const verdict = this.#cluster.submit(node, transaction);
    if (verdict === undefined) throw new Refused("UNREACHABLE", `node ${node} is down`);
    if (!verdict.ok) throw new Refused(verdict.fault.code, verdict.fault.detail);
    return hex0x(transaction.id);
  }

  /**
   * Lets time pass until a transaction is final, on one node at least.
   * @param withinMs of virtual time @throws Error when it is not, and says where the nodes stand
   */
  async final(id: string, withinMs: number = FINAL_MS): Promise<FinalTransaction> {
    const key = byteText(idOf(id));
    await this.#run(withinMs, () => this.#final.has(key));
    const found = this.#final.get(key);
    if (found !== undefined) return found;
    throw new Error(`${id} is not final after ${withinMs} ms: ${this.#describe()}`);
  }

  /** Lets virtual time pass. @throws Error when a node had to stop by itself */
  async advance(ms: number): Promise<void> {
    await this.#run(ms, () => false);
  }

  /** Lets time pass until `condition`. @returns whether it came true within `withinMs` of virtual time */
  async until(condition: () => boolean, withinMs: number = FINAL_MS): Promise<boolean> {
    return this.#run(withinMs, condition);
  }

  /** Of a node's last block; without a node: of the most advanced. */
  height(node?: number): number {
    if (node !== undefined) return Number(this.#replica(node).chain.head.summary.height);
    return Math.max(0, ...this.#cluster.nodes.map(({ replica }) => heightOf(replica)));
  }

  /** Of an account by name, or an address in 0x-hex, as a node has it: the most advanced by default. */
  balance(account: string, node: number = this.#ahead()): bigint {
    return this.#read(account, node).balance;
  }

  /** The next nonce of an account by name: after what was transferred here, also when that is not final yet. */
  nonce(account: string, node: number = this.#ahead()): bigint {
    const executed = this.#read(account, node).nonce;
    const sent = this.#nonces.get(this.#addressOf(account)) ?? 0n;
    return sent > executed ? sent : executed;
  }

  /** What the consensus of a node says of itself. @throws RangeError when it is down */
  status(node: number): EngineStatus {
    return this.#replica(node).engineStatus()!;
  }

  /** Power off: the node forgets what it had not made durable, its pool among it. */
  crash(node: number): void {
    this.#cluster.crash(node);
  }

  /** Power on: the node starts from its disk, while time passes. */
  restart(node: number): void {
    this.#cluster.start(node);
  }

  /** Only nodes of one group hear each other from now on, e.g. `[[0, 1], [2, 3]]`; a node in none is alone. */
  partition(groups: readonly (readonly number[])[]): void {
    for (const node of groups.flat()) this.#cluster.node(node);
    this.#cluster.network.partition(groups);
  }

  /** All nodes hear each other again. */
  heal(): void {
    this.#cluster.network.heal();
  }

  /** Stops the nodes. Nothing keeps the process alive, so a test that forgets it harms nobody. */
  async stop(): Promise<void> {
    await this.#cluster.stop();
  }

  async #run(ms: number, done: () => boolean): Promise<boolean> {
    const { time } = this.#cluster;
    const came = await time.run(time.nowMs + ms, () => this.#failure !== undefined || done());
    if (this.#failure !== undefined) throw this.#failure;
    return came;
  }

  #committed(
    block: {
      readonly summary: { readonly height: bigint };
      readonly transactions: readonly SignedTransaction[];
    },
    receipts: readonly Uint8Array[],
  ): void {
    block.transactions.forEach(({ id }, index) => {
      const height = Number(block.summary.height);
      const receipt = decodeReceipt(receipts[index]!);
      if (!receipt.ok) throw new Error(`a committed receipt does not decode: ${receipt.fault.detail}`);
      const { status } = receipt.value;
      this.#final.set(byteText(id), { id: hex0x(id), height, index, status });
    });
  }

  #read(account: string, node: number): { readonly balance: bigint; readonly nonce: bigint } {
    const address = parseBytes32(this.#addressOf(account));
    if (address === undefined) throw new RangeError(`${account}: expected 0x and 64 hex digits`);
    const { chain } = this.#replica(node);
    return readAccount(chain.committed, asAddress(address)) ?? { balance: 0n, nonce: 0n };
  }

  #addressOf(account: string): string {
    return account.startsWith("0x") ? account : this.account(account).address;
  }

  #replica(node: number): Replica {
    const { replica } = this.#cluster.node(node);
    if (replica === undefined) throw new RangeError(`node ${node} is down`);
    return replica;
  }

  #firstUp(): number {
    const up = this.#cluster.nodes.find(({ replica }) => replica !== undefined);
    if (up === undefined) throw new Refused("UNREACHABLE", "every node is down");
    return up.id;
  }

  #ahead(): number {
    const height = this.height();
    const ahead = this.#cluster.nodes.find(
      ({ replica }) => replica !== undefined && heightOf(replica) === height,
    );
    return ahead?.id ?? this.#firstUp();
  }

  #describe(): string {
    return this.#cluster.nodes
      .map(({ id, replica }) => {
        const status = replica?.engineStatus();
        if (replica === undefined || status === undefined) return `node ${id} is down`;
        return `node ${id} is at height ${heightOf(replica)}, view ${status.view}, ${status.mode}`;
      })
      .join("; ");
  }
}

function heightOf(replica: Replica | undefined): number {
  return Number(replica?.chain.head.summary.height ?? 0n);
}

function idOf(id: string): Hash {
  const bytes = parseBytes32(id);
  if (bytes === undefined)
    throw new RangeError(`${id}: expected the id of a transaction, 0x and 64 hex digits`);
  return asHash(bytes);
}
