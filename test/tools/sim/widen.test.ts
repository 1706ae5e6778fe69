/**
 * What widens the generated schedules: every ingredient is drawn, it happens, and runs with it break no rule; and
 * the checkers that belong to it speak when they are told that their rule was broken.
 */
import { describe, expect, it } from "vitest";
import { hex } from "../../../src/base/bytes.ts";
import type { Effect, Typed } from "../../../src/consensus/engine.ts";
import { generateSchedule } from "../../../src/tools/sim/generate.ts";
import type { Observer } from "../../../src/tools/sim/observer.ts";
import { runSchedule } from "../../../src/tools/sim/run.ts";
import type { Schedule } from "../../../src/tools/sim/schedule.ts";
import { ADDED_NAMES } from "./added-names.ts";
import { SETTINGS, transferring, watched } from "./watched.ts";

function wide(seed: number, nodes = 4): Schedule {
  return generateSchedule({ seed, nodes, byzantine: Math.floor((nodes - 1) / 3), profile: "wide" });
}

const SEEDS = Array.from({ length: 300 }, (_, seed) => seed);

/** The first schedule of its kind. */
function first(is: (schedule: Schedule) => boolean): Schedule {
  const found = SEEDS.map((seed) => wide(seed)).find(is);
  if (found === undefined) throw new Error("no seed draws it");
  return found;
}

const INGREDIENTS: Readonly<Record<string, (schedule: Schedule) => boolean>> = {
  "a home put back from an older copy": ({ rollbacks = [] }) => rollbacks.length > 0,
  "full nodes": ({ full = 0 }) => full > 0,
  "strangers who lie": ({ strangers = [] }) => strangers.length > 0,
  "a crash after the network has settled": ({ crashes, gstMs }) =>
    crashes.some(({ when, downMs }) => when.kind === "time" && when.atMs > gstMs && downMs > 50),
  "a validator gone for good after the network has settled": ({ adversaries, gstMs }) =>
    adversaries.some(({ kind, atMs }) => kind === "silent" && atMs > gstMs),
  "blocks limited by bytes": ({ limits }) => limits?.maxBlockBytes !== undefined,
  "blocks limited by transactions": ({ limits }) => limits?.maxBlockTransactions === 1,
  "a long chain": ({ workload }) => workload.length > 40,
};

describe("a wide schedule", () => {
  for (const [name, is] of Object.entries(INGREDIENTS)) {
    it(`may have ${name}, and breaks no rule`, async () => {
      const { violations, stats } = await runSchedule(first(is));
      expect(violations).toEqual([]);
      expect(stats.height).toBeGreaterThan(0n);
    });
  }

  it("draws each kind of adversary that is put on top", () => {
    const drawn = new Set(SEEDS.flatMap((seed) => wide(seed).adversaries.map(({ kind }) => kind)));
    // An overload does harm only where computing takes time: it has a test of its own.
    const expected = ADDED_NAMES.filter((kind) => kind !== "overload");
    expect(expected.filter((kind) => !drawn.has(kind))).toEqual([]);
  });

  it("leaves what lies below it as it was", () => {
    const calm = generateSchedule({ seed: 3, nodes: 4, byzantine: 1, profile: "calm" });
    expect(calm.strangers).toBeUndefined();
    expect(calm.limits).toBeUndefined();
    expect(wide(3)).toEqual(wide(3));
  });
});

it("widening fills most blocks of the profile full to their limit", async () => {
  let [full, others] = [0, 0];
  for (let seed = 0; seed < 6; seed++) {
    const schedule = generateSchedule({ seed, nodes: 4, byzantine: 1, profile: "full" });
    const { maxBlockTransactions = Number.POSITIVE_INFINITY, maxBlockBytes = Number.POSITIVE_INFINITY } =
      schedule.limits ?? {};
    const seen = new Set<string>();
    const stepped: Observer["stepped"] = (_node, _input, effects) => {
      for (const effect of effects) {
        if (effect.kind !== "import-block" || seen.has(hex(effect.sealed.block.hash))) continue;
        const { hash, transactions, summary } = effect.sealed.block;
        seen.add(hex(hash));
        const bytes = transactions[0]?.bytes.length ?? 0;
        if (transactions.length === maxBlockTransactions || summary.bodyBytes + bytes > maxBlockBytes) full++;
        else others++;
      }
    };
    const { violations } = await runSchedule(schedule, { observers: [{ stepped }] });
    expect(violations).toEqual([]);
  }
  expect(full).toBeGreaterThan(others);
});

/** What the checkers say when they are told other effects of the steps of node 1, or votes of another view. */
async function violations(lie: (truth: Observer) => Observer): Promise<string[]> {
  const run = watched(lie);
  run.checkers.expect({ atMs: 0, settings: SETTINGS, delayMsMax: 10, blocksMax: 2 });
  await transferring(run, 3);
  return [...new Set(run.checkers.violations.map(({ checker }) => checker))];
}

function once(effect: (count: number) => Effect<Typed>): (truth: Observer) => Observer {
  return (truth) => {
    let count = 0;
    return {
      ...truth,
      stepped: (node, input, effects) => {
        const lies = node === 1 && input.kind === "timer-fired" && count < 2;
        truth.stepped?.(node, input, lies ? [...effects, effect(count++)] : effects);
      },
    };
  };
}

describe("the checkers of pace and proposals", () => {
  it("say nothing in an honest run", async () => {
    expect(await violations((truth) => truth)).toEqual([]);
  });

  it("pace: a replica that asks for views faster than its timers allow", async () => {
    const asks = once((count) => {
      const event = { type: "view-change", from: 1, view: BigInt(count + 1), reason: "timeout" } as const;
      return { kind: "announce", event };
    });
    expect(await violations(asks)).toEqual(["pace"]);
  });

  // The third: T0 is shorter than six messages one after another, so k must grow by one first (seeds 2200003055, 2200102963).
  it.each([
    [0, 10, ["pace"]],
    [6_000, 10, []],
    [0, Math.ceil(SETTINGS.requestTimeoutMs / 4), []],
  ])(
    "pace: five views fail, with a clock ahead by %i ms and delays up to %i ms",
    async (offsetMs, delayMsMax, said) => {
      const run = watched((truth) => truth, {
        clocks: [{ id: "k0", node: 3, kind: "skew", offsetMs, drift: 0 }],
      });
      run.checkers.expect({ atMs: 0, settings: SETTINGS, delayMsMax, blocksMax: 2 });
      await transferring(run, 3);
      const poolChanged = { kind: "pool-changed", oldest: undefined } as const;
      for (let view = 1n; view <= 5n; view++) {
        const event = { type: "view-change", from: 1, view, reason: "equivocation" } as const;
        run.checkers.observer.stepped?.(1, poolChanged, [{ kind: "announce", event }]);
      }
      run.checkers.finish({ liveness: true });
      expect(run.checkers.violations.map(({ checker }) => checker)).toEqual(said);
    },
  );

  it("view-change: a replica that asks for a view which a quorum has left", async () => {
    const asks = once(() => {
      const event = { type: "view-change", from: 1, view: 0n, reason: "equivocation" } as const;
      return { kind: "announce", event };
    });
    expect(await violations(asks)).toEqual(["view-change"]);
  });

  it("proposer: a block that names another than the primary under which it was voted for", async () => {
    const lies = await violations((truth) => ({
      ...truth,
      committed: (node, sealed, receipts) => {
        const { block } = sealed;
        const summary = { ...block.summary, proposer: 2 };
        const lie = { ...sealed, block: { ...block, summary } };
        truth.committed?.(node, block.summary.height === 1n ? lie : sealed, receipts);
      },
    }));
    expect(lies).toContain("proposer");
  });
});
