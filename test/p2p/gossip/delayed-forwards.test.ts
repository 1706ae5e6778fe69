/** A batch is passed on when the others have had time to say that they have it; nothing else waits. */
import { expect, it } from "vitest";
import {
  delayForwards,
  FORWARD_AFTER_MS,
  FORWARDS_WAITING_BYTES_MAX,
  type Forwarding,
  IDONTWANT_BYTES_MIN,
  WaitingMessages,
} from "../../../src/p2p/gossip/delayed-forwards.ts";
import { VirtualTime } from "../virtual-time.ts";

function world() {
  const time = new VirtualTime();
  const forwarded: { id: string; data: Uint8Array | undefined; source: string | undefined }[] = [];
  const gossip: Forwarding = {
    forwardMessage: (id, { data }, source) => forwarded.push({ id, data, source }),
  };
  delayForwards(gossip, { waiting: new WaitingMessages(time), mayWait: (topic) => topic === "transactions" });
  return { time, gossip, forwarded };
}

it("gossip passes a batch on after the delay, as it was when it came", async () => {
  const { time, gossip, forwarded } = world();
  const data = new Uint8Array(IDONTWANT_BYTES_MIN).fill(5);
  gossip.forwardMessage("a", { topic: "transactions", data }, "its peer");
  data.fill(9);
  await time.pass(FORWARD_AFTER_MS - 1);
  expect(forwarded).toEqual([]);
  await time.pass(1);
  expect(forwarded).toEqual([
    { id: "a", data: new Uint8Array(IDONTWANT_BYTES_MIN).fill(5), source: "its peer" },
  ]);
});

it("gossip passes on at once what is short, what is of another topic, and what nobody would announce", () => {
  const { gossip, forwarded } = world();
  gossip.forwardMessage("short", {
    topic: "transactions",
    data: new Uint8Array(IDONTWANT_BYTES_MIN - 1),
  });
  gossip.forwardMessage("block", { topic: "blocks", data: new Uint8Array(IDONTWANT_BYTES_MIN) });
  gossip.forwardMessage("empty", { topic: "transactions" });
  expect(forwarded.map(({ id }) => id)).toEqual(["short", "block", "empty"]);
});

it("gossip keeps no more than a bounded number of bytes waiting", async () => {
  const { time, gossip, forwarded } = world();
  const data = new Uint8Array(FORWARDS_WAITING_BYTES_MAX / 2);
  for (const id of ["a", "b", "c"]) gossip.forwardMessage(id, { topic: "transactions", data });
  expect(forwarded.map(({ id }) => id)).toEqual(["c"]);
  await time.pass(FORWARD_AFTER_MS);
  gossip.forwardMessage("d", { topic: "transactions", data });
  expect(forwarded.map(({ id }) => id)).toEqual(["c", "a", "b"]);
});
