/** When rumors leave: alone at once, in a row together, and whatever the clock does; and what is passed on. */
import { type Message, TopicValidatorResult } from "@chainsafe/libp2p-gossipsub";
import type { PeerId } from "@libp2p/interface";
import { describe, expect, it } from "vitest";
import { asHash } from "../../../src/base/bytes.ts";
import type { Relay } from "../../../src/base/fault.ts";
import { SILENT } from "../../../src/base/log.ts";
import { GossipBudgets } from "../../../src/p2p/gossip/gossip-budget.ts";
import { JUDGED_TOGETHER_MAX } from "../../../src/p2p/gossip/received-batches.ts";
import { Rumor } from "../../../src/p2p/gossip/rumor.ts";
import type { P2pHandlers, ReceivedTransactions } from "../../../src/p2p/network-ports.ts";
import type { Host } from "../../../src/p2p/transport/host.ts";
import { Meter } from "../../../src/p2p/transport/meter.ts";
import type { Sessions } from "../../../src/p2p/transport/sessions.ts";
import { encodeTransactionBatch } from "../../../src/p2p/transport/wire.ts";
import { VirtualTime } from "../virtual-time.ts";

type Validator = (peer: PeerId, message: Message) => Promise<TopicValidatorResult>;

function world(
  judge: (bytes: Uint8Array) => Promise<Relay> = async () => "ignore",
  {
    transactionsReceived,
    transactionsAhead,
  }: Pick<P2pHandlers, "transactionsReceived" | "transactionsAhead"> = {},
) {
  const time = new VirtualTime();
  const meter = new Meter();
  const published: number[] = [];
  const sent: Uint8Array[] = [];
  const gossip = {
    topicValidators: new Map<string, Validator>(),
    subscribe: () => undefined,
    publish: async (_: string, bytes: Uint8Array) => {
      published.push(time.now());
      sent.push(bytes);
      return { recipients: [] };
    },
  };
  const rumor = new Rumor(asHash(new Uint8Array(32)), {
    host: { services: { gossip } } as unknown as Host,
    sessions: { find: () => ({}) } as unknown as Sessions,
    scheduler: time,
    logger: SILENT,
    meter,
    budgets: new GossipBudgets(),
    rumorReceived: (_topic, _peerId, bytes) => judge(bytes),
    transactionsReceived,
    transactionsAhead,
  });
  const receive = (topic: string, data: Uint8Array, from = "a peer") => {
    const [, validate] = [...gossip.topicValidators].find(([name]) => name.endsWith(topic))!;
    return validate({ toString: () => from } as PeerId, { data } as Message);
  };
  /** A block that arrives in memory of gossip's. */
  const receiveBlock = (data: Uint8Array) => receive("/blocks", data);
  const receiveBatch = (data: Uint8Array, from?: string) => receive("/transactions", data, from);
  return { time, meter, rumor, published, sent, receiveBlock, receiveBatch };
}

it("gossip lets a transaction go soon although the clock was set back by an hour", async () => {
  const { time, rumor, published } = world();
  rumor.publish("transactions", Uint8Array.of(1));
  await time.pass(10);
  const now = time.now.bind(time);
  time.now = () => now() - 3_600_000;
  rumor.publish("transactions", Uint8Array.of(2));
  await time.pass(10);
  expect(published).toHaveLength(2);
});

it("gossip passes on what was judged, although the memory in which it came was used again meanwhile", async () => {
  let decide!: (relay: Relay) => void;
  const { rumor, sent, receiveBlock } = world(() => new Promise((resolve) => (decide = resolve)));
  rumor.start();
  const memory = Uint8Array.of(1, 2, 3);
  const verdict = receiveBlock(memory);
  memory.fill(9);
  decide("accept");
  // Gossip itself would pass on what its memory holds now.
  expect(await verdict).toBe(TopicValidatorResult.Ignore);
  expect(sent).toEqual([Uint8Array.of(1, 2, 3)]);
  const unchanged = receiveBlock(memory);
  decide("accept");
  expect(await unchanged).toBe(TopicValidatorResult.Accept);
  expect(sent).toHaveLength(1);
});

it("gossip passes a batch on as long as something in it is new, and never one that is known as a whole", async () => {
  const passed = new Set<number>();
  const { rumor, time, sent, receiveBatch, meter } = world(async (bytes) => {
    const first = bytes[0]!;
    if (passed.has(first)) return "known";
    passed.add(first);
    return "accept";
  });
  rumor.start();
  const batch = (...of: number[]) =>
    receiveBatch(encodeTransactionBatch(of.map((one) => Uint8Array.of(one))));
  expect(await batch(1, 2)).toBe(TopicValidatorResult.Accept);
  expect(await batch(2, 3)).toBe(TopicValidatorResult.Accept);
  for (const known of [batch(1, 2), batch(2, 1), batch(3), batch(1, 3)]) {
    expect(await known).toBe(TopicValidatorResult.Ignore);
  }
  await time.pass(1_000);
  expect(sent).toEqual([]);
  expect(meter.counters.rejected["gossip-known"]).toBe(4);
});

describe("batches of one turn", () => {
  const { Accept, Ignore } = TopicValidatorResult;
  /** Transactions of one byte: what is 9 is ignored. */
  const judge = (batches: readonly ReceivedTransactions[]) =>
    batches.map(({ envelopes }) => envelopes.map(([first]): Relay => (first === 9 ? "ignore" : "accept")));
  const batchOf = (...first: number[]) => encodeTransactionBatch(first.map((one) => Uint8Array.of(one)));

  function joint(judgeAll = judge, transactionsAhead?: P2pHandlers["transactionsAhead"]) {
    const judged: string[][] = [];
    const transactionsReceived = (batches: readonly ReceivedTransactions[]) => {
      judged.push(batches.map(({ peerId, envelopes }) => `${peerId}:${envelopes.length}`));
      return judgeAll(batches);
    };
    const made = world(undefined, { transactionsReceived, ...(transactionsAhead && { transactionsAhead }) });
    made.rumor.start();
    return { ...made, judged };
  }

  it("are judged together, and each peer is told of its own", async () => {
    const { receiveBatch, judged } = joint();
    const verdicts = [
      receiveBatch(batchOf(1, 2), "a"),
      receiveBatch(batchOf(3), "b"),
      receiveBatch(batchOf(4, 9), "c"),
    ];
    expect(await Promise.all(verdicts)).toEqual([Accept, Accept, Ignore]);
    expect(judged).toEqual([["a:2", "b:1", "c:2"]]);
  });

  it("are judged apart where something of a peer's last one was refused, until one of its is right", async () => {
    const { receiveBatch, judged } = joint();
    await receiveBatch(batchOf(9), "bad");
    await Promise.all([
      receiveBatch(batchOf(1), "a"),
      receiveBatch(batchOf(2), "bad"),
      receiveBatch(batchOf(3), "b"),
    ]);
    await Promise.all([receiveBatch(batchOf(4), "a"), receiveBatch(batchOf(5), "bad")]);
    expect(judged).toEqual([["bad:1"], ["a:1", "b:1"], ["bad:1"], ["a:1", "bad:1"]]);
  });

  it("are no more than a bound at once, and what waits is judged in a later turn", async () => {
    const { receiveBatch, judged } = joint();
    const some = Array.from({ length: JUDGED_TOGETHER_MAX / 8 }, () => 1);
    await Promise.all(Array.from({ length: 16 }, (_, i) => receiveBatch(batchOf(...some), `${i}`)));
    expect(judged.map((batches) => batches.length)).toEqual([8, 8]);
  });

  it("wait a little for others after many, until enough have come, and not after a few", async () => {
    const { receiveBatch, judged, time } = joint();
    const many = Array.from({ length: 40 }, () => 1);
    await receiveBatch(batchOf(1, 1, 1));
    await receiveBatch(batchOf(...many));
    const waiting = receiveBatch(batchOf(1));
    await time.pass(9);
    expect(judged).toHaveLength(2);
    await time.pass(1);
    await waiting;
    await receiveBatch(batchOf(...many));
    const others = Array.from({ length: JUDGED_TOGETHER_MAX / 40 }, () => receiveBatch(batchOf(...many)));
    await Promise.all(others);
    expect(judged.map((batches) => batches.length)).toEqual([1, 1, 1, 1, 10]);
    time.setBack(60_000);
    const late = receiveBatch(batchOf(1));
    await time.pass(16);
    await late;
  });

  it("do not wait where some are left over, nor after those of a peer that is judged by itself", async () => {
    const { receiveBatch, judged } = joint();
    const some = Array.from({ length: JUDGED_TOGETHER_MAX / 8 }, () => 1);
    // No time passes here.
    await Promise.all(Array.from({ length: 12 }, (_, i) => receiveBatch(batchOf(...some), `${i}`)));
    expect(judged.map((batches) => batches.length)).toEqual([8, 4]);
    const apart = joint();
    await apart.receiveBatch(batchOf(9), "bad");
    await apart.receiveBatch(batchOf(...some), "bad");
    await apart.receiveBatch(batchOf(1), "a");
    expect(apart.judged).toEqual([["bad:1"], ["bad:50"], ["a:1"]]);
  });

  it("are ignored when the judge fails or the node stops", async () => {
    const failing = joint(() => {
      throw new Error("out of order");
    });
    expect(await failing.receiveBatch(batchOf(1))).toBe(Ignore);
    const stopping = joint();
    const verdict = stopping.receiveBatch(batchOf(1));
    stopping.rumor.stop();
    expect(await verdict).toBe(Ignore);
    expect(stopping.judged).toEqual([]);
  });

  it("gather while another thread judges those before them, and are ignored when the node stops meanwhile", async () => {
    const waiting: (() => void)[] = [];
    const nextWaiting = async () => {
      while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
      return waiting.shift()!;
    };
    const { receiveBatch, judged, rumor } = joint(
      judge,
      () => new Promise((resolve) => waiting.push(() => resolve({ computedMs: 1, refused: 0 }))),
    );
    const first = receiveBatch(batchOf(1), "a");
    const go = await nextWaiting();
    const others = [receiveBatch(batchOf(2), "a"), receiveBatch(batchOf(3, 9), "b")];
    expect(judged).toEqual([]);
    // What the other thread has counts as coming, for a primary that waits for transactions.
    expect(rumor.unjudged).toBe(4);
    go();
    expect(await first).toBe(Accept);
    (await nextWaiting())();
    expect(await Promise.all(others)).toEqual([Accept, Ignore]);
    expect(judged).toEqual([["a:1"], ["a:1", "b:2"]]);
    const last = receiveBatch(batchOf(4), "a");
    const late = await nextWaiting();
    rumor.stop();
    late();
    expect(await last).toBe(Ignore);
    expect(judged).toHaveLength(2);
    expect(rumor.unjudged).toBe(0);
  });
});
