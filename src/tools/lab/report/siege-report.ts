/** The page of `lab siege`: what each attack did to transfers, memory and event loops, and what was thrown at them. */

import { SIEGE_LIMITS, type SiegeResult, siegeVerdict, tookPlace } from "../siege/siege.ts";
import { figure, htmlTable, renderPage } from "./page.ts";
import { lineChart, type Series } from "./svg.ts";

export const SIEGE_HEAD = [
  "mode",
  "attack",
  "transfers",
  "failed",
  "median",
  "slowest",
  "memory",
  "loop p99",
  "own p99",
] as const;

/** The cells as text, for page and terminal. */
export function siegeCells(result: SiegeResult): string[] {
  if (!tookPlace(result)) return [result.mode, result.name, ...SIEGE_HEAD.slice(2).map(() => "-")];
  return [
    result.mode,
    result.name,
    String(result.transfers),
    String(result.transfersFailed),
    `${Math.round(result.medianMs)} ms`,
    `${Math.round(result.slowestMs)} ms`,
    megabytes(result.memoryMaxBytes),
    `${Math.round(result.loopDelayP99Ms)} ms`,
    `${Math.round(result.ownLoopDelayP99Ms)} ms`,
  ];
}

export function siegeReport(results: readonly SiegeResult[], command: string): string {
  const isMatch = results.every((result) => result.isMatch);
  const scene = ({ mode, name }: SiegeResult) => `${mode}, ${name}`;
  const nodes = results.flatMap((result) =>
    result.nodes.map((node) => [
      scene(result),
      node.name,
      megabytes(node.memoryMaxBytes),
      node.loopDelayP99Ms === undefined ? "unknown" : `${Math.round(node.loopDelayP99Ms)} ms`,
      node.hasEnded ? "yes" : "no",
    ]),
  );
  const processor = results.filter(tookPlace).map((result) => [scene(result), ...processorCells(result)]);
  const traffic = results.flatMap((result) =>
    Object.entries(result.traffic).map(([what, count]) => [scene(result), what, grouped(count)]),
  );
  return renderPage({
    title: "A network under siege",
    question:
      "Strangers, a full node, a validator, an RPC client and a web page attack a network of real nodes. Do transfers still arrive, and what does it cost the nodes?",
    // Limits judge here, no theory.
    isMatch: undefined,
    ending: isMatch
      ? { kind: "good", words: "the network held" }
      : { kind: "bad", words: "not every scene held" },
    verdict: siegeVerdict(results),
    sections: [
      {
        heading: "What it did",
        text: `Demanded of each scene: a transfer arrives within ${SIEGE_LIMITS.transferMs / 1_000} s, no node takes more than ${megabytes(SIEGE_LIMITS.memoryBytes)}, and no event loop is late by more than ${SIEGE_LIMITS.loopDelayMs} ms at the 99th percentile. “none” is the same network in peace; “own” is the loop of the measuring process, which shows how busy the machine was.`,
        html:
          figure(chartOf(results), "Scenes by their numbers in the table below; dotted: the limit.") +
          htmlTable(
            "Worst node of each scene",
            ["scene", ...SIEGE_HEAD.slice(2), ""],
            results.map((result, i) => [
              `${i + 1}. ${scene(result)}`,
              ...siegeCells(result).slice(2),
              result.isMatch ? "✔" : "✖",
            ]),
          ),
      },
      {
        heading: "Each node",
        text: "",
        html: htmlTable("During the attack", ["scene", "node", "memory", "loop p99", "ended"], nodes),
      },
      {
        heading: "Whose processor it was",
        text: "Of all cores of the machine, during the attack. The attackers run at a lower priority than the nodes, so that an attack works by what it makes nodes do and not by taking their processor. Where others are busy, times say less.",
        html: htmlTable("Share of the machine", ["scene", "nodes", "attackers", "others", "idle"], processor),
      },
      {
        heading: "What was thrown at them",
        text: "Counted by the attackers: what they tried to send, whether or not a node took it.",
        html: htmlTable("Traffic", ["scene", "what", "count"], traffic),
      },
    ],
    command,
  });
}

function chartOf(results: readonly SiegeResult[]): string {
  const points = (value: (result: SiegeResult) => number) =>
    results.flatMap((result, i) => (tookPlace(result) ? [{ x: i + 1, y: value(result) / 1_000 }] : []));
  const limit: Series = {
    name: "limit",
    kind: "line",
    color: 6,
    points: [1, Math.max(2, results.length)].map((x) => ({ x, y: SIEGE_LIMITS.transferMs / 1_000 })),
  };
  return lineChart({
    title: "How long a transfer takes",
    description: "Median and slowest transfer of each scene, in seconds.",
    xLabel: "scene",
    xKind: "count",
    yLabel: "seconds",
    series: [
      { name: "slowest", kind: "points", color: 1, points: points(({ slowestMs }) => slowestMs) },
      { name: "median", kind: "points", color: 0, points: points(({ medianMs }) => medianMs) },
      limit,
    ],
  });
}

function processorCells({ processor, seconds }: SiegeResult): string[] {
  const { cores, nodes, attackers, machine } = processor;
  const share = (part: number | undefined) =>
    part === undefined ? "unknown" : `${Math.round((100 * Math.max(0, part)) / (cores * seconds))} %`;
  const others = nodes === undefined || attackers === undefined ? undefined : machine - nodes - attackers;
  return [share(nodes), share(attackers), share(others), share(cores * seconds - machine)];
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
