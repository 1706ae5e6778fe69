/**
 * The instrument bites: takes one rule of the protocol out of the program, looks whether the simulator finds a
 * schedule that shows it, puts it back and goes on with the next.
 *
 *   node --import tsx test/mutations/run.ts [part of a name ...] [--markdown] [--seconds=60] [--no-tests]
 *     --generated[=1000]  generated schedules only, so many for each mutation, and how many it took (generated.ts)
 *     --jobs=2 --seed=0   of these: processes, and the first seed
 *     --list=FILE         the mutations that FILE exports as MUTATIONS, instead of list.ts
 *
 * The source is transpiled into a directory of its own (removed at the end), where one mutation at a time is applied.
 * A schedule counts only if the unchanged program breaks no rule under it. What no schedule shows is tried with the
 * engine's own tests, and the table says so. Exit code 1 when something was found by nothing.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build, mutated, ROOT, source, write } from "./build.ts";
import { GENERATED_MAX, huntGenerated } from "./generated.ts";
import { MUTATIONS } from "./list.ts";
import type { Bag, Hunt, Mutation } from "./mutation.ts";

/** For one mutation's schedules, s. */
const SECONDS_MAX = Number(optionOf("seconds") ?? "60");

interface Result {
  readonly mutation: Mutation;
  /** A checker, "unit tests", or undefined: nothing. */
  readonly by: string | undefined;
  readonly where: string;
  readonly schedules: number;
  readonly seconds: number;
  readonly detail: string;
}

function optionOf(name: string): string | undefined {
  return process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
}

function spell(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}

function hunt(directory: string, hunts: readonly Hunt[]): Bag {
  const parameters = ["hunt.js", join(directory, "dist"), JSON.stringify(hunts, spell), `${SECONDS_MAX}`];
  const timeout = 2_000 * SECONDS_MAX;
  try {
    const output = execFileSync("node", parameters, { cwd: directory, encoding: "utf8", timeout });
    return JSON.parse(output.trim().split("\n").at(-1)!) as Bag;
  } catch (error) {
    const [hunted] = hunts;
    const detail = error instanceof Error ? error.message.slice(0, 200) : String(error);
    const { profile, nodes } = hunted!;
    return {
      found: { checker: "process ended or hung", detail, seed: -1, hunt: 0, profile, nodes },
      schedules: 0,
    };
  }
}

/** What fails anyway shows nothing: the tests count only if the unchanged source passes them here. */
let testsPass: boolean | undefined;

function testsShow(directory: string, texts: ReadonlyMap<string, string>): boolean {
  if (process.argv.includes("--no-tests")) return false;
  testsPass ??= !failsTests(directory, new Map());
  if (!testsPass)
    throw new Error("the tests of the engine fail, or take too long, with the unchanged source");
  return failsTests(directory, texts);
}

/** Whether the tests of the engine fail with the mutated source. */
function failsTests(directory: string, texts: ReadonlyMap<string, string>): boolean {
  for (const path of ["test", "vitest.config.ts", "tsconfig.json", "genesis"]) {
    cpSync(join(ROOT, path), join(directory, path), { recursive: true });
  }
  const originals = [...texts.keys()].map((file) => [file, source(directory, file)] as const);
  for (const [file, text] of texts) writeFileSync(join(directory, "src", file), text);
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const parameters = [vitest, "run", "--bail", "1", "--root", directory, "test/consensus"];
  const { status, error } = spawnSync("node", parameters, {
    cwd: directory,
    encoding: "utf8",
    timeout: 180_000,
  });
  for (const [file, text] of originals) writeFileSync(join(directory, "src", file), text);
  // Tests that did not end in time have shown nothing.
  return error === undefined && status === 1;
}

/** Generated schedules alone: their number is what is asked. */
async function tryGenerated(directory: string, mutation: Mutation): Promise<Result> {
  const started = performance.now();
  const most = Number(optionOf("generated") ?? GENERATED_MAX);
  const options = {
    schedules: most,
    seed: Number(optionOf("seed") ?? "0"),
    jobs: Number(optionOf("jobs") ?? "2"),
    secondsMax: Number(optionOf("seconds") ?? "600"),
  };
  const texts = mutated(directory, mutation);
  for (const [file, text] of texts) write(directory, file, text);
  const { found, schedules } = await huntGenerated(directory, options);
  for (const file of texts.keys()) write(directory, file, source(directory, file));
  const seconds = (performance.now() - started) / 1_000;
  if (found === undefined) return { mutation, by: undefined, where: "", schedules, seconds, detail: "" };
  const { checker, detail, seed, profile, nodes } = found;
  const where = `${profile}, n = ${nodes}, seed ${seed}`;
  const control = await huntGenerated(directory, { ...options, only: schedules - 1 });
  if (control.found !== undefined) {
    const blamed = `the unchanged program breaks a rule too: ${control.found.detail}`;
    return { mutation, by: undefined, where, schedules, seconds, detail: blamed };
  }
  return { mutation, by: checker, where, schedules, seconds, detail };
}

function tryOne(directory: string, mutation: Mutation): Result {
  const started = performance.now();
  const texts = mutated(directory, mutation);
  for (const [file, text] of texts) write(directory, file, text);
  const { found, schedules } = hunt(directory, mutation.hunts);
  for (const file of texts.keys()) write(directory, file, source(directory, file));
  const seconds = () => (performance.now() - started) / 1_000;
  if (found === undefined) {
    const by = testsShow(directory, texts) ? "unit tests" : undefined;
    return { mutation, by, where: "", schedules, seconds: seconds(), detail: "" };
  }
  const { checker, seed, profile, nodes, detail } = found;
  const where = `${profile}, n = ${nodes}, seed ${seed}`;
  const took = seconds();
  // Without a seed the whole hunt is the control.
  const control = seed < 0 ? mutation.hunts : [{ ...mutation.hunts[found.hunt]!, seed, schedules: 1 }];
  const wrong = hunt(directory, control).found;
  if (wrong !== undefined) {
    const blamed = `the unchanged program breaks a rule too: ${wrong.detail}`;
    return { mutation, by: undefined, where, schedules, seconds: took, detail: blamed };
  }
  return { mutation, by: checker, where, schedules, seconds: took, detail };
}

function show({ mutation, by, where, schedules, seconds, detail }: Result): string {
  const verdict = by ?? (mutation.redundant === undefined ? "NOT FOUND" : "nothing (redundant)");
  return `${verdict.padEnd(20)} ${mutation.rule.padEnd(22)} ${mutation.name}\n${" ".repeat(21)}${schedules} schedules, ${seconds.toFixed(1)} s, ${where}  ${detail.split("\n")[0]!.slice(0, 110)}`;
}

function markdown(results: readonly Result[]): string {
  const rows = results.map(({ mutation, by, where, schedules, seconds }) => {
    const { name, rule, redundant } = mutation;
    const finder = by ?? (redundant === undefined ? "**not found**" : `nothing: ${redundant}`);
    return `| ${rule} | ${name} | ${finder} | ${where} | ${schedules} | ${seconds.toFixed(1)} |`;
  });
  return [
    "| rule | taken out | found by | schedule | schedules | s |",
    "|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

const isGenerated = process.argv.some((word) => word === "--generated" || word.startsWith("--generated="));

async function listed(): Promise<readonly Mutation[]> {
  const file = optionOf("list");
  if (file === undefined) return MUTATIONS;
  const { MUTATIONS: other } = await import(pathToFileURL(resolve(file)).href);
  return other as readonly Mutation[];
}

const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const chosen = (await listed()).filter(
  ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
);
const directory = mkdtempSync(join(tmpdir(), "quorate-mutations-"));
const results: Result[] = [];
try {
  build(directory);
  for (const mutation of chosen) mutated(directory, mutation); // all texts are there, before anything takes time
  for (const mutation of chosen) {
    const result = isGenerated ? await tryGenerated(directory, mutation) : tryOne(directory, mutation);
    results.push(result);
    console.log(show(result));
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
if (process.argv.includes("--markdown")) console.log(markdown(results));
const lost = results.filter(({ by, mutation }) => by === undefined && mutation.redundant === undefined);
const simulated = results.filter(({ by }) => by !== undefined && by !== "unit tests").length;
console.log(`${simulated} of ${results.length} found by the simulator, ${lost.length} by nothing`);
process.exitCode = lost.length === 0 ? 0 : 1;
