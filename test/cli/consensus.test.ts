/** Goal: each line of consensus --watch says how far a quorum is. Method: events in, lines out. */
import { expect, test } from "vitest";
import { type ConsensusEvent, VoteTally } from "../../src/cli/consensus.ts";

const DIGEST = `0x${"ab".repeat(32)}`;
const at = (event: Partial<ConsensusEvent>): ConsensusEvent => ({
  t: 0,
  type: "commit",
  seq: 6,
  view: 0,
  ...event,
});

test("distinct votes for one digest add up to the quorum, repeated ones do not", () => {
  const tally = new VoteTally(3, ["node0", "node1", "node2", "node3"]);
  const line = (from: number) => tally.describe(at({ from, digest: DIGEST }));
  expect(line(0)).toBe("00:00:00.000  seq 6  view 0  COMMIT  node0  1/3");
  expect(line(0)).toContain("1/3");
  expect(line(1)).toContain("2/3");
  expect(tally.describe(at({ from: 2, digest: "0xcd" }))).toContain("1/3");
  expect(line(3)).toContain("3/3 ✔");
});

test("the primary's pre-prepare stands for its prepare", () => {
  const tally = new VoteTally(3, []);
  expect(tally.describe(at({ type: "pre-prepare", from: 0, digest: DIGEST }))).toContain(
    "PRE-PREPARE  validator 0  0xababab…abab",
  );
  tally.describe(at({ type: "prepare", from: 1, digest: DIGEST }));
  expect(tally.describe(at({ type: "prepare", from: 2, digest: DIGEST }))).toContain("2/2 ✔");
});
