/**
 * Goal: what the attacker of a live race decides, and what its page and its command line say. Method: sights by hand;
 * the processes themselves are a command, `quorate lab attack51 --live`, and no part of this test.
 */
import { beforeAll, describe, expect, it, vi } from "vitest";
import { asHash } from "../../../src/base/bytes.ts";
import { buildProgram, run } from "../../../src/cli/program.ts";
import {
  decide,
  type LiveEnd,
  type LiveRace,
  type LiveResult,
  liveReport,
} from "../../../src/tools/lab/live-race.ts";
import { raceFork } from "../../../src/tools/lab/report/fork-picture.ts";

const RACE: LiveRace = { share: 0.6, confirmations: 2, giveUp: 5, lead: 1 };

function sight(publicBlocks: number, privateBlocks: number, confirmations: number) {
  return { seconds: 1, publicBlocks, privateBlocks, confirmations };
}

describe("the attacker of a live race", () => {
  it("waits until the merchant has delivered, however far ahead or behind it is", () => {
    expect(decide(RACE, sight(1, 7, 1))).toBe("wait");
    expect(decide(RACE, sight(9, 0, 1))).toBe("wait");
  });

  it("releases when its branch is heavier, not at a tie", () => {
    expect(decide(RACE, sight(2, 3, 2))).toBe("release");
    expect(decide(RACE, sight(3, 3, 3))).toBe("wait");
    expect(decide({ ...RACE, lead: 2 }, sight(2, 3, 2))).toBe("wait");
    expect(decide({ ...RACE, confirmations: 0 }, sight(0, 1, 0))).toBe("release");
  });

  it("gives up at the deficit of blocks that it lacks to be one ahead", () => {
    expect(decide(RACE, sight(4, 1, 4))).toBe("wait");
    expect(decide(RACE, sight(5, 1, 5))).toBe("give-up");
  });
});

describe("the page of a live race", () => {
  const result = (end: LiveEnd): LiveResult => ({
    end,
    seconds: 12,
    publicBlocks: 2,
    privateBlocks: 3,
    depth: 2,
    honest: [
      {
        name: "honest0",
        payment: "gone",
        conflict: "in the chain, 3 confirmations",
        reorgs: [{ depth: 2, entered: 3, oldHead: "0x01", newHead: "0x02" }],
        log: ["REORG <b>"],
      },
    ],
  });
  const block = (height: bigint) => ({ hash: asHash(new Uint8Array(32)), summary: { height } });
  const fork = raceFork(block(2n), { honest: [block(3n)], attacker: [block(3n), block(4n)] }, "attacker");
  const page = (end: LiveEnd) =>
    liveReport(RACE, result(end), { sights: [sight(2, 3, 2)], fork, command: "quorate" });

  it("says how it ended", () => {
    expect(page("won")).toContain("All 1 honest nodes reorganised, 2 deep");
    expect(page("lost")).toContain("the payment stands");
    expect(page("gave-up")).toContain("gave up 5 blocks short");
    expect(page("deadline")).toContain("Undecided at the deadline");
  });

  it("shows what nodes logged as text", () => {
    expect(page("won")).toContain("REORG &lt;b&gt;");
  });
});

describe("wrong words after quorate lab", () => {
  // The program's modules are loaded once, apart from what is timed.
  beforeAll(async () => void (await buildProgram(["lab", "attack51"])), 120_000);

  it.each([
    ["--live"],
    ["--live", "--hashrate", "0.6", "-z", "1,2"],
    ["--live", "--hashrate", "0.6", "-z", "2", "--premined", "1"],
    ["--live", "--hashrate", "0.6", "-z", "2", "--retarget", "asert"],
    ["--live", "--hashrate", "0.6", "-z", "2", "--lead", "0"],
    ["--live", "--hashrate", "0.6", "-z", "2", "--deadline", "soon"],
    ["--replicas", "0"],
    ["--replicas", "2", "--retarget", "bitcoin"],
    ["--replicas", "2", "--stamps", "earliest"],
  ])("%s %s %s %s %s %s %s end with one line and code 2", async (...words) => {
    const text = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      vi.spyOn(process[name], "write").mockImplementation((chunk) => {
        text[name] += String(chunk);
        return true;
      });
    }
    const all = ["lab", "attack51", ...words.filter((word) => word !== undefined)];
    const code = await run(await buildProgram(all), all);
    vi.restoreAllMocks();
    expect(code).toBe(2);
    expect(text.stdout).toBe("");
    expect(text.stderr.trim().split("\n")).toHaveLength(1);
  });
});
