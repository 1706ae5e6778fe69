/** The rules change at an epoch by a vote, and who does not know them stops before: whole replicas on virtual time. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { rulesState, UnknownRules } from "../../src/chain/governance/rules-version.ts";
import { ReplicaMembership } from "../../src/node/api/membership-api.ts";
import { EpochNet } from "../../src/tools/sim/epochs/epoch-net.ts";

let net: EpochNet;
let failures: { readonly node: number; readonly error: unknown }[];
afterEach(() => net.cluster.stop());

function start(known: readonly number[], members = known.length): void {
  failures = [];
  const failed = (node: number, error: unknown) => failures.push({ node, error });
  net = new EpochNet({ seed: 3, nodes: known.length, members, signatures: "ideal" }, [{ failed }]);
  for (const [node, version] of known.entries()) net.cluster.nodes[node]!.rulesKnown = version;
  net.start();
}

const standing = () => rulesState(net.first.chain.committed)!;

describe("rules that the validators vote in", () => {
  it("hold from the next epoch on; a node that does not know them stops at its end, and goes on with a program that does", async () => {
    start([2, 2, 2, 1]);
    await net.until(() => net.height(0) >= 2n, 10_000);
    expect(standing()).toEqual({ current: 1, next: 1, nextFrom: 17n });
    expect(await net.decide({ kind: "rules", version: 2 }, [0, 1, 2])).toBe(true);
    expect(standing()).toEqual({ current: 1, next: 2, nextFrom: 17n });
    expect(await net.until(() => net.height(0) >= 24n, 60_000)).toBe(true);
    expect(standing()).toEqual({ current: 2, next: 2, nextFrom: 33n });
    expect(failures.map(({ node }) => node)).toEqual([3]);
    expect(failures[0]?.error).toBeInstanceOf(UnknownRules);
    expect(String(failures[0]?.error)).toContain("rules 2 hold from height 17 on");
    net.cluster.crash(3);
    net.cluster.nodes[3]!.rulesKnown = 2;
    await net.cluster.start(3);
    expect(await net.until(() => net.height(3) >= 24n, 30_000)).toBe(true);
  });

  it("are taken back before they begin by a vote for those that hold, and never go backward", async () => {
    start([2, 2, 2, 2]);
    await net.until(() => net.height(0) >= 2n, 10_000);
    expect(await net.decide({ kind: "rules", version: 2 }, [0, 1, 2])).toBe(true);
    expect(await net.decide({ kind: "rules", version: 1 }, [0, 1, 2])).toBe(true);
    expect(standing()).toMatchObject({ current: 1, next: 1 });
    expect(await net.decide({ kind: "rules", version: 2 }, [0, 1, 2])).toBe(true);
    expect(await net.until(() => standing().current === 2, 60_000)).toBe(true);
    expect(await net.decide({ kind: "rules", version: 1 }, [0, 1, 2], 3_000)).toBe(false);
    expect(standing()).toMatchObject({ current: 2, next: 2 });
    expect(failures).toEqual([]);
  });

  it("are known to a newcomer, or the guard of who votes for it says that it would stop", async () => {
    start([2, 2, 2, 2, 1], 4);
    await net.until(() => net.height(0) >= 2n, 10_000);
    const harms = (rules: number | undefined) => {
      const change = net.add(4);
      if (change.kind !== "add") throw new Error("a newcomer is added");
      const { first } = net;
      const newcomer = {
        ...first.seatedPeers()[0]!,
        validator: undefined,
        peerId: change.member.peerId,
        rules,
      };
      const peers = vi.spyOn(first, "seatedPeers").mockReturnValue([...first.seatedPeers(), newcomer]);
      const call = { kind: "propose", change, isForced: false, note: new Uint8Array() } as const;
      const found = ReplicaMembership.of(first)?.harms(call);
      peers.mockRestore();
      return found;
    };
    expect(harms(undefined)).toEqual({ ok: true, value: [] });
    expect(await net.decide({ kind: "rules", version: 2 }, [0, 1, 2])).toBe(true);
    expect(harms(2)).toEqual({ ok: true, value: [] });
    expect(harms(1)).toEqual({
      ok: true,
      value: [
        "the newcomer node4 runs a program that knows rules 1 to 1, the chain has rules 2: it would stop",
      ],
    });
  });

  it("are warned of by name where programs do not know them", async () => {
    start([1, 1, 1, 1]);
    await net.until(() => net.height(0) >= 2n, 10_000);
    const harms = ReplicaMembership.of(net.first)?.harms({
      kind: "propose",
      change: { kind: "rules", version: 2 },
      isForced: false,
      note: new Uint8Array(),
    });
    expect(harms).toMatchObject({
      ok: true,
      value: [
        expect.stringContaining("this node's program knows rules 1 to 1"),
        expect.stringContaining("not known to this node to know rules 2"),
      ],
    });
  });
});
