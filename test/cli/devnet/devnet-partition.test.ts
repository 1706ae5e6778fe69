/** Goal: the words of `devnet partition` mean what they say. Method: tables. */
import { expect, test } from "vitest";
import { cutOff, parsePartition } from "../../../src/cli/devnet/devnet-partition.ts";

const NAMES = ["node0", "node1", "node2", "node3"];

test.each([
  [
    "0,1/2,3",
    [
      [0, 1],
      [2, 3],
    ],
  ],
  ["node3", [[3], [0, 1, 2]]],
  ["node1,0/3", [[1, 0], [3], [2]]],
  ["0/1/2/3", [[0], [1], [2], [3]]],
])("%s is taken, and who is not named forms one more group", (text, groups) => {
  expect(parsePartition(text.split("/"), NAMES)).toEqual({ ok: true, value: groups });
});

test.each([
  ["0,1/1,2", "node1 stands in the groups twice"],
  ["0,4", 'no node "4": there are node0, node1, node2, node3, or 0 to 3'],
  ["nod1", "did you mean"],
  ["0//1", "an empty group"],
  ["", "an empty group"],
  ["0,1,2,3", "quorate devnet heal"],
])("%s is refused", (text, detail) => {
  expect(parsePartition(text.split("/"), NAMES)).toMatchObject({
    ok: false,
    fault: { detail: expect.stringContaining(detail) },
  });
});

test("a node is cut off from all other groups", () => {
  const partition = [[0, 1], [2], [3]];
  expect(cutOff(partition, 0)).toEqual([2, 3]);
  expect(cutOff(partition, 3)).toEqual([0, 1, 2]);
  expect(cutOff(undefined, 3)).toEqual([]);
});
