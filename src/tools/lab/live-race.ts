/**
 * The attacker's decision in a live race, from what its two nodes say, and the page that tells how it went. It judges
 * like race.ts, by work, from the moment when the merchant has delivered; unlike there the words of real processes
 * are a moment old, and a release takes as long as connections take. It starts and asks nothing.
 */

import { strict } from "./pow/theory.ts";
import { type DrawnFork, forkTree } from "./report/fork-picture.ts";
import { factTable, figure, htmlTable, renderPage } from "./report/page.ts";
import { percent } from "./report/report.ts";
import { FORMULAS } from "./report/sources.ts";
import { lineChart } from "./report/svg.ts";

export interface LiveRace {
  readonly share: number;
  readonly confirmations: number;
  readonly giveUp: number;
  /** Blocks by which the private branch must be ahead when it is released. */
  readonly lead: number;
}

/** What the attacker sees. Work counts from the fork point, in blocks: with fixed difficulty all weigh the same. */
export interface LiveSight {
  /** Seconds since the race began. */
  readonly seconds: number;
  readonly publicBlocks: number;
  readonly privateBlocks: number;
  /** How many blocks confirm the merchant's payment on the public chain, or 0 while it is not included. */
  readonly confirmations: number;
}

export function decide(race: LiveRace, sight: LiveSight): "wait" | "release" | "give-up" {
  if (sight.confirmations < race.confirmations) return "wait";
  if (sight.privateBlocks >= sight.publicBlocks + race.lead) return "release";
  return sight.publicBlocks - sight.privateBlocks >= race.giveUp - 1 ? "give-up" : "wait";
}

export interface HonestNode {
  readonly name: string;
  /** The place of the merchant's payment in this node's ledger. That of the conflicting one follows. */
  readonly payment: string;
  readonly conflict: string;
  readonly reorgs: readonly {
    readonly depth: number;
    readonly entered: number;
    readonly oldHead: string;
    readonly newHead: string;
  }[];
  /** Its log lines about them. */
  readonly log: readonly string[];
}

/** won: all honest nodes are on the private branch. lost: released, but they found more blocks meanwhile. */
export type LiveEnd = "won" | "lost" | "gave-up" | "deadline";

export interface LiveResult {
  readonly end: LiveEnd;
  readonly seconds: number;
  /** Blocks of both sides when the attacker decided. */
  readonly publicBlocks: number;
  readonly privateBlocks: number;
  /** The depth of the deepest reorganisation of an honest node, or 0 for none. */
  readonly depth: number;
  readonly honest: readonly HonestNode[];
}

const LIVE_ENDINGS: Readonly<Record<LiveEnd, string>> = {
  won: "the payment vanished",
  lost: "the payment stands",
  "gave-up": "the payment stands",
  deadline: "undecided when the time was over",
};

export function describeEnd({ share, confirmations, giveUp }: LiveRace, result: LiveResult): string {
  const odds = `theory gives ${percent(strict(share, confirmations))} if nobody gives up`;
  switch (result.end) {
    case "won":
      return `All ${result.honest.length} honest nodes reorganised, ${result.depth} deep: the merchant's payment is gone, the conflicting one is in the chain (${odds}).`;
    case "lost":
      return `Released, but the honest miners were ahead again before all nodes had the branch: the payment stands (${odds}).`;
    case "gave-up":
      return `The attacker gave up ${giveUp} blocks short of being ahead: the payment stands, no honest node reorganised for it (${odds}).`;
    case "deadline":
      return `Undecided at the deadline: ${result.publicBlocks} public blocks, ${result.privateBlocks} private ones (${odds}).`;
  }
}

/** When the merchant had its confirmations, and when the branch was shown. */
function momentsOf({ confirmations }: LiveRace, { end }: LiveResult, sights: readonly LiveSight[]) {
  const delivered = sights.find((sight) => sight.confirmations >= confirmations);
  const last = sights.at(-1);
  const isReleased = end === "won" || end === "lost";
  return [
    ...(delivered === undefined ? [] : [{ x: delivered.seconds, name: "delivered" }]),
    ...(isReleased && last !== undefined ? [{ x: last.seconds, name: "released" }] : []),
  ];
}

export function liveReport(
  race: LiveRace,
  result: LiveResult,
  seen: { readonly sights: readonly LiveSight[]; readonly fork: DrawnFork; readonly command: string },
): string {
  const steps = (pick: (sight: LiveSight) => number) => [
    { x: 0, y: 0 },
    ...seen.sights.map((sight) => ({ x: sight.seconds, y: pick(sight) })),
  ];
  const chart = lineChart({
    title: "Blocks of the two branches over time",
    description: "Since the payment was sent, until the attacker decided.",
    xLabel: "seconds since the payment",
    yLabel: "blocks since the fork",
    marks: momentsOf(race, result, seen.sights),
    series: [
      { name: "honest", kind: "steps", color: 0, points: steps(({ publicBlocks }) => publicBlocks) },
      { name: "attacker", kind: "steps", color: 1, points: steps(({ privateBlocks }) => privateBlocks) },
    ],
  });
  const rows = result.honest.map(({ name, payment, conflict, reorgs }) => [
    name,
    payment,
    conflict,
    String(reorgs.length),
    reorgs.length === 0 ? "none" : String(Math.max(...reorgs.map(({ depth }) => depth))),
  ]);
  const lines = result.honest.flatMap(({ name, log }) => log.map((line) => [name, line] as const));
  return renderPage({
    title: "Spending twice on real nodes",
    question: `An attacker with ${percent(race.share)} of the hash power pays a merchant who waits for ${race.confirmations} confirmations, on a network of real processes. Does the payment vanish?`,
    // One race shows no chance: theory gives one, and both ends agree with it.
    isMatch: undefined,
    ending: {
      kind: result.end === "won" ? "bad" : result.end === "deadline" ? "mixed" : "good",
      words: LIVE_ENDINGS[result.end],
    },
    formulas: FORMULAS.attack51.slice(0, 1),
    verdict: describeEnd(race, result),
    sections: [
      {
        heading: "The race",
        text: `It took ${result.seconds.toFixed(1)} seconds of real mining.`,
        html:
          figure(chart, "What the attacker's two nodes said: one on the public chain, one alone.") +
          figure(
            forkTree(seen.fork),
            "Height and end of the hash of each block; dashed: the branch that was left.",
          ),
      },
      {
        heading: "What the honest nodes say",
        text: "By their own ledgers, and by chain_getReorgs.",
        html: htmlTable("At the end", ["node", "payment", "conflicting", "reorganisations", "deepest"], rows),
      },
      ...(lines.length === 0
        ? []
        : [
            {
              heading: "What they logged",
              text: "The node warns of every reorganisation.",
              html: factTable("node.log", lines),
            },
          ]),
    ],
    command: seen.command,
  });
}
