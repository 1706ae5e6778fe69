/**
 * A cluster of whole replicas (ledger, pool, engine, driver, journal, repair) in one process: real code on virtual
 * time, a network in memory and disks that lose what was not synced.
 */
import { type Address, asAddress, EMPTY, utf8 } from "../../src/base/bytes.ts";
import { SILENT } from "../../src/base/log.ts";
import type { PbftParameters } from "../../src/chain/genesis/consensus-parameters.ts";
import type { Genesis } from "../../src/chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../src/chain/genesis/genesis-state.ts";
import { bank } from "../../src/chain/modules/bank.ts";
import {
  type SignedTransaction,
  signTransaction,
  type Transaction,
} from "../../src/chain/types/transaction.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { createSigner, ED25519, type SignatureRules, type Signer } from "../../src/crypto/keys.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../src/node/home/network-plan.ts";
import { Replica } from "../../src/node/replica.ts";
import type { CompactSettings } from "../../src/node/replica-ports.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { MemoryRecordLog } from "../../src/storage/memory-log.ts";
import { SETTINGS } from "../consensus/pbft/cluster.ts";
import { VirtualTime } from "../p2p/virtual-time.ts";
import { Ether, MemoryNetwork } from "./memory-network.ts";

export interface ClusterOptions {
  readonly validators?: number;
  /** Followers without a key, after the validators. */
  readonly full?: number;
  readonly consensus?: Partial<PbftParameters>;
  readonly emptyBlocksMs?: number;
  readonly compactProposals?: CompactSettings;
  readonly signatureRules?: SignatureRules;
  /** Accounts of the genesis besides those of people: nobody uses them. */
  readonly bystanders?: number;
}

export interface Disk {
  kv: MemoryKv;
  log: MemoryRecordLog;
}

export class Cluster {
  readonly time = new VirtualTime();
  readonly ether = new Ether(this.time);
  readonly genesis: Genesis<PbftParameters>;
  readonly people: readonly Signer[];
  readonly replicas = new Map<number, Replica>();
  readonly failures: unknown[] = [];
  readonly #signers: readonly (Signer | undefined)[];
  readonly #disks: Disk[];
  readonly #options: ClusterOptions;

  constructor(options: ClusterOptions = {}) {
    this.#options = options;
    const plan = planNetwork({ ...DEVNET, validators: options.validators ?? 4 }, secretsFromSeed("cluster"));
    const timeMs = BigInt(this.time.now()) - 1n;
    const bystanders = Array.from({ length: options.bystanders ?? 0 }, (_, i) => {
      return { address: asAddress(sha256(utf8(`bystander ${i}`))), balance: 1n };
    });
    this.genesis = {
      ...plan.genesis,
      timeMs,
      accounts: [...plan.genesis.accounts, ...bystanders],
      consensus: { ...plan.genesis.consensus, ...options.consensus },
    };
    this.people = plan.accounts.map(({ seed }) => createSigner(seed));
    const followers = Array.from({ length: options.full ?? 0 }, () => undefined);
    this.#signers = [...plan.validators.map(({ seed }) => createSigner(seed)), ...followers];
    this.#disks = this.#signers.map(() => ({ kv: new MemoryKv(), log: new MemoryRecordLog() }));
  }

  async start(...indexes: readonly number[]): Promise<void> {
    for (const index of indexes.length === 0 ? this.#signers.keys() : indexes) await this.#startOne(index);
  }

  async stop(): Promise<void> {
    for (const [index, replica] of [...this.replicas]) {
      this.replicas.delete(index);
      await replica.stop();
    }
  }

  /** Power off: what was not synced is gone. */
  crash(index: number): void {
    const replica = this.replicas.get(index)!;
    this.replicas.delete(index);
    this.ether.nodes.delete(index);
    const disk = this.#disks[index]!;
    this.#disks[index] = { kv: disk.kv.crash(), log: disk.log.crash() };
    void replica.stop();
  }

  /** What a replica finds when it starts; may be changed while it is down. */
  disk(index: number): Disk {
    return this.#disks[index]!;
  }

  /** The database of a replica. */
  kv(index: number): MemoryKv {
    return this.#disks[index]!.kv;
  }

  replica(index: number): Replica {
    return this.replicas.get(index)!;
  }

  transfer(
    from: number,
    nonce: bigint,
    to: Address,
    amount = 1n,
    changes: Partial<Transaction> = {},
  ): SignedTransaction {
    const payload = bank.encodeCall({ to, amount, memo: EMPTY });
    const { chainId } = this.genesis;
    const fields = { chainId, nonce, fee: 0n, validUntilHeight: 0n, module: bank.id, payload, ...changes };
    return signTransaction(fields, this.people[from]!, computeGenesisHash(this.genesis));
  }

  /** Lets time pass until `condition`, at most `limitMs`; says whether it came true. */
  async until(condition: () => boolean, limitMs = 60_000): Promise<boolean> {
    for (let passed = 0; passed < limitMs; passed += 10) {
      if (condition()) return true;
      await this.time.pass(10);
    }
    return condition();
  }

  heights(): bigint[] {
    return [...this.replicas.values()].map((replica) => replica.chain.head.summary.height);
  }

  async #startOne(index: number): Promise<void> {
    const disk = this.#disks[index]!;
    const signer = this.#signers[index];
    const replica = await Replica.open(
      {
        genesis: this.genesis,
        signer,
        settings: { ...SETTINGS, emptyBlocksMs: this.#options.emptyBlocksMs },
        syncIntervalMs: 1_000,
        ...(this.#options.compactProposals && { compactProposals: this.#options.compactProposals }),
        pool: { transactionsMax: 1_000, bytesMax: 1_000_000 },
        signatureRules: this.#options.signatureRules ?? ED25519,
      },
      {
        kv: disk.kv,
        journal: signer === undefined ? undefined : disk.log.opened(),
        network: new MemoryNetwork(index, this.ether),
        scheduler: this.time,
        log: SILENT,
        jitter: () => 0.5,
        fatal: (error) => this.failures.push(error),
      },
    );
    this.replicas.set(index, replica);
    await replica.start();
  }
}
