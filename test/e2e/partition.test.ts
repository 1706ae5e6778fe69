/** A devnet in parts, as a user parts it: who is cut off hears nothing, also after a restart, and heal mends all. */
import { describe, expect, inject, it } from "vitest";
import type { DevnetReport } from "../../src/cli/devnetcontrol.ts";
import { Client } from "../../src/rpc/client.ts";
import { Devnet, until } from "./processes.ts";

const devnet = new Devnet(inject("devnet"));

async function report(...words: readonly string[]): Promise<DevnetReport> {
  const { code, stdout, stderr } = await devnet.control(...words, "--json");
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as DevnetReport;
}

/** Sends one unit from bob to carol by `node` and waits until it is final there. */
async function pay(node: number): Promise<string> {
  const bob = devnet.wallet("bob");
  const client = new Client(devnet.rpcUrl(node));
  const [chain, nonce] = await Promise.all([client.chain(), client.nextNonce(bob.address)]);
  const order = { chain, nonce, to: devnet.wallet("carol").address, amount: 1n };
  return (await client.send(bob.transfer(order), { wait: "final", timeoutMs: 20_000 })).txHash;
}

const statusOf = async (node: number, hash: string) =>
  (await devnet.rpc<{ status: string } | null>(node, "tx_get", { hash }))?.status;

describe("a parted devnet", () => {
  it("goes on without the one that is cut off, which keeps its side when restarted and catches up when healed", async () => {
    const { primary } = (await report("status")).nodes[0]!;
    const alone = [0, 1, 2, 3].filter((i) => i !== primary).at(-1)!;
    const others = [0, 1, 2, 3].filter((i) => i !== alone);
    const names = others.map((i) => `node${i}`);

    const parted = await report("partition", `node${alone}`);
    expect(parted.partition).toEqual([[`node${alone}`], names]);
    expect(parted.nodes.map((node) => node.cutOffFrom)).toEqual(
      [0, 1, 2, 3].map((i) => (i === alone ? names : [`node${alone}`])),
    );
    await until(async () => (await devnet.rpc<[]>(alone, "net_peers")).length === 0, "cut off");
    const hash = await pay(others[0]!);
    for (const i of others)
      await until(async () => (await statusOf(i, hash)) === "final", `final on node${i}`);
    expect(await statusOf(alone, hash)).toBeUndefined();

    await devnet.act(alone, "restart");
    expect(await devnet.rpc(alone, "net_info")).toMatchObject({ peers: 0 });
    expect((await devnet.rpc<{ blocked: [] }>(alone, "net_info")).blocked.length).toBe(3);
    expect(await statusOf(alone, hash)).toBeUndefined();
    expect((await devnet.control("status")).stdout).toContain("PARTITIONED");

    const healed = await report("heal");
    expect(healed.partition).toBeNull();
    await until(async () => (await statusOf(alone, hash)) === "final", "caught up");
  });

  it("refuses words that are no partition, and changes nothing", async () => {
    const refused = await devnet.control("partition", "0,1/1,2");
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("node1 stands in the groups twice"),
    });
    expect((await report("status")).partition).toBeNull();
  });
});
