/**
 * A worker of `quorate sim --jobs`: plays the runs of a campaign whose index is its own modulo the number of workers,
 * and tells each outcome.
 */
import { parentPort, workerData } from "node:worker_threads";
import { type Campaign, playOne } from "../../tools/sim/campaign.ts";
import { modulesFor } from "./sim-modules.ts";

export interface WorkerTask {
  readonly campaign: Campaign;
  readonly worker: number;
  readonly workers: number;
}

const { campaign, worker, workers } = workerData as WorkerTask;
const modules = await modulesFor(campaign);
for (let index = worker; index < campaign.schedules; index += workers) {
  parentPort?.postMessage(await playOne(campaign, index, { modules }));
}
