/** The report of a suite of benchmarks: one page that needs nothing else, with a table and a chart of each figure's rounds. */
import { must } from "../../base/assert.ts";
import { compareFigure, followed, type Suite, type SuiteFigure, spreadOf } from "../../tools/bench/suite.ts";
import { figure, htmlTable, renderFrame } from "../../tools/lab/report/page.ts";
import { escapeText, lineChart } from "../../tools/lab/report/svg.ts";

export function suitePage(suite: Suite, saved: Suite | undefined): string {
  const { figures, rounds, node, cores, version, commit, seconds, usedCores } = suite;
  const made = `quorate ${version}${commit === undefined ? "" : `, commit ${commit.slice(0, 12)}`}`;
  const facts = `${made}, node ${node}, ${cores} cores, ${rounds === 1 ? "1 round" : `${rounds} rounds`} in ${seconds} s from ${new Date(suite.startedAtMs).toISOString()}; all processes of the machine together used ${usedCores} cores.`;
  const columns = ["Figure", "Unit", "Median", "To its limit", "Spread", "Better", "To the saved run"];
  const body = `<h1>Benchmarks</h1>
<p class="question">${escapeText(facts)}</p>
<p class="verdict">Compare what is related to its limit of the same run: rates move with the machine.</p>
${suite.failures.map((failure) => `<p class="verdict">${escapeText(`Failed: ${failure}`)}</p>`).join("\n")}
<div class="sections">
<section class="is-wide"><h2>Figures</h2>${htmlTable(
    "Medians over the rounds",
    columns,
    figures.map((each) => cells(each, saved)),
  )}</section>
${placeTitles(figures)
  .map((title) => `<section><h2>${escapeText(title)}</h2>${placeChart(title, suite, saved)}</section>`)
  .join("\n")}
${(rounds > 1 ? figures : figures.filter(({ places = [] }) => places.length === 0))
  .map((each) => `<section><h2>${escapeText(each.name)}</h2>${chart(each, saved)}</section>`)
  .join("\n")}
</div>`;
  return renderFrame("Benchmarks", body, { generator: made });
}

const show = (value: number): string => Number(value.toPrecision(4)).toString();

function cells(each: SuiteFigure, saved: Suite | undefined): string[] {
  const spread = spreadOf(followed(each));
  const { change, factor } = compareFigure(each, saved?.figures ?? []);
  return [
    each.name,
    each.unit,
    show(spreadOf(each.values).median),
    each.ratios.length === 0 ? "" : show(spread.median),
    `${show(spread.low)} to ${show(spread.high)}`,
    each.better,
    saved === undefined ? "" : factor === undefined ? change : `${factor.toFixed(2)}, ${change}`,
  ];
}

function placeTitles(figures: readonly SuiteFigure[]): string[] {
  return [...new Set(figures.flatMap(({ places = [] }) => places.map(({ title }) => title)))];
}

/** What differs in one number alone, over that number: medians, with the lowest and the highest round. */
function placeChart(title: string, suite: Suite, saved: Suite | undefined): string {
  const placed = placedIn(title, suite.figures);
  const { place, each } = must(placed[0], "a title is that of a place");
  const what = each.ratios.length > 0 ? "value / limit" : each.unit;
  const series = (name: string, those: typeof placed, color: number) => ({
    name,
    kind: "joined" as const,
    color,
    points: those
      .map(({ place: { x, isWide }, each: { values, ratios } }) => {
        const { median, low, high } = spreadOf(ratios.length > 0 ? ratios : values);
        return { x: isWide ? Math.log2(x) : x, y: median, ...(high > low ? { low, high } : {}) };
      })
      .sort((a, b) => a.x - b.x),
  });
  const before = placedIn(title, saved?.figures ?? []);
  const drawn = lineChart({
    title,
    description: placed
      .map((one) => `${show(one.place.x)}: ${show(spreadOf(followed(one.each)).median)}`)
      .join(", "),
    xLabel: place.label,
    yLabel: what,
    ...(place.isWide ? { xKind: "powers" } : {}),
    series: [series("now", placed, 0), ...(before.length === 0 ? [] : [series("saved", before, 1)])],
  });
  const values = placed.map((one) => `${show(one.place.x)}: ${show(spreadOf(one.each.values).median)}`);
  return figure(drawn, `${each.unit}, by ${place.label}: ${values.join("; ")}. ${each.better} is better`);
}

function placedIn(title: string, figures: readonly SuiteFigure[]) {
  return figures.flatMap((each) =>
    (each.places ?? []).filter((place) => place.title === title).map((place) => ({ place, each })),
  );
}

function chart(each: SuiteFigure, saved: Suite | undefined): string {
  const series = (name: string, { ratios, values }: SuiteFigure, color: number) => ({
    name,
    kind: "joined" as const,
    color,
    points: (ratios.length > 0 ? ratios : values).map((y, i) => ({ x: i + 1, y })),
  });
  const before = saved?.figures.find(({ name }) => name === each.name);
  const what = each.ratios.length > 0 ? "value / limit" : each.unit;
  const drawn = lineChart({
    title: each.name,
    description: `${what} of each round: ${followed(each).map(show).join(", ")}`,
    xLabel: "round",
    yLabel: what,
    xKind: "count",
    series: [series("now", each, 0), ...(before === undefined ? [] : [series("saved", before, 1)])],
  });
  return figure(drawn, `${each.unit}; ${each.better} is better`);
}
