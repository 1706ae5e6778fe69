/** Four real processes change their primary: it is killed under load, then each validator in turn, then two at once. */
import { describe, expect, inject, it } from "vitest";
import { commonHead, Load } from "../load.ts";
import { Devnet, quorate, until } from "../processes.ts";

const devnet = new Devnet(inject("devnet"));

interface ConsensusState {
  readonly view: number;
  readonly primary: number;
  readonly mode: string;
}

const stateOf = (node: number) => devnet.rpc<ConsensusState>(node, "consensus_getState");

async function finalEverywhere(hashes: readonly string[]): Promise<void> {
  await until(() => commonHead(devnet), "all level");
  for (const node of [0, 1, 2, 3]) {
    for (const hash of hashes)
      expect(await devnet.rpc(node, "tx_get", { hash })).toMatchObject({ status: "final" });
  }
}

describe("a devnet of four validators", () => {
  it("goes on when the primary is killed under load, then each validator in turn, and loses nothing", async () => {
    const load = new Load(devnet, ["carol", "dave", "erin"]);
    await load.grows(3);
    const { primary, view } = await stateOf(0);
    for (const node of [0, 1, 2, 3].map((i) => (primary + i) % 4)) {
      await devnet.act(node, "kill");
      await load.grows(3);
      if (node === primary) expect((await stateOf((node + 1) % 4)).view).toBeGreaterThan(view);
      await devnet.act(node, "restart");
      await until(() => commonHead(devnet), `node${node} has caught up`);
    }
    await finalEverywhere(await load.end());
  });

  it("halts with two away and says so, and goes on by itself when one is back", async () => {
    const load = new Load(devnet, ["carol"]);
    await load.grows(1);
    const { primary } = await stateOf(0);
    const [first, second] = [primary, (primary + 1) % 4];
    const survivor = (primary + 2) % 4;
    await Promise.all([first, second].map((node) => devnet.act(node, "kill")));
    const explained = await until(async () => {
      const outcome = await quorate("explain", "--rpc", devnet.rpcUrl(survivor));
      return outcome.stdout.includes("NO QUORUM") && outcome;
    }, "it says that it has no quorum");
    expect(explained).toMatchObject({ code: 1 });
    expect(explained.stdout).toContain("2 of 4");
    await devnet.act(second, "restart");
    await load.grows(2);
    await devnet.act(first, "restart");
    await finalEverywhere(await load.end());
  });
});
