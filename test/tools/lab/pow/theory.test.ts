/**
 * Goal: the lab's formulas are the published ones. Method: tables made by other arithmetic (test/vectors/attack), the
 * figures of the papers, and walks solved by iteration.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  catchUp,
  doubleSpend,
  nakamoto,
  rosenfeld,
  selfishRevenue,
  selfishThreshold,
  strict,
} from "../../../../src/tools/lab/pow/theory.ts";

type Table = Record<string, Record<string, number>>;
const tables = JSON.parse(
  readFileSync(new URL("../../../vectors/attack/tables.json", import.meta.url), "utf8"),
) as Record<string, Table>;

function worst(name: string, formula: (row: number, column: number) => number): number {
  let error = 0;
  for (const [row, columns] of Object.entries(tables[name]!)) {
    for (const [column, value] of Object.entries(columns)) {
      error = Math.max(error, Math.abs(formula(Number(row), Number(column)) - value));
    }
  }
  return error;
}

const FOREVER = { premined: 0, giveUp: Number.POSITIVE_INFINITY, tieWins: 0 };

describe("theory of the double spend", () => {
  it("gives the tables of Nakamoto, Rosenfeld, the tie and the strict rule", () => {
    expect(worst("nakamoto", nakamoto)).toBeLessThan(1e-9);
    expect(worst("rosenfeld", rosenfeld)).toBeLessThan(1e-9);
    expect(worst("exact_strict_no_premine", strict)).toBeLessThan(1e-9);
    const tie = (share: number, confirmations: number) =>
      confirmations === 0 ? 1 : doubleSpend({ ...FOREVER, share, confirmations, tieWins: 1 });
    expect(worst("exact_tie_no_premine", tie)).toBeLessThan(1e-9);
  });

  it("gives the waiting times printed in the papers", () => {
    const wait = (formula: typeof strict, share: number) => {
      let confirmations = 0;
      while (formula(share, confirmations) >= 0.001) confirmations++;
      return confirmations;
    };
    expect([0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4].map((q) => wait(nakamoto, q))).toEqual([
      5, 8, 11, 15, 24, 41, 89,
    ]);
    expect([0.02, 0.06, 0.1, 0.14, 0.2, 0.26, 0.3, 0.4].map((q) => wait(rosenfeld, q))).toEqual([
      3, 4, 6, 8, 13, 21, 32, 133,
    ]);
  });

  it("takes half a point off at a share of 0.45 for giving up 20 blocks behind", () => {
    const race = { ...FOREVER, share: 0.45, confirmations: 3 };
    const cost = doubleSpend(race) - doubleSpend({ ...race, giveUp: 20 });
    expect(cost).toBeGreaterThan(0.003);
    expect(cost).toBeLessThan(0.007);
  });

  it("agrees with a walk solved by iteration, for minorities, halves and majorities, ties and blocks in advance", () => {
    for (const share of [0.2, 0.45, 0.5, 0.6]) {
      for (const giveUp of [1, 2, 5, 12]) {
        for (const tieWins of [0, 0.5, 1]) {
          for (const [confirmations, premined] of [
            [0, 0],
            [1, 0],
            [3, 0],
            [3, 1],
            [2, 3],
          ] as const) {
            const race = { share, confirmations, premined, giveUp, tieWins };
            expect(doubleSpend(race), JSON.stringify(race)).toBeCloseTo(walk(race), 9);
          }
        }
      }
    }
  });

  it("stays a probability for hundreds of confirmations", () => {
    for (const share of [0.01, 0.3, 0.49, 0.51, 0.9]) {
      for (const confirmations of [100, 1_000]) {
        for (const value of [nakamoto(share, confirmations), strict(share, confirmations)]) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
      }
    }
    expect(strict(0.51, 1_000)).toBeCloseTo(1, 9);
    expect([catchUp(0.25, 2), catchUp(0.5, 9), catchUp(0.1, 0)]).toEqual([(1 / 3) ** 2, 1, 1]);
  });
});

describe("theory of selfish mining", () => {
  it("gives the published revenue and thresholds", () => {
    expect(
      worst("selfish", (share, gamma) => selfishRevenue(share === 0.3333 ? 1 / 3 : share, gamma)),
    ).toBeLessThan(1e-9);
    expect([0, 0.25, 0.5, 0.75, 1].map(selfishThreshold)).toEqual([1 / 3, 0.3, 0.25, 1 / 6, 0]);
  });
});

/** The race as a Markov chain, iterated until nothing is left running. */
function walk(race: Parameters<typeof doubleSpend>[0]): number {
  const { share, confirmations, premined, giveUp, tieWins } = race;
  let open = new Map<string, [number, number, number]>([["start", [0, premined, 1]]]);
  let won = 0;
  for (let step = 0; step < 4_000 && open.size > 0; step++) {
    const next = new Map<string, [number, number, number]>();
    for (const [honest, attacker, weight] of open.values()) {
      let rest = weight;
      if (honest >= confirmations) {
        if (attacker > honest) {
          won += weight;
          continue;
        }
        // Nobody has anything to release before there is a block.
        if (attacker === honest && attacker > 0 && !(step === 0)) {
          won += weight * tieWins;
          rest = weight * (1 - tieWins);
        }
        if (honest - attacker + 1 >= giveUp) continue;
      }
      if (rest < 1e-16) continue;
      // Only the difference matters once the merchant has delivered.
      for (const [h, a, part] of [
        [honest + 1, attacker, 1 - share],
        [honest, attacker + 1, share],
      ] as const) {
        const over = Math.max(0, Math.min(h - confirmations, a) - 1);
        const [x, y] = h > confirmations ? [h - over, a - over] : [h, a];
        const key = `${x - y}/${Math.min(x, confirmations)}/${x < confirmations ? y : 0}`;
        const at = next.get(key);
        next.set(key, [x, y, (at?.[2] ?? 0) + rest * part]);
      }
    }
    open = next;
  }
  return won;
}
