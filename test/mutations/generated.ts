/**
 * How many generated schedules it takes to find a mutation: all profiles in turn, seed after seed, none of them made
 * for the rule that is missing. Several processes share the numbers; the lowest that shows a violation counts.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Bag, Found, GeneratedTask } from "./mutation.ts";

/** Schedules for one mutation, unless it is said otherwise. */
export const GENERATED_MAX = 1_000;
/** A process that tells nothing for so long hangs, ms: a schedule takes some ten of them. */
const SILENCE_MS_MAX = 90_000;

export interface GeneratedOptions {
  readonly schedules: number;
  readonly seed: number;
  readonly jobs: number;
  readonly secondsMax: number;
  /** Plays this number alone. */
  readonly only?: number;
}

/** @returns what was found, and the number of schedules up to it: all of them when nothing was found */
export async function huntGenerated(directory: string, options: GeneratedOptions): Promise<Bag> {
  const { schedules, seed, only } = options;
  const workers = only === undefined ? options.jobs : 1;
  const first = only ?? 0;
  const tasks = Array.from({ length: workers }, (_, worker): GeneratedTask => {
    return { seed, from: first + worker, step: workers, to: only === undefined ? schedules : only + 1 };
  });
  const hunt = new Hunted();
  const reached = await Promise.all(tasks.map((task) => hunt.play(directory, task, options.secondsMax)));
  if (hunt.best !== undefined) return { found: hunt.best.found, schedules: hunt.best.index + 1 };
  return { found: undefined, schedules: reached.reduce((sum, count) => sum + count, 0) };
}

interface Line {
  readonly index: number;
  readonly found?: Found;
}

class Hunted {
  best: { readonly index: number; readonly found: Found } | undefined;

  /** @returns how many schedules it has played */
  play(directory: string, task: GeneratedTask, secondsMax: number): Promise<number> {
    const child = spawn("node", ["hunt.js", join(directory, "dist"), "generated", JSON.stringify(task)], {
      cwd: directory,
      stdio: ["ignore", "pipe", "ignore"],
    });
    let next = task.from;
    let isOver = false;
    const end = () => {
      isOver = true;
      child.kill("SIGKILL");
    };
    const deadline = setTimeout(end, 1_000 * secondsMax);
    const hangs = () => {
      this.#note(next, ended("tells nothing any more", task.seed + next));
      end();
    };
    let silence = setTimeout(hangs, SILENCE_MS_MAX);
    createInterface({ input: child.stdout }).on("line", (line) => {
      const { index, found } = JSON.parse(line) as Line;
      clearTimeout(silence);
      silence = setTimeout(hangs, SILENCE_MS_MAX);
      next = index + task.step;
      if (found !== undefined) this.#note(index, found);
      if (this.best !== undefined && next > this.best.index) end();
    });
    return new Promise((resolve) => {
      child.once("close", (code) => {
        clearTimeout(deadline);
        clearTimeout(silence);
        if (!isOver && code !== 0) this.#note(next, ended(`ends with code ${code}`, task.seed + next));
        resolve(Math.max(0, Math.ceil((Math.min(next, task.to) - task.from) / task.step)));
      });
    });
  }

  #note(index: number, found: Found): void {
    if (this.best === undefined || index < this.best.index) this.best = { index, found };
  }
}

function ended(detail: string, seed: number): Found {
  return { checker: "process ended or hung", detail, seed, hunt: 0, profile: "generated", nodes: 0 };
}
