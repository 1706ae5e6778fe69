/**
 * Comments cite the documents by section: pbft.md 1.12, or docs/protocol.md, "Journal". Each cited document and section
 * exists, so that a reader who follows a citation arrives.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FOLDERS = ["docs", "docs/design", "."];
/** A document, and what follows it: numbers of sections, or titles in quotation marks. */
const CITATION =
  /\b([a-z][a-z-]*\.md)(?:,? \(?((?:§?\d+\.\d+(?:(?:,| and| to) )?)+)|(?:,? \(?)((?:"[^"\n]+"(?:(?:,| and) )?)+))/g;

function textsOf(folder: string): { readonly path: string; readonly text: string }[] {
  return (readdirSync(join(ROOT, folder), { recursive: true }) as string[])
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name))
    .map((path) => ({ path, text: joined(readFileSync(join(ROOT, path), "utf8")) }));
}

/** A citation may run over the end of a line of comment. */
function joined(text: string): string {
  return text.replace(/\n *(\*|\/\/) ?/g, " ");
}

const documents = new Map<string, string[] | undefined>();
function headingsOf(name: string): string[] | undefined {
  if (!documents.has(name)) {
    const path = FOLDERS.map((folder) => join(ROOT, folder, name)).find((file) => existsSync(file));
    const lines = path === undefined ? undefined : readFileSync(path, "utf8").split("\n");
    documents.set(
      name,
      lines?.filter((line) => /^(#+ |\*\*)/.test(line)).map((line) => line.replace(/^#+ /, "")),
    );
  }
  return documents.get(name);
}

function problemOf([whole, document, numbers, titles]: RegExpMatchArray): string | undefined {
  const headings = headingsOf(document!);
  if (headings === undefined) return `${whole.trim()}: there is no ${document}`;
  const sections = (numbers?.match(/\d+\.\d+/g) ?? []).filter(
    (number) => !headings.some((heading) => heading.startsWith(`${number} `)),
  );
  const missing = [...(titles ?? "").matchAll(/"([^"]+)"/g)]
    .map(([, title]) => title!)
    .filter((title) => !headings.some((heading) => heading.includes(title)));
  const lost = [...sections, ...missing];
  return lost.length === 0 ? undefined : `${whole.trim()}: no section ${lost.join(", ")}`;
}

it("every document and section that a comment cites is there", () => {
  const cited = ["src", "test", "kernel"]
    .flatMap(textsOf)
    .flatMap(({ path, text }) =>
      [...text.matchAll(CITATION)].map((match) => ({ path, problem: problemOf(match) })),
    );
  expect(cited.length).toBeGreaterThan(100);
  expect(
    cited.filter(({ problem }) => problem !== undefined).map(({ path, problem }) => `${path}: ${problem}`),
  ).toEqual([]);
});
