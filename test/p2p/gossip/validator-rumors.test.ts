/** Validators, who are all connected, are not sent what they have: by the library's own ways, of which some are replaced. */
import { beforeEach, expect, it } from "vitest";
import { IDONTWANT_BYTES_MIN, WaitingMessages } from "../../../src/p2p/gossip/delayed-forwards.ts";
import {
  FORWARD_TO_VALIDATORS_AFTER_MS,
  GATHERED_IDS_MAX,
  GATHERED_MS,
  type Spreading,
  spareValidators,
} from "../../../src/p2p/gossip/validator-rumors.ts";
import { VirtualTime } from "../virtual-time.ts";

const MESH = ["v1", "v2", "v3", "follower"];
const ID = Buffer.from("an id").toString("base64");
const lone = { topic: "transactions", data: new Uint8Array(100) };
const batch = { topic: "transactions", data: new Uint8Array(IDONTWANT_BYTES_MIN) };
const block = { topic: "blocks", data: new Uint8Array(IDONTWANT_BYTES_MIN) };
const evidence = { topic: "evidence", data: new Uint8Array(IDONTWANT_BYTES_MIN) };

let time: VirtualTime;
let gossip: Spreading;
/** What left: who, and how many messages or ids. */
let sent: string[];
let idontwants: Map<string, Map<string, number>>;

beforeEach(() => {
  time = new VirtualTime();
  sent = [];
  idontwants = new Map();
  const mesh = new Map(["transactions", "blocks", "evidence"].map((name) => [name, new Set(MESH)]));
  const topics = new Map([...mesh].map(([name, peers]) => [name, new Set([...peers, "v4", "stranger"])]));
  gossip = {
    ...{ mesh, topics, idontwants },
    forwardMessage(id, { topic }, source, exclude) {
      for (const peer of mesh.get(topic) ?? []) {
        const isSpared = peer === source || exclude?.has(peer) || idontwants.get(peer)?.has(id);
        if (isSpared !== true) sent.push(`${peer} message`);
      }
    },
    sendIDontWants(_id, topic, source) {
      for (const peer of mesh.get(topic) ?? []) if (peer !== source) sent.push(`${peer} idontwant 1`);
    },
    selectPeersToPublish: (topic) => ({ tosend: new Set(topics.get(topic)) }),
    sendRpcInBatch(peers, { messages, control }) {
      const { idontwant } = (control ?? { idontwant: [] }) as { idontwant: { messageIDs: unknown[] }[] };
      const ids = idontwant.flatMap(({ messageIDs }) => messageIDs).length;
      for (const peer of peers)
        sent.push(messages.length > 0 ? `${peer} message` : `${peer} idontwant ${ids}`);
    },
  };
  spareValidators(gossip, {
    scheduler: time,
    waiting: new WaitingMessages(time),
    isMember: (peer) => peer.startsWith("v"),
    topicOf: (name) => name as "transactions" | "blocks" | "evidence",
  });
});

it("a validator's transaction is passed on at once to others, and to validators only that have not said that they have it", async () => {
  gossip.forwardMessage(ID, lone, "v1");
  expect(sent.splice(0)).toEqual(["follower message"]);
  await time.pass(GATHERED_MS);
  expect(sent.splice(0)).toEqual(["v2 idontwant 1", "v3 idontwant 1"]);
  idontwants.set("v2", new Map([[ID, 0]]));
  await time.pass(FORWARD_TO_VALIDATORS_AFTER_MS);
  expect(sent).toEqual(["v3 message"]);
});

it("what a node has of validators is told to validators in one message for many, and to others at once", async () => {
  for (let i = 0; i <= GATHERED_IDS_MAX; i++) gossip.sendIDontWants(new Uint8Array(32), "transactions", "v1");
  expect(sent.splice(0)).toEqual(Array.from({ length: GATHERED_IDS_MAX + 1 }, () => "follower idontwant 1"));
  await time.pass(GATHERED_MS);
  expect(sent.splice(0)).toEqual([`v2 idontwant ${GATHERED_IDS_MAX}`, `v3 idontwant ${GATHERED_IDS_MAX}`]);
  await time.pass(10 * GATHERED_MS);
  expect(sent).toEqual([]);
});

it("a batch is told of when it comes, so it is not told of again when it is judged", async () => {
  gossip.forwardMessage(ID, batch, "v1");
  await time.pass(GATHERED_MS);
  expect(sent).toEqual(["follower message"]);
});

it("the first validator that has another's transaction sends it to all validators, also to those beyond its mesh", async () => {
  gossip.forwardMessage(ID, lone, "follower");
  expect(sent.splice(0)).toEqual(["v1 message", "v2 message", "v3 message", "v4 message"]);
  idontwants.set("v4", new Map([[ID, 0]]));
  gossip.forwardMessage(ID, lone, "follower");
  expect(sent.splice(0)).not.toContain("v4 message");
  gossip.sendIDontWants(new Uint8Array(32), "transactions", "follower");
  expect(sent).toEqual(["v1 idontwant 1", "v2 idontwant 1", "v3 idontwant 1"]);
});

it("validators are sent no announcement of a block, and evidence goes as it ever did", () => {
  expect([...gossip.selectPeersToPublish("blocks").tosend]).toEqual(["follower", "stranger"]);
  expect(gossip.selectPeersToPublish("transactions").tosend.size).toBe(6);
  gossip.forwardMessage(ID, block, "stranger");
  gossip.sendIDontWants(new Uint8Array(32), "blocks", "stranger");
  expect(sent.splice(0)).toEqual(["follower message", "follower idontwant 1"]);
  gossip.forwardMessage(ID, evidence, "v1");
  gossip.sendIDontWants(new Uint8Array(32), "evidence", "v1");
  expect(sent).toHaveLength(6);
});
