/** Chains with modules of one's own under the schedules and checkers of every other chain. */
import { describe, expect, it } from "vitest";
import {
  address,
  bool,
  bytes,
  call,
  cell,
  choice,
  defineModule,
  event,
  hash,
  list,
  map,
  option,
  struct,
  text,
  uint,
} from "../../../src/chain/modules/define-module.ts";
import { decodeReceipt } from "../../../src/chain/types/receipt.ts";
import { ownModules } from "../../../src/testing/own-modules.ts";
import { generateSchedule } from "../../../src/tools/sim/generate.ts";
import type { Observer } from "../../../src/tools/sim/observer.ts";
import { runSchedule } from "../../../src/tools/sim/run.ts";

/** A module of every type, whose calls meet in the same entries. */
function pantry(noise: () => number) {
  return defineModule(
    {
      name: "pantry",
      state: {
        shelf: map(
          struct({ item: hash, kind: choice("dry", "cold") }),
          struct({ by: address, n: uint(64), notes: list(text(8), 8) }),
        ),
        last: cell(option(address)),
      },
      events: { put: event({ by: address, n: uint(64) }), taken: event({ item: hash }) },
      faults: { Empty: "nothing is there", Dirty: "for no reason" },
    },
    {
      put: call(
        {
          item: hash,
          kind: choice("dry", "cold"),
          n: uint(32),
          note: option(text(8)),
          raw: bytes(40),
          clean: bool,
        },
        (ctx, { item, kind, n, note, clean }) => {
          const held = ctx.state.shelf.get({ item, kind });
          const sum = (held?.n ?? 0n) + BigInt(n) + BigInt(noise());
          const notes = [...(held?.notes ?? []), ...(note === null ? [] : [note])].slice(-8);
          ctx.state.shelf.set({ item, kind }, { by: ctx.sender, n: sum, notes });
          ctx.state.last.set(ctx.sender);
          ctx.emit.put({ by: ctx.sender, n: sum });
          if (!clean && n > 6) throw ctx.fault("Dirty");
        },
      ),
      take: call({ item: hash, kind: choice("dry", "cold") }, (ctx, { item, kind }) => {
        if (!ctx.state.shelf.has({ item, kind })) throw ctx.fault("Empty");
        ctx.state.shelf.delete({ item, kind });
        ctx.emit.taken({ item });
        ctx.emit.taken({ item });
      }),
      fail: call({ to: list(address, 4) }, (_, { to }) => {
        if (to.length > 1) throw new Error("not declared");
      }),
    },
  );
}

const schedule = (seed: number) => generateSchedule({ seed, nodes: 4, byzantine: 1, profile: "brief" });

describe("a simulated chain with a module", () => {
  it("is judged by the checkers and the naive ledger, its calls drawn from the seed", async () => {
    const modules = await ownModules([pantry(() => 0)]);
    const seen = { calls: 0, failed: 0, events: 0 };
    const observer: Observer = {
      committed: (node, { block }, receipts) => {
        if (node !== 0) return;
        block.transactions.forEach(({ module }, i) => {
          const receipt = decodeReceipt(receipts[i]!);
          if (module !== 16 || !receipt.ok) return;
          seen.calls++;
          seen.events += receipt.value.events.length;
          if (receipt.value.status === "failed") seen.failed++;
        });
      },
    };
    // Of seed 11 the blocks are narrow by the bytes of a transfer, which a call would not fit into.
    for (const seed of [1, 2, 4, 5, 6, 7, 8, 11]) {
      const { violations } = await runSchedule(schedule(seed), { modules, observers: [observer] });
      expect(violations).toEqual([]);
    }
    expect(seen.calls).toBeGreaterThan(10);
    expect(seen.failed).toBeGreaterThan(1);
    expect(seen.events).toBeGreaterThan(5);
  });

  it("is the same for the same seed", async () => {
    const modules = await ownModules([pantry(() => 0)]);
    const [first, again] = [
      await runSchedule(schedule(7), { modules }),
      await runSchedule(schedule(7), { modules }),
    ];
    expect(again.traceHash).toBe(first.traceHash);
    expect((await runSchedule(schedule(7))).traceHash).not.toBe(first.traceHash);
  });

  it("whose module is not deterministic breaks a rule", async () => {
    let runs = 0;
    // Four executions agree, as many as there are replicas: the checker's own is another.
    const modules = await ownModules([pantry(() => (++runs <= 4 ? 0 : runs))]);
    const found: string[] = [];
    for (let seed = 1; seed <= 8 && found.length === 0; seed++) {
      runs = 0;
      const { violations } = await runSchedule(schedule(seed), { modules });
      found.push(...violations.map(({ checker, detail }) => `${checker}: ${detail}`));
    }
    expect(found.join("; ")).toMatch(/wrong (receiptsRoot|stateRoot)/);
  });
});
