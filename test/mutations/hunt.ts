/**
 * Plays the schedules of some hunts with a build of the program until a checker complains:
 *   hunt.js <directory of the build> <hunts as JSON> [seconds]
 *   hunt.js <directory of the build> generated <task as JSON>
 * prints one line of JSON, or one for each generated schedule. In a process of its own, since each mutation is another program.
 */
import { pathToFileURL } from "node:url";
import type { Bag, GeneratedTask, Hunt } from "./mutation.ts";

interface Build {
  readonly generate: typeof import("../../src/tools/sim/generate.ts");
  readonly run: typeof import("../../src/tools/sim/run.ts");
  readonly quorum: typeof import("../../src/consensus/pbft/quorum.ts");
  readonly epochs: typeof import("../../src/tools/sim/epochs/epoch-run.ts");
  readonly scales: typeof import("../../src/tools/sim/epochs/epoch-scale.ts");
  readonly transitions: typeof import("../../src/tools/sim/epochs/transition-run.ts");
}

async function load(directory: string): Promise<Build> {
  const from = (path: string) => import(pathToFileURL(`${directory}/${path}`).href);
  const [generate, run, quorum, epochs, scales, transitions] = await Promise.all(
    [
      "tools/sim/generate.js",
      "tools/sim/run.js",
      "consensus/pbft/quorum.js",
      "tools/sim/epochs/epoch-run.js",
      "tools/sim/epochs/epoch-scale.js",
      "tools/sim/epochs/transition-run.js",
    ].map(from),
  );
  return { generate, run, quorum, epochs, scales, transitions };
}

async function violationsOf(
  { epochs, scales, transitions, generate, run }: Build,
  { profile, nodes, byzantine, seed, directed }: Hunt & { readonly byzantine: number; readonly seed: number },
): Promise<readonly { readonly checker: string; readonly detail: string }[]> {
  switch (profile) {
    case "epochs":
    case "epochs-brief":
    case "epochs-short":
      return (await epochs.runEpochs({ seed, scale: scales.EPOCH_SCALES[profile] })).violations;
    case "transitions":
      return (await transitions.runTransition({ seed })).violations;
    default: {
      const generated = generate.generateSchedule({ seed, nodes, byzantine, profile });
      return (await run.runSchedule({ ...generated, ...directed })).violations;
    }
  }
}

async function hunt(build: Build, hunts: readonly Hunt[], secondsMax: number): Promise<Bag> {
  const started = performance.now();
  let schedules = 0;
  for (const [index, hunted] of hunts.entries()) {
    const { profile, nodes, seed: first = 0, schedules: most, directed } = hunted;
    const byzantine = hunted.byzantine ?? build.quorum.quorumOf(nodes).f;
    for (let seed = first; seed < first + most; seed++) {
      if (performance.now() - started > secondsMax * 1_000) return { found: undefined, schedules };
      const violations = await violationsOf(build, { ...hunted, byzantine, seed });
      schedules++;
      const [violation] = violations;
      if (violation === undefined) continue;
      const { checker, detail } = violation;
      const where = directed === undefined ? profile : `${profile}, directed`;
      return { found: { checker, detail, seed, hunt: index, profile: where, nodes }, schedules };
    }
  }
  return { found: undefined, schedules };
}

/** Amounts are bigints, written "1n". */
function revive(_key: string, value: unknown): unknown {
  return typeof value === "string" && /^[0-9]+n$/.test(value) ? BigInt(value.slice(0, -1)) : value;
}

/** What generated schedules are, in turn: profile and number of validators. */
const KINDS = [
  ["wide", 4],
  ["brief", 4],
  ["byzantine", 4],
  ["network", 4],
  ["wide", 4],
  ["crash", 4],
  ["brief", 5],
  ["mixed", 4],
  ["wide", 7],
  ["asynchronous", 4],
] as const;

async function generated({ generate, run, quorum }: Build, task: GeneratedTask): Promise<void> {
  for (let index = task.from; index < task.to; index += task.step) {
    const [profile, nodes] = KINDS[index % KINDS.length]!;
    const seed = task.seed + index;
    const byzantine = quorum.quorumOf(nodes).f;
    const { violations } = await run.runSchedule(
      generate.generateSchedule({ seed, nodes, byzantine, profile }),
    );
    const [violation] = violations;
    if (violation === undefined) console.log(JSON.stringify({ index }));
    else {
      const { checker, detail } = violation;
      console.log(JSON.stringify({ index, found: { checker, detail, seed, hunt: 0, profile, nodes } }));
      return;
    }
  }
}

const [, , directory = "", hunts = "[]", rest = "60"] = process.argv;
const loaded = await load(directory);
if (hunts === "generated") await generated(loaded, JSON.parse(rest) as GeneratedTask);
else console.log(JSON.stringify(await hunt(loaded, JSON.parse(hunts, revive) as Hunt[], Number(rest))));
