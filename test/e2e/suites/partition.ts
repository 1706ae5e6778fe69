/** A devnet in parts, as a user parts it: who is cut off hears nothing, also after a restart, and heal mends all. */
import { describe, expect, inject, it } from "vitest";
import type { DevnetReport } from "../../../src/cli/devnet/devnet-control.ts";
import { Client, type WaitFor } from "../../../src/sdk/client.ts";
import { Devnet, quorate, until } from "../processes.ts";

const devnet = new Devnet(inject("devnet"));

async function report(...words: readonly string[]): Promise<DevnetReport> {
  const { code, stdout, stderr } = await devnet.control(...words, "--json");
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as DevnetReport;
}

/** Sends one unit from bob to carol by `node`. */
async function begin(node: number, wait: WaitFor = "accepted") {
  const bob = devnet.wallet("bob");
  const client = new Client(devnet.rpcUrl(node));
  const [chain, nonce] = await Promise.all([client.chain(), client.nextNonce(bob.address)]);
  const order = { chain, nonce, to: devnet.wallet("carol").address, amount: 1n };
  return client.send(bob.transfer(order), { wait, timeoutMs: 20_000 });
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
    const { txHash: hash } = await begin(others[0]!, "final");
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

  it("halts in two halves and says so, and goes on by itself when healed", async () => {
    await report("partition", "0,1/2,3");
    const { txHash } = await begin(0);
    const status = await devnet.control("status");
    expect(status.stdout).toContain("NO QUORUM: 2 of 4 connected in the largest part, need 3");
    const one = await quorate("status", "--rpc", devnet.rpcUrl(2));
    expect(one.stdout).toContain("NO QUORUM: 2 of 4 validators online, need 3");
    expect(await statusOf(0, txHash)).toBe("pending");

    await report("heal");
    for (const i of [0, 1, 2, 3]) {
      await until(async () => (await statusOf(i, txHash)) === "final", `final on node${i}`);
    }
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
