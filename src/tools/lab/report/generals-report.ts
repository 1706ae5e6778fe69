/** The page of `lab generals`: who told whom what in each round, what each decided, and what the theorems say of it. */
import type { GeneralsOutcome } from "../pbft/generals.ts";
import { generalsFigures, generalsLegend } from "./generals-figure.ts";
import { type Ending, htmlTable, predictedMark, renderPage, type Section } from "./page.ts";
import { FORMULAS } from "./sources.ts";
import { escapeText } from "./svg.ts";

export interface GeneralsRow {
  readonly outcome: GeneralsOutcome;
  readonly generals: number;
  readonly traitors: readonly number[];
  /** Whether the theorem covers this case: few enough traitors for the algorithm. */
  readonly isPromised: boolean;
}

export function isKept({ outcome, isPromised }: GeneralsRow): boolean {
  return !isPromised || isReached(outcome);
}

function isReached({ isAgreement, isObedience }: GeneralsOutcome): boolean {
  return isAgreement && isObedience;
}

/** Names a case: "3 generals, 1 traitor". */
function caseOf({ generals, traitors }: GeneralsRow): string {
  return `${generals} generals, ${traitors.length} ${traitors.length === 1 ? "traitor" : "traitors"}`;
}

function nameOfAlgorithm({ algorithm, rounds }: GeneralsOutcome): string {
  return `${algorithm}(${rounds - 1})`;
}

/** How it ended, in one sentence. */
export function howItEnded(row: GeneralsRow): string {
  const { outcome, traitors, isPromised } = row;
  const act = outcome.isAgreement ? "act alike" : "do not act alike";
  const obey = traitors.includes(0) ? "" : outcome.isObedience ? ", as ordered" : ", not as ordered";
  const promised = isPromised
    ? ""
    : isReached(outcome)
      ? " (by luck: nothing was promised)"
      : ", as the impossibility allows";
  return `${caseOf(row)}, ${nameOfAlgorithm(outcome)}: the loyal ones ${act}${obey}${promised}.`;
}

export const GENERALS_HEAD = [
  "generals",
  "traitors",
  "algorithm",
  "rounds",
  "messages",
  "alike",
  "as ordered",
  "promised",
  "as predicted",
] as const;

export function generalsCells(row: GeneralsRow): string[] {
  const { outcome, generals, traitors, isPromised } = row;
  return [
    String(generals),
    traitors.join(", ") || "none",
    nameOfAlgorithm(outcome),
    String(outcome.rounds),
    `${outcome.messagesByRound.join(" + ")} = ${outcome.messages}`,
    outcome.isAgreement ? "yes" : "no",
    outcome.isObedience ? "yes" : "no",
    isPromised ? "yes" : "no",
    predictedMark(isKept(row)),
  ];
}

export function generalsReport(
  rows: readonly GeneralsRow[],
  comparison: readonly (readonly string[])[],
  command: string,
): string {
  const isMatch = rows.every(isKept);
  return renderPage({
    title: "The Byzantine generals",
    question: "Some generals are traitors. Do the loyal ones act alike, and do as a loyal commander says?",
    isMatch,
    ending: ending(rows),
    verdict: `${rows.map(howItEnded).join(" ")} ${isMatch ? "What the theorems promise was kept." : "A promise of the theorems was broken."}`,
    formulas: FORMULAS.generals,
    sections: [
      ...rows.map(roundsOf),
      {
        heading: "Side by side",
        text: "By word of mouth m traitors need 3m + 1 generals; what is signed bears any number, in m + 1 rounds.",
        html: htmlTable("Oral (OM) and signed messages (SM)", GENERALS_HEAD, rows.map(generalsCells)),
      },
      {
        heading: "PBFT beside it",
        text: "Practical agreement: three phases, whatever m is, and messages that grow with the square of n.",
        html: htmlTable(
          "Messages for one block",
          ["n, f", "silent", "pre-prepare", "prepare", "commit", "together"],
          comparison,
        ),
      },
    ],
    command,
  });
}

function ending(rows: readonly GeneralsRow[]): Ending {
  const reached = rows.filter(({ outcome }) => isReached(outcome)).length;
  const kind = reached === rows.length ? "good" : reached === 0 ? "bad" : "mixed";
  return { kind, words: `agreement in ${reached} of ${rows.length} runs` };
}

function roundsOf(row: GeneralsRow): Section {
  const { outcome, traitors } = row;
  const rounds = generalsFigures(row).map((svg, round) => {
    const caption = `Round ${round + 1}: ${round === 0 ? "the commander's order" : "what was heard is passed on"}, ${count(outcome.messagesByRound[round] ?? 0)}`;
    return `<figure>${svg}<figcaption>${escapeText(caption)}</figcaption></figure>`;
  });
  const decided = outcome.decisions.flatMap((decision, general) =>
    general === 0 || traitors.includes(general) ? [] : [`${general} ${decision}`],
  );
  return {
    heading: `${caseOf(row)}: ${outcome.algorithm === "OM" ? "oral" : "signed"} messages, ${nameOfAlgorithm(outcome)}`,
    text: `${isReached(outcome) ? "Agreement." : "No agreement."} The loyal lieutenants decide: ${decided.join(", ") || "there are none"}. C is the commander, who orders ${outcome.decisions[0]}; traitors are filled: ${traitors.join(", ") || "none"}.`,
    html: `${generalsLegend()}<div class="rounds">${rounds.join("\n")}</div>`,
  };
}

function count(messages: number): string {
  return messages === 1 ? "1 message" : `${messages} messages`;
}
