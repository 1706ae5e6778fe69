/** A worker of `quorate lab`: does the pieces whose index is its own modulo the number of workers, and tells each. */
import { parentPort, workerData } from "node:worker_threads";
import { must } from "../../base/assert.ts";
import { JobRunner, type LabJob } from "../../tools/lab/jobs.ts";

export interface LabTask {
  readonly jobs: readonly LabJob[];
  readonly worker: number;
  readonly workers: number;
}

const { jobs, worker, workers } = workerData as LabTask;
const runner = new JobRunner();
for (let index = worker; index < jobs.length; index += workers) {
  parentPort?.postMessage({
    index,
    tally: await runner.run(must(jobs[index], "the index is below the number of jobs")),
  });
}
