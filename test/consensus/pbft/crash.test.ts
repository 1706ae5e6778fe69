/**
 * Crash points. Goal: a replica that is killed after any single effect and started again from its journal never
 * signs two different votes for one place, and the cluster goes on. Method: a short run is counted effect by effect;
 * then it is run again once per effect of each replica, with the crash there. The cluster throws on a second vote.
 */
import { describe, expect, it } from "vitest";
import { Cluster, randomNumbers } from "./cluster.ts";
import { createFixture, type Fixture } from "./fixture.ts";
import type { Host } from "./host.ts";

/** Checkpoints come early, so that few heights pass one: the runs, and their number, grow with each height. */
const CHECKPOINT_INTERVAL = 2;

const heightOf = ({ changesViews }: Setting): bigint => (changesViews === true ? 3n : 4n);

interface Setting {
  readonly n: number;
  readonly pipelineDepth: number;
  readonly keepsUnsynced: boolean;
  /** Nothing is committed in view 0, so that view 1 carries its block over; a checkpoint then rotates to view 2. */
  readonly changesViews?: boolean;
}

/** Kinds of journal records, their second byte. */
const VIEW_CHANGE_RECORD = 4;
const NEW_VIEW_RECORD = 5;

const QUICK_TIMERS = { requestTimeoutMs: 300, resendIntervalMs: 200 };

function runWithCrash(
  fixture: Fixture,
  setting: Setting,
  replica: number,
  effect: number | undefined,
): Cluster {
  const height = heightOf(setting);
  const cluster = new Cluster(fixture, {
    seed: 5,
    targetHeight: height,
    settings: { statusIntervalMs: 200, ...(setting.changesViews === true ? QUICK_TIMERS : {}) },
  });
  if (setting.changesViews === true) {
    cluster.passes = (message) => message.type !== "commit" || message.view > 0n;
  }
  const host = cluster.hosts[replica]!;
  host.crashAfter = effect;
  host.keepsUnsynced = setting.keepsUnsynced;
  cluster.start();
  const up = () => host.engine !== undefined;
  // It comes back soon after, whenever that was; in the meantime the others may go on.
  cluster.run(() => !up() || cluster.reached(height), 20_000);
  if (!up()) cluster.after(50, () => host.start());
  const done = cluster.run(() => up() && cluster.reached(height), 60_000);
  if (!done) throw new Error(`stuck after a crash of ${replica} at effect ${effect}`);
  return cluster;
}

function crashEverywhere(setting: Setting, replicas: readonly number[]): number {
  const rotationInterval = setting.changesViews === true ? 1 : 0;
  const { n, pipelineDepth } = setting;
  const parameters = { checkpointInterval: CHECKPOINT_INTERVAL, pipelineDepth, rotationInterval };
  const fixture = createFixture(n, parameters);
  let runs = 0;
  for (const replica of replicas) {
    const undisturbed = runWithCrash(fixture, setting, replica, undefined);
    if (setting.changesViews === true) expect(viewsOf(undisturbed)).toEqual(new Set([2n]));
    const { effects } = undisturbed.hosts[replica]!;
    for (let effect = 1; effect <= effects; effect++, runs++) runWithCrash(fixture, setting, replica, effect);
  }
  return runs;
}

function viewsOf({ hosts }: Cluster): Set<bigint> {
  return new Set(hosts.map((host) => host.engine!.status().view));
}

describe("a crash after every single effect", () => {
  for (const keepsUnsynced of [false, true]) {
    const lost = keepsUnsynced ? "kept" : "lost";
    it(`of the primary or a backup, with unsynced records ${lost}, is harmless`, () => {
      const pipelineDepth = keepsUnsynced ? 1 : 4;
      const replicas = keepsUnsynced ? [2] : [0, 2];
      expect(crashEverywhere({ n: 4, pipelineDepth, keepsUnsynced }, replicas)).toBeGreaterThan(30);
    });
  }
  it("of a single validator is harmless", () => {
    expect(crashEverywhere({ n: 1, pipelineDepth: 2, keepsUnsynced: false }, [0])).toBeGreaterThan(30);
  });
  it("of one of two, who are both needed, is harmless", () => {
    expect(crashEverywhere({ n: 2, pipelineDepth: 1, keepsUnsynced: false }, [0, 1])).toBeGreaterThan(60);
  });
});

describe("a crash after every single effect of a run with a view change and a rotation", () => {
  const setting = { n: 4, pipelineDepth: 1, changesViews: true };
  for (const [who, replica, keepsUnsynced] of [
    ["the primary that is left", 0, false],
    ["the primary that opens the view", 1, false],
    ["the primary that opens the view", 1, true],
    ["a backup", 3, true],
  ] as const) {
    it(`of ${who}, with unsynced records ${keepsUnsynced ? "kept" : "lost"}, is harmless`, () => {
      expect(crashEverywhere({ ...setting, keepsUnsynced }, [replica])).toBeGreaterThan(40);
    });
  }

  it("of one of two, who are both needed, is harmless", () => {
    expect(crashEverywhere({ ...setting, n: 2, keepsUnsynced: false }, [0, 1])).toBeGreaterThan(80);
  });

  it("writes VIEW-CHANGE and NEW-VIEW before they leave, in a journal that tells both apart from votes", () => {
    const fixture = createFixture(4, { checkpointInterval: CHECKPOINT_INTERVAL, rotationInterval: 1 });
    const kinds = new Set<number>();
    const cluster = runWithCrash(fixture, { ...setting, keepsUnsynced: false }, 1, undefined);
    for (const host of cluster.hosts) for (const record of host.disk.journal) kinds.add(record[1]!);
    expect([...kinds]).toEqual(expect.arrayContaining([VIEW_CHANGE_RECORD, NEW_VIEW_RECORD]));
  });
});

describe("all replicas", () => {
  it("go on when they all crash at once, again and again", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const fixture = createFixture(4, { pipelineDepth: 4 });
      const cluster = new Cluster(fixture, { seed, targetHeight: 12n, loss: 0.05 }).start();
      for (let at = 40 + seed; at < 400; at += 60 + seed) {
        cluster.after(at, () => {
          for (const host of cluster.hosts) host.crash();
          for (const host of cluster.hosts) host.start();
        });
      }
      expect(cluster.run(() => cluster.reached(12n), 120_000)).toBe(true);
    }
  });

  it("commit the same chain when each crashes by itself, at any effect, also while it recovers", () => {
    for (let seed = 1; seed <= 16; seed++) runWithRandomCrashes(seed);
  });
});

/** Every replica crashes after an effect that the seed chooses and, once restarted, perhaps soon again. */
function runWithRandomCrashes(seed: number): void {
  const random = randomNumbers(seed);
  const fixture = createFixture(2 + (seed % 5), {
    pipelineDepth: [1, 2, 4, 8][seed % 4]!,
    rotationInterval: seed % 3,
  });
  const options = { seed, targetHeight: 8n, loss: 0.15, delayMs: 100 };
  const cluster = new Cluster(fixture, options);
  const arm = (host: Host, within: number) => {
    host.crashAfter = host.effects + 1 + Math.floor(random() * within);
    host.keepsUnsynced = random() < 0.5;
  };
  for (const host of cluster.hosts) arm(host, 150);
  const revive = () => {
    for (const host of cluster.hosts.filter((each) => each.engine === undefined)) {
      if (random() < 0.5) arm(host, 40);
      host.start();
    }
    cluster.after(500, revive);
  };
  cluster.start();
  revive();
  if (!cluster.run(() => cluster.reached(8n), 600_000)) throw new Error(`stuck with seed ${seed}`);
}
