/**
 * Runs the lab's pieces of work on threads, with a progress bar. Answers in the order of the pieces, whatever thread
 * did them and when.
 */
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { JobRunner, type JobTally, type LabJob } from "../../tools/lab/jobs.ts";
import { startBar } from "../bar.ts";
import type { Output } from "../output.ts";
import { runThread } from "../run-thread.ts";
import type { LabTask } from "./lab-worker.ts";

interface Answer {
  readonly index: number;
  readonly tally: JobTally;
}

/** @param format is that of the progress bar. */
export async function runJobs(
  out: Output,
  jobs: readonly LabJob[],
  threads: number,
  format: string,
): Promise<JobTally[]> {
  const tallies: JobTally[] = [];
  const bar = startBar(out, jobs.length, format);
  let done = 0;
  const receive = ({ index, tally }: Answer) => {
    tallies[index] = tally;
    bar?.update(++done);
  };
  const workers = Math.min(threads, jobs.length);
  try {
    if (workers > 1) {
      const apart = Array.from({ length: workers }, (_, worker) =>
        runApart({ jobs, worker, workers }, receive),
      );
      await Promise.all(apart);
    } else await runHere(jobs, receive);
  } finally {
    bar?.stop();
  }
  return tallies;
}

async function runHere(jobs: readonly LabJob[], receive: (answer: Answer) => void): Promise<void> {
  const runner = new JobRunner();
  for (const [index, job] of jobs.entries()) {
    receive({ index, tally: await runner.run(job) });
    // Virtual time takes no turn of the event loop: signals and the progress bar wait for this one.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function runApart(task: LabTask, receive: (answer: Answer) => void): Promise<void> {
  const path = new URL(`./lab-worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url);
  return runThread(path, task, receive);
}
