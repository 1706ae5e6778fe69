/**
 * What the lab found about a PBFT cluster of validators, as pages for people: verdict first, the timeline of views, then
 * the proofs and the numbers. The same result gives the same page, byte for byte.
 */

import { must } from "../../../base/assert.ts";
import { type Certificate, type EquivocateRun, type ForkBranches, partedMs } from "../pbft/equivocate.ts";
import type { PartitionRun } from "../pbft/partition.ts";
import { type Conviction, faultsSurvived } from "../pbft/pbft-cluster.ts";
import type { SilentOptions, SilentRun } from "../pbft/silent.ts";
import { forkTree } from "./fork-picture.ts";
import { factTable, figure, htmlTable, renderPage, type Section } from "./page.ts";
import { FORMULAS } from "./sources.ts";
import { lineChart } from "./svg.ts";
import { timeline } from "./timeline.ts";

const CAPTION =
  "A row for each validator, coloured and numbered by its view. Dots: proposals; ticks below: commits; upright bars: the validator asks for another view; triangles: evidence; a cross: it stopped for good.";

export function names(validators: readonly number[]): string {
  return validators.length === 0 ? "nobody" : validators.map((each) => `node${each}`).join(", ");
}

/** Who found a piece of evidence, in words. */
export function finders({ foundBy }: Pick<Conviction, "foundBy">): string {
  return foundBy.length > 1 ? `mail of ${foundBy.map((id) => `node${id}`).join(" and ")}` : names(foundBy);
}

/** What became of the run, in one sentence. */
export function equivocateVerdict({ result }: EquivocateRun): string {
  const { byzantine, f, fork, height, convictions, pending } = result;
  const named = names(convictions.map(({ validator }) => validator));
  const few = `${byzantine} of ${result.nodes} contradict themselves (f = ${f})`;
  if (fork !== undefined) {
    return `${few}: the chain forks at height ${fork.height}. Two valid commit certificates; both signed by ${names(fork.signedBoth)}.`;
  }
  const held = pending === 0 ? "every payment is final" : `${pending} payments wait`;
  return `${few}: one chain of ${height} blocks at every correct validator, ${held}; evidence names ${named}.`;
}

export function equivocateReport(run: EquivocateRun, command: string): string {
  const { result } = run;
  const twins = result.way === "twin" ? result.byzantine : 0;
  const rows = [
    ...Array.from({ length: result.nodes }, (_, id) => `node${id}`),
    ...Array.from({ length: twins }, (_, i) => `node${i} twin`),
  ];
  const picture = timeline({
    title: "Timeline of views",
    description: `What ${result.nodes} validators did, over virtual time.`,
    rows,
    notes: run.notes,
    endMs: run.endMs,
    stops: run.stops,
    ...(twins > 0 ? { spans: [{ fromMs: 0, untilMs: partedMs(result.payMs), name: "partition" }] } : {}),
  });
  return renderPage({
    title: "Validators that contradict themselves",
    question:
      result.way === "twin"
        ? "A key runs on two machines, and a partition keeps them apart. Can two blocks of one height become final?"
        : "A primary shows one part of the validators another block than the rest, and votes for both. Can two blocks of one height become final?",
    isMatch: result.isMatch,
    ending:
      result.fork === undefined
        ? { kind: "good", words: "one chain" }
        : { kind: "bad", words: "the chain forked" },
    formulas: result.way === "twin" ? FORMULAS.twins : FORMULAS.validators,
    verdict: equivocateVerdict(run),
    sections: [
      {
        heading: "What happened",
        text: `${result.quorum} of ${result.nodes} votes decide. ${cheats(result.byzantine)}`,
        html: figure(picture, CAPTION),
      },
      ...(result.fork === undefined ? [] : [forkSection(result.fork.certificates, run)]),
      evidenceSection(result.convictions),
    ],
    command,
  });
}

function cheats(count: number): string {
  if (count === 0) return "Nobody cheats.";
  return count === 1 ? "The first validator cheats." : `The first ${count} validators cheat.`;
}

function forkSection(certificates: readonly Certificate[], { result, branches }: EquivocateRun): Section {
  const tables = certificates.map(({ hash, height, view, signers, holders, fault }, i) =>
    factTable(`Certificate ${i + 1}`, [
      ["block", hash],
      ["height, view", `${height}, ${view}`],
      ["signed COMMIT", names(signers)],
      ["final at", names(holders)],
      ["by the rules", fault ?? "valid"],
    ]),
  );
  const stops = result.stops.map(
    ({ node, atMs, reason }) => [`node${node}, after ${atMs} ms`, reason] as const,
  );
  const stopped =
    stops.length === 0 ? "" : factTable("Correct validators that met the other chain and stopped", stops);
  return {
    heading: "Two certificates for one height",
    text: `Both are valid by the rules of the chain, and both stand in results.json. Two quorums share at least f + 1 = ${result.f + 1} validators: if at most f cheated, one of those would be correct, and a correct one never signs both. Here ${names(result.fork?.signedBoth ?? [])} did.`,
    html: [...(branches === undefined ? [] : [forkPicture(branches, certificates)]), ...tables, stopped].join(
      "\n",
    ),
  };
}

function forkPicture({ common, sides }: ForkBranches, certificates: readonly Certificate[]): string {
  const sideOf = (i: number) => ({
    name: `final at ${names(must(certificates[i], "a fork has two certificates").holders)}`,
    blocks: must(sides[i], "a fork has two sides"),
    isLeft: false,
  });
  const title = "Two chains of final blocks";
  return figure(
    forkTree({ title, common, above: sideOf(0), below: sideOf(1) }),
    "Height and end of the hash of each block that correct validators hold with a commit certificate.",
  );
}

function evidenceSection(convictions: readonly Conviction[]): Section {
  const tables = convictions.map((each) =>
    factTable(`Against ${each.name}`, [
      ["signed twice", `${each.phase}, view ${each.view}, height ${each.height}`],
      ["for", each.digests[0]],
      ["and for", each.digests[1]],
      ["found by", `${finders(each)}, after ${each.foundAtMs} ms`],
    ]),
  );
  return {
    heading: "The evidence",
    text:
      convictions.length === 0
        ? "Nobody was convicted."
        : "Two signatures of one validator for two things that exclude each other, verified with the genesis alone. Anyone can do so, in the folder of this report: quorate evidence --file evidence-0.json --genesis genesis.json",
    html: tables.join("\n"),
  };
}

export function silentReport(runs: readonly SilentRun[], options: SilentOptions, command: string): string {
  const isMatch = runs.every(({ result }) => result.isMatch);
  const chart = lineChart({
    title: "Throughput by silent validators",
    description: "Final payments a second of virtual time.",
    xLabel: "silent validators",
    xKind: "count",
    yLabel: "final payments / s",
    series: [
      {
        name: "final / s",
        kind: "points",
        color: 0,
        points: runs.map(({ result }) => ({ x: result.silent, y: result.perSecond })),
      },
    ],
  });
  return renderPage({
    title: "Validators that say nothing",
    question: "How many validators may fall silent before the chain stops, and does it come back?",
    isMatch,
    ending: {
      kind: "mixed",
      words: `goes on with ${faultsSurvived(options.nodes)} silent, waits with ${faultsSurvived(options.nodes) + 1}; no fork`,
    },
    formulas: FORMULAS.silent,
    verdict: silentVerdict(runs, options),
    sections: [
      {
        heading: "Throughput",
        text: "A silent primary costs the wait for a view change; then the chain is as quick as before, until too few are left to decide.",
        html: figure(chart, "Final payments for each second of virtual time, while all of them were silent."),
      },
      ...runs.map(({ result, notes, endMs, returnMs }) => ({
        heading: `${result.silent} silent`,
        text: result.isBearable
          ? `The chain goes on with ${options.nodes - result.silent} of ${options.nodes}.`
          : `The chain halts. At node${options.nodes - 1} quorate explain says: “${result.explanation}”. It goes on ${result.recoveryMs ?? "never"} ms after node0 speaks again.`,
        html: figure(
          timeline({
            title: `Timeline of views with ${result.silent} silent`,
            description: `${options.nodes} validators, the first ${result.silent} silent.`,
            rows: Array.from({ length: options.nodes }, (_, id) => `node${id}`),
            notes,
            endMs,
            ...(returnMs === undefined
              ? {}
              : { spans: [{ fromMs: 500, untilMs: returnMs, name: "halted" }] }),
          }),
          CAPTION,
        ),
      })),
      {
        heading: "Numbers",
        text: "Latency from a payment's arrival to its commit, in ms of virtual time. Planned rotations of the primary count as views.",
        html: htmlTable("By number of silent validators", SILENT_HEAD, runs.map(silentCells)),
      },
    ],
    command,
  });
}

export const SILENT_HEAD = [
  "silent",
  "final / s",
  "median ms",
  "worst ms",
  "views",
  "asked for",
  "halts",
  "back after ms",
];

export function silentCells({ result }: SilentRun): string[] {
  return [
    String(result.silent),
    String(result.perSecond),
    String(result.latencyMsMedian ?? "-"),
    String(result.latencyMsMax ?? "-"),
    String(result.views),
    String(result.asked),
    result.finalWhileSilent === 0 ? "yes" : "no",
    String(result.recoveryMs ?? "-"),
  ];
}

/** What became of the runs, in one sentence. */
export function silentVerdict(runs: readonly SilentRun[], { nodes }: SilentOptions): string {
  const f = faultsSurvived(nodes);
  const last = runs.at(-1)?.result;
  const goesOn = runs.every(({ result }) => result.silent > f || result.isMatch);
  return `${nodes} validators: with up to ${f} silent the chain ${goesOn ? "goes on" : "stopped"}; with ${f + 1} it ${last?.finalWhileSilent === 0 ? "halts" : "went on"}${last?.recoveryMs === undefined ? "" : ` and is back ${last.recoveryMs} ms after one returned`}.`;
}

/** What became of the run, in one sentence. */
export function partitionVerdict({ result }: PartitionRun): string {
  const moving = result.sides.filter(({ blocks }) => blocks > 0);
  const during =
    moving.length === 0
      ? "no side has a quorum, so all halt"
      : `only ${moving.map(({ validators }) => names(validators)).join(" and ")} went on`;
  const after =
    result.recoveryMs === undefined
      ? `${result.pending} payments still wait`
      : `all agree again ${result.recoveryMs} ms after the healing, on height ${result.height}`;
  return `During the split ${during}; ${after}.`;
}

export const PARTITION_HEAD = ["side", "quorum", "blocks during the split", "caught up after ms"];

export function partitionCells({ result }: PartitionRun): string[][] {
  return result.sides.map(({ validators, hasQuorum, blocks, recoveryMs }) => [
    names(validators),
    hasQuorum ? "yes" : "no",
    String(blocks),
    String(recoveryMs ?? "-"),
  ]);
}

export function partitionReport(run: PartitionRun, command: string): string {
  const { result, notes, endMs, splitAtMs, healedAtMs } = run;
  const picture = timeline({
    title: "Timeline of views",
    description: `${result.nodes} validators before, during and after the partition.`,
    rows: Array.from({ length: result.nodes }, (_, id) => `node${id}`),
    notes,
    endMs,
    spans: [{ fromMs: splitAtMs, untilMs: healedAtMs, name: "partition" }],
  });
  return renderPage({
    title: "A network that splits",
    question:
      "The validators fall into groups that do not hear each other. Who goes on, and do all agree afterwards?",
    isMatch: result.isMatch,
    ending:
      result.recoveryMs === undefined
        ? { kind: "bad", words: "payments still wait" }
        : { kind: "good", words: "one chain, and all agree again" },
    formulas: FORMULAS.partition,
    verdict: partitionVerdict(run),
    sections: [
      {
        heading: "What happened",
        text: `${result.quorum} of ${result.nodes} votes decide, so at most one side can go on.`,
        html: figure(picture, CAPTION),
      },
      {
        heading: "The sides",
        text: "Caught up: from the healing until a side had all blocks of the most advanced one.",
        html: htmlTable("While the network was split, and after", PARTITION_HEAD, partitionCells(run)),
      },
      {
        heading: "What they said",
        text: "The words of quorate explain at the first validator of each side, just before the healing.",
        html: factTable(
          "Both stories are true where they are told",
          result.sides.map(({ validators, explanation }) => [names(validators), explanation] as const),
        ),
      },
    ],
    command,
  });
}
