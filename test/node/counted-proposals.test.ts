/** Goal: what is decided is shown as it was decided, by the seats of then and with their names, whoever the members are now. */
import { expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import { hex0x } from "../../src/base/bytes.ts";
import { ReplicaMembership } from "../../src/node/api/membership-api.ts";
import { getProposals } from "../../src/rpc/methods/gov.ts";
import { EpochNet } from "../../src/tools/sim/epochs/epoch-net.ts";

it("gov_getProposals counts a decided proposal by the seats of then, and names who proposed, who voted and whose seat it is about", async () => {
  const net = new EpochNet({ seed: 7, nodes: 3, members: 1, signatures: "ideal" });
  try {
    net.start();
    await net.until(() => net.height(0) >= 2n, 20_000);
    const becomes = async (...names: readonly string[]) => {
      const isSo = () => net.governance.members.map(({ name }) => name).join() === names.join();
      expect(await net.until(isSo, 60_000)).toBe(true);
    };
    expect(await net.decide(net.add(1), [0])).toBe(true);
    await becomes("node0", "node1");
    expect(await net.decide(net.remove(1), [0, 1])).toBe(true);
    await becomes("node0");
    net.send(0, { kind: "propose", change: net.replace(0, 2), isForced: true, note: new Uint8Array(0) });
    await net.until(() => net.governance.nextMembers.some(({ name }) => name !== "node0"), 2_000);
    const { chain } = net.first;
    const api = { membership: () => ReplicaMembership.of(net.first), head: () => chain.head };
    const [replaced, removed, added] = await getProposals.call({ api } as never, { limit: 9 });
    const names = ({ votes }: { votes: { name: string | null }[] }) => votes.map(({ name }) => name);
    expect(added).toMatchObject({
      status: "approved",
      approve: 1,
      needed: 1,
      seat: "node1",
      proposerName: "node0",
    });
    expect(removed).toMatchObject({ status: "approved", approve: 2, needed: 2, seat: "node1" });
    expect(names(must(removed, "it was made"))).toEqual(["node0", "node1"]);
    expect(replaced).toMatchObject({
      approve: 1,
      needed: 1,
      seat: "node0",
      proposerName: "node0",
      forced: true,
    });
    expect(replaced?.change).toMatchObject({ publicKey: hex0x(net.member(0).publicKey) });
  } finally {
    await net.cluster.stop();
  }
});
