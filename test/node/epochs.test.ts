import { afterEach, describe, expect, it } from "vitest";
import { EpochNet, type EpochNetOptions } from "../../src/tools/sim/epochs/epoch-net.ts";

let net: EpochNet;
/** Told of each consensus message: who sent it, and of which epoch it is. */
let watch: (node: number, epoch: bigint) => void;
/** Told of each CHECKPOINT: its epoch and height. */
let checkpoint: (epoch: bigint, height: bigint) => void;
afterEach(() => net.cluster.stop());

function start(options: Partial<EpochNetOptions> = {}): void {
  watch = () => undefined;
  checkpoint = () => undefined;
  net = new EpochNet({ seed: 1, nodes: 5, members: 4, ...options }, [
    {
      sent: (node, _, packet) => {
        if (packet[0] !== 1) return;
        const view = new DataView(packet.buffer, packet.byteOffset);
        watch(node, view.getBigUint64(3));
        if (packet[2] === 4) checkpoint(view.getBigUint64(3), view.getBigUint64(11));
      },
    },
  ]);
  net.start();
}

const epochOf = (node: number): bigint | undefined => net.cluster.replica(node)?.voting.epoch;
const inEpoch = (nodes: readonly number[], epoch: bigint) => () =>
  nodes.every((node) => (epochOf(node) ?? -1n) >= epoch);
const votes = (node: number): boolean => net.cluster.replica(node)?.self !== undefined;

describe("a chain with epochs", () => {
  it("turns from epoch to epoch although nobody changes anything", async () => {
    start({ nodes: 4 });
    expect(await net.until(inEpoch([0, 1, 2, 3], 3n), 60_000)).toBe(true);
    const { governance } = net;
    expect(governance.members.map(({ name }) => name)).toEqual(["node0", "node1", "node2", "node3"]);
    expect(net.first.chain.sealedBlockAt(16n)?.block.summary).toMatchObject({ epoch: 0n });
    expect(net.first.chain.sealedBlockAt(17n)?.block.summary).toMatchObject({ epoch: 1n });
  });

  it("stands on the last block of the one before: nobody signs in it for a height before it", async () => {
    start({ nodes: 4 });
    const lowest = new Map<bigint, bigint>();
    checkpoint = (epoch, height) => {
      if (height < (lowest.get(epoch) ?? height + 1n)) lowest.set(epoch, height);
    };
    expect(await net.until(inEpoch([0, 1, 2, 3], 2n), 60_000)).toBe(true);
    expect(lowest.get(0n)).toBe(4n);
    expect(lowest.get(1n)).toBe(20n);
  });

  it("takes a newcomer in by a vote, behind the second checkpoint after it, and it votes", async () => {
    start();
    await net.until(() => net.height(4) >= 2n, 10_000);
    expect(await net.decide(net.add(4), [0, 1, 2])).toBe(true);
    const end = net.governance.lastHeight;
    expect(end).toBeLessThan(17n);
    expect(votes(4)).toBe(false);
    expect(await net.until(inEpoch([0, 1, 2, 3, 4], 1n), 20_000)).toBe(true);
    expect(votes(4)).toBe(true);
    // With two of five down the other three are no quorum; with one they are, if the newcomer votes.
    net.cluster.crash(0);
    const before = net.height(4);
    expect(await net.until(() => net.height(4) >= before + 10n, 60_000)).toBe(true);
  });

  it("lets a member leave: it goes on as a full node, and the others agree without it", async () => {
    start({ nodes: 5, members: 5 });
    await net.until(() => net.height(4) >= 2n, 10_000);
    expect(await net.decide(net.remove(4), [0, 1, 2])).toBe(true);
    expect(await net.until(inEpoch([0, 1, 2, 3, 4], 1n), 20_000)).toBe(true);
    expect(votes(4)).toBe(false);
    expect(net.cluster.replica(4)?.engineStatus()).toBeUndefined();
    const before = net.height(4);
    expect(await net.until(() => net.height(4) >= before + 10n, 30_000)).toBe(true);
    expect(net.governance.members).toHaveLength(4);
  });

  it("is served by who was a member, 2K heights after it and later: a laggard meets no other node", async () => {
    start({ nodes: 5, members: 5 });
    await net.until(() => net.height(4) >= 2n, 10_000);
    expect(await net.decide(net.remove(4), [0, 1, 2])).toBe(true);
    const { lastHeight, epoch } = net.governance;
    const { network } = net.cluster;
    network.partition([[0, 1, 2, 4], [3]]);
    const { checkpointInterval } = net.world.genesis.consensus;
    const late = lastHeight + 2n * BigInt(checkpointInterval);
    expect(await net.until(() => net.height(4) > late, 30_000)).toBe(true);
    expect(votes(4)).toBe(false);
    expect(epochOf(3)).toBe(epoch);
    network.partition([
      [0, 1, 2],
      [3, 4],
    ]);
    const head = net.height(4);
    expect(await net.until(() => net.height(3) >= head && inEpoch([3], epoch + 1n)(), 30_000)).toBe(true);
    expect(votes(3)).toBe(true);
  });

  it("gives a seat another key without loss of the seat", async () => {
    start();
    await net.until(() => net.height(4) >= 2n, 10_000);
    expect(await net.decide(net.replace(1, 4), [0, 2, 3])).toBe(true);
    expect(await net.until(inEpoch([0, 1, 2, 3, 4], 1n), 20_000)).toBe(true);
    expect([0, 1, 2, 3, 4].map(votes)).toEqual([true, false, true, true, true]);
    const before = net.height(0);
    expect(await net.until(() => net.height(0) >= before + 20n, 60_000)).toBe(true);
  });

  it("ends an epoch although the last CHECKPOINTs were lost, and a laggard follows over three of them", async () => {
    start({ nodes: 4 });
    await net.until(() => net.height(0) >= 2n, 10_000);
    net.cluster.network.partition([[0, 1, 2], [3]]);
    expect(await net.until(inEpoch([0, 1, 2], 3n), 60_000)).toBe(true);
    expect(epochOf(3)).toBe(0n);
    net.cluster.network.heal();
    expect(await net.until(inEpoch([3], 3n), 30_000)).toBe(true);
    // And it is needed: with another one away the three are the quorum.
    net.cluster.crash(0);
    const before = net.height(3);
    expect(await net.until(() => net.height(3) >= before + 8n, 60_000)).toBe(true);
  });

  it("comes back from a crash in each moment around the turn of an epoch", async () => {
    start({ nodes: 4 });
    for (let height = 14n; height <= 19n; height++) {
      await net.until(() => net.height(3) >= height, 20_000);
      net.cluster.crash(3);
      await net.until(() => false, 300);
      net.cluster.start(3);
    }
    const reached = () => [0, 1, 2, 3].every((node) => net.height(node) >= 40n);
    expect(await net.until(reached, 60_000)).toBe(true);
    expect([0, 1, 2, 3].map(votes)).toEqual([true, true, true, true]);
  });

  it("refuses a second change of seats in the epoch, and takes it in the next", async () => {
    start({ nodes: 6, members: 4 });
    await net.until(() => net.height(4) >= 2n, 10_000);
    expect(await net.decide(net.add(4), [0, 1, 2])).toBe(true);
    expect(await net.decide(net.add(5), [0, 1, 2], 800)).toBe(false);
    expect(net.governance.nextMembers).toHaveLength(5);
    await net.until(inEpoch([0, 1, 2, 3, 4], 1n), 20_000);
    expect(net.governance.members).toHaveLength(5);
  });

  it("lets a key whose journal is lost come back in a later epoch, and never in one it may have voted in", async () => {
    start({ nodes: 4 });
    await net.until(() => net.height(3) >= 5n, 20_000);
    net.cluster.crash(3);
    const node = net.cluster.node(3);
    node.disk.loseJournal();
    node.recoversAmnesia = true;
    const sent: bigint[] = [];
    watch = (from, epoch) => void (from === 3 && sent.push(epoch));
    net.cluster.start(3);
    const votesAgain = () => epochOf(3) === 1n && net.cluster.replica(3)?.engineStatus() !== undefined;
    expect(await net.until(votesAgain, 60_000)).toBe(true);
    net.cluster.crash(0);
    const before = net.height(3);
    expect(await net.until(() => net.height(3) >= before + 8n, 60_000)).toBe(true);
    expect(Math.min(...sent.map(Number))).toBe(1);
  });

  it("finds votes missing without the flag too, and stays a follower", async () => {
    start({ nodes: 4 });
    await net.until(() => net.height(3) >= 5n, 20_000);
    net.cluster.crash(3);
    net.cluster.node(3).disk.loseJournal();
    net.cluster.start(3);
    await net.until(() => false, 1_000);
    expect(net.cluster.node(3).observing).toBe(true);
  });
});
