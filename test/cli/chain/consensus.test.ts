/** Goal: each line of consensus --watch says how far a quorum is. Method: events in, lines out. */
import { expect, test } from "vitest";
import { type ConsensusEvent, WatchedVotes } from "../../../src/cli/chain/consensus-watch.ts";

const DIGEST = `0x${"ab".repeat(32)}`;
const at = (event: Partial<ConsensusEvent>): ConsensusEvent => ({
  t: 0,
  type: "commit",
  seq: 6,
  view: 0,
  ...event,
});

test("distinct votes for one digest add up to the quorum, repeated ones do not", () => {
  const tally = new WatchedVotes(3, ["node0", "node1", "node2", "node3"]);
  const line = (from: number) => tally.describe(at({ from, digest: DIGEST }));
  expect(line(0)).toBe("00:00:00.000  seq 6  view 0  COMMIT  node0  1/3");
  expect(line(0)).toContain("1/3");
  expect(line(1)).toContain("2/3");
  expect(tally.describe(at({ from: 2, digest: "0xcd" }))).toContain("1/3");
  expect(line(3)).toContain("3/3 ✔");
});

test("the primary's pre-prepare stands for its prepare", () => {
  const tally = new WatchedVotes(3, []);
  expect(tally.describe(at({ type: "pre-prepare", from: 0, digest: DIGEST }))).toContain(
    "PRE-PREPARE  validator 0  0xababab…abab",
  );
  tally.describe(at({ type: "prepare", from: 1, digest: DIGEST }));
  expect(tally.describe(at({ type: "prepare", from: 2, digest: DIGEST }))).toContain("2/2 ✔");
});

test("a view change shows who asks for the view so far, and the new view what it carries over", () => {
  const names = ["node0", "node1", "node2", "node3"];
  const tally = new WatchedVotes(3, names);
  const change = { t: 0, type: "view-change", view: 1 };
  expect(tally.describe({ ...change, from: 2 })).toBe(
    "00:00:00.000  node2  VIEW-CHANGE → 1  [█░░░] 1/4 (need 3)",
  );
  tally.describe({ ...change, from: 3 });
  expect(tally.describe({ ...change, from: 1, reason: "timeout" })).toBe(
    "00:00:00.000  node1, node2, node3  VIEW-CHANGE → 1  [███░] 3/4 (need 3) ✔  timeout",
  );
  expect(tally.describe({ ...change, view: 2, from: 1 })).toContain("1/4");
  const opened = { t: 0, type: "new-view", view: 1, from: 1, minSeq: 4 };
  expect(tally.describe({ ...opened, maxSeq: 4 })).toBe(
    "00:00:00.000  NEW-VIEW 1 from node1  O = {}  checkpoint 4",
  );
  expect(tally.describe({ ...opened, maxSeq: 5 })).toContain("O = {5}");
  expect(tally.describe({ ...opened, maxSeq: 6 })).toContain("O = {5..6}");
});
