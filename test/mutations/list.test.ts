/** A mutation that no longer applies takes no rule out: the list follows the sources, or it proves nothing. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { MUTATIONS } from "./list.ts";

const source = (file: string) => readFileSync(new URL(`../../src/${file}`, import.meta.url), "utf8");

it("each mutation finds its text exactly once, and each has a name of its own", () => {
  const lost = MUTATIONS.flatMap(({ name, edits }) =>
    edits
      .filter(({ file, find }) => source(file).split(find).length !== 2)
      .map(({ file }) => `${name}: ${file}`),
  );
  expect(lost).toEqual([]);
  const names = MUTATIONS.map(({ name }) => name);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

it("the hunter loads modules that exist", () => {
  const hunter = readFileSync(new URL("hunt.ts", import.meta.url), "utf8");
  const modules = [...hunter.matchAll(/"([a-z/-]+)\.js"/g)].map(([, path]) => `${path}.ts`);
  expect(modules).toHaveLength(6);
  for (const path of modules) expect(source(path)).not.toBe("");
});
