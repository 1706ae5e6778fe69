/**
 * `quorate/testing`: a whole chain inside a test. The shipped replicas run in this process on virtual time: no ports
 * unless one is asked for, no files, no waiting; a minute of the chain's life takes milliseconds, and the same calls
 * give the same blocks. Time passes only while something that is awaited lets it pass. Nothing here knows a test
 * framework.
 *
 * This folder: `quorate/testing`, for tests of programs that use a chain. Not here: tests of this program (test), and
 * searching for faults (tools/sim).
 */
import { must } from "../base/assert.ts";
import { asHash, byteText, type Hash, hex0x, parseBytes32 } from "../base/bytes.ts";
import { modulesOf } from "../chain/execution/modules-in-force.ts";
import type { Genesis } from "../chain/genesis/genesis.ts";
import type { DeclaredCode } from "../chain/modules/define-module.ts";
import { decodeReceipt } from "../chain/types/receipt.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import type { EngineSettings, EngineStatus } from "../consensus/engine.ts";
import { Cluster } from "../tools/sim/cluster.ts";
import { signatureWorld } from "../tools/sim/signatures.ts";
import { World } from "../tools/sim/world.ts";
import { compareRuns, type Submit } from "./determinism.ts";
import { BaseDevnet, heightOf } from "./devnet-base.ts";
import { ENGINE_SETTINGS } from "./engine-settings.ts";
import { MinedDevnet, type MinedDevnetOptions } from "./mined-devnet.ts";
import type { NodeRpcOptions } from "./node-rpc.ts";
import { ownModules } from "./own-modules.ts";
import { WAIT_MS } from "./shared-time.ts";

export { DeterminismError } from "./determinism.ts";
export { type DevnetAccount, Refused, type TransferRequest } from "./devnet-base.ts";
export type { IncludedTransaction, MinedDevnet, MinedDevnetOptions, ReorgSeen } from "./mined-devnet.ts";

export interface DevnetOptions {
  readonly consensus?: "pbft";
  /** Validators, from 1 to 100. By default 4, which survive one that is down or lies. */
  readonly validators?: number;
  /** Accounts with a balance: alice, bob, carol and so on. By default there are 10. */
  readonly accounts?: number;
  /** What each of them has at genesis. By default it is 1,000,000. */
  readonly balance?: bigint;
  /** Decides how long messages take. It is 1 by default. */
  readonly seed?: number;
  /** The longest time that a message takes, ms. It is 10 by default. */
  readonly delayMsMax?: number;
  /** How far the clock of each node is ahead, ms. A negative one is behind, and one that is left out is right. */
  readonly clockOffsetsMs?: readonly number[];
  /** Timers of the nodes, as in config.toml. */
  readonly settings?: Partial<EngineSettings>;
  /** Modules of your own: what defineModule made, run as it is, or the path of a source, which is bundled as for a chain. */
  readonly modules?: readonly (DeclaredCode | string)[];
  /** The units that a call may cost. It is 1,000,000 by default. */
  readonly callUnitsMax?: number;
}

/** Says where a transaction became final. */
export interface FinalTransaction {
  /** The txid as 0x-hex. */
  readonly id: string;
  readonly height: number;
  /** The transaction's position in the block, from 0 on. */
  readonly index: number;
  /** `failed`: its fee and nonce are taken, its effects are not. */
  readonly status: "success" | "failed";
  /** Why it failed, by the module's name for it. */
  readonly fault?: string;
}

const NODES_MAX = 100;
const ACCOUNTS_MAX = 10_000;
const DEPTH_MAX = 100_000;
/** Ten years in ms. */
const CLOCK_MS_MAX = 315_576_000_000;
const U64_MAX = 2n ** 64n - 1n;

/**
 * Starts a chain inside the test: of validators, or with `consensus: "pow"` of miners.
 *
 * @example
 * const net = await devnet({ validators: 4 });
 * const id = net.transfer({ from: "alice", to: "bob", amount: 5n });
 * net.crash(3);
 * await net.final(id); // three of four suffice
 * await net.stop();
 * @throws RangeError for options that no chain can have
 */
export async function devnet(options: MinedDevnetOptions): Promise<MinedDevnet>;
export async function devnet(options?: DevnetOptions): Promise<Devnet>;
export async function devnet(
  options: DevnetOptions | MinedDevnetOptions = {},
): Promise<Devnet | MinedDevnet> {
  checkOptions(options);
  const net =
    options.consensus === "pow"
      ? new MinedDevnet(options)
      : new Devnet(options, await ownModules(options.modules ?? [], options.callUnitsMax));
  net.start();
  await net.advance(0);
  return net;
}

/**
 * Makes the same calls on fresh chains, once more with nothing changed, then under another clock, time zone and locale,
 * and compares what each came to.
 * @param calls are made one after the other, each in a block of its own
 * @throws DeterminismError naming the first call that differs, and what it depends on
 * @example
 * await checkDeterminism([registry], [(net) => net.call(registry.register, { asset, label }, { from: "alice" })]);
 */
export function checkDeterminism(
  modules: readonly (DeclaredCode | string)[],
  calls: readonly Submit<Devnet>[],
): Promise<void> {
  return compareRuns({ make: () => devnet({ validators: 1, modules }) }, calls);
}

class Devnet extends BaseDevnet {
  readonly #cluster: Cluster;
  /** The committed transactions, by the text of the id. */
  readonly #final = new Map<string, FinalTransaction>();

  constructor(options: DevnetOptions, modules: Pick<Genesis, "modules" | "code">) {
    const { validators = 4, accounts = 10, balance = 1_000_000n, seed = 1, delayMsMax = 10 } = options;
    const world = new World({ validators, accounts, balance, modules }, signatureWorld("ed25519"));
    const stepMs = 1;
    const timing = { delayMsMin: 1, delayMsMax, tail: 0, tailMs: 0, stepMs, settledDelayMsMax: delayMsMax };
    const settings = { ...ENGINE_SETTINGS, ...options.settings };
    const clocks = (options.clockOffsetsMs ?? []).map(
      (offsetMs, node) => ({ id: `clock ${node}`, node, kind: "skew", offsetMs, drift: 0 }) as const,
    );
    const cluster = new Cluster({ world, seed, settings, syncIntervalMs: 1_000, timing, gstMs: 0, clocks }, [
      {
        committed: (_, { block }, receipts) => this.#committed(block, receipts),
        failed: (node, error) => this.failed(new Error(`node ${node} had to stop`, { cause: error })),
      },
    ]);
    super(cluster, world.genesis, world.plan.accounts);
    this.#cluster = cluster;
  }

  protected override rpcOptions(): Pick<NodeRpcOptions, "mode"> {
    return { mode: "validator" };
  }

  /**
   * Lets time pass until a transaction is final, on one node at least.
   * @param withinMs of virtual time @throws Error when it is not, and says where the nodes stand
   */
  async final(id: string, withinMs: number = WAIT_MS): Promise<FinalTransaction> {
    const key = byteText(idOf(id));
    await this.pass(withinMs, () => this.#final.has(key));
    const found = this.#final.get(key);
    if (found !== undefined) return found;
    throw new Error(`${id} is not final after ${withinMs} ms: ${this.#describe()}`);
  }

  /** What the consensus of a node says of itself. @throws RangeError when it is down */
  status(node: number): EngineStatus {
    return must(this.replica(node).engineStatus(), "each node of this network is a validator");
  }

  #committed(
    block: {
      readonly summary: { readonly height: bigint };
      readonly transactions: readonly SignedTransaction[];
    },
    receipts: readonly Uint8Array[],
  ): void {
    block.transactions.forEach(({ id, module }, index) => {
      const height = Number(block.summary.height);
      const receipt = decodeReceipt(must(receipts[index], "each transaction of a block has a receipt"));
      if (!receipt.ok) throw new Error(`a committed receipt does not decode: ${receipt.fault.detail}`);
      const { status, code } = receipt.value;
      const called = modulesOf(this.#cluster.world.genesis).find(module);
      const fault = code === 0 ? {} : { fault: called?.faultName(code) ?? String(code) };
      this.#final.set(byteText(id), { id: hex0x(id), height, index, status, ...fault });
    });
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

/** Names the option, since a test that asks for 0 validators asked for something else. */
function checkOptions(options: DevnetOptions | MinedDevnetOptions): void {
  const { consensus = "pbft", accounts = 10, balance = 1n, delayMsMax = 10 } = options;
  if (consensus !== "pbft" && consensus !== "pow") {
    throw new RangeError(`consensus: "${consensus}"; expected "pbft" or "pow"`);
  }
  const [what, nodes = 1] =
    options.consensus === "pow" ? ["nodes", options.nodes] : ["validators", options.validators];
  checkCount(what, nodes, 1, NODES_MAX);
  checkCount("accounts", accounts, 0, ACCOUNTS_MAX);
  if (balance < 1n || balance > U64_MAX)
    throw new RangeError(`balance: ${balance}; expected 1 to ${U64_MAX}`);
  if (!(delayMsMax >= 1 && delayMsMax < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`delayMsMax: ${delayMsMax}; expected 1 or more`);
  }
  if (options.consensus !== "pow") {
    for (const ms of options.clockOffsetsMs ?? [])
      checkCount("clockOffsetsMs", ms, -CLOCK_MS_MAX, CLOCK_MS_MAX);
    return;
  }
  const { blockTimeMs = 1, maturity = 1, finalityDepth = 1 } = options;
  checkCount("blockTimeMs", blockTimeMs, 1, Number.MAX_SAFE_INTEGER);
  checkCount("maturity", maturity, 1, DEPTH_MAX);
  checkCount("finalityDepth", finalityDepth, 1, DEPTH_MAX);
}

function checkCount(name: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${name}: ${value}; expected an integer from ${least} to ${most}`);
}

function idOf(id: string): Hash {
  const bytes = parseBytes32(id);
  if (bytes === undefined)
    throw new RangeError(`${id}: expected the id of a transaction, 0x and 64 hex digits`);
  return asHash(bytes);
}
