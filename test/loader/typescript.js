// Lets Node load the TypeScript of src and test in the workers of the suite, at a third of what tsx costs: what was
// transformed stays on disk, a file beside its importer is not looked for, libraries come joined (bin/buildlibraries.js),
// and a source map is read when a stack is asked for. Everything else runs TypeScript through tsx.
import { readFileSync } from "node:fs";
import { register, SourceMap } from "node:module";
import { hooksInThisThread } from "./in-this-thread.js";
import { mapOf } from "./transformed.js";

if (!hooksInThisThread()) register("./typescript-hooks.js", import.meta.url);

const maps = new Map();

function sourceMapOf(url) {
  let map = maps.get(url);
  if (map === undefined) {
    try {
      map = new SourceMap(JSON.parse(readFileSync(mapOf(url), "utf8")));
    } catch {
      map = null; // no TypeScript
    }
    maps.set(url, map);
  }
  return map;
}

/** A line of a stack, with the place in the source. */
function frame(site) {
  const text = String(site);
  const [url = ""] = (site.getFileName() ?? "").split("?", 1);
  if (!/\.tsx?$/.test(url)) return text;
  const [line, column] = [site.getLineNumber(), site.getColumnNumber()];
  const { originalLine, originalColumn } = sourceMapOf(url)?.findEntry(line - 1, column - 1) ?? {};
  if (originalLine === undefined) return text;
  return text.replace(
    `${site.getFileName()}:${line}:${column}`,
    `${url}:${originalLine + 1}:${originalColumn + 1}`,
  );
}

Error.prepareStackTrace = (error, sites) => {
  let head = "Error";
  try {
    head = String(error);
  } catch {
    // an object that cannot be written
  }
  return [head, ...sites.map((site) => `    at ${frame(site)}`)].join("\n");
};
