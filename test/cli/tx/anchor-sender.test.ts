/**
 * Goal: a sender queue is never more than 64 ahead, everything gets in even if the pool forgets, and a dead chain is told.
 * Method: a pool of a few lines on the other side, virtual time.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { hex0x } from "../../../src/base/bytes.ts";
import type { SignedTransaction } from "../../../src/chain/types/transaction.ts";
import { type BatchClient, sendInOrder } from "../../../src/cli/tx/anchor-sender.ts";
import { RpcError, Wallet } from "../../../src/sdk/client.ts";

const FIRST = 5;
const wallet = Wallet.fromSeed(new Uint8Array(32).fill(3));
const chain = { chainId: 1n, genesisHash: `0x${"00".repeat(32)}` };

function anchors(count: number): SignedTransaction[] {
  return Array.from({ length: count }, (_, i) =>
    wallet.anchor({ chain, nonce: FIRST + i, digest: new Uint8Array(32).fill(i % 256) }),
  );
}

/** Confirms what is in order at each look; refuses more than 64 ahead; `forgets` drops an arrival. */
class Pool implements BatchClient {
  nonce = FIRST;
  aheadMax = 0;
  readonly #held = new Set<number>();
  readonly #byBytes: Map<string, number>;
  readonly #forgets: (nonce: number, arrival: number) => boolean;
  readonly #perBlock: number;
  #arrivals = 0;

  constructor(
    transactions: readonly SignedTransaction[],
    perBlock: number,
    forgets: (nonce: number, arrival: number) => boolean = () => false,
  ) {
    this.#byBytes = new Map(transactions.map((tx) => [hex0x(tx.bytes), Number(tx.nonce)]));
    this.#forgets = forgets;
    this.#perBlock = perBlock;
  }

  batch: BatchClient["batch"] = (calls) =>
    Promise.resolve(calls.map((call) => this.#receive((call.params as { tx: string }).tx)) as never);

  account: BatchClient["account"] = () => {
    for (let i = 0; i < this.#perBlock && this.#held.delete(this.nonce); i++) this.nonce++;
    return Promise.resolve({ nonce: this.nonce } as never);
  };

  #receive(bytes: string): unknown {
    const nonce = this.#byBytes.get(bytes)!;
    this.aheadMax = Math.max(this.aheadMax, nonce - this.nonce + 1);
    if (nonce < this.nonce || this.#held.has(nonce)) {
      return new RpcError({ code: -32003, message: "known", data: { code: "TX_DUPLICATE" } });
    }
    if (!this.#forgets(nonce, this.#arrivals++)) this.#held.add(nonce);
    return { txHash: "0x", status: "pending" };
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function finish(sending: Promise<void>): Promise<void> {
  let done = false;
  const end = sending.finally(() => {
    done = true;
  });
  end.catch(() => undefined);
  for (let i = 0; i < 5_000 && !done; i++) await vi.advanceTimersByTimeAsync(50);
  await end;
}

test("many more than fit the sender's queue all get in, never more than 64 ahead", async () => {
  const transactions = anchors(300);
  const pool = new Pool(transactions, 17);
  const seen: number[] = [];
  await finish(sendInOrder(pool, transactions, (confirmed) => seen.push(confirmed)));
  expect(pool.nonce).toBe(FIRST + 300);
  expect(pool.aheadMax).toBe(64);
  expect(seen.at(-1)).toBe(300);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
});

test("what the pool has forgotten is sent again", async () => {
  const transactions = anchors(40);
  const pool = new Pool(transactions, 10, (nonce, arrival) => arrival < 40 && nonce % 7 === 0);
  await finish(sendInOrder(pool, transactions, () => undefined));
  expect(pool.nonce).toBe(FIRST + 40);
});

test("a chain that has halted ends the command with how far it came", async () => {
  const transactions = anchors(5);
  const pool = new Pool(transactions, 10, (nonce) => nonce >= FIRST + 2);
  await expect(finish(sendInOrder(pool, transactions, () => undefined))).rejects.toMatchObject({
    exitCode: 5,
    message: expect.stringContaining("2 of 5 anchors are final"),
  });
});

test("a refusal that will not go away ends the command at once", async () => {
  const transactions = anchors(2);
  const refusal = new RpcError({
    code: -32003,
    message: "no funds",
    data: { code: "TX_INSUFFICIENT_FUNDS" },
  });
  const client: BatchClient = {
    batch: (calls) => Promise.resolve(calls.map(() => refusal)),
    account: () => Promise.resolve({ nonce: FIRST } as never),
  };
  await expect(finish(sendInOrder(client, transactions, () => undefined))).rejects.toMatchObject({
    exitCode: 3,
  });
});

test("nothing to send asks nobody", async () => {
  await sendInOrder({} as BatchClient, [], () => undefined);
});
