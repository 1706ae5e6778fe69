/** Telling the others what a change of branches gave back: when, how often, how much. */
import { beforeEach, expect, it } from "vitest";
import { asHash, type Hash } from "../../../src/base/bytes.ts";
import { RETURNED_PUBLISHED_MAX } from "../../../src/base/limits.ts";
import { ReorgedTransactions } from "../../../src/node/ingress/reorged-transactions.ts";
import { VirtualTime } from "../../p2p/virtual-time.ts";

let time: VirtualTime;
let isSyncing: boolean;
let pool: Map<string, Uint8Array>;
let published: number[];
let returned: ReorgedTransactions;

beforeEach(() => {
  time = new VirtualTime();
  [isSyncing, pool, published] = [false, new Map(), []];
  returned = new ReorgedTransactions({
    scheduler: time,
    isSyncing: () => isSyncing,
    pooled: (hash) => pool.get(hash.join()),
    publish: (envelope) => published.push(new DataView(envelope.buffer).getUint32(0)),
  });
});

function hashOf(number: number): Hash {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number);
  return asHash(bytes);
}

/** What was told since the last look: the first is told once more at the end, so that gossip takes it for new. */
function takePublished(): number[] {
  const [last, ...rest] = published.splice(0).reverse();
  const numbers = rest.reverse();
  expect(last).toBe(numbers[0]);
  return numbers;
}

/** They are in the pool again. */
function back(...numbers: readonly number[]) {
  return numbers.map((number) => {
    const hash = hashOf(number);
    pool.set(hash.join(), hash);
    return { hash };
  });
}

it("a replica after a reorganisation tells at once, in the order of the abandoned blocks, what is in the pool again", () => {
  returned.add([...back(3, 1), { hash: hashOf(9) }, ...back(2)]);
  expect(takePublished()).toEqual([3, 1, 2]);
});

it("a replica after a reorganisation waits while blocks are fetched, and tells once what they did not include", async () => {
  isSyncing = true;
  returned.add(back(1, 2));
  returned.add(back(3));
  await time.pass(60_000);
  expect(published).toEqual([]);
  pool.delete(hashOf(2).join());
  isSyncing = false;
  await time.pass(1_000);
  expect(takePublished()).toEqual([1, 3]);
  await time.pass(60_000);
  expect(published).toEqual([]);
});

it("a replica after a reorganisation tells no more than its bound of one change, and is ready for the next", () => {
  returned.add(back(...Array.from({ length: RETURNED_PUBLISHED_MAX + 10 }, (_, i) => i)));
  expect(takePublished()).toEqual(Array.from({ length: RETURNED_PUBLISHED_MAX }, (_, i) => i));
  returned.add(back(7));
  expect(takePublished()).toEqual([7]);
  returned.add([{ hash: hashOf(99_999) }]);
  expect(published).toEqual([]);
});

it("a replica after a reorganisation keeps no more than its bound while it waits, and nothing after it stopped", async () => {
  isSyncing = true;
  for (let i = 0; i < 3; i++) returned.add(back(...Array.from({ length: 2_000 }, (_, j) => 2_000 * i + j)));
  isSyncing = false;
  await time.pass(1_000);
  expect(takePublished()).toHaveLength(RETURNED_PUBLISHED_MAX);
  isSyncing = true;
  returned.add(back(1));
  returned.stop();
  isSyncing = false;
  await time.pass(1_000);
  expect(published).toEqual([]);
});
