/**
 * Goal: the paper's theorems hold in what the lab shows, and its impossibility shows too. Method: all lies of a
 * traitor tried one by one where that is possible, else every strategy and every set of traitors.
 */

import { describe, expect, it } from "vitest";
import {
  type Generals,
  type Lie,
  messagesOfOm,
  ORDERS,
  type Order,
  oralMessages,
  pbftMessages,
  SENT_MAX,
  STRATEGIES,
  signedMessages,
} from "../../../../src/tools/lab/pbft/generals.ts";
import { generalsFigures } from "../../../../src/tools/lab/report/generals-figure.ts";
import { wordsOfRounds } from "../../../../src/tools/lab/report/generals-words.ts";

const BASE: Generals = { generals: 4, traitors: [], order: "attack", depth: 1, strategy: "split", seed: 1 };

/** All answers of a traitor: the i-th message sent is the i-th digit of `number`. */
function lieOfNumber(number: number, choices: readonly (Order | undefined)[]): Lie {
  let rest = number;
  return () => {
    const choice = choices[rest % choices.length];
    rest = Math.floor(rest / choices.length);
    return choice;
  };
}

function subsets(generals: number, size: number): number[][] {
  if (size === 0) return [[]];
  return Array.from({ length: generals }, (_, i) => i).flatMap((first) =>
    subsets(generals, size - 1)
      .filter((rest) => rest.every((each) => each > first))
      .map((rest) => [first, ...rest]),
  );
}

describe("oral messages", () => {
  it("let four generals act alike whatever one traitor says", () => {
    const choices = [...ORDERS, undefined];
    for (const order of ORDERS) {
      for (const traitor of [0, 1, 2, 3]) {
        for (let number = 0; number < choices.length ** 3; number++) {
          const problem = { ...BASE, order, traitors: [traitor] };
          const outcome = oralMessages(problem, lieOfNumber(number, choices));
          expect(outcome).toMatchObject({ isAgreement: true, isObedience: true });
        }
      }
    }
  });

  it("cannot help three generals with one traitor", () => {
    for (const depth of [1, 2]) {
      const outcome = oralMessages({ ...BASE, generals: 3, traitors: [2], depth, strategy: "flip" });
      expect(outcome.isObedience).toBe(false);
    }
  });

  it("suffice for 3m + 1 generals and m traitors, and not always for one less", () => {
    let broken = 0;
    for (const strategy of STRATEGIES) {
      for (const order of ["attack", "retreat"] as const) {
        for (const traitors of subsets(7, 2)) {
          const outcome = oralMessages({ ...BASE, generals: 7, depth: 2, traitors, order, strategy });
          expect(outcome).toMatchObject({ isAgreement: true, isObedience: true });
        }
        for (const traitors of subsets(6, 2)) {
          const outcome = oralMessages({ ...BASE, generals: 6, depth: 2, traitors, order, strategy });
          if (!(outcome.isAgreement && outcome.isObedience)) broken++;
        }
      }
    }
    expect(broken).toBeGreaterThan(0);
  });

  it("cost (n-1) + (n-1)(n-2) + ... messages in m + 1 rounds", () => {
    const outcome = oralMessages({ ...BASE, generals: 7, depth: 2 });
    expect(outcome).toMatchObject({ rounds: 3, messagesByRound: [6, 30, 120], messages: 156 });
    expect(messagesOfOm(7, 2)).toBe(156);
    expect(messagesOfOm(3, 5)).toBe(4);
  });
});

describe("the picture of the rounds", () => {
  const figuresOf = (problem: Generals) =>
    generalsFigures({
      outcome: oralMessages(problem),
      generals: problem.generals,
      traitors: problem.traitors,
    });

  it("draws an arrow for each message, dashed where it is a lie", () => {
    const [first, second, ...more] = figuresOf({ ...BASE, traitors: [3] });
    expect(more).toEqual([]);
    expect(first?.match(/class="dot /g)).toHaveLength(3);
    expect(second?.match(/class="dot /g)).toHaveLength(6);
    expect(second?.match(/class="line s0 lie"/g)).toHaveLength(1);
    expect(second).toContain("general 3 tells 1: retreat, as heard from 0 (a lie: it should be attack)");
  });

  it("draws squares where a general tells another many things, and bounds them", () => {
    const problem = { ...BASE, generals: 13, traitors: [12], depth: 3 };
    const last = figuresOf(problem).at(-1)!;
    expect(oralMessages(problem).sent).toHaveLength(SENT_MAX);
    expect(last.match(/<rect /g)!.length).toBeLessThanOrEqual(13 * 12 * 16);
    expect(last).not.toMatch(/NaN|undefined/);
  });

  it("has each message in words, and counts where there are many", () => {
    const small = wordsOfRounds(oralMessages({ ...BASE, generals: 3, traitors: [2] }));
    expect(small).toEqual([
      "round 1  0 orders 1 attack, 2 attack",
      "round 2  1 tells 2 attack",
      "         2 tells 1 retreat!",
    ]);
    expect(wordsOfRounds(oralMessages({ ...BASE, generals: 7, depth: 2 })).at(-1)).toBe(
      "round 3  120 messages",
    );
  });
});

describe("signed messages", () => {
  it("let three generals act alike with one traitor", () => {
    for (const strategy of STRATEGIES) {
      for (const traitor of [0, 1, 2]) {
        const outcome = signedMessages({ ...BASE, generals: 3, traitors: [traitor], strategy });
        expect(outcome, `${strategy} ${traitor}`).toMatchObject({ isAgreement: true, isObedience: true });
      }
    }
  });

  it("tolerate any number of traitors in m + 1 rounds", () => {
    // Among more of them each order is signed and read more often; what decides is the same.
    for (const [strategy, sizes] of [
      ["split", [1, 3]],
      ["random", [2]],
      ["late", [2, 3]],
    ] as const) {
      for (const size of sizes) {
        for (const traitors of subsets(5, size)) {
          const outcome = signedMessages({ ...BASE, generals: 5, traitors, depth: size, strategy });
          expect(outcome, `${strategy} ${traitors}`).toMatchObject({ isAgreement: true, isObedience: true });
          expect(outcome.rounds).toBe(size + 1);
        }
      }
    }
  });

  it("need the last round: with one less, traitors show an order too late to be passed on", () => {
    const problem: Generals = { ...BASE, generals: 5, traitors: [0, 1], strategy: "late", depth: 1 };
    expect(signedMessages(problem).isAgreement).toBe(false);
    expect(signedMessages({ ...problem, depth: 2 }).isAgreement).toBe(true);
  });

  it("take the median of the orders that a traitor signed", () => {
    const outcome = signedMessages({
      ...BASE,
      generals: 6,
      traitors: [0],
      depth: 1,
      strategy: "random",
      seed: 4,
    });
    expect(outcome.isAgreement).toBe(true);
    const split = signedMessages({ ...BASE, traitors: [0] });
    expect(split.decisions.slice(1)).toEqual(["retreat", "retreat", "retreat"]);
  });

  it("cost what was sent", () => {
    expect(signedMessages(BASE)).toMatchObject({ messagesByRound: [3, 6], messages: 9 });
  });
});

describe("PBFT beside the Byzantine generals", () => {
  it("sends 12, 144 and 156 messages a block among 13, and 12, 96 and 108 when four are silent", () => {
    expect(pbftMessages(13, 0)).toEqual({ prePrepare: 12, prepare: 144, commit: 156 });
    expect(pbftMessages(13, 4)).toEqual({ prePrepare: 12, prepare: 96, commit: 108 });
  });
});
