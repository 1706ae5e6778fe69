/** Goal: a module that looks at what differs from node to node is caught in a test. Method: one such module each. */
import { describe, expect, it } from "vitest";
import { call, cell, defineModule, map, text, uint } from "../../src/chain/modules/define-module.ts";
import { checkDeterminism } from "../../src/testing/virtual-devnet.ts";

let kept = 0;

const ways: Readonly<Record<string, () => number>> = {
  clock: () => Date.now() % 1_000_000,
  date: () => new Date().getFullYear(),
  zone: () => new Date(0).getHours() * 60 + new Date(0).getMinutes(),
  random: () => Math.floor(Math.random() * 1_000_000),
  locale: () => ("i".toLocaleUpperCase() === "I" ? 1 : 2),
  memory: () => ++kept,
  none: () => 7,
};

const loose = defineModule(
  { name: "loose", state: { last: cell(uint(32)), by: map(text(8), uint(32)) } },
  {
    read: call({ way: text(8) }, (ctx, { way }) => {
      const value = ways[way]?.() ?? 0;
      ctx.state.last.set(value);
      ctx.state.by.set(way, value);
    }),
  },
);

describe("checkDeterminism", () => {
  const check = (...called: string[]) =>
    checkDeterminism(
      [loose],
      called.map((way) => (net) => net.call(loose.read, { way }, { from: "alice" })),
    );

  it.each([
    ["clock", "the clock"],
    ["date", "the clock"],
    ["zone", "the time zone"],
    ["random", "chance"],
    ["locale", "the locale"],
    ["memory", "chance, or on what the module did before"],
  ])("catches a module that reads its %s", async (way, changed) => {
    await expect(check("none", way)).rejects.toThrow(`call 2 of 2 depends on ${changed}`);
  });

  it("passes where nothing of that kind is read, and leaves the world as it was", async () => {
    const before = [Date, Math.random, process.env.TZ, String.prototype.localeCompare, performance.now];
    await check("none", "none");
    expect([Date, Math.random, process.env.TZ, String.prototype.localeCompare, performance.now]).toEqual(
      before,
    );
    expect(Object.hasOwn(process.env, "TZ")).toBe(before[2] !== undefined);
  });
});
