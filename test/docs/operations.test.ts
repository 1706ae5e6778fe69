/**
 * docs/operations.md promises that each bound has a constant and a test. A row is true only while both are there: the
 * fourth column is `file: CONSTANT`, the fifth `file: name of the test`, both in backticks.
 */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../src/cli/exit.ts";

const root = new URL("../../", import.meta.url);
const text = readFileSync(new URL("docs/operations.md", root), "utf8");
const rows = tableAfter("## Bounds").map((line) => line.split("|").map((cell) => cell.trim()));

describe("the table of bounds in docs/operations.md", () => {
  for (const [, what, bound, per, constant, test] of rows) {
    it(`names what holds and what tries: ${what}`, () => {
      expect([what, bound, per].every((cell) => cell !== undefined && cell !== "")).toBe(true);
      expectNamed(constant);
      expectNamed(test);
    });
  }

  it("has no row twice", () => {
    const names = rows.map(([, what, , per]) => `${what} per ${per}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});

describe("the table of broken situations in docs/operations.md", () => {
  // Where the words of explain, start and doctor are made.
  const sources = [
    ...[
      "explain-clocks",
      "explain",
      "explain-agreement",
      "explain-members",
      "explain-mining",
      "standing",
    ].map((name) => `src/rpc/explain/${name}.ts`),
    ...[
      "src/p2p/troubles.ts",
      "src/p2p/transport/handshake.ts",
      "src/chain/store.ts",
      "src/node/assembly/replica-parts.ts",
      "src/node/home/lock.ts",
      "src/node/home/home-stamp.ts",
      "src/node/state-divergence.ts",
      "src/storage/disk-fault.ts",
      "src/storage/free-space.ts",
      "src/storage/level-checks.ts",
      "src/cli/terminal.ts",
    ],
  ].map((path) => readFileSync(new URL(path, root), "utf8"));
  const situations = tableAfter("## What broken situations say").map((line) =>
    line.split("|").map((cell) => cell.trim()),
  );

  it("is there", () => expect(situations.length).toBeGreaterThan(20));

  for (const [, what, words, exitCode, ready, test] of situations) {
    it(`says what a program says, and who shows it: ${what}`, () => {
      const said = /^`([^`]+)`$/.exec(words ?? "")?.[1];
      expect(said, `not words in backticks: ${words}`).toBeDefined();
      expect(
        sources.some((source) => source.includes(said!)),
        said,
      ).toBe(true);
      expect(exitCode).toMatch(/^[0-9]+$/);
      expect(ready).toMatch(/^(200|503|-)/);
      expectNamed(test);
    });
  }
});

describe("the table of exit codes in docs/operations.md", () => {
  it("has codes of the program alone", () => {
    const codes = tableAfter("## Supervision").map((line) => Number(line.split("|")[1]));
    expect(codes).toEqual([0, 2, 6, 70, 78]);
    for (const code of codes) expect(Object.values(EXIT) as number[]).toContain(code);
  });
});

/** The rows of the first table under a heading, without its two head lines. */
function tableAfter(heading: string): string[] {
  const section = text.split(`\n${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return section
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2);
}

/** A cell of the form `path: words`: the file exists and holds the words. */
function expectNamed(cell: string | undefined): void {
  const match = /^`([^:`]+): ([^`]+)`$/.exec(cell ?? "");
  expect(match, `not of the form \`file: words\`: ${cell}`).not.toBeNull();
  const file = new URL(match?.[1] ?? "", root);
  expect(existsSync(file), `no such file: ${match?.[1]}`).toBe(true);
  expect(readFileSync(file, "utf8")).toContain(match?.[2] ?? "");
}
