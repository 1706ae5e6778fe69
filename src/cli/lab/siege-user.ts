/**
 * The honest user of a siege: fills some blocks before it, and during it sends one transfer after the other to one
 * node and waits for each until it is final (alliance) or in a block (public).
 */
import { setTimeout as wait } from "node:timers/promises";
import { must } from "../../base/assert.ts";
import { hex0x } from "../../base/bytes.ts";
import { RpcError } from "../../rpc/rpc-error.ts";
import { Client } from "../../sdk/client.ts";
import { type ChainRef, Wallet } from "../../sdk/wallet.ts";
import type { SiegeTransfer } from "../../tools/lab/siege/siege.ts";
import type { DevnetNode, DevnetPlan } from "../devnet/devnet-plan.ts";
import { CliError, EXIT } from "../exit.ts";

/** A transfer is waited for so long; the next one is sent after it. */
const TRANSFER_WAIT_MS = 15_000;
const TRANSFER_PAUSE_MS = 100;
/** How long an answer of a node may take beyond what the node is asked to wait, ms. */
const ANSWER_MS_MAX = 10_000;
/** Transactions of each account that fill the blocks which are asked for. */
const FILL_EACH = 30;
const FILL_MS_MAX = 60_000;
const HEIGHTS = 4;
const MEMO = "m".repeat(100);
const TWO_ACCOUNTS = "the plan has at least two accounts";

export class HonestUser {
  readonly #plan: DevnetPlan;
  readonly #client: Client;
  readonly #wait: "final" | "included";

  /** @param entry the node that it speaks to */
  constructor(plan: DevnetPlan, entry: DevnetNode, wait: "final" | "included") {
    this.#plan = plan;
    this.#client = new Client(entry.rpcUrl, { timeoutMs: ANSWER_MS_MAX });
    this.#wait = wait;
  }

  chain(): Promise<ChainRef> {
    return this.#client.chain();
  }

  /** Makes a few large blocks. @returns the heights of the largest */
  async fill(): Promise<readonly number[]> {
    const chain = await this.#client.chain();
    const [, ...accounts] = this.#plan.accounts;
    for (let nonce = 0; nonce < FILL_EACH; nonce += FILL_EACH / 10) {
      const calls = accounts.flatMap(({ seed, address }) =>
        Array.from({ length: FILL_EACH / 10 }, (_, i) => {
          const order = { chain, nonce: nonce + i, to: address, amount: 1n, memo: MEMO };
          return {
            method: "tx_send" as const,
            params: { tx: hex0x(Wallet.fromSeed(seed).transfer(order).bytes) },
          };
        }),
      );
      for (let i = 0; i < calls.length; i += 100) await this.#client.batch(calls.slice(i, i + 100));
    }
    await this.#emptied();
    return this.#largest();
  }

  /** Makes transfers one after the other for so long. The last one is waited for. */
  async pay(chain: ChainRef, ms: number, signal: AbortSignal): Promise<readonly SiegeTransfer[]> {
    const deadline = performance.now() + ms;
    const seen: SiegeTransfer[] = [];
    for (let nonce = 0n; performance.now() < deadline && !signal.aborted; ) {
      const took = await this.#transfer(chain, nonce);
      seen.push(took);
      nonce = took.failure !== undefined ? await this.#nextNonce(nonce) : nonce + 1n;
      await wait(TRANSFER_PAUSE_MS);
    }
    return seen;
  }

  async #transfer(chain: ChainRef, nonce: bigint): Promise<SiegeTransfer> {
    const [account, other] = this.#plan.accounts;
    const order = { chain, nonce, to: must(other, TWO_ACCOUNTS).address, amount: 1n };
    const tx = hex0x(Wallet.fromSeed(must(account, TWO_ACCOUNTS).seed).transfer(order).bytes);
    const started = performance.now();
    try {
      await this.#client.call("tx_send", { tx, wait: this.#wait, timeoutMs: TRANSFER_WAIT_MS });
      return { ms: performance.now() - started };
    } catch (error) {
      return { ms: performance.now() - started, failure: failureOf(error) };
    }
  }

  async #nextNonce(before: bigint): Promise<bigint> {
    try {
      return await this.#client.nextNonce(must(this.#plan.accounts[0], TWO_ACCOUNTS).address);
    } catch {
      return before;
    }
  }

  async #emptied(): Promise<void> {
    const deadline = performance.now() + FILL_MS_MAX;
    const last = must(this.#plan.accounts.at(-1), TWO_ACCOUNTS);
    while (BigInt((await this.#client.account(last.address)).nonce) < BigInt(FILL_EACH)) {
      if (performance.now() > deadline) {
        throw new CliError(
          EXIT.timedOut,
          "NOT_READY",
          "the blocks before the attack were not made in a minute",
        );
      }
      await wait(TRANSFER_PAUSE_MS);
    }
  }

  async #largest(): Promise<readonly number[]> {
    const { height } = await this.#client.call("chain_getHead");
    const from = Math.max(1, height - 99);
    const blocks = await this.#client.call("chain_getBlockRange", { from, to: height });
    const largest = [...blocks].sort((a, b) => b.txCount - a.txCount).slice(0, HEIGHTS);
    return largest.map((block) => block.height);
  }
}

function failureOf(error: unknown): string {
  return (error instanceof RpcError ? error.data.code : undefined) ?? "no answer";
}
