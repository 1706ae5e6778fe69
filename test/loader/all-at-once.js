// Before the workers of the suite start: transforms every source and test, which they would each do for themselves at
// the same time, and names these files to the runner, which shows the lines around an error only of what it knows.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT, transformed } from "./transformed.js";

export default async function setup(project) {
  const files = ["src", "test"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true }).map((name) => join(ROOT, folder, name)),
  );
  const sources = files.filter((name) => /\.tsx?$/.test(name) && !name.endsWith(".d.ts"));
  // What cannot be read is reported where it is imported.
  await Promise.allSettled(sources.map((name) => transformed(pathToFileURL(name).href)));
  const { moduleGraph } = project.vite.environments.__vitest__;
  for (const name of sources) {
    moduleGraph.createFileOnlyEntry(name).transformResult = { code: " ", map: null };
  }
}
