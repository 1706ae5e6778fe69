/** The page of `lab timewarp`: what a majority's stamps do to the difficulty, with the guard and without. */

import type { Timewarp, WarpedPeriod, WarpResult } from "../pow/timewarp.ts";
import { figure, htmlTable, renderPage } from "./page.ts";
import { percent } from "./report.ts";
import { FORMULAS } from "./sources.ts";
import { lineChart, type Series } from "./svg.ts";

export function timewarpReport(options: Timewarp, { off, on, isMatch }: WarpResult, command: string): string {
  const series = (value: (period: WarpedPeriod) => number): Series[] =>
    [off, on].map(({ guard, periods }, color) => ({
      name: guard ? "guard on" : "guard off",
      kind: "joined",
      color: 1 - color,
      points: periods.map((period) => ({ x: period.index, y: value(period) })),
    }));
  const difficulty = lineChart({
    title: "Difficulty over periods",
    description: "In parts of the difficulty at the beginning, logarithmic.",
    xLabel: "period",
    xKind: "count",
    yLabel: "difficulty, of that at the beginning",
    series: series((period) => period.difficulty),
    logFrom: Math.min(...off.periods.map((period) => period.difficulty)),
    percent: true,
  });
  const rates = series((period) => period.blocksPerDay);
  const pace = lineChart({
    title: "Blocks a day",
    description: "By an honest clock, logarithmic.",
    xLabel: "period",
    xKind: "count",
    yLabel: "blocks a day",
    series: rates,
    logFrom: Math.min(...rates.flatMap(({ points }) => points.map(({ y }) => y))),
  });
  return renderPage({
    title: "Timewarp: a majority that stretches time",
    question: `A miner with ${percent(options.share)} of the hash power stamps the last block of each period far ahead and all others as early as it may. What happens to the difficulty?`,
    isMatch,
    verdict: `Without the guard it fell to ${percent(off.finalDifficulty)} in ${options.periods} periods (the recurrence says ${percent(off.expected)}); with the guard it stays at ${percent(on.finalDifficulty)}, the miner's part of the hash power (${percent(on.expected)}).`,
    ending: { kind: "mixed", words: "difficulty collapses without the guard and holds with it" },
    formulas: FORMULAS.timewarp,
    sections: [
      {
        heading: "Difficulty",
        text: "Periods do not overlap in the rule: the time between the last block of one and the first of the next is never looked at. There the miner goes back to the day on which the attack began, so that each period seems to have taken as long as the whole attack.",
        html: figure(difficulty, "Both runs begin alike: the same chance, the same hash power."),
      },
      {
        heading: "Blocks",
        text: "Blocks become cheap and many, and with them the subsidies; work does not: a branch weighs what was hashed for it.",
        html: figure(pace, "Blocks a day by an honest clock."),
      },
      {
        heading: "Periods",
        text: "Claimed is what the stamps of a period's first and last block say, from which the next difficulty follows.",
        html: [off, on]
          .map((run) =>
            htmlTable(
              `Guard ${run.guard ? "on" : "off"}: work for each hash made ${run.workPerHash.toFixed(3)}`,
              ["period", "difficulty", "days", "claimed days", "blocks a day"],
              run.periods.map((period) => [
                String(period.index),
                percent(period.difficulty),
                period.days.toPrecision(4),
                period.claimedDays.toPrecision(4),
                period.blocksPerDay.toFixed(0),
              ]),
            ),
          )
          .join(""),
      },
    ],
    command,
  });
}
