/** When rumors leave: alone at once, in a row together, and whatever the clock does; and what is passed on. */
import { type Message, TopicValidatorResult } from "@chainsafe/libp2p-gossipsub";
import type { PeerId } from "@libp2p/interface";
import { expect, it } from "vitest";
import { asHash } from "../../../src/base/bytes.ts";
import type { Relay } from "../../../src/base/fault.ts";
import { SILENT } from "../../../src/base/log.ts";
import { GossipBudgets } from "../../../src/p2p/gossip/gossip-budget.ts";
import { Rumor } from "../../../src/p2p/gossip/rumor.ts";
import type { Host } from "../../../src/p2p/transport/host.ts";
import { Meter } from "../../../src/p2p/transport/meter.ts";
import type { Sessions } from "../../../src/p2p/transport/sessions.ts";
import { VirtualTime } from "../virtual-time.ts";

type Validator = (peer: PeerId, message: Message) => Promise<TopicValidatorResult>;

function world(judge: () => Promise<Relay> = async () => "ignore") {
  const time = new VirtualTime();
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
    meter: new Meter(),
    budgets: new GossipBudgets(),
    rumorReceived: judge,
  });
  /** A block that arrives in memory of gossip's. */
  const receiveBlock = (data: Uint8Array) => {
    const [, judgeBlock] = [...gossip.topicValidators].find(([name]) => name.endsWith("/blocks"))!;
    return judgeBlock({ toString: () => "a peer" } as PeerId, { data } as Message);
  };
  return { time, rumor, published, sent, receiveBlock };
}

it("lets a transaction go soon although the clock was set back by an hour", async () => {
  const { time, rumor, published } = world();
  rumor.publish("transactions", Uint8Array.of(1));
  await time.pass(10);
  const now = time.now.bind(time);
  time.now = () => now() - 3_600_000;
  rumor.publish("transactions", Uint8Array.of(2));
  await time.pass(10);
  expect(published).toHaveLength(2);
});

it("passes on what was judged, although the memory in which it came was used again meanwhile", async () => {
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
