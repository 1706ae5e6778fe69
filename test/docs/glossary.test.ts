/**
 * One word, one meaning: what the core exports is named by words of docs/glossary.md or by plain English, and no two
 * types of the project share a name, except where a port repeats what it asks for.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const CORE = ["base", "codec", "crypto", "storage", "chain", "mempool", "consensus"];

/** Words that mean in the code what they mean everywhere. */
const PLAIN = new Set(
  `accepted added awaited base bodies bounds bucket buckets call candidate checked choice claims codec comparison context damaged database
  decision decode decoded defined dependencies description difference disk drop early edit end error execution executor facts faults fetch
  format heads heap held hex holdings host indexed json judge judgement kv layers lazy level light limit limits list logger loose maker mark memory
  meter mode move moves nodes once opened operation optional options origin pages parsed past position pow queues
  question range reader ready reason recent reference relay remembered replay result rewards rules scan sealed section seen settings
  shape signer signing slots sorted stamp too top transfer turn unfit unit unknown update verified verifier waiting writer`.split(
    /\s+/,
  ),
);
/** A port of rpc says in its own words what the chain or p2p has; the chain's proposal is what its rules prepare. */
const REPEATED = ["TransactionPlace", "BookCounts", "BookPage"];

interface Exported {
  readonly path: string;
  readonly name: string;
}

/** An exported type, as the formatter writes it: parsing every file of src took three seconds. */
const EXPORTED = /^export (?:declare )?(?:abstract )?(?:interface|class|type) (\w+)/gm;

function exportedTypes(): Exported[] {
  const src = join(ROOT, "src");
  return (
    (readdirSync(src, { recursive: true }) as string[])
      // The pages of the explorer name what they show, after the types of the node.
      .filter((path) => path.endsWith(".ts") && !path.startsWith("explorer"))
      .flatMap((path) => {
        const text = readFileSync(join(src, path), "utf8");
        return [...text.matchAll(EXPORTED)].map(([, name]) => ({ path, name: name! }));
      })
  );
}

const types = exportedTypes();

it("the core names its types by words of the glossary or plain English", () => {
  const glossary = readFileSync(join(ROOT, "docs/glossary.md"), "utf8").toLowerCase();
  const isKnown = (word: string): boolean =>
    PLAIN.has(word) || new RegExp(`\\b${word.replace(/s$/, "")}`).test(glossary);
  const unknown = types
    .filter(({ path }) => CORE.includes(path.split("/")[0]!))
    .flatMap(({ path, name }) =>
      wordsOf(name)
        .filter((word) => !isKnown(word))
        .map((word) => `${path}: ${name} (${word})`),
    );
  expect(unknown).toEqual([]);
});

it("the code gives no two exported types one name", () => {
  const places = new Map<string, string[]>();
  for (const { path, name } of types) places.set(name, [...(places.get(name) ?? []), path]);
  const twice = [...places].filter(([name, paths]) => paths.length > 1 && !REPEATED.includes(name));
  expect(twice).toEqual([]);
});

it("the glossary explains each word once", () => {
  const rows = readFileSync(join(ROOT, "docs/glossary.md"), "utf8").match(/^\| [^|]+/gm)!;
  expect(rows.filter((row, index) => rows.indexOf(row) !== index)).toEqual([]);
});

function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(" ");
}
