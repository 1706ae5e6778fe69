/** The lab page without a browser: what it reads of results.json, and that its races are those of the command. */
import { expect, it } from "vitest";
import { readResults } from "../../src/explorer-lab/results.ts";
import { addPiece, attackPieces, runPiece, selfishPieces } from "../../src/explorer-lab/small-jobs.ts";
import type { AttackOptions } from "../../src/tools/lab/pow/attack51.ts";
import { runTrials } from "../../src/tools/lab/pow/attack51.ts";
import { LabChain } from "../../src/tools/lab/pow/lab-chain.ts";

const options: AttackOptions = {
  trials: 60,
  seed: 1,
  giveUp: 20,
  premined: 0,
  release: "heavier",
  tie: "first-seen",
  retarget: "none",
  stamps: "now",
};
const cell = { share: 0.3, confirmations: 2 };

it("the lab page's races in small pieces come to what the command's races come to", () => {
  const pieces = attackPieces(options, cell);
  expect(pieces.map(({ range }) => range)).toEqual([
    [0, 25],
    [25, 50],
    [50, 60],
  ]);
  const tally = pieces.map((piece) => runPiece(piece)).reduce((sum, next) => addPiece(sum, next));
  expect(tally).toEqual(runTrials(new LabChain("none"), options, cell, [0, 60]));
});

it("the lab page mines selfishly in pieces, each with randomness of its own", () => {
  const [one, two] = selfishPieces({ share: 0.4, gamma: 0.5 }, 4_000, 1).map(runPiece);
  expect(one).not.toEqual(two);
  expect(addPiece(one, two!).found).toBe(one!.found + two!.found);
});

it("the lab page reads results of any experiment: facts by their path, lists as tables, the theory of two as curves", () => {
  const cells = [
    { share: 0.2, confirmations: 1, rate: 0.11, expected: 0.13, interval: { low: 0.06, high: 0.18 } },
    { share: 0.1, confirmations: 1, rate: 0.02, expected: 0.03, interval: { low: 0.01, high: 0.04 } },
  ];
  const read = readResults(
    JSON.stringify({ experiment: "attack51", options: { trials: 100 }, isMatch: true, cells, program: {} }),
  );
  if (!read.ok) throw new Error(read.fault.detail);
  const { facts, tables, curves, isMatch } = read.value;
  expect(isMatch).toBe(true);
  expect(facts).toEqual([["options.trials", "100"]]);
  expect(tables[0]).toMatchObject({ name: "cells", left: 0 });
  expect(tables[0]?.columns).toContain("interval.low");
  expect(curves).toEqual([
    {
      name: "1 block",
      expected: [
        { x: 0.1, y: 0.03 },
        { x: 0.2, y: 0.13 },
      ],
      measured: [
        { x: 0.1, y: 0.02, low: 0.01, high: 0.04 },
        { x: 0.2, y: 0.11, low: 0.06, high: 0.18 },
      ],
    },
  ]);
});

it("the lab page refuses what is no result of the lab, and shows hostile text as text", () => {
  for (const text of ["", "{", "[]", "null", '{"format":1}', '{"experiment":5}'])
    expect(readResults(text), text).toMatchObject({ ok: false, fault: { code: "malformed" } });
  const rows = Array.from({ length: 600 }, () => ({ name: "\u202e<b>", __proto__: 1 }));
  const read = readResults(JSON.stringify({ experiment: "\u001b[2J", rows }));
  expect(read).toMatchObject({ ok: true, value: { experiment: "\\x1b[2J", tables: [{ left: 100 }] } });
  expect(read.ok && read.value.tables[0]?.rows[0]).toEqual(["\\u{202e}<b>"]);
});
