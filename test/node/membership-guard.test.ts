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
  return { harms: guard.harms(call), notes: guard.notes(call) };
}

const nothing = { harms: { ok: true, value: [] }, notes: [] };

describe("the guard of a rotation", () => {
  it.each([
    [1, []],
    [2, []],
    [4, [3]],
  ])("has nothing against it at any node of %i, those not down %j", async (members, down) => {
    await start(members + 1, members, down);
    const up = [...Array(members).keys()].filter((node) => !down.includes(node as never));
    for (const at of up)
      for (const seat of up) expect(asked(at, net.replace(seat, members))).toEqual(nothing);
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

describe("the guard of a change", () => {
  it("says once what is so after it and at the end of this epoch, with the figures and the names", async () => {
    await start(5, 4, [2, 3]);
    for (const change of [net.replace(0, 4), { kind: "set", parameter: "epochLength", value: 32 }] as const)
      expect(asked(0, change).harms).toEqual({
        ok: true,
        value: [
          "at the end of this epoch, whose last checkpoint its members must sign, and after this change 3 of 4 validators must agree, and of them 2 are heard now (not heard: node2, node3): the chain would stand",
        ],
      });
    // These are two sets with figures of their own.
    expect(asked(0, net.remove(1)).harms).toMatchObject({
      value: [
        expect.stringMatching(/^after this change 2 of 3 .* 1 are heard now/),
        expect.stringMatching(/^at the end of this epoch, .* 3 of 4 .* 2 are heard now/),
      ],
    });
  });

  it("lets a member that is down be removed, and notes what the others no longer tolerate", async () => {
    await start(5, 4, [3]);
    expect(asked(0, net.remove(3))).toEqual({
      ...nothing,
      notes: [
        "without node3 3 validators remain, of whom 2 must agree and 3 are heard now: if 2 of them are away the chain stands, and none may be faulty (4 tolerate one)",
      ],
    });
    expect(asked(0, net.remove(2))).toMatchObject({
      harms: { value: [expect.stringMatching(/^without node2 3 validators remain.*\(not heard: node3\)/)] },
      notes: [],
    });
  });

  it("notes of the last member that it decides alone", async () => {
    await start(2, 2);
    expect(asked(0, net.remove(1))).toEqual({
      ...nothing,
      notes: ["without node1 1 validator remains: it alone decides, and without it the chain stands"],
    });
  });
});
