/** Goal: whoever follows a link of a document arrives, and finds each document in the index. Method: every relative link. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const markdownIn = (folder: string) =>
  readdirSync(join(ROOT, folder), { recursive: folder !== ".", encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
const DOCUMENTS = [".", "docs", "examples", "genesis"].flatMap(markdownIn);

/** The name that a heading has behind the "#" of a link, as GitHub makes it. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = text.split("\n").filter((line) => /^#+ /.test(line));
  return new Set(
    headings.map((line) =>
      line
        .replace(/^#+ /, "")
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

function problemOf(path: string, link: string): string | undefined {
  const [file = "", anchor] = link.split("#");
  const target = file === "" ? path : join(dirname(path), file);
  if (!existsSync(join(ROOT, target))) return `${path}: there is no ${link}`;
  if (anchor === undefined || statSync(join(ROOT, target)).isDirectory()) return undefined;
  return anchorsOf(read(target)).has(anchor) ? undefined : `${path}: there is no heading for ${link}`;
}

it("every link between documents leads to a file and a heading that are there", () => {
  const links = DOCUMENTS.flatMap((path) =>
    [...read(path).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, link = ""]) => ({ path, link })),
  );
  expect(links.length).toBeGreaterThan(100);
  expect(links.map(({ path, link }) => problemOf(path, link)).filter((each) => each !== undefined)).toEqual(
    [],
  );
});

it("the index has every document", () => {
  const index = read("docs/README.md");
  const missing = readdirSync(join(ROOT, "docs")).filter(
    (name) => name !== "README.md" && !index.includes(`(${name}`),
  );
  expect(missing).toEqual([]);
});

it("the index of decisions has every decision", () => {
  const index = read("docs/adr/README.md");
  const missing = readdirSync(join(ROOT, "docs/adr")).filter(
    (name) => name !== "README.md" && !index.includes(`(${name})`),
  );
  expect(missing).toEqual([]);
});

/** `hacking.md` leads through writing it. */
const TO_BE_WRITTEN = ["src/chain/modules/name-declaration.ts", "src/chain/modules/name.ts"];

/** A path is from the root; in an example's README from there, and modules.md speaks of the package that examples/shop is. */
it("every file and folder of the code that a document names is there", () => {
  const NAMED = /`((?:src|test|bin|kernel|deploy|genesis|examples)\/[\w./-]*)(?::[^`]*)?`/g;
  const missing = DOCUMENTS.filter((path) => path !== "CHANGELOG.md").flatMap((path) => {
    const bases = [".", dirname(path), "examples/shop"];
    return [...read(path).matchAll(NAMED)]
      .map(([, name = ""]) => name)
      .filter((name) => !TO_BE_WRITTEN.includes(name))
      .filter((name) => !bases.some((base) => existsSync(join(ROOT, base, name))))
      .map((name) => `${path}: ${name}`);
  });
  expect(missing).toEqual([]);
});

it("the table of folders has every room of the big folders", () => {
  const architecture = read("docs/architecture.md");
  const rooms = ["chain", "consensus", "p2p", "rpc", "node", "tools"].flatMap((floor) =>
    readdirSync(join(ROOT, "src", floor), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `${floor}/${name}/`),
  );
  expect(rooms.filter((room) => !architecture.includes(room))).toEqual([]);
});
