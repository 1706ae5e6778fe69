/**
 * A cluster of whole replicas that mine (ledger with branches, pool, engine, rumors, repair) in one process: real
 * code on virtual time, a network in memory, disks that lose what was not synced, and miners that find blocks after
 * delays drawn from a seed.
 */

import { type Address, EMPTY, showHash } from "../../src/base/bytes.ts";
import { SILENT } from "../../src/base/log.ts";
import type { BranchChange } from "../../src/chain/chain.ts";
import { branchesOf } from "../../src/chain/chain-mode.ts";
import type { Genesis, GenesisLimits } from "../../src/chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../src/chain/genesis/genesis-state.ts";
import type { PowParameters } from "../../src/chain/genesis/pow-parameters.ts";
import { subsidyAt } from "../../src/chain/genesis/subsidy.ts";
import { readAccount } from "../../src/chain/modules/accounts.ts";
import { bank } from "../../src/chain/modules/bank.ts";
import { maturingKey } from "../../src/chain/state/state-keys.ts";
import {
  type SignedTransaction,
  signTransaction,
  type Transaction,
} from "../../src/chain/types/transaction.ts";
import type { SignatureRules, Signer } from "../../src/crypto/keys.ts";
import type { Network, SignatureVerifier } from "../../src/node/ports.ts";
import { Replica } from "../../src/node/replica.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { Random } from "../../src/tools/sim/random.ts";
import { SkewedClock, VirtualTime } from "../../src/tools/sim/time.ts";
import { VirtualMiner } from "../../src/tools/sim/virtual-miner.ts";
import { alice, bob, carol, person } from "../chain/fixtures.ts";
import { genesis as minedGenesis, parameters } from "../chain/pow-fixtures.ts";
import { SETTINGS } from "../consensus/pbft/cluster.ts";
import { Ether, MemoryNetwork } from "./memory-network.ts";

export interface MinedClusterOptions {
  readonly nodes: number;
  /** Mean time between two blocks of each node, ms; Infinity for one that does not mine. */
  readonly meanMs: (node: number) => number;
  readonly seed: string;
  /** One way, of every message. */
  readonly delayMs?: number;
  readonly parameters?: Partial<PowParameters>;
  readonly limits?: Partial<GenesisLimits>;
  readonly syncIntervalMs?: number;
  /** How a node judges signatures: by itself and natively first where left out. */
  readonly judging?: (node: number) => {
    readonly rules: SignatureRules;
    readonly verifier: SignatureVerifier;
  };
  /** Around the network of a node: how a test makes it lie. */
  readonly wrapNetwork?: (node: number, network: Network) => Network;
}

export class MinedCluster {
  readonly time = new VirtualTime();
  readonly ether: Ether;
  readonly genesis: Genesis<PowParameters>;
  readonly people = [alice, bob, carol] as const;
  readonly replicas = new Map<number, Replica>();
  readonly networks = new Map<number, MemoryNetwork>();
  readonly miners = new Map<number, VirtualMiner>();
  readonly reorgs = new Map<number, BranchChange[]>();
  readonly failures: unknown[] = [];
  readonly #options: MinedClusterOptions;
  readonly #random: Random;
  readonly #disks: MemoryKv[];
  #lives = 0;

  constructor(options: MinedClusterOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.ether = new Ether(this.time, options.delayMs);
    this.genesis = {
      ...minedGenesis,
      consensus: { ...parameters, ...options.parameters },
      limits: { ...minedGenesis.limits, ...options.limits },
    };
    this.#disks = Array.from({ length: options.nodes }, () => new MemoryKv());
  }

  async start(...nodes: readonly number[]): Promise<void> {
    for (const node of nodes.length === 0 ? this.#disks.keys() : nodes) await this.#startOne(node);
  }

  async stop(...nodes: readonly number[]): Promise<void> {
    for (const node of nodes.length === 0 ? [...this.replicas.keys()] : nodes) {
      const replica = this.replicas.get(node)!;
      this.replicas.delete(node);
      await replica.stop();
    }
  }

  /** Power off: what was not synced is gone. */
  crash(node: number): void {
    const replica = this.replicas.get(node)!;
    this.replicas.delete(node);
    this.ether.nodes.delete(node);
    this.#disks[node] = this.#disks[node]!.crash();
    void replica.stop();
  }

  /** These nodes, which are down, find what another one has on its disk now. */
  copyDisk(from: number, ...to: readonly number[]): void {
    const disk = this.#disks[from]!;
    for (const node of to) this.#disks[node] = disk.crash(disk.unsyncedWrites);
  }

  /** The database of a node. */
  disk(node: number): MemoryKv {
    return this.#disks[node]!;
  }

  replica(node: number): Replica {
    return this.replicas.get(node)!;
  }

  /** Faults that a node reported about its peers. */
  faultsOf(node: number): readonly string[] {
    return this.networks.get(node)!.counters.faults;
  }

  /** Where the coinbases of a node's blocks go. */
  coinbaseOf(node: number): Address {
    return person(`miner ${node}`).publicKey;
  }

  transfer(from: Signer, nonce: bigint, to: Address, amount = 1n, fee = 0n): SignedTransaction {
    const { chainId } = this.genesis;
    const payload = bank.encodeCall({ to, amount, memo: EMPTY });
    const fields: Omit<Transaction, "from"> = {
      chainId,
      nonce,
      fee,
      validUntilHeight: 0n,
      module: bank.id,
      payload,
    };
    return signTransaction(fields, from, computeGenesisHash(this.genesis));
  }

  /** Lets time pass until `condition`, at most `limitMs`; says whether it came true. */
  until(condition: () => boolean, limitMs = 60_000): Promise<boolean> {
    return this.time.run(this.time.nowMs + limitMs, condition);
  }

  async pass(durationMs: number): Promise<void> {
    await this.time.run(this.time.nowMs + durationMs);
  }

  /** From now on nobody finds blocks. */
  stopMining(): void {
    for (const miner of this.miners.values()) miner.meanMs = Number.POSITIVE_INFINITY;
  }

  heads(): string[] {
    return [...this.replicas.values()].map(({ chain }) => showHash(chain.head.hash));
  }

  height(node: number): bigint {
    return this.replica(node).chain.head.summary.height;
  }

  headOf(node: number): string {
    return showHash(this.replica(node).chain.head.hash);
  }

  agree(): boolean {
    return new Set(this.heads()).size === 1;
  }

  work(node: number): bigint {
    const { chain } = this.replica(node);
    return branchesOf(chain).tree.get(chain.head.hash)!.work;
  }

  balance(node: number, address: Address): bigint {
    return readAccount(this.replica(node).chain.committed, address)?.balance ?? 0n;
  }

  /** All that can be spent, and all that was minted and cannot yet be. */
  supply(node: number): { readonly spendable: bigint; readonly maturing: bigint } {
    const { chain } = this.replica(node);
    const coinbases = [...this.#disks.keys()].map((index) => this.coinbaseOf(index));
    const owners = [...this.people.map(({ publicKey }) => publicKey), ...coinbases];
    const spendable = owners.reduce((sum, owner) => sum + this.balance(node, owner), 0n);
    let maturing = 0n;
    for (let height = 1n; height <= chain.head.summary.height; height++) {
      const entry = chain.committed.get(maturingKey(height));
      if (entry !== undefined) maturing += new DataView(entry.buffer, entry.byteOffset).getBigUint64(32);
    }
    return { spendable, maturing };
  }

  /** What genesis gave, and what the blocks of a node's chain may have minted. */
  issued(node: number): bigint {
    let issued = this.genesis.accounts.reduce((sum, { balance }) => sum + balance, 0n);
    for (let height = 1n; height <= this.height(node); height++) {
      issued += subsidyAt(this.genesis.consensus, height);
    }
    return issued;
  }

  async #startOne(node: number): Promise<void> {
    const { meanMs, seed, wrapNetwork = (_, network) => network, syncIntervalMs = 1_000 } = this.#options;
    const random = this.#random.split(`${seed} node ${node} life ${this.#lives++}`);
    const clock = new SkewedClock(this.time, Number(this.genesis.timeMs) + 600_000);
    const network = new MemoryNetwork(node, this.ether);
    const miner = new VirtualMiner(meanMs(node), {
      after: (delayMs, run) => this.time.after(delayMs, run),
      random: random.split("miner"),
    });
    const jitter = random.split("jitter");
    const judging = this.#options.judging?.(node);
    const replica = await Replica.open(
      {
        genesis: this.genesis,
        signer: undefined,
        settings: { ...SETTINGS, emptyBlocksMs: undefined },
        syncIntervalMs,
        pool: { transactionsMax: 1_000, bytesMax: 1_000_000 },
        mining: { isOn: true, rewardTo: this.coinbaseOf(node) },
        ...(judging === undefined ? {} : { signatureRules: judging.rules }),
      },
      {
        kv: this.#disks[node]!,
        journal: undefined,
        network: wrapNetwork(node, network),
        miner,
        ...(judging === undefined ? {} : { verifier: judging.verifier }),
        scheduler: clock,
        log: SILENT,
        jitter: () => jitter.fraction(),
        fatal: (error) => this.failures.push(error),
      },
    );
    const reorgs = this.reorgs.get(node) ?? [];
    this.reorgs.set(node, reorgs);
    replica.events.reorgs.subscribe((change) => reorgs.push(change));
    this.replicas.set(node, replica);
    this.networks.set(node, network);
    this.miners.set(node, miner);
    await replica.start();
  }
}

/** A network whose node answers questions in its own way; undefined: as it should. */
export function lying(
  network: Network,
  answer: (question: Uint8Array, honest: () => Promise<Uint8Array>) => Promise<Uint8Array> | undefined,
): Network {
  return {
    peerId: network.peerId,
    start: (handlers) =>
      network.start({
        mailReceived: (...of) => handlers.mailReceived(...of),
        mailAnnounced: (...of) => handlers.mailAnnounced(...of),
        rumorReceived: (...of) => handlers.rumorReceived(...of),
        requestReceived: (peerId, question) => {
          const honest = () => handlers.requestReceived(peerId, question);
          return answer(question, honest) ?? honest();
        },
        peerConnected: (peerId) => handlers.peerConnected(peerId),
        peerDisconnected: (peerId) => handlers.peerDisconnected(peerId),
      }),
    stop: () => network.stop(),
    mail: (to, bytes) => network.mail(to, bytes),
    publish: (topic, bytes) => network.publish(topic, bytes),
    request: (peerId, bytes) => network.request(peerId, bytes),
    peers: () => network.peers(),
    noteHeight: (peerId, height) => network.noteHeight(peerId, height),
    reportFault: (peerId, detail) => network.reportFault(peerId, detail),
  };
}
