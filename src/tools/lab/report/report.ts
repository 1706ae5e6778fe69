/**
 * What the lab's experiments found, as pages for people: verdict first, pictures, then the numbers. The same result
 * gives the same page, byte for byte: no clock, no names of the machine.
 */

import { must } from "../../../base/assert.ts";
import { type AttackOptions, type CellResult, isCertain } from "../pow/attack51.ts";
import { blocksOf, type Sample } from "../pow/sample-race.ts";
import type { SelfishResult } from "../pow/selfish.ts";
import { selfishRevenue } from "../pow/theory.ts";
import { forkTree, raceFork } from "./fork-picture.ts";
import { type Ending, figure, htmlTable, predictedMark, renderPage, type Section } from "./page.ts";
import { FORMULAS } from "./sources.ts";
import { curve, lineChart, type Series } from "./svg.ts";

export function attackReport(
  options: AttackOptions,
  cells: readonly CellResult[],
  sample: Sample | undefined,
  command: string,
  /** The same cells raced by whole replicas, of which there may be none. */
  replicas: readonly CellResult[] = [],
): string {
  const all = [...cells, ...replicas];
  const wrong = all.filter(({ isMatch }) => !isMatch).length;
  const judge = JUDGES[cells[0]?.judge ?? "strict"];
  return renderPage({
    title: "Spending twice: the 51\u00a0% attack and its smaller relatives",
    question: `An attacker pays a merchant, mines another branch in secret and releases it when it is ${options.release === "tie" ? "as heavy" : "heavier"}. How often does the payment vanish?`,
    isMatch: wrong === 0,
    verdict:
      wrong === 0
        ? `All ${cells.length} cells of ${options.trials} races${alsoOn(replicas)} agree with ${judge}. ${extremes(cells)}`
        : `${wrong} of ${all.length} cells do not agree with ${judge}.`,
    ending: spendEnding(all),
    formulas: FORMULAS.attack51,
    sections: [
      chances(options, cells),
      ...replicas.slice(0, 1).map(({ trials }) => onReplicas({ ...options, trials }, replicas)),
      ...(sample === undefined ? [] : [raceOf(sample)]),
      numbers(cells),
      costs(cells),
    ],
    command,
  });
}

function spendEnding(cells: readonly CellResult[]): Ending {
  const undone = cells.filter(({ wins }) => wins > 0).length;
  if (undone === 0) return { kind: "good", words: "no payment vanished" };
  const kind = cells.every(({ wins, trials }) => wins === trials) ? "bad" : "mixed";
  return { kind, words: `payments vanished in ${undone} of ${cells.length} cells` };
}

function selfishEnding(results: readonly SelfishResult[]): Ending {
  const paid = results.filter(({ pays }) => pays).length;
  if (paid === 0) return { kind: "good", words: "honest mining earns more" };
  const kind = paid === results.length ? "bad" : "mixed";
  return { kind, words: `keeping blocks back pays in ${paid} of ${results.length} cells` };
}

const HAS_CELLS = "a table has cells";

/** One sentence: the deepest wait, against the weakest and the strongest attacker. */
function extremes(cells: readonly CellResult[]): string {
  const most = Math.max(...cells.map(({ confirmations }) => confirmations));
  const deep = cells.filter(({ confirmations }) => confirmations === most).sort((a, b) => a.share - b.share);
  const ends = [must(deep[0], HAS_CELLS), must(deep.at(-1), HAS_CELLS)];
  const said = [...new Set(ends)].map(
    ({ share, rate }) => `${percent(rate)} with ${percent(share)} of the hash power`,
  );
  return `After ${most} ${most === 1 ? "confirmation" : "confirmations"} the attack succeeds in ${said.join(", in ")}.`;
}

const JUDGES: Readonly<Record<CellResult["judge"], string>> = {
  strict: "the strict formula (one block ahead), and the deficit at which the attacker gives up",
  Rosenfeld:
    "Rosenfeld's formula (one block in advance, or a tie counts), and the deficit at which the attacker gives up",
  exact:
    "the exact sum for blocks in advance and a coin at ties, and the deficit at which the attacker gives up",
  simulation: "the independent simulation (difficulty moves: no formula holds)",
};

function chances(options: AttackOptions, cells: readonly CellResult[]): Section {
  return {
    heading: "How often it succeeds",
    text: "More confirmations help against a minority only: a majority always gets through in the end.",
    html: chanceFigure(options, cells),
  };
}

function chanceFigure({ trials }: AttackOptions, cells: readonly CellResult[]): string {
  const shares = [...new Set(cells.map(({ share }) => share))];
  const series = shares.flatMap((share, color): Series[] => {
    const own = cells.filter((cell) => cell.share === share);
    const measured = own.map(({ confirmations, rate, interval, expected }) => ({
      x: confirmations,
      y: rate,
      ...(isCertain({ expected }) ? {} : interval),
    }));
    const theory = own.map(({ confirmations, expected }) => ({ x: confirmations, y: expected }));
    return [
      { name: percent(share), kind: "line", color, points: theory, isUnnamed: true },
      { name: percent(share), kind: "points", color, points: measured },
    ];
  });
  const chart = lineChart({
    title: "Success by confirmations, for each share of the hash power",
    description: "Lines are what theory says, points are measured, bars are the 95 % interval.",
    xLabel: "confirmations (blocks)",
    xKind: "count",
    yLabel: "races in which the payment is undone",
    series,
    percent: true,
    logFrom: 0.5 / trials,
  });
  return figure(
    chart,
    `Lines: what must come out. Points: measured in ${trials} races, with the 95 % interval; hollow at the lower edge: won in none.`,
  );
}

function raceOf(sample: Sample): Section {
  const { events, share, confirmations, trial, outcome } = sample;
  const start = { x: 0, y: 0 };
  const chart = lineChart({
    title: "Work of the two branches over time",
    description: `Race ${trial} of the cell with a share of ${percent(share)} and ${confirmations} confirmations.`,
    xLabel: "minutes since the payment",
    yLabel: "work since the fork (hashes)",
    marks: momentsOf(sample),
    series: [
      {
        name: "honest",
        kind: "steps",
        color: 0,
        points: [start, ...events.map((event) => ({ x: event.seconds / 60, y: event.honestWork }))],
      },
      {
        name: "attacker",
        kind: "steps",
        color: 1,
        points: [start, ...events.map((event) => ({ x: event.seconds / 60, y: event.attackerWork }))],
      },
    ],
  });
  const blocks = { honest: blocksOf(sample, "honest"), attacker: blocksOf(sample, "attacker") };
  const fork = forkTree(raceFork(sample.chain.fork.head, blocks, outcome.won ? "attacker" : "honest"));
  const end = outcome.won
    ? `undid ${outcome.honestBlocks} blocks, the payment's among them`
    : `gave up ${outcome.attackerBlocks} blocks later`;
  return {
    heading: "One race",
    text: `With ${percent(share)} of the hash power against ${confirmations} confirmations the attacker ${end}.`,
    html:
      figure(
        chart,
        "The private branch is released when it crosses the honest one after the merchant has delivered.",
      ) + figure(fork, "Height and end of the hash of each block; dashed: the branch that was left."),
  };
}

/** When the merchant had its confirmations, and when the branch was shown. */
function momentsOf({ events, confirmations }: Sample): { x: number; name: string }[] {
  const paid = events.filter(({ kind }) => kind === "honest");
  const at = confirmations === 0 ? 0 : paid[confirmations - 1]?.seconds;
  const released = events.find(({ kind }) => kind === "released");
  return [
    ...(at === undefined ? [] : [{ x: at / 60, name: "delivered" }]),
    ...(released === undefined ? [] : [{ x: released.seconds / 60, name: "released" }]),
  ];
}

const JUDGED = ["share, z", "won", "rate", "95 %", "must be", "p", "as predicted"];

/** What is certain has no interval. */
function shownInterval({ expected, interval }: CellResult): string {
  if (isCertain({ expected })) return "certain";
  return `${percent(interval.low)} to ${percent(interval.high)}`;
}

/** What was measured of a cell and what it must be, in the columns above. */
function judged(cell: CellResult): string[] {
  return [
    `${percent(cell.share)}, ${cell.confirmations}`,
    `${cell.wins} of ${cell.trials}`,
    percent(cell.rate),
    shownInterval(cell),
    percent(cell.expected),
    cell.pValue.toPrecision(2),
    predictedMark(cell.isMatch),
  ];
}

function numbers(cells: readonly CellResult[]): Section {
  const rows = cells.map((cell) => [
    ...judged(cell),
    percent(cell.nakamoto),
    percent(cell.rosenfeld),
    percent(cell.strict),
  ]);
  const head = [...JUDGED, "Nakamoto", "Rosenfeld", "strict"];
  return {
    heading: "Measured and expected",
    text: "“Must be” follows every option of this run; the last three columns are the well-known formulas, in which nobody gives up, for comparison.",
    html: htmlTable("z: confirmations; p: exact two-sided test", head, rows),
  };
}

function alsoOn(replicas: readonly CellResult[]): string {
  const [first] = replicas;
  return first === undefined ? "" : ` (${first.trials} more on whole replicas)`;
}

function onReplicas(options: AttackOptions, cells: readonly CellResult[]): Section {
  const rows = cells.map((cell) => [
    ...judged(cell),
    cell.wins === 0 ? "none" : (cell.undoneBlocks / cell.wins).toFixed(1),
    String(cell.deepestReorg),
  ]);
  const head = [...JUDGED, "blocks undone", "deepest"];
  return {
    heading: "On whole replicas",
    text: "The same races with ledger, mempool and two payments of the same money: won is what the honest ledger says, the conflicting payment included and the merchant's gone.",
    html: chanceFigure(options, cells) + htmlTable("z: confirmations; p: exact two-sided test", head, rows),
  };
}

function costs(cells: readonly CellResult[]): Section {
  const rows = cells.map((cell) => [
    `${percent(cell.share)}, ${cell.confirmations}`,
    (cell.attackerBlocks / cell.trials).toFixed(2),
    (cell.attackerWork / cell.trials).toFixed(1),
    cell.lostPerTrial.toFixed(2),
    cell.lostPerWin?.toFixed(2) ?? "no success",
    cell.wins === 0 ? "none" : (cell.undoneBlocks / cell.wins).toFixed(1),
    String(cell.deepestReorg),
  ]);
  const head = ["share, z", "blocks", "work", "lost", "lost for each success", "blocks undone", "deepest"];
  return {
    heading: "What it costs",
    text: "Blocks of a failed attack earn nothing. Lost for each success, in block rewards, is what the payment must at least be worth.",
    html: htmlTable("Means over all races; blocks undone over the successes", head, rows),
  };
}

export function selfishReport(results: readonly SelfishResult[], command: string): string {
  const wrong = results.filter(({ isMatch }) => !isMatch).length;
  const gammas = [...new Set(results.map(({ gamma }) => gamma))];
  const series = gammas.flatMap((gamma, color) => revenueSeries(results, gamma, color));
  const shares = results.map(({ share }) => share).sort((a, b) => a - b);
  const honest: Series = {
    name: "honest",
    kind: "line",
    color: 6,
    points: [must(shares[0], HAS_CELLS), must(shares.at(-1), HAS_CELLS)].map((share) => ({
      x: share,
      y: share,
    })),
  };
  const chart = lineChart({
    title: "Revenue over share",
    description:
      "Lines are the formula, points are measured; the dotted grey line is what honest mining earns.",
    xLabel: "share of the hash power",
    xKind: "percent",
    yLabel: "share of the final chain's blocks",
    percent: true,
    series: [honest, ...series],
  });
  const rows = results.map((result) => [
    `${percent(result.share)}, ${result.gamma}`,
    ...selfishCells(result),
  ]);
  return renderPage({
    title: "Selfish mining",
    question:
      "A pool keeps its blocks back and publishes them only to undo those of others. When does that pay?",
    isMatch: wrong === 0,
    verdict:
      wrong === 0
        ? `All ${results.length} cells agree with Eyal and Sirer's formula: it pays from ${thresholds(results)} on.`
        : `${wrong} of ${results.length} cells do not agree with Eyal and Sirer's formula.`,
    ending: selfishEnding(results),
    formulas: FORMULAS.selfish,
    sections: [
      {
        heading: "Revenue",
        text: "Above the dotted grey line the strategy earns more than honest mining. γ is the part of the honest miners that works on the pool's branch at a tie.",
        html: figure(chart, "Lines: formula. Points: measured over the block tree."),
      },
      {
        heading: "Measured and expected",
        text: "From the threshold on the strategy pays.",
        html: htmlTable(
          "Part of the final chain",
          ["share, γ", "measured", "formula", "difference", "as predicted", "threshold", "pays"],
          rows,
        ),
      },
    ],
    command,
  });
}

function thresholds(results: readonly SelfishResult[]): string {
  const byGamma = new Map(results.map(({ gamma, threshold }) => [gamma, threshold]));
  return [...byGamma].map(([gamma, threshold]) => `${percent(threshold)} (γ = ${gamma})`).join(", ");
}

/** One gamma: the formula as a line, the games as points. */
function revenueSeries(results: readonly SelfishResult[], gamma: number, color: number): Series[] {
  const own = results.filter((result) => result.gamma === gamma);
  const shares = own.map(({ share }) => share);
  const formula = curve(shares, (share) => selfishRevenue(share, gamma));
  const played = own.map(({ share, revenue }) => ({ x: share, y: revenue }));
  const name = `γ = ${gamma}`;
  return [
    { name, kind: "line", color, isUnnamed: true, points: formula },
    { name, kind: "points", color, points: played },
  ];
}

/** Enough digits for small chances, none to spare. */
export function percent(value: number): string {
  return `${Number((100 * value).toPrecision(value < 0.01 ? 2 : 4))} %`;
}

/** What a table says of one share and gamma: revenue, formula, difference, as predicted, threshold, whether it pays. */
export function selfishCells(result: SelfishResult): string[] {
  return [
    result.revenue.toFixed(4),
    result.expected.toFixed(4),
    (result.revenue - result.expected).toFixed(4),
    predictedMark(result.isMatch),
    percent(result.threshold),
    result.pays ? "yes" : "no",
  ];
}
