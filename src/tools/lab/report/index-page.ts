/**
 * The list of the lab's runs in a folder: one line each with its report, when it was made, what was predicted, and the
 * command. What it says of a run is read from the head of the run's own report.
 */

import { predictedMark, RUN_META, renderFrame } from "./page.ts";
import { escapeText } from "./svg.ts";

export interface ListedRun {
  readonly folder: string;
  readonly title: string;
  readonly verdict: string;
  readonly command: string;
  readonly isMatch: boolean | undefined;
  readonly program: string;
  /** When the report was written, as ISO 8601. */
  readonly writtenAt: string;
}

/** How many characters of a report are read to find its head. */
const HEAD_CHARS_MAX = 20_000;

/** @returns undefined when it is no report of the lab */
export function readRun(
  folder: string,
  { report, timing }: { readonly report: string; readonly timing: string },
): ListedRun | undefined {
  const head = report.slice(0, HEAD_CHARS_MAX);
  const meta = (name: string) => {
    const [, content] = new RegExp(`<meta name="${name}" content="([^"<>]*)">`).exec(head) ?? [];
    return content === undefined ? undefined : unescapeText(content);
  };
  const [, title] = /<title>([^<>]*)<\/title>/.exec(head) ?? [];
  const [verdict, command, match, program] = [
    meta("description"),
    meta(RUN_META.command),
    meta(RUN_META.predicted),
    meta("generator"),
  ];
  const { writtenAt } = JSON.parse(timing) as { writtenAt?: unknown };
  if (title === undefined || verdict === undefined || command === undefined) return undefined;
  return {
    folder,
    title: unescapeText(title),
    verdict,
    command,
    isMatch: match === "yes" ? true : match === "no" ? false : undefined,
    program: program ?? "",
    writtenAt: typeof writtenAt === "string" ? writtenAt : "",
  };
}

/** @param count of all runs; the list may be shorter */
export function renderRuns(runs: readonly ListedRun[], count: number): string {
  const heads = ["run", "experiment", "made (UTC)", "as predicted", "what came out", "command"];
  const rows = runs.map(({ folder, title, writtenAt, isMatch, verdict, command, program }) => {
    const cells = [
      `<a href="${encodeURIComponent(folder)}/report.html">${escapeText(folder)}</a>`,
      escapeText(title),
      `<span title="${escapeText(program)}">${escapeText(writtenAt.slice(0, 16).replace("T", " "))}</span>`,
      isMatch === undefined ? "" : `<strong>${predictedMark(isMatch)}</strong>`,
      escapeText(verdict),
      `<code>${escapeText(command)}</code>`,
    ];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
  });
  const more = count > runs.length ? ` The newest ${runs.length} are listed.` : "";
  return renderFrame(
    "Runs of the attack lab",
    `<h1>Runs of the attack lab</h1>
<p class="question">${count} ${count === 1 ? "run" : "runs"}, the newest first.${more}</p>
<div class="scroll" tabindex="0"><table class="runs"><thead><tr>${heads.map((cell) => `<th scope="col">${cell}</th>`).join("")}</tr></thead><tbody>
${rows.join("\n")}
</tbody></table></div>`,
  );
}

function unescapeText(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
}
