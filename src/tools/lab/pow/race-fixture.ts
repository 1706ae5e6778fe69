/**
 * The small world of one race on whole replicas: an honest one that mines for all honest miners, and the attacker's
 * two, of which one follows the public chain and the other mines alone. Each is the shipped replica with ledger,
 * mempool, block tree and mining engine over a database in memory; only disk, network, clock and the search for
 * nonces are virtual. Genesis and both payments are the same in every race, so that they are made and signed once.
 */
import { assert } from "../../../base/assert.ts";
import { EMPTY } from "../../../base/bytes.ts";
import { SILENT } from "../../../base/log.ts";
import type { ForkChoice } from "../../../chain/forks/block-tree.ts";
import type { Genesis } from "../../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../../chain/genesis/genesis-state.ts";
import type { PowParameters } from "../../../chain/genesis/pow-parameters.ts";
import { bank } from "../../../chain/modules/bank.ts";
import { type SignedTransaction, signTransaction } from "../../../chain/types/transaction.ts";
import { createSigner, type Signer } from "../../../crypto/keys.ts";
import { Replica } from "../../../node/replica.ts";
import { MemoryKv } from "../../../storage/memory.ts";
import type { Random } from "../../sim/random.ts";
import { type SignatureWorld, signatureWorld } from "../../sim/signatures.ts";
import { SkewedClock, VirtualTime } from "../../sim/time.ts";
import { VirtualMiner } from "../../sim/virtual-miner.ts";
import { IdealNetwork } from "./ideal-network.ts";
import { LAB_PARAMETERS } from "./lab-chain.ts";

/** Virtual ms between two blocks of all miners together: below the age at which a template is made anew. */
const MEAN_MS = 100;
/** The clock is so far from block 0 that no block is early. */
const AFTER_GENESIS_MS = 86_400_000;
const BALANCE = 1_000n;
const PAID = 900n;

/** The settings of an engine that votes: a miner asks for none of them. */
const SETTINGS = {
  statusIntervalMs: 1_000,
  blockTimeMs: 0,
  emptyBlocksMs: undefined,
  requestTimeoutMs: 2_000,
  timeoutMaxMs: 60_000,
  resendIntervalMs: 1_000,
  fairnessTimeoutMs: 20_000,
};

const people = {
  attacker: createSigner(new Uint8Array(32).fill(1)),
  merchant: createSigner(new Uint8Array(32).fill(2)),
  accomplice: createSigner(new Uint8Array(32).fill(3)),
  miner: createSigner(new Uint8Array(32).fill(4)),
};

const GENESIS: Genesis<PowParameters> = {
  name: "lab",
  chainId: 1n,
  timeMs: 1_700_000_000_000n,
  profile: "dev",
  consensus: LAB_PARAMETERS.none,
  limits: { maxBlockBytes: 4_096, maxBlockTransactions: 8, maxTxBytes: 1_024, minFee: 0n },
  validators: [],
  accounts: [{ address: people.attacker.publicKey, balance: BALANCE }],
};

/** What all races of a thread share. */
export class RaceFixture {
  readonly genesis = GENESIS;
  readonly signatures: SignatureWorld = signatureWorld("ed25519");
  /** The payment to the merchant. */
  readonly payment: SignedTransaction;
  /** The payment of the same money to the attacker's friend: only one of the two can ever be included. */
  readonly conflict: SignedTransaction;

  constructor() {
    this.payment = this.#pay(people.merchant);
    this.conflict = this.#pay(people.accomplice);
  }

  #pay({ publicKey: to }: Signer): SignedTransaction {
    const fields = {
      chainId: this.genesis.chainId,
      nonce: 0n,
      fee: 0n,
      validUntilHeight: 0n,
      module: bank.id,
      payload: bank.encodeCall({ to, amount: PAID, memo: EMPTY }),
    };
    return signTransaction(fields, people.attacker, computeGenesisHash(this.genesis));
  }
}

/** One replica with its miner. */
export interface Player {
  readonly replica: Replica;
  readonly miner: VirtualMiner;
}

export interface MinedWorldOptions {
  /** The attacker's part of the hash power. */
  readonly share: number;
  /** How the honest replica chooses between branches. */
  readonly choice: ForkChoice;
  /** Blocks of the private branch before anybody else mines. */
  readonly premined: number;
}

export class MinedWorld {
  readonly time: VirtualTime;
  readonly honest: Player;
  /** The attacker's, on the public chain. */
  readonly follower: Player;
  /** The attacker's, alone. */
  readonly secret: Player;

  readonly #failures: readonly unknown[];

  private constructor(
    players: readonly [Player, Player, Player],
    { time, failures }: Pick<RacePorts, "time" | "failures">,
  ) {
    this.time = time;
    this.#failures = failures;
    [this.honest, this.follower, this.secret] = players;
  }

  /** All three are started; the payment waits at the honest miners, the conflicting one at the attacker's. */
  static async open(fixture: RaceFixture, options: MinedWorldOptions, random: Random): Promise<MinedWorld> {
    const time = new VirtualTime();
    const network = new IdealNetwork(time);
    const failures: unknown[] = [];
    const start = (name: string, alone: boolean, choice?: ForkChoice) =>
      startPlayer(fixture, { time, network, failures, name, alone, choice, random: random.split(name) });
    const honest = await start("honest", false, options.choice);
    const follower = await start("follower", false);
    const secret = await start("secret", true);
    const world = new MinedWorld([honest, follower, secret], { time, failures });
    secret.replica.submit(fixture.conflict.bytes);
    await world.#premine(options.premined);
    follower.replica.submit(fixture.payment.bytes);
    await world.#untilReceived(fixture.payment);
    honest.miner.meanMs = MEAN_MS / (1 - options.share);
    secret.miner.meanMs = MEAN_MS / options.share;
    return world;
  }

  /** Resolves when the attacker sees a new head, on either of its replicas. */
  async nextBlock(): Promise<void> {
    const heads = () => [this.follower.replica.chain.head, this.secret.replica.chain.head];
    const [open, secret] = heads();
    await this.#until(() => {
      const now = heads();
      return now[0] !== open || now[1] !== secret;
    });
  }

  async close(): Promise<void> {
    for (const { replica } of [this.honest, this.follower, this.secret]) await replica.stop();
  }

  async #premine(blocks: number): Promise<void> {
    const { miner, replica } = this.secret;
    miner.meanMs = MEAN_MS;
    await this.#until(() => replica.chain.head.summary.height >= BigInt(blocks));
    miner.meanMs = Number.POSITIVE_INFINITY;
  }

  /** The merchant's payment passes from the attacker's follower to the honest miners. */
  async #untilReceived({ hash }: SignedTransaction): Promise<void> {
    const { pool } = this.honest.replica;
    await this.#until(() => pool.getByHash(hash) !== undefined);
  }

  async #until(condition: () => boolean): Promise<void> {
    const isOver = await this.time.run(
      Number.POSITIVE_INFINITY,
      () => this.#failures.length > 0 || condition(),
    );
    if (this.#failures.length > 0) throw new Error("a replica stopped", { cause: this.#failures[0] });
    assert(isOver, "miners never rest");
  }
}

interface RacePorts {
  readonly time: VirtualTime;
  readonly network: IdealNetwork;
  /** Why replicas stopped, one item for each that did. */
  readonly failures: unknown[];
  readonly name: string;
  readonly alone: boolean;
  readonly choice: ForkChoice | undefined;
  readonly random: Random;
}

async function startPlayer(fixture: RaceFixture, ports: RacePorts): Promise<Player> {
  const { time, network, failures, name, alone, choice, random } = ports;
  const miner = new VirtualMiner(Number.POSITIVE_INFINITY, {
    after: (delayMs, run) => time.after(delayMs, run),
    random,
  });
  const replica = await Replica.open(
    {
      genesis: fixture.genesis,
      signer: undefined,
      settings: SETTINGS,
      // Nothing is lost on this air, so nothing is to be repaired.
      syncIntervalMs: 0,
      pool: { transactionsMax: 8, bytesMax: 8_192 },
      ...(choice === undefined ? {} : { branches: { forkChoice: choice } }),
      mining: { isOn: name !== "follower", rewardTo: people.miner.publicKey },
      signatureRules: fixture.signatures.rules,
    },
    {
      kv: new MemoryKv(),
      journal: undefined,
      network: network.endpoint(name, alone),
      miner,
      scheduler: new SkewedClock(time, Number(fixture.genesis.timeMs) + AFTER_GENESIS_MS),
      log: SILENT,
      jitter: () => 0.5,
      fatal: (error) => failures.push(error),
    },
  );
  await replica.start();
  return { replica, miner };
}
