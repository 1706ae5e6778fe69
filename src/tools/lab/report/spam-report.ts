/** The page of `lab spam`: how many cheap heads a node stores, with its bound and without, and at what price. */

import { must } from "../../../base/assert.ts";
import type { Spam, SpamCase, SpamResult } from "../pow/spam.ts";
import { beside, figure, htmlTable, predictedMark, renderPage } from "./page.ts";
import { FORMULAS } from "./sources.ts";
import { lineChart, type Series } from "./svg.ts";

export function spamReport({ lengths, chain }: Spam, result: SpamResult, command: string): string {
  const { cases, tipBlockWork, tipWork, isMatch } = result;
  const young = cases.filter(({ scene }) => scene === "young fork");
  const longest = young.filter(({ offered }) => offered === Math.max(...lengths));
  const [off, on] = [caseOf(longest, false), caseOf(longest, true)];
  const series = (value: (one: SpamCase) => number): Series[] =>
    [false, true].map((bound) => ({
      name: bound ? "bound on" : "bound off",
      kind: "points",
      color: bound ? 0 : 1,
      points: young.filter((one) => one.bound === bound).map((one) => ({ x: one.offered, y: value(one) })),
    }));
  const disk = lineChart({
    title: "Kilobytes stored",
    description: "Growth of the node's database over the length of the branch that is offered.",
    xLabel: "headers offered",
    xKind: "count",
    yLabel: "stored (kB)",
    series: series(({ bytes }) => bytes / 1_000),
  });
  const price = lineChart({
    title: "Work offered and work needed",
    description: "Only a branch above the line is stored.",
    xLabel: "headers offered",
    xKind: "count",
    yLabel: "work (hashes)",
    series: [
      {
        name: "offered",
        kind: "points",
        color: 1,
        points: young.filter(({ bound }) => bound).map(({ offered, work }) => ({ x: offered, y: work })),
      },
      { name: "needed", kind: "line", color: 0, points: [0, on.offered].map((x) => ({ x, y: on.needed })) },
    ],
  });
  return renderPage({
    title: "Cheap headers",
    question:
      "Blocks were easy when the chain was young. What does it cost to fill a node with headers that fork off there?",
    isMatch,
    verdict: `Without the bound the node stores ${off.stored} of ${off.offered} headers (${showBytes(off.bytes)}) for ${off.hashes} hashes, about ${(off.hashesPerStored ?? 0).toFixed(1)} each; with it ${on.stored}, until the attacker has spent ${on.needed}.`,
    ending: {
      kind: on.stored === 0 ? "good" : "mixed",
      words: on.stored === 0 ? "with the bound nothing cheap is stored" : "stored at the full price",
    },
    formulas: FORMULAS.spam,
    sections: [
      {
        heading: "What the node stores",
        text: `Its own chain has ${chain} blocks and a work of ${tipWork}; a block at its tip costs ${tipBlockWork}. A branch is stored from ${on.needed} on: the chain's work less that of 144 blocks.`,
        html: beside(
          figure(disk, "Database records of the branch; bodies are never asked for."),
          figure(price, "Line: the bound. Points: what the attacker has hashed."),
        ),
      },
      {
        heading: "All cases",
        text: "A fresh node has no chain to compare with: only the minimum chain work that its release or its operator names protects it. Near the tip every header costs what an honest one does, and is stored.",
        html: htmlTable(
          "Hashes: nonces tried by the attacker",
          ["scene", "bound", "offered", "stored", "bytes", "hashes", "hashes each", "work", "needed", ""],
          spamRows(result).map((row, i) => [...row, markOf(cases, i)]),
        ),
      },
    ],
    command,
  });
}

/** The rows as text, for page and terminal. */
export function spamRows({ cases }: SpamResult): string[][] {
  return cases.map((one) => [
    one.scene,
    one.bound ? "on" : "off",
    String(one.offered),
    String(one.stored),
    String(one.bytes),
    String(one.hashes),
    one.hashesPerStored?.toFixed(1) ?? "-",
    String(one.work),
    String(one.needed),
  ]);
}

function showBytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function caseOf(cases: readonly SpamCase[], isBound: boolean): SpamCase {
  const found = cases.find(({ bound }) => bound === isBound);
  return must(found, "each length is tried with and without the bound");
}

function markOf(cases: readonly SpamCase[], row: number): string {
  return predictedMark(must(cases[row], "every row is of a case").isMatch);
}
