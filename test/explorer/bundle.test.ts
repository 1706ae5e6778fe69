/** What the explorer weighs and is made of, as the build left it in dist/explorer-page. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";

const folder = fileURLToPath(new URL("../../dist/explorer-page/", import.meta.url));
const read = (name: string) => readFileSync(`${folder}${name}`);
const names = () =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.\w+$/.test(name));

/** Bytes of all its files together, gzipped one by one: 100 kB. */
const GZIPPED_MAX = 100_000;

/** The lab's script, which is loaded when somebody opens it. */
const isLab = (name: string) => name.startsWith("assets/lab-");
const LAB_GZIPPED_MAX = 45_000;

it("the explorer's page weighs below 100 kB gzipped, the script, the styles and the page together", () => {
  const bytes = names()
    .filter((name) => !isLab(name))
    .map((name) => gzipSync(read(name), { level: 9 }).length);
  expect(bytes.length).toBeGreaterThan(2);
  expect(bytes.reduce((sum, length) => sum + length, 0)).toBeLessThan(GZIPPED_MAX);
});

it("the explorer's page loads the lab, below 45 kB gzipped, only when somebody opens it", () => {
  const [lab, ...others] = names().filter(isLab);
  expect(others).toEqual([]);
  expect(gzipSync(read(lab!), { level: 9 }).length).toBeLessThan(LAB_GZIPPED_MAX);
  expect(read("index.html").toString()).not.toContain(lab);
  const scripts = names().filter((name) => name.endsWith(".js") && !isLab(name));
  expect(scripts.map((name) => read(name).toString()).join("")).toContain(`/explorer/${lab}`);
});

it("the explorer's page asks for nothing from elsewhere, and evaluates nothing", () => {
  const page = read("index.html").toString();
  expect(page).not.toMatch(/<script(?![^>]* src=)|<style|style=| on\w+=/);
  for (const [, url] of page.matchAll(/(?:src|href)="([^"]*)"/g))
    expect(url).toMatch(/^\/explorer\/assets\//);
  const code = names()
    .filter((name) => /\.(js|css)$/.test(name))
    .map((name) => read(name).toString())
    .join("\n");
  expect(code).not.toMatch(/\beval\(|new Function\(|@import|url\(["']?https?:/);
  const hosts = [...code.matchAll(/\bhttps?:\/\/([a-z][\w.-]*\.[a-z]{2,})/g)].map(([, host]) => host);
  // Names of XML's namespaces, which nobody asks.
  expect(hosts.filter((host) => host !== "www.w3.org")).toEqual([]);
});
