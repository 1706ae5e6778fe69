/**
 * The database younger than the journal. Goal: a replica that lost its chain, whole or in part, and kept its journal
 * neither votes nor asks for a view before it could show what it has committed itself to, over any number of
 * restarts, and takes part again once it holds that. Method: a cluster of hosts whose chain is cut off by hand.
 */
import { describe, expect, it } from "vitest";
import { hex } from "../../../src/base/bytes.ts";
import type { PbftMessage } from "../../../src/consensus/pbft/message-verifier.ts";
import { Cluster } from "./cluster.ts";
import { createFixture } from "./fixture.ts";
import type { Host } from "./host.ts";

const SETTINGS = { statusIntervalMs: 200, requestTimeoutMs: 400, resendIntervalMs: 200 };
const [R, A, C, B] = [0, 1, 2, 3] as const;

/** Remembers what R has sent that binds it: votes and VIEW-CHANGEs, as text. */
class WatchedCluster extends Cluster {
  readonly sentByR = new Set<string>();

  override mail(...[from, to, bytes, message]: Parameters<Cluster["mail"]>): void {
    if (from === R && BINDING.includes(message.type)) this.sentByR.add(textOf(message));
    super.mail(from, to, bytes, message);
  }
}

function createCluster(targetHeight: bigint, checkpointInterval = 4): WatchedCluster {
  const fixture = createFixture(4, { checkpointInterval, logWindow: 2 * checkpointInterval });
  return new WatchedCluster(fixture, { seed: 3, targetHeight, settings: SETTINGS });
}

/** The chain ends at `height` from now on. */
function rollBack({ disk }: Host, height: number): void {
  disk.chain = disk.chain.slice(0, height + 1);
  if (height === 0) disk.checkpoint = undefined;
}

/** Kind of the record that says where the journal was cut. */
const ROTATED = 7;

function cutOf({ disk }: Host): bigint {
  const record = disk.journal.find(([, kind]) => kind === ROTATED);
  if (record === undefined) return 0n;
  return new DataView(record.buffer, record.byteOffset).getBigUint64(2);
}

const BINDING: readonly string[] = ["pre-prepare", "prepare", "commit", "view-change"];

function textOf(message: PbftMessage): string {
  const view = "view" in message ? message.view : 0n;
  const height = "height" in message ? message.height : 0n;
  const hash = "hash" in message ? hex(message.hash) : "";
  return `${message.type} view ${view} height ${height} ${hash}`;
}

/** R has the cut 8 in its journal and an empty chain; C stands at height 4 and is all that R can reach. */
function lostBelowTheCut(): WatchedCluster {
  const cluster = createCluster(5n);
  cluster.start();
  expect(cluster.run(() => cluster.reached(5n))).toBe(true);
  cluster.run(() => false, 1_000);
  cluster.linked = (from, to) => from !== C && to !== C;
  cluster.targetHeight = 11n;
  for (const host of cluster.hosts) host.reportPending();
  expect(cluster.run(() => cluster.reached(11n, [C]))).toBe(true);
  cluster.run(() => false, 1_000);
  const r = cluster.hosts[R]!;
  expect(cutOf(r)).toBe(8n);
  r.crash();
  rollBack(r, 0);
  cluster.linked = (from, to) => [R, C].includes(from as 0) && [R, C].includes(to as 0);
  r.start();
  return cluster;
}

describe("a replica whose chain is lost and whose journal is not", () => {
  it("does not write a lower cut when a lower checkpoint becomes stable on the way", () => {
    const cluster = lostBelowTheCut();
    const r = cluster.hosts[R]!;
    expect(cluster.run(() => r.engine!.status().stableCheckpoint === 4n, 10_000)).toBe(true);
    expect(cutOf(r)).toBe(8n);
  });

  it("stays silent after a second restart on the way, and after a third", () => {
    const cluster = lostBelowTheCut();
    const r = cluster.hosts[R]!;
    expect(cluster.run(() => r.engine!.status().stableCheckpoint === 4n, 10_000)).toBe(true);
    const before = cluster.sentByR.size;
    for (let restart = 0; restart < 2; restart++) {
      r.crash();
      r.start();
      cluster.run(() => false, 5_000);
    }
    // What it had sent it may send again; nothing else.
    expect(cluster.sentByR.size).toBe(before);
  });

  it("is not taken for one whose journal is old when its own certified votes come back to it", () => {
    const cluster = lostBelowTheCut();
    const r = cluster.hosts[R]!;
    expect(cluster.run(() => r.engine!.status().stableCheckpoint === 4n, 10_000)).toBe(true);
    r.crash();
    r.start();
    cluster.linked = () => true;
    expect(cluster.run(() => cluster.reached(11n), 20_000)).toBe(true);
    cluster.targetHeight = 14n;
    for (const host of cluster.hosts) host.reportPending();
    expect(cluster.run(() => cluster.reached(14n), 20_000)).toBe(true);
    expect(r.engine!.status().haltReason).toBeUndefined();
    expect(r.engine!.status().mode).toBe("normal");
  });
});

/**
 * R commits 5 by the COMMITs of the others alone, signs COMMIT on 6 and loses every block above `height`: 5 is a
 * hole below its own COMMIT.
 */
function holeBelowOwnCommit(height: number): WatchedCluster {
  const cluster = createCluster(4n);
  cluster.start();
  expect(cluster.run(() => cluster.reached(4n))).toBe(true);
  cluster.run(() => false, 1_000);
  cluster.passes = ({ type, from, ...rest }, _, to) => {
    if (!("height" in rest) || rest.height !== 5n) return true;
    if (type === "prepare" && to === R && from !== A) return false;
    return !(type === "commit" && from === R);
  };
  cluster.targetHeight = 6n;
  for (const host of cluster.hosts) host.reportPending();
  expect(cluster.run(() => cluster.reached(6n))).toBe(true);
  cluster.passes = () => true;
  const r = cluster.hosts[R]!;
  r.crash();
  rollBack(r, height);
  return cluster;
}

describe("a replica whose chain ends below its own COMMIT", () => {
  for (const [what, height] of [
    ["lost its whole chain", 0],
    ["lost the tail of its chain", 4],
  ] as const) {
    it(`neither votes nor asks for a view while its P would end before that COMMIT: it ${what}`, () => {
      const cluster = holeBelowOwnCommit(height);
      const r = cluster.hosts[R]!;
      const before = cluster.sentByR.size;
      // It reaches only B, which lags at the checkpoint.
      const b = cluster.hosts[B]!;
      b.crash();
      rollBack(b, 4);
      b.disk.journal = [];
      cluster.linked = (from, to) => [R, B].includes(from as 0) && [R, B].includes(to as 0);
      r.start();
      b.start();
      cluster.targetHeight = 9n;
      cluster.run(() => false, 10_000);
      expect(r.height).toBe(4n);
      expect(r.engine!.status().stableCheckpoint).toBe(4n);
      expect(cluster.sentByR.size).toBe(before);
    });

    it(`takes part again once the missing block is fetched: it ${what}`, () => {
      const cluster = holeBelowOwnCommit(height);
      const r = cluster.hosts[R]!;
      // A quorum needs it.
      cluster.hosts[B]!.crash();
      r.start();
      cluster.targetHeight = 9n;
      for (const host of cluster.hosts) host.reportPending();
      expect(cluster.run(() => cluster.reached(9n, [B]), 60_000)).toBe(true);
    });
  }
});

describe("a quorum of replicas that have all lost their chains", () => {
  it("takes part again when any node serves the blocks, though they catch up one after the other", () => {
    const cluster = createCluster(21n, 2);
    cluster.start();
    expect(cluster.run(() => cluster.reached(21n))).toBe(true);
    cluster.run(() => false, 1_000);
    // B is a source of blocks and no more.
    cluster.passes = (_, from, to) => from !== B && to !== B;
    const lost = [R, A, C].map((id) => cluster.hosts[id]!);
    for (const host of lost) {
      host.crash();
      rollBack(host, 0);
    }
    for (const host of lost) {
      host.start();
      cluster.sync(host, 21n);
      const synced = () => {
        if (host.height < 21n && host.height % 16n === 0n) cluster.sync(host, 21n);
        return host.height === 21n;
      };
      expect(cluster.run(synced, 10_000)).toBe(true);
      cluster.run(() => false, 1_000);
    }
    cluster.targetHeight = 24n;
    for (const host of lost) host.reportPending();
    expect(cluster.run(() => cluster.reached(24n, [B]), 20_000)).toBe(true);
  });
});
