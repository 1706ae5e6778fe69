/**
 * The simulator itself. Goal: a run depends on its schedule alone; every kind of fault really happens; a run without
 * faults commits; what fails is shrunk to what matters.
 */
import { describe, expect, it } from "vitest";
import { generateSchedule } from "../../../src/tools/sim/generate.ts";
import { Random } from "../../../src/tools/sim/random.ts";
import { runSchedule } from "../../../src/tools/sim/run.ts";
import { itemIds, keepOnly, type Profile, type Schedule } from "../../../src/tools/sim/schedule.ts";
import { commandOf, shrinkSchedule } from "../../../src/tools/sim/shrink.ts";

function schedule(seed: number, profile: Profile, nodes = 4, byzantine = 0): Schedule {
  return generateSchedule({ seed, nodes, byzantine, profile });
}

describe("a run of the simulator", () => {
  it("commits everything everywhere when nothing fails", async () => {
    for (const nodes of [1, 4, 7]) {
      const { violations, stats } = await runSchedule(schedule(1, "calm", nodes));
      expect(violations).toEqual([]);
      expect(stats.height).toBeGreaterThan(0n);
      expect([...stats.costs.faults.keys()]).toEqual([]);
    }
  });

  it("is one trace, byte for byte, whatever ran before it", async () => {
    const first = await runSchedule(schedule(11, "mixed"));
    const other = await runSchedule(schedule(12, "mixed"));
    const again = await runSchedule(schedule(11, "mixed"));
    expect(again.traceHash).toBe(first.traceHash);
    expect(again.stats.events).toBe(first.stats.events);
    expect(other.traceHash).not.toBe(first.traceHash);
  });

  it("counts as many messages with Ed25519 as with its stand-in", async () => {
    const plain = schedule(3, "network");
    const [ideal, real] = [await runSchedule(plain), await runSchedule(plain, { signatures: "ed25519" })];
    expect(real.violations).toEqual([]);
    expect(real.stats.costs.messages.get("commit")).toEqual(ideal.stats.costs.messages.get("commit"));
    expect(real.stats.height).toBe(ideal.stats.height);
  });

  it("injects every kind of fault that a schedule can name", async () => {
    const network = ["loss", "duplicate", "slow-links", "partition", "one-way", "flapping"];
    const local = [
      "crash time",
      "crash action",
      "crash write",
      "crash flush",
      "torn",
      "disk slow",
      "disk full",
      "skew",
      "jump",
    ];
    const missing = new Set([...network, ...local, "lost", "cut", "held", "doubled", "late"]);
    for (let seed = 0; seed < 100 && missing.size > 0; seed++) {
      const profile = (["mixed", "crash"] as const)[seed % 2]!;
      const { stats } = await runSchedule(withoutDeadline(schedule(seed, profile)));
      for (const kind of stats.costs.faults.keys()) missing.delete(kind);
      for (const [kind, count] of Object.entries(stats.network)) if (count > 0) missing.delete(kind);
    }
    expect([...missing]).toEqual([]);
  });

  it("finds the journal of a node whose bit flipped, and lets it vote no more", async () => {
    let flipped = 0;
    for (let seed = 0; seed < 6; seed++) {
      const { violations, stats } = await runSchedule(withoutDeadline(schedule(seed, "disk", 4, 1)));
      expect(violations).toEqual([]);
      flipped += stats.costs.faults.get("flip") ?? 0;
    }
    expect(flipped).toBeGreaterThan(0);
  });
});

describe("a schedule of the simulator", () => {
  it("does not shift when one of its items is left out", () => {
    const whole = schedule(5, "mixed", 7, 2);
    const without = keepOnly(whole, new Set(itemIds(whole).filter((id) => id !== "w0")));
    expect(without.workload).toEqual(whole.workload.slice(1));
    expect(without.faults).toEqual(whole.faults);
  });

  it("is shrunk to the items that make it fail", async () => {
    const whole = schedule(5, "mixed", 4, 1);
    const needed = itemIds(whole).filter((_, i) => i === 1 || i === 6);
    const fails = async (smaller: Schedule) => needed.every((id) => itemIds(smaller).includes(id));
    const only = await shrinkSchedule(whole, fails);
    expect(only).toEqual(needed);
    expect(commandOf(whole, only)).toBe(
      `quorate sim --seed 5 --nodes 4 --byzantine 1 --profile mixed --only ${needed.join(",")}`,
    );
  });
});

describe("randomness of the simulator", () => {
  it("has streams that do not depend on each other", () => {
    const one = new Random("seed");
    const other = new Random("seed");
    for (let i = 0; i < 100; i++) other.uint32();
    expect(one.split("disk").uint32()).toBe(other.split("disk").uint32());
    expect(one.split("disk").uint32()).not.toBe(one.split("network").uint32());
  });

  it("is spread evenly", () => {
    const random = new Random(1);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 10_000; i++) counts[random.integer(0, 9)]!++;
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1_150);
  });
});

describe("a node that loses power while its full disk refuses a record", () => {
  it("takes the run no further than its own crash", async () => {
    const { violations } = await runSchedule(schedule(29, "crash", 4, 1));
    expect(violations).toEqual([]);
  });
});

/** Only safety is looked at: the run ends when everything has healed. */
function withoutDeadline(whole: Schedule): Schedule {
  return { ...whole, deadlineMs: whole.gstMs };
}
