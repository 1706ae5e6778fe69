/** Four real processes change their primary: it is killed under load, then another validator, then two at once. */
import { describe, expect, inject, it } from "vitest";
import { hex0x } from "../../../src/base/bytes.ts";
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
  it("goes on when the primary is killed under load, then another validator, and loses nothing", async () => {
    const load = new Load(devnet, ["carol", "dave", "erin"]);
    await load.grows(3);
    const { primary, view } = await stateOf(0);
    for (const node of [primary, (primary + 2) % 4]) {
      await devnet.act(node, "kill");
      await load.grows(3);
      if (node === primary) expect((await stateOf((node + 1) % 4)).view).toBeGreaterThan(view);
      await devnet.act(node, "restart");
      await until(() => commonHead(devnet), `node${node} has caught up`);
    }
    await finalEverywhere(await load.end());
  });

  it("halts with two away and says so, calls a payment's outcome open, and goes on by itself when one is back", async () => {
    const load = new Load(devnet, ["carol"]);
    const judyHas = async () => {
      const address = hex0x(devnet.wallet("judy").address);
      return BigInt((await devnet.rpc<{ balance: string }>(survivor, "account_get", { address })).balance);
    };
    await load.grows(1);
    const { primary } = await stateOf(0);
    const [first, second] = [primary, (primary + 1) % 4];
    const survivor = (primary + 2) % 4;
    const before = await judyHas();
    await Promise.all([first, second].map((node) => devnet.act(node, "kill")));
    const explained = await until(async () => {
      const outcome = await quorate("explain", "--rpc", devnet.rpcUrl(survivor));
      return outcome.stdout.includes("NO QUORUM") && outcome;
    }, "it says that it has no quorum");
    expect(explained).toMatchObject({ code: 1 });
    expect(explained.stdout).toContain("2 of 4");
    const paid = await payThroughRestart(survivor);
    await devnet.act(second, "restart");
    await load.grows(2);
    await devnet.act(first, "restart");
    await until(async () => (await judyHas()) === before + 500n, "judy has the money");
    await finalEverywhere([...(await load.end()), paid]);
    expect(await judyHas()).toBe(before + 500n);
  });
});

/** No quorum, and the node restarts after it took the payment: nobody knows, and the command says so. Its hash. */
async function payThroughRestart(node: number): Promise<string> {
  const words = ["--from", "ivan", "--to", "judy", "--amount", "500", "--devnet", devnet.dir];
  const paying = quorate("tx", "transfer", ...words, "--rpc", devnet.rpcUrl(node));
  const address = hex0x(devnet.wallet("ivan").address);
  await until(async () => {
    const { nonce, pendingNonce } = await devnet.rpc<Record<string, number>>(node, "account_get", {
      address,
    });
    return pendingNonce! > nonce!;
  }, "the payment is in the pool");
  await devnet.act(node, "restart");
  const { code, stderr } = await paying;
  expect(code).toBe(5);
  expect(stderr).not.toContain("Nothing was sent");
  expect(stderr).toContain("It may still happen");
  return /quorate tx show (0x[0-9a-f]{64})/.exec(stderr)![1]!;
}
