/** The page of `lab eclipse`: how much of a node's connections an attacker gets, with the book's defence and without. */
import type { Eclipse, EclipseResult, EclipseRow } from "../pow/eclipse.ts";
import { figure, htmlTable, renderPage } from "./page.ts";
import { percent } from "./report.ts";
import { FORMULAS } from "./sources.ts";
import { lineChart } from "./svg.ts";

export const ECLIPSE_HEAD = [
  "groups",
  "addresses",
  "defence",
  "of the book",
  "of the slots",
  "cut off, of the time",
  "longest, h",
  "cut off at the end",
  "ever",
] as const;

export function eclipseReport(options: Eclipse, { rows, isMatch }: EclipseResult, command: string): string {
  const chart = (title: string, yLabel: string, value: (row: EclipseRow) => number) =>
    lineChart({
      title,
      description: "Over the attacker's groups, which are drawn as powers of two.",
      xLabel: "groups of the attacker (IPv4 /16)",
      xKind: "powers",
      yLabel,
      percent: true,
      series: [false, true].map((defended) => ({
        name: defended ? "defence on" : "defence off",
        kind: "joined",
        color: defended ? 0 : 1,
        points: rows
          .filter((row) => row.defended === defended)
          .map((row) => ({ x: Math.log2(row.groups), y: value(row) })),
      })),
    });
  const worst = (defended: boolean) =>
    Math.max(...rows.filter((row) => row.defended === defended).map(({ timeShare }) => timeShare));
  return renderPage({
    title: "Eclipse: cutting one node off",
    question: `An attacker with ${options.perGroup} addresses in each of its groups fills the book of a node that knows ${options.honest} honest ones and restarts every ${options.restartHours} hours. How often does it hear nobody else?`,
    isMatch,
    verdict: isMatch
      ? `At worst it is cut off for ${percent(worst(false))} of the time without the defence and for ${percent(worst(true))} with it; with it the attacker never holds more connections than groups.`
      : "The defended node fared worse than the naive one, or the attacker held more connections than groups.",
    ending: {
      kind: worst(true) === 0 ? "good" : "mixed",
      words:
        worst(true) === 0
          ? "the defended node was never cut off"
          : `defended: cut off for up to ${percent(worst(true))} of the time`,
    },
    formulas: FORMULAS.eclipse,
    sections: [
      {
        heading: "Cut off",
        text: "All connections of the node's own choice are the attacker's, who answers every dial, never hangs up, and tells no new block.",
        html: figure(
          chart("Time cut off", "part of the time", ({ timeShare }) => timeShare),
          `Averages over ${options.trials} trials of ${options.days} ${options.days === 1 ? "day" : "days"}.`,
        ),
      },
      {
        heading: "Connections",
        text: "The part of the connections that the node has chosen itself; those that others open count for nothing.",
        html: figure(
          chart("Slots held", "part of its connections", ({ slotShare }) => slotShare),
          "Defended: one connection to a group, anchors, tried addresses kept, one more when the tip is stale.",
        ),
      },
      {
        heading: "Numbers",
        text: "An attacker with some hundred groups gets most of the slots of any book. What the defence then buys is that the node finds its way out: when no block comes it dials one more, again and again.",
        html: htmlTable(`${options.trials} trials each`, ECLIPSE_HEAD, eclipseRows(rows, options.trials)),
      },
    ],
    command,
  });
}

/** The rows as text, for page and terminal. */
export function eclipseRows(rows: readonly EclipseRow[], trials: number): string[][] {
  return rows.map((row) => [
    String(row.groups),
    String(row.addresses),
    row.defended ? "on" : "off",
    percent(row.bookShare),
    percent(row.slotShare),
    percent(row.timeShare),
    row.longestHours.toFixed(1),
    `${row.cutOff} of ${trials}`,
    `${row.everCutOff} of ${trials}`,
  ]);
}
