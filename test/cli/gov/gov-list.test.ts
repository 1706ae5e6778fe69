/** What `quorate gov list` says of proposals, and of seats that wait for the end of the epoch. */
import { expect, it } from "vitest";
import { pendingSeats, proposalRow } from "../../../src/cli/gov/gov-list.ts";

const [KEY, NEW, ALICE] = ["0xaa", "0xbb", "0xcc"] as const;
const vote = (name: string, forced = false) => ({ account: `0x${name}`, name, approves: true, forced });
type Shown = Parameters<typeof proposalRow>[0];

const removal: Shown = {
  ...{ id: 3, proposer: "0xnode0", proposerName: "node0", height: 5, expires: 325, status: "open" },
  ...{ decided: null, change: { change: "remove", publicKey: KEY }, seat: "node2", forced: false, note: "" },
  ...{ approve: 1, reject: 0, needed: 2, votes: [vote("node0")] },
};
const row = (more: Partial<Shown> = {}) => proposalRow({ ...removal, ...more });

it("gov list names the seat that a proposal is about and who proposed it", () => {
  expect(row()).toEqual(["3", "open", "remove node2  publicKey 0xaa", "1 of 2", "node0", ""]);
  const change = { change: "replace", publicKey: KEY, newKey: NEW };
  expect(row({ change })[2]).toBe("replace node2  publicKey 0xaa  newKey 0xbb");
  expect(row({ change: { change: "add", name: "node4", publicKey: KEY }, seat: "node4" })[2]).toBe(
    "add node4  publicKey 0xaa",
  );
  expect(row({ change: { change: "set", parameter: "minFee", value: 5 }, seat: null })[2]).toBe(
    "set  parameter minFee  value 5",
  );
  expect(row({ seat: null, proposerName: null })).toMatchObject({
    2: "remove  publicKey 0xaa",
    4: "0xnode0",
  });
});

it("gov list says of a decided proposal how and at which height it was decided", () => {
  expect(row({ status: "approved", decided: 33, approve: 2 })[3]).toBe("2 of 2, at height 33");
  expect(row({ status: "rejected", decided: 34, approve: 1, reject: 2 })[3]).toBe("2 against, at height 34");
  expect(row({ status: "approved", decided: 5, approve: 0 })[3]).toBe("by an administrator, at height 5");
});

it("gov list says who forced a proposal or a vote, beside the note", () => {
  const votes = [vote("node0", true), vote("node1"), vote("node2", true)];
  expect(row({ forced: true, votes, note: "it burnt" })[5]).toBe("forced by node0, node2: it burnt");
  expect(row({ votes: [vote("node0"), vote("node1", true)] })[5]).toBe("forced by node1");
  expect(row({ note: "it burnt" })[5]).toBe("it burnt");
});

it("gov list says of a rotated seat that it takes another key", () => {
  const node0 = { name: "node0", publicKey: KEY, account: ALICE, peerId: "p" };
  expect(pendingSeats({ members: [node0], nextMembers: [node0] })).toEqual([]);
  expect(pendingSeats({ members: [node0], nextMembers: [{ ...node0, publicKey: NEW }] })).toEqual([
    "node0 takes the key 0xbb instead of 0xaa: that one is needed until the epoch has ended",
  ]);
  expect(pendingSeats({ members: [node0], nextMembers: [{ ...node0, account: "0xdd" }] })).toEqual([
    "node0 joins with 0xaa",
    "node0 leaves with 0xaa: it is needed until the epoch has ended",
  ]);
});
