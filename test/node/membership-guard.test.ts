/**
 * Goal: the guard of votes counts who is there by seats, whatever key a change gives them, and refuses what would stop the chain and
 * nothing else. Method: replicas on virtual time, of which one or two are down.
 */
import { afterEach, describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { Change } from "../../src/chain/governance/change.ts";
import { ReplicaMembership } from "../../src/node/api/membership-api.ts";
import { EpochNet } from "../../src/tools/sim/epochs/epoch-net.ts";

let net: EpochNet;
afterEach(() => net.cluster.stop());

/** @param nodes with a key @param members so many of them are in genesis @param down these crash once the others are level */
async function start(nodes: number, members: number, down: readonly number[] = []): Promise<void> {
  net = new EpochNet({ seed: 6, nodes, members, signatures: "ideal" });
  net.start();
  await net.until(() => net.height(0) >= 2n, 60_000);
  for (const node of down) net.cluster.crash(node);
  await net.until(() => false, 3_000);
}

function asked(at: number, change: Change) {
  const guard = must(ReplicaMembership.of(must(net.cluster.replica(at), "it is up")), "a chain with epochs");
  const call = { kind: "propose", change, isForced: false, note: new Uint8Array(0) } as const;
  return { harms: guard.harms(call) };
}

const nothing = { harms: { ok: true, value: [] } };

describe("the guard of a rotation", () => {
  it.each([
    [1, []],
    [2, []],
    [4, [3]],
  ])("has nothing against it at any node of %i, those not down %j", async (members, down) => {
    await start(members + 1, members, down);
    const up = [...Array(members).keys()].filter((node) => !down.includes(node as never));
    for (const at of up) for (const seat of up) expect(asked(at, net.replace(seat, members))).toEqual(nothing);
  });

  it("has nothing against another change while a new key waits for its epoch", async () => {
    await start(5, 4);
    expect(await net.decide(net.replace(0, 4), [0, 1, 2])).toBe(true);
    const { summary } = net.first.chain.head;
    await net.until(() => net.height(0) >= summary.height, 20_000);
    net.cluster.crash(3);
    expect(asked(0, { kind: "set", parameter: "epochLength", value: 32 })).toEqual(nothing);
    // This node's program is asked about itself, and not as a stranger.
    const { harms } = asked(0, { kind: "rules", version: 2 });
    expect(harms.ok ? harms.value.join("; ") : "").not.toMatch(/not known to this node to know .*node0/);
  });
});
