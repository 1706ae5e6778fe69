/** The page of `lab censor`: how long a transaction waits that a miner or a primary leaves out. */
import { confidenceInterval } from "../binomial.ts";
import { type Censor, type CensorResult, type CensorRow, type PbftRow, undoChance } from "../censor.ts";
import { beside, figure, htmlTable, predictedMark, renderPage } from "./page.ts";
import { percent } from "./report.ts";
import { FORMULAS } from "./sources.ts";
import { curve, lineChart } from "./svg.ts";

export const CENSOR_HEAD = [
  "tactic",
  "share",
  "included",
  "mean blocks",
  "most",
  "undone",
  "measured",
  "must be",
  "as predicted",
] as const;

export const CENSOR_PBFT_HEAD = [
  "validators",
  "censors",
  "final",
  "mean ms",
  "worst ms",
  "others' mean ms",
  "bound ms",
  "as predicted",
] as const;

export function censorReport(options: Censor, result: CensorResult, command: string): string {
  const { rows, pbft, isMatch } = result;
  const undo = rows.filter(({ tactic }) => tactic === "undo");
  const left = rows.filter(({ tactic }) => tactic === "leave out");
  const chart = lineChart({
    title: "In for good",
    description: `Part of the transactions that were in for good within ${options.blocks} blocks, over the share.`,
    xLabel: "share of the hash power",
    xKind: "percent",
    yLabel: "transactions in for good",
    percent: true,
    series: [left, undo].map((own, color) => ({
      name: color === 0 ? "leave out" : "undo",
      kind: "joined",
      color,
      points: own.map(({ share, included, trials }) => ({ x: share, y: included / trials })),
    })),
  });
  const chances = chancesChart(undo, options.giveUp);
  const wrong = [...rows, ...pbft].filter((row) => !row.isMatch).length;
  const worst = Math.max(...pbft.map(({ worstMs }) => worstMs));
  return renderPage({
    title: "Censorship: leaving an account out",
    question:
      "A miner leaves an account's transactions out, or undoes the blocks that hold them. How long do they wait, and how long under PBFT?",
    isMatch,
    verdict:
      wrong === 0
        ? `All rows agree with theory. Below one half it is a delay, above it the transaction can be kept out; under PBFT with f censors every payment was final, after ${(worst / 1_000).toFixed(1)} s at worst.`
        : `${wrong} rows do not agree with theory.`,
    ending: {
      kind: rows.some(({ included, trials }) => included < trials) ? "mixed" : "good",
      words: "kept out by a majority at most; never under PBFT with f censors",
    },
    formulas: FORMULAS.censor,
    sections: [
      {
        heading: "Proof of work",
        text: "Who only leaves it out delays it by a factor of 1 / (1 - q). Who also undoes each block that holds it must catch up from two blocks short, and a majority does, again and again.",
        html:
          beside(
            figure(
              chart,
              `${options.trials} transactions each; a trial ends after ${options.blocks} blocks.`,
            ),
            figure(chances, `A block stands once its censor lacks ${options.giveUp} blocks to be one ahead.`),
          ) +
          htmlTable(
            "Must be: mean blocks until inclusion, or the probability that a block is undone",
            CENSOR_HEAD,
            censorRows(rows),
          ),
      },
      {
        heading: "PBFT",
        text: "The first f validators leave one account out whenever they are the primary. A request that waits too long makes the others change the view, whatever else goes on; what is final stays.",
        html: htmlTable(
          "Time from sending to final at a correct validator; virtual time, the simulator's short timers",
          CENSOR_PBFT_HEAD,
          pbftRows(pbft),
        ),
      },
    ],
    command,
  });
}

function chancesChart(undo: readonly CensorRow[], giveUp: number): string {
  const fights = undo.filter((row) => row.fights > 0);
  return lineChart({
    title: "Blocks undone",
    description: "Of the blocks that held the transaction, those that the censor undid.",
    xLabel: "share of the hash power",
    xKind: "percent",
    yLabel: "blocks undone",
    percent: true,
    series: [
      {
        name: "formula",
        kind: "line",
        color: 0,
        points: curve(
          fights.map(({ share }) => share),
          (share) => undoChance(share, giveUp),
        ),
        isUnnamed: true,
      },
      {
        name: "undone, with the 95 % interval; line: formula",
        kind: "points",
        color: 0,
        points: fights.map(({ share, undone, fights: trials }) => ({
          x: share,
          y: undone / trials,
          ...confidenceInterval({ successes: undone, trials }),
        })),
      },
    ],
  });
}

export function censorRows(rows: readonly CensorRow[]): string[][] {
  return rows.map((row) => {
    const isUndo = row.tactic === "undo";
    const measured = row.fights === 0 ? "-" : percent(row.undone / row.fights);
    return [
      row.tactic,
      percent(row.share),
      `${row.included} of ${row.trials}`,
      row.meanBlocks?.toFixed(2) ?? "-",
      String(row.mostBlocks),
      isUndo ? `${row.undone} of ${row.fights}` : "-",
      isUndo ? measured : (row.meanBlocks?.toFixed(3) ?? "-"),
      isUndo ? percent(row.expected) : row.expected.toFixed(3),
      predictedMark(row.isMatch),
    ];
  });
}

export function pbftRows(rows: readonly PbftRow[]): string[][] {
  return rows.map((row) => [
    String(row.nodes),
    String(row.censors),
    `${row.final} of ${row.payments}`,
    String(row.meanMs),
    row.worstMs.toFixed(0),
    String(row.othersMeanMs),
    String(row.boundMs),
    predictedMark(row.isMatch),
  ]);
}
