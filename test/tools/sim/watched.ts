/** A small cluster with its checkers, and a place between the two where a test can tell lies. */
import { Checkers } from "../../../src/tools/sim/checkers/checkers.ts";
import { Cluster, type ClusterOptions } from "../../../src/tools/sim/cluster.ts";
import type { Observer } from "../../../src/tools/sim/observer.ts";
import { signatureWorld } from "../../../src/tools/sim/signatures.ts";
import { World } from "../../../src/tools/sim/world.ts";

export const SETTINGS = {
  statusIntervalMs: 200,
  blockTimeMs: 0,
  emptyBlocksMs: undefined,
  requestTimeoutMs: 400,
  timeoutMaxMs: 3_200,
  resendIntervalMs: 200,
  fairnessTimeoutMs: 1_500,
};

const TIMING = { delayMsMin: 1, delayMsMax: 10, tail: 0, tailMs: 0, stepMs: 1, settledDelayMsMax: 10 };

export interface Watched {
  readonly world: World;
  readonly cluster: Cluster;
  readonly checkers: Checkers;
}

/** @param lie what the checkers are told instead; the default is the truth */
export function watched(
  lie: (truth: Observer) => Observer = (truth) => truth,
  options: Partial<ClusterOptions> & { readonly validators?: number } = {},
  observers: readonly Observer[] = [],
): Watched {
  const consensus = { checkpointInterval: 2, logWindow: 4, pipelineDepth: 1, rotationInterval: 0 };
  const world = new World(
    { validators: options.validators ?? 4, accounts: 4, balance: 1_000n, consensus },
    signatureWorld("ideal"),
  );
  const checkers = new Checkers(world);
  const cluster = new Cluster(
    { world, seed: 1, settings: SETTINGS, syncIntervalMs: 500, timing: TIMING, gstMs: 0, ...options },
    [...observers, lie(checkers.observer)],
  );
  checkers.watch(cluster);
  return { world, cluster, checkers };
}

/** Starts all and hands in `count` transfers, one each 20 ms. */
export async function transferring({ world, cluster }: Watched, count: number): Promise<void> {
  cluster.start();
  for (let i = 0; i < count; i++) {
    await cluster.time.run(cluster.time.nowMs + 20);
    for (const { id } of cluster.nodes) cluster.submit(id, world.transfer(0, 1, 1n, BigInt(i)));
  }
  await cluster.time.run(cluster.time.nowMs + 500);
}
