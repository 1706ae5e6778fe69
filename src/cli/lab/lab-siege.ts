/** `quorate lab siege`: a network of real processes is attacked (src/tools/lab/siege/siege.ts; the scenes are siege-scene.ts's). */
import { type Command, InvalidArgumentError } from "commander";
import { SIEGE_HEAD, siegeCells, siegeReport } from "../../tools/lab/report/siege-report.ts";
import {
  attackersOf,
  playScenes,
  SIEGE_ATTACKS,
  SIEGE_LIMITS,
  SIEGE_MODES,
  type SiegeAttack,
  type SiegeMode,
  type SiegeResult,
  type SiegeScene,
  scenesOf,
  siegeVerdict,
} from "../../tools/lab/siege/siege.ts";
import { integer, list, withDefault } from "../arguments.ts";
import { BenchRun } from "../bench/bench-run.ts";
import { leaf } from "../command.ts";
import { badInput, EXIT, Finished } from "../exit.ts";
import { type Output, showDuration } from "../output.ts";
import { checkNamedFolder } from "../output-folder.ts";
import { table } from "../table.ts";
import { writeLabFiles } from "./lab-files.ts";
import { playScene } from "./siege-scene.ts";

interface Options {
  readonly seconds: number;
  readonly mode: readonly SiegeMode[];
  readonly attack: readonly SiegeAttack[];
  readonly out: string;
  readonly in?: string;
  readonly keep?: boolean;
}

const SECONDS_MAX = 3_600;

export function addSiege(lab: Command): void {
  leaf<Options>(
    lab,
    "siege",
    "attack a network of real processes: strangers, peers, a validator, RPC clients, web pages",
    (command) =>
      command
        .option("--seconds <s>", "length of each attack", integer(1, SECONDS_MAX), 10)
        .addOption(
          withDefault("--mode <list>", `some of ${SIEGE_MODES.join(", ")}`, choices(SIEGE_MODES), [
            SIEGE_MODES,
            "both",
          ]),
        )
        .addOption(
          withDefault("--attack <list>", `some of ${SIEGE_ATTACKS.join(", ")}`, choices(SIEGE_ATTACKS), [
            SIEGE_ATTACKS,
            "each",
          ]),
        )
        .option("-o, --out <dir>", "folder for results and report", "lab-out")
        .option("--in <dir>", "where the temporary folder is made")
        .option("--keep", "leave that folder, with the nodes' logs"),
    ({ out, options }) => besiege(out, options),
  );
}

/** Words of a list, each once, in the order of the choices. */
function choices<Word extends string>(words: readonly Word[]): (text: string) => readonly Word[] {
  return (text) => {
    const given = list(text);
    const unknown = given.find((word) => !(words as readonly string[]).includes(word));
    if (unknown !== undefined || given.length === 0) {
      throw new InvalidArgumentError(`expected some of ${words.join(", ")}, separated by commas.`);
    }
    return words.filter((word) => given.includes(word));
  };
}

async function besiege(out: Output, options: Options): Promise<void> {
  const { seconds, mode: modes, attack: attacks, out: dir, in: parent, keep = false } = options;
  const scenes = scenesOf(modes, attacks);
  if (scenes.length === 0) {
    throw badInput(
      `--attack ${attacks.join(",")}: no such attack in ${modes.join(",")} mode: nobody votes there`,
    );
  }
  if (parent !== undefined) checkNamedFolder("--in", parent);
  const started = performance.now();
  const bench = new BenchRun(out);
  const play = (scene: SiegeScene) => playScene(bench, scene, { seconds, in: parent, keep });
  const results = await bench.complete(() => playScenes(scenes, play, () => bench.signal.aborted));
  const isMatch = results.every((result) => result.isMatch);
  const found = {
    experiment: "siege",
    options: { seconds, modes, attacks },
    limits: SIEGE_LIMITS,
    isMatch,
    attacks: results,
  };
  const command = `quorate lab siege --seconds ${seconds} --mode ${modes.join(",")} --attack ${attacks.join(",")}`;
  const tookMs = performance.now() - started;
  const report = writeLabFiles(dir, {
    results: found,
    rows: results.map(rowOf),
    report: siegeReport(results, command),
    timing: { seconds: Number((tookMs / 1_000).toFixed(3)) },
  });
  const lines = [
    ...table(
      [...SIEGE_HEAD, ""],
      results.map((one) => [...siegeCells(one), one.isMatch ? out.tick : out.cross]),
    ),
    `${isMatch ? out.tick : out.cross} ${siegeVerdict(results)}`,
    `  ${counted(results.length, "scene")} with ${counted(countAttackers(results), "attacker")} in ${showDuration(tookMs)}`,
    `  ${report}`,
  ];
  out.result({ ...found, report }, lines);
  if (!isMatch) throw new Finished(EXIT.failedCheck);
}

/** Makes a row of results.csv, which leaves out what is a table of its own. */
function rowOf({ broken, failures: _, nodes: __, traffic: ___, processor, ...row }: SiegeResult) {
  const { cores, nodes, attackers, machine } = processor;
  return {
    ...row,
    broken: broken.join("; "),
    cores,
    nodesCpuSeconds: nodes,
    attackersCpuSeconds: attackers,
    machineCpuSeconds: machine,
  };
}

function countAttackers(results: readonly SiegeResult[]): number {
  return results.reduce((sum, { mode, name }) => sum + attackersOf(mode, name).length, 0);
}

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
