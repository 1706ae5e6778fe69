/**
 * The frame of a report: one HTML page that needs no network, no script and no other file. It reads on a phone
 * (375 px), on a wide screen, in the dark and on paper. Its first lines say apart what was predicted and what is good or
 * bad. What stands in it is report.ts's matter; text given here as `html` is escaped already.
 *
 * This folder: results as pages without scripts: the frame, figures, texts, a file for each experiment. Not here:
 * computing results.
 */

import { packageVersion } from "../../../node/home/package-version.ts";
import { sourceCommit } from "../../../node/home/source-commit.ts";
import { PAGE_STYLE } from "./page-style.ts";
import type { Formula } from "./sources.ts";
import { escapeText } from "./svg.ts";

/** What it means for those who use the chain, whether or not it was predicted. */
export interface Ending {
  readonly kind: "good" | "bad" | "mixed";
  /** A few words: "the payment vanished". */
  readonly words: string;
}

export interface Page {
  readonly title: string;
  /** One sentence: what was asked. */
  readonly question: string;
  /** Whether it came out as theory says. Undefined where none says anything. Apart from good and bad. */
  readonly isMatch: boolean | undefined;
  readonly ending: Ending;
  /** One sentence: what came out. */
  readonly verdict: string;
  readonly sections: readonly Section[];
  /** What it is judged by. */
  readonly formulas?: readonly Formula[];
  /** The command that makes this page again. */
  readonly command: string;
}

/** The mark of what was predicted: neither good nor bad. */
const PREDICTED = { yes: "≡", no: "≢" } as const;

export function predictedMark(isMatch: boolean): string {
  return isMatch ? PREDICTED.yes : PREDICTED.no;
}

/** The same in words, for a line by itself. */
export function predictedWords(isMatch: boolean): string {
  return isMatch ? `${PREDICTED.yes} as predicted` : `${PREDICTED.no} NOT as predicted`;
}

/** Names the program that made a report; it is the same for the same checkout. */
export function madeBy(): { readonly version: string; readonly commit: string | undefined } {
  return { version: packageVersion(), commit: sourceCommit() };
}

export interface Section {
  readonly heading: string;
  readonly text: string;
  readonly html: string;
}

export function renderPage(page: Page): string {
  const { title, question, isMatch, ending, verdict, sections, formulas = [], command } = page;
  return renderFrame(
    title,
    `<h1>${escapeText(title)}</h1>
<p class="question">${escapeText(question)}</p>
<ul class="marks">${predicted(isMatch)}${marked(ending)}</ul>
<p class="verdict">${escapeText(verdict)}</p>
${judges(formulas)}
<div class="sections">
${sections.map(renderSection).join("\n")}
</div>
${formulas.length === 0 ? "" : renderFormulas(formulas)}
<footer><p>Made by ${escapeText(program())}; made again by</p><pre>${escapeText(command)}</pre></footer>`,
    headOf(page),
  );
}

/** Names under which a report's head says what the list of runs shows. */
export const RUN_META = { command: "quorate-command", predicted: "quorate-as-predicted" } as const;

function headOf({ isMatch, verdict, command }: Page): Readonly<Record<string, string>> {
  return {
    description: verdict,
    generator: program(),
    [RUN_META.command]: command,
    ...(isMatch === undefined ? {} : { [RUN_META.predicted]: isMatch ? "yes" : "no" }),
  };
}

/** A page that needs nothing else. @param body escaped already @param meta of its head */
export function renderFrame(
  title: string,
  body: string,
  meta: Readonly<Record<string, string>> = {},
): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${escapeText(title)}</title>
${Object.entries(meta)
  .map(([name, content]) => `<meta name="${name}" content="${escapeText(content)}">`)
  .join("\n")}
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

/** Names the program that ran: "quorate 0.1.0, commit 0123456789ab". */
function program(): string {
  const { version, commit } = madeBy();
  return `quorate ${version}${commit === undefined ? "" : `, commit ${commit.slice(0, 12)}`}`;
}

function predicted(isMatch: boolean | undefined): string {
  if (isMatch === undefined) return "";
  const [kind, words] = isMatch ? ["as-predicted", "as predicted"] : ["not-predicted", "not as predicted"];
  return `<li class="${kind}"><small>Theory</small><strong>${predictedMark(isMatch)}</strong> ${words}</li>`;
}

const ENDINGS = { good: "✔", bad: "✖", mixed: "±" } as const;

function marked({ kind, words }: Ending): string {
  return `<li class="${kind}"><small>Outcome</small><strong>${ENDINGS[kind]}</strong> ${escapeText(words)}</li>`;
}

function judges(formulas: readonly Formula[]): string {
  if (formulas.length === 0) return "";
  const links = formulas.map(({ id, name }) => `<li><a href="#${id}">${escapeText(name)}</a></li>`);
  return `<div class="question">Judged by: <ul class="judges">${links.join("")}</ul></div>`;
}

function renderFormulas(formulas: readonly Formula[]): string {
  const items = formulas.map(
    ({ id, name, formula, words, source }) =>
      `<div id="${id}"><dt>${escapeText(name)}</dt><dd class="formula">${escapeText(formula)}</dd><dd>${escapeText(words)}</dd><dd><a href="${escapeText(source.url)}">${escapeText(source.name)}</a></dd></div>`,
  );
  return `<section class="formulas"><h2>Formulas and sources</h2><dl>${items.join("\n")}</dl></section>`;
}

function renderSection({ heading, text, html }: Section): string {
  const isWide = /<svg class="wide full"|<figure class="table wide"|<div class="beside"/.test(html);
  return `<section${isWide ? ' class="is-wide"' : ""}><h2>${escapeText(heading)}</h2>${text === "" ? "" : `<p>${escapeText(text)}</p>`}${html}</section>`;
}

/** @param html an SVG that may be wider than a phone */
export function figure(html: string, caption: string): string {
  return `<figure><div class="scroll" tabindex="0">${html}</div><figcaption>${escapeText(caption)}</figcaption></figure>`;
}

/** Two figures of one section, side by side where there is room. */
export function beside(left: string, right: string): string {
  return `<div class="beside">${left}${right}</div>`;
}

/** A table of more columns takes the whole width of a screen. */
const WIDE_COLUMNS = 6;

export function htmlTable(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const heads = head.map((cell) => `<th scope="col">${escapeText(cell)}</th>`).join("");
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${escapeText(cell)}</td>`).join("")}</tr>`);
  const kind = head.length > WIDE_COLUMNS ? "table wide" : "table";
  return `<figure class="${kind}"><figcaption>${escapeText(caption)}</figcaption><div class="scroll" tabindex="0"><table><thead><tr>${heads}</tr></thead><tbody>${body.join("\n")}</tbody></table></div></figure>`;
}

/** Names and values, one below the other: long values, such as hashes, are broken rather than hidden on a phone. */
export function factTable(caption: string, facts: readonly (readonly [string, string])[]): string {
  const rows = facts.map(
    ([name, value]) => `<tr><th scope="row">${escapeText(name)}</th><td>${escapeText(value)}</td></tr>`,
  );
  return `<table class="facts"><caption>${escapeText(caption)}</caption><tbody>${rows.join("\n")}</tbody></table>`;
}
