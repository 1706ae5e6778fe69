/** Mined blocks over real connections: through a node in between by gossip, and to a late one by questions. */
import { afterEach, expect, it } from "vitest";
import { SILENT } from "../../src/base/log.ts";
import { Replica } from "../../src/node/replica.ts";
import { P2pNetwork } from "../../src/p2p/network.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { Random } from "../../src/tools/sim/random.ts";
import { VirtualMiner } from "../../src/tools/sim/virtual-miner.ts";
import { miner as coinbase, genesis, genesisHash } from "../chain/pow-fixtures.ts";
import { SETTINGS } from "../consensus/pbft/cluster.ts";
import { nodeOptions, REAL_TIME } from "../p2p/testnet.ts";

interface Node {
  readonly replica: Replica;
  readonly network: P2pNetwork;
  readonly miner: VirtualMiner;
}

const nodes: Node[] = [];
const failures: unknown[] = [];

afterEach(async () => {
  for (const { replica } of nodes.splice(0).reverse()) await replica.stop();
  expect(failures).toEqual([]);
});

/** Heads are compared when nodes connect and seldom after that: what comes later, gossip brings. */
async function start(index: number, meanMs: number, dial?: Node): Promise<Node> {
  const staticPeers =
    dial === undefined
      ? []
      : [{ name: "a peer", peerId: dial.network.peerId, multiaddr: dial.network.addresses[0]! }];
  const options = nodeOptions(index, {
    genesisHash,
    chainId: genesis.chainId,
    staticPeers,
    signer: undefined,
  });
  const network: P2pNetwork = new P2pNetwork(
    { ...options, validators: [] },
    {
      scheduler: REAL_TIME,
      logger: SILENT,
      headHeight: () => replica.chain.head.summary.height,
      jitter: () => 0.5,
    },
  );
  const random = new Random(`libp2p ${index}`);
  const miner = new VirtualMiner(meanMs, { after: (delayMs, run) => REAL_TIME.after(delayMs, run), random });
  const replica = await Replica.open(
    {
      genesis,
      signer: undefined,
      settings: { ...SETTINGS, emptyBlocksMs: undefined },
      syncIntervalMs: 5_000,
      pool: { transactionsMax: 1_000, bytesMax: 1_000_000 },
      mining: { isOn: meanMs !== Number.POSITIVE_INFINITY, rewardTo: coinbase },
    },
    {
      kv: new MemoryKv(),
      journal: undefined,
      network,
      miner,
      scheduler: REAL_TIME,
      log: SILENT,
      jitter: () => 0.5,
      fatal: (error) => failures.push(error),
    },
  );
  const node = { replica, network, miner };
  nodes.push(node);
  await replica.start();
  return node;
}

const heightOf = ({ replica }: Node) => replica.chain.head.summary.height;
const until = (condition: () => boolean) =>
  expect.poll(condition, { timeout: 20_000, interval: 20 }).toBe(true);

it("reach nodes that do not know the miner, and a late node fetches them all", {
  timeout: 60_000,
}, async () => {
  const first = await start(0, 150);
  const middle = await start(1, Number.POSITIVE_INFINITY, first);
  const last = await start(2, Number.POSITIVE_INFINITY, middle);
  await until(() => heightOf(last) >= 20n);
  expect(last.network.peers().map(({ peerId }) => peerId)).toEqual([middle.network.peerId]);
  first.miner.meanMs = Number.POSITIVE_INFINITY;
  const late = await start(3, Number.POSITIVE_INFINITY, last);
  await until(() => nodes.every((node) => heightOf(node) === heightOf(first)));
  expect(late.replica.chain.head.hash).toEqual(first.replica.chain.head.hash);
});
