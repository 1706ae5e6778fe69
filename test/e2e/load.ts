/** Transfers against a devnet whose nodes come and go: what was reported final must stay so. */
import { setTimeout as pause } from "node:timers/promises";
import { Client, type Wallet } from "../../src/sdk/client.ts";
import { type Devnet, until } from "./processes.ts";

/** The same head on all nodes, or undefined. */
export async function commonHead(devnet: Devnet): Promise<{ height: number; stateRoot: string } | undefined> {
  const heads = await Promise.all(
    Array.from({ length: devnet.size }, (_, i) =>
      devnet.rpc<{ height: number; stateRoot: string; hash: string }>(i, "chain_getHead"),
    ),
  );
  return new Set(heads.map((head) => head.hash)).size === 1 ? heads[0] : undefined;
}

/** @returns the hash of a transfer that is final by the word of one node. */
export async function sendFinal(devnet: Devnet, node: number, wallet: Wallet, to: Wallet): Promise<string> {
  const client = new Client(devnet.rpcUrl(node));
  try {
    const chain = await client.chain();
    const next = await client.nextNonce(wallet.address);
    const { txHash } = await client.send(
      wallet.transfer({ chain, nonce: next, to: to.address, amount: 1n }),
      {
        wait: "final",
        timeoutMs: 15_000,
      },
    );
    return txHash;
  } finally {
    client.close();
  }
}

/** Between two transfers of an account: a load on the nodes that die, not on the machine that they share. */
const PACE_MS = 100;

/** One transfer after the other from each of a few accounts, whatever dies meanwhile. */
export class Load {
  readonly #devnet: Devnet;
  readonly #final: string[] = [];
  readonly #ended: Promise<unknown>;
  #over = false;

  constructor(devnet: Devnet, names: readonly string[]) {
    this.#devnet = devnet;
    const wallets = names.map((name) => devnet.wallet(name));
    this.#ended = Promise.all(
      wallets.map((wallet, i) => this.#run(wallet, wallets[(i + 1) % wallets.length]!, i)),
    );
  }

  /** Waits until so many more were reported final. */
  grows(by: number): Promise<unknown> {
    const wanted = this.#final.length + by;
    return until(async () => this.#final.length >= wanted, `${by} more transfers final`);
  }

  /** Everything that was reported final. */
  async end(): Promise<readonly string[]> {
    this.#over = true;
    await this.#ended;
    return this.#final;
  }

  /** A send that failed promised nothing: its node was killed, and the next node is asked. */
  async #run(wallet: Wallet, to: Wallet, first: number): Promise<void> {
    for (let node = first; !this.#over; ) {
      try {
        this.#final.push(await sendFinal(this.#devnet, node, wallet, to));
        await pause(PACE_MS);
      } catch {
        node = (node + 1) % this.#devnet.size;
        const answers = () => this.#devnet.rpc(node, "chain_getHead");
        await until(async () => this.#over || answers(), "an answer", 250).catch(() => undefined);
      }
    }
  }
}
