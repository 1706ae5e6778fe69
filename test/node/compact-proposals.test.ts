/**
 * Whole replicas that propose by hashes. Goal: with every transaction in every pool nothing is asked and no body travels; without
 * gossip the primary brings them before any timer ends; who withholds them is replaced; and a validator of the release
 * before is sent whole blocks. Method: clusters on virtual time, counting what is mailed.
 */
import { afterEach, describe, expect, it } from "vitest";
import {
  MAIL_BLOCK_TRANSACTIONS,
  MAIL_COMPACT_PROPOSAL,
  MAIL_WANTED_TRANSACTIONS,
} from "../../src/node/ingress/packet.ts";
import { generateSchedule } from "../../src/tools/sim/generate.ts";
import { runSchedule } from "../../src/tools/sim/run.ts";
import type { AdversarySpec } from "../../src/tools/sim/schedule.ts";
import { SETTINGS } from "../consensus/pbft/cluster.ts";
import { Cluster } from "./cluster.ts";

const ALWAYS = { bytesMin: 0, freshMs: 0, askMs: 50 };

let cluster: Cluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  expect(cluster?.failures ?? []).toEqual([]);
  cluster = undefined;
});

async function running(
  compactProposals = ALWAYS,
  prepare = (_: Cluster): void => undefined,
): Promise<Cluster> {
  cluster = new Cluster({ compactProposals });
  prepare(cluster);
  await cluster.start();
  return cluster;
}

function submit(net: Cluster, count: number, to: (nonce: number) => number): void {
  for (let nonce = 0; nonce < count; nonce++) {
    const { bytes } = net.transfer(0, BigInt(nonce), net.people[1]!.publicKey);
    expect(net.replica(to(nonce)).submit(bytes).ok).toBe(true);
  }
}

/** Executed by all of them. */
function final(net: Cluster, count: number): Promise<boolean> {
  const key = net.people[0]!.publicKey;
  return net.until(() =>
    [...net.replicas.values()].every(
      (replica) => replica.pool.pendingNonce(key) === BigInt(count) && replica.pool.size === 0,
    ),
  );
}

const kindsOf = ({ ether }: Cluster) =>
  [MAIL_COMPACT_PROPOSAL, MAIL_WANTED_TRANSACTIONS, MAIL_BLOCK_TRANSACTIONS].map(
    (kind) => ether.kinds.get(kind) ?? 0,
  );

describe("four replicas that propose by hashes", () => {
  it("ask for nothing where gossip was there before the proposal", async () => {
    const net = await running();
    // The primary gets each by gossip as the others do, and so at the same time.
    submit(net, 6, () => 2);
    expect(await final(net, 6)).toBe(true);
    const heights = Number(net.replica(0).chain.head.summary.height);
    expect(kindsOf(net)).toEqual([3 * heights, 0, 0]);
    expect(net.replica(1).messageCounts()?.compact).toMatchObject({ received: heights, incomplete: 0 });
  });

  it("get from the primary what gossip has lost, before a timer ends", async () => {
    const net = await running(ALWAYS, ({ ether }) => {
      ether.losesTransactions = true;
    });
    const before = net.time.now();
    submit(net, 3, () => 0);
    expect(await final(net, 3)).toBe(true);
    expect(net.time.now() - before).toBeLessThan(SETTINGS.requestTimeoutMs);
    expect(net.replica(0).engineStatus()?.view).toBe(0n);
    const heights = Number(net.replica(0).chain.head.summary.height);
    expect(kindsOf(net)).toEqual([3 * heights, 3 * heights, 3 * heights]);
    expect(net.replica(1).messageCounts()?.compact.missing).toBe(3);
  });

  it("are sent what the primary has just got in full, and short proposals whole", async () => {
    for (const [settings, proposals] of [
      [{ ...ALWAYS, freshMs: 60_000 }, 0],
      [{ ...ALWAYS, bytesMin: 100_000 }, 0],
    ] as const) {
      const net = await running(settings, ({ ether }) => {
        ether.losesTransactions = true;
      });
      submit(net, 3, () => 0);
      expect(await final(net, 3)).toBe(true);
      expect(kindsOf(net)).toEqual([proposals, 0, 0]);
      await net.stop();
    }
  });

  it("send whole blocks to one of the release before", async () => {
    const net = await running(ALWAYS, ({ ether }) => ether.older.add(3));
    submit(net, 3, () => 2);
    expect(await final(net, 3)).toBe(true);
    const heights = Number(net.replica(0).chain.head.summary.height);
    expect(kindsOf(net)[0]).toBe(2 * heights);
    expect(net.replica(3).messageCounts()?.compact.received).toBe(0);
  });
});

describe("a primary that proposes by hashes and withholds the transactions", () => {
  it.each([[1], [2], [3]])(
    "holds nothing up for good: with %i victims, all that it was given becomes final",
    async (count) => {
      const withholds: AdversarySpec = {
        ...{
          id: "a0",
          validator: 0,
          kind: "withhold-transactions",
          atMs: 0,
          untilMs: Number.MAX_SAFE_INTEGER,
        },
        victims: [1, 2, 3].slice(0, count),
      };
      const calm = generateSchedule({ seed: 11, nodes: 4, byzantine: 1, profile: "calm" });
      const workload = calm.workload.map((submission) => ({ ...submission, node: 0 }));
      const compact = { freshMs: 0, askMs: 50 };
      const { violations, stats } = await runSchedule({
        ...calm,
        workload,
        compact,
        adversaries: [withholds],
      });
      expect(violations).toEqual([]);
      expect(stats.height).toBeGreaterThan(0n);
    },
  );
});
