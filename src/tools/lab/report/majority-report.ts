/** The page of `lab majority`: the same double spend against proof of work and against PBFT. */
import { must } from "../../../base/assert.ts";
import { type MajorityOptions, type MajorityResult, spendTwiceByWork } from "../majority.ts";
import { figure, htmlTable, renderPage } from "./page.ts";
import { percent } from "./report.ts";
import { FORMULAS } from "./sources.ts";
import { curve, lineChart } from "./svg.ts";

/** The headline, in one sentence. */
export function majorityVerdict(result: MajorityResult, options: MajorityOptions): string {
  const most = must(result.rows.at(-1), "a report has rows");
  const keys = `${options.keys} of ${options.nodes} validator keys`;
  const pow = `With ${percent(most.share)} of the hash power the double spend succeeds in ${most.pow.wins} of ${most.pow.trials} races under proof of work`;
  return options.keys <= result.f
    ? `${pow}; under PBFT, with the same power and ${keys}, in ${result.wins} of ${result.trials}.`
    : `${pow}; under PBFT power buys nothing, but ${keys} are more than f = ${result.f}: ${result.wins} of ${result.trials} succeed.`;
}

export const MAJORITY_HEAD = ["hash power", "proof of work", "must be", "PBFT", "interval", "delivered"];

export function majorityCells(result: MajorityResult): string[][] {
  return result.rows.map(({ share, pow, pbft }) => [
    percent(share),
    `${pow.wins} of ${pow.trials}`,
    percent(pow.expected),
    `${pbft.wins} of ${pbft.trials}`,
    pbft.interval === undefined
      ? "impossible"
      : `${percent(pbft.interval.low)} to ${percent(pbft.interval.high)}`,
    String(pbft.delivered),
  ]);
}

export function majorityReport(result: MajorityResult, options: MajorityOptions, command: string): string {
  const chart = chartOf(result, options);
  const tactics = result.tactics.map(({ tactic, trials, delivered, conflicting, wins }) => [
    tactic,
    ...[trials, delivered, conflicting, wins].map(String),
  ]);
  return renderPage({
    title: "A majority of hash power, against PBFT",
    question:
      "The attacker of the 51 % attack, with the same machines: what do they buy it where validators vote by name?",
    isMatch: result.isMatch,
    ending:
      result.wins === 0
        ? { kind: "mixed", words: "undone by work, never under PBFT" }
        : { kind: "bad", words: "undone by work, and by too many keys" },
    formulas: FORMULAS.majority,
    verdict: majorityVerdict(result, options),
    sections: [
      {
        heading: "The same double spend twice",
        text: `Proof of work: ${options.confirmations} confirmations. PBFT: one final block; the attacker holds ${options.keys} of ${options.nodes} validator keys (f = ${result.f}), and cuts the network between the correct validators for two seconds. No rule of PBFT asks for work, so its machines enter nowhere.`,
        html: figure(
          chart,
          `Points: measured; bars: the 95 % interval where chance decides. Line: theory of proof of work.${options.keys <= result.f ? " Under PBFT with at most f keys it cannot happen, so nothing is left to chance." : ""}`,
        ),
      },
      {
        heading: "Numbers",
        text: "Delivered: the merchant's node saw the payment final. In no such case may the conflicting payment be final anywhere.",
        html: htmlTable("Successful double spends", MAJORITY_HEAD, majorityCells(result)),
      },
      {
        heading: "What the attacker did with its keys",
        text: "twin: each key on two replicas, one on each side; equivocate: two blocks and votes for both; collude: votes, view changes and certificates as they help; withhold: silence while the merchant waits.",
        html: htmlTable(
          "By tactic, over all shares",
          ["tactic", "trials", "delivered", "conflicting final", "won"],
          tactics,
        ),
      },
    ],
    command,
  });
}

function chartOf(result: MajorityResult, options: MajorityOptions): string {
  return lineChart({
    title: "Success of a double spend over hash power",
    description: "Proof of work and PBFT, the same attacker.",
    xLabel: "share of the hash power",
    xKind: "percent",
    yLabel: "trials in which the payment is undone",
    percent: true,
    series: [
      {
        name: "proof of work",
        kind: "points",
        color: 1,
        points: result.rows.map(({ share, pow }) => ({ x: share, y: pow.rate, ...pow.interval })),
      },
      {
        name: "PBFT",
        kind: "points",
        color: 0,
        points: result.rows.map(({ share, pbft }) => ({ x: share, y: pbft.rate, ...pbft.interval })),
      },
      {
        name: "theory",
        kind: "line",
        color: 1,
        isUnnamed: true,
        points: curve(
          result.rows.map(({ share }) => share),
          (share) => spendTwiceByWork(share, options.confirmations),
        ),
      },
    ],
  });
}
