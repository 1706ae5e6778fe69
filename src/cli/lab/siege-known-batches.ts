/**
 * The attacker of `lab siege` that says what is known: a peer whose every transaction is valid, and that sends the same
 * ones again in ever new batches. Gossip swallows equal messages only, so each batch is decoded anew by everybody.
 */
import type { P2pNetwork } from "../../p2p/network.ts";
import { Wallet } from "../../sdk/wallet.ts";
import type { SiegeTraffic } from "../../tools/lab/siege/siege.ts";
import { connected, networkOf, startNetwork } from "./siege-peers.ts";
import { type Attacker, type SiegeTask, TransferTally } from "./siege-task.ts";

const TURN_MS = 50;
/** New transfers of each turn, and the newest ones that are sent again. */
const NEW_A_TURN = 5;
const NEWEST = 200;
/** Transactions of each turn, in an order of its own. */
const KNOWN_A_TURN = 400;
const FEE = 1_000n;

export class KnownBatches implements Attacker {
  readonly #task: SiegeTask;
  readonly #tally = new TransferTally();
  readonly #network: P2pNetwork;
  readonly #wallet: Wallet;
  readonly #newest: Uint8Array[] = [];
  #nonce = 0n;
  #timer: NodeJS.Timeout | undefined;

  constructor(task: SiegeTask) {
    this.#task = task;
    this.#network = networkOf(task, task.identitySeed, undefined);
    this.#wallet = Wallet.fromSeed(task.accountSeed);
  }

  get traffic(): SiegeTraffic {
    return this.#tally.counts;
  }

  async start(): Promise<void> {
    await startNetwork(this.#network);
    await connected(this.#network);
    this.#timer = setInterval(() => this.#turn(), TURN_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#network.stop();
  }

  #turn(): void {
    for (let i = 0; i < NEW_A_TURN; i++) this.#publish(this.#transfer(), "new transactions by gossip");
    for (let i = 0; i < KNOWN_A_TURN; i++) {
      const known = this.#newest[Math.floor(Math.random() * this.#newest.length)];
      if (known !== undefined) this.#publish(known, "known transactions by gossip");
    }
  }

  #transfer(): Uint8Array {
    const { chainId, genesisHash } = this.#task;
    const order = { chain: { chainId, genesisHash }, nonce: this.#nonce++, fee: FEE };
    const { bytes } = this.#wallet.transfer({ ...order, to: this.#wallet.address, amount: 1n });
    this.#newest.push(bytes);
    if (this.#newest.length > NEWEST) this.#newest.shift();
    return bytes;
  }

  #publish(bytes: Uint8Array, what: string): void {
    this.#network.publish("transactions", bytes);
    this.#tally.add(what);
  }
}
