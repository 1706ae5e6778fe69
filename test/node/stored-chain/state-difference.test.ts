/** A node whose module does something else than those of the others: it stops, and the key is named with who wrote it. */
import { afterEach, describe, expect, it } from "vitest";
import { must } from "../../../src/base/assert.ts";
import { hex0x } from "../../../src/base/bytes.ts";
import { Chain } from "../../../src/chain/chain.ts";
import { Epochs } from "../../../src/chain/epochs.ts";
import { AcceptedSignatures } from "../../../src/chain/execution/accepted-signatures.ts";
import type { Genesis } from "../../../src/chain/genesis/genesis.ts";
import { parseGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { computeGenesisHash } from "../../../src/chain/genesis/genesis-state.ts";
import {
  address,
  call,
  cell,
  defineModule,
  hash,
  map,
  uint,
} from "../../../src/chain/modules/define-module.ts";
import { accountKey } from "../../../src/chain/state/state-keys.ts";
import { comparedNode } from "../../../src/cli/home/compared-node.ts";
import { selectConsensus } from "../../../src/consensus/select.ts";
import { ReplayedLedger } from "../../../src/node/stored-chain/replayed-ledger.ts";
import { findStateDifferences } from "../../../src/node/stored-chain/state-difference.ts";
import { Client } from "../../../src/sdk/client.ts";
import { stateKey } from "../../../src/storage/database-keys.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { ownModules } from "../../../src/testing/own-modules.ts";
import { devnet } from "../../../src/testing/virtual-devnet.ts";

const ITEM = `0x${"11".repeat(32)}` as const;
const LOST = `0x${"22".repeat(32)}` as const;

/** @param extra is what a node adds that computes otherwise */
function tally(extra: () => number, writesLost = true) {
  return defineModule(
    {
      name: "tally",
      state: { counts: map(hash, uint(32)), by: map(address, uint(32)), sum: cell(uint(64)) },
    },
    {
      count: call({ item: hash, n: uint(32) }, (ctx, { item, n }) => {
        if (item === LOST && !writesLost) return;
        ctx.state.counts.set(item, (ctx.state.counts.get(item) ?? 0) + n + extra());
        ctx.state.by.set(ctx.sender, n);
      }),
    },
  );
}
const right = tally(() => 0);

let net: Awaited<ReturnType<typeof devnet>> | undefined;
afterEach(async () => {
  await net?.stop();
  net = undefined;
});

async function startNet(module = right) {
  net = await devnet({ validators: 4, modules: [module], accounts: 3 });
  const client = new Client(net.urls, { fetch: net.fetch });
  return { net, client };
}

async function chainOn(genesis: Genesis, kv: MemoryKv): Promise<Chain> {
  const genesisHash = computeGenesisHash(genesis);
  const { rules } = selectConsensus(genesis, genesisHash, { epochs: new Epochs(genesis, kv) });
  return Chain.open(genesis, { kv, rules, signatures: new AcceptedSignatures(genesisHash) });
}

/** A node of the chain whose module is another: it takes blocks until one diverges. */
async function nodeWith(module: typeof right, genesisText: string, client: Client) {
  const read = parseGenesis(genesisText);
  if (!read.ok) throw new Error(read.fault.detail);
  const genesis = { ...read.value.genesis, ...(await ownModules([module])) };
  const kv = new MemoryKv();
  const chain = await chainOn(genesis, kv);
  const peer = comparedNode(client, genesis);
  let result = await importNext(chain, peer);
  while (result === "imported") result = await importNext(chain, peer);
  return { genesis, kv, chain, peer, result };
}

async function importNext(chain: Chain, peer: ReturnType<typeof comparedNode>) {
  const next = chain.head.summary.height + 1n;
  if (next > (await peer.height())) return "at the head";
  const result = await chain.importBlock(must((await peer.blocks(next))[0], "one at least"));
  return result.kind === "imported" ? "imported" : result;
}

describe("a state that differs from the validators'", () => {
  it("is found from the next certified block, and its key is named with the call that wrote it", async () => {
    const { net, client } = await startNet();
    await net.final(net.call(right.count, { item: ITEM, n: 1 }, { from: "alice" }));
    const ids = [net.call(right.count, { item: LOST, n: 5 }, { from: "bob" })];
    await net.final(must(ids[0], "sent"));
    await net.final(net.call(right.count, { item: ITEM, n: 9 }, { from: "alice" }));
    await net.advance(2_000);
    const { genesis, kv, peer, result, chain } = await nodeWith(
      tally(() => 0, false),
      net.genesis,
      client,
    );
    expect(result).toMatchObject({ kind: "invalid", diverges: true, fault: { code: "wrong-root" } });
    const found = await findStateDifferences(() => new ReplayedLedger(genesis, kv), kv, peer);
    if (!found.ok) throw new Error(found.fault.detail);
    const { parting, keys, isUnsteady } = found.value;
    expect(parting?.block.summary.height).toBe(chain.head.summary.height + 1n);
    expect(isUnsteady).toBe(false);
    const bob = net.account("bob").address;
    expect(keys.map(({ name, here, there }) => [name?.path, here, there]).sort()).toEqual([
      [`tally/by/${bob}`, null, 5],
      [`tally/counts/${LOST}`, null, 5],
    ]);
    expect(keys[0]?.suspects.map(({ transaction }) => hex0x(transaction.id))).toEqual(ids);
  });

  it("says that the module is not deterministic when the block gives a third state", async () => {
    const { net, client } = await startNet();
    const id = net.call(right.count, { item: ITEM, n: 1 }, { from: "alice" });
    await net.final(id);
    await net.advance(2_000);
    let runs = 0;
    const { genesis, kv, peer } = await nodeWith(
      tally(() => ++runs),
      net.genesis,
      client,
    );
    const found = await findStateDifferences(() => new ReplayedLedger(genesis, kv), kv, peer);
    expect(found).toMatchObject({
      ok: true,
      value: { isUnsteady: true, isCut: false, keys: [{ there: 1, name: { path: `tally/counts/${ITEM}` } }] },
    });
    const [key] = found.ok ? found.value.keys : [];
    expect(hex0x(must(key?.writer, "it was written here").transaction.id)).toBe(id);
    expect(key?.name?.declared).toEqual({ module: "tally", map: "counts", key: ITEM });
  });

  it("is told apart from a database that was damaged", async () => {
    const { net, client } = await startNet();
    const alice = net.accounts[0]!;
    await net.final(net.transfer({ from: "alice", to: "bob", amount: 5n }));
    const { genesis, kv, peer } = await nodeWith(right, net.genesis, client);
    const account = accountKey(alice.wallet.address);
    const damaged = must(kv.get(stateKey(account)), "alice has an account").slice();
    damaged[7]! ^= 1;
    await kv.write([{ kind: "put", key: stateKey(account), value: damaged }], { sync: true });
    await net.final(net.transfer({ from: "alice", to: "bob", amount: 5n }));
    await net.advance(2_000);
    const found = await findStateDifferences(() => new ReplayedLedger(genesis, kv), kv, peer);
    expect(found).toMatchObject({
      ok: true,
      value: { keys: [{ isDamaged: true, name: { path: `account/${alice.address}` } }] },
    });
  });

  it("is none where both hold the same", async () => {
    const { net, client } = await startNet();
    await net.final(net.call(right.count, { item: ITEM, n: 1 }, { from: "alice" }));
    const { genesis, kv, peer } = await nodeWith(right, net.genesis, client);
    await net.final(net.call(right.count, { item: ITEM, n: 1 }, { from: "alice" }));
    await net.advance(2_000);
    const found = await findStateDifferences(() => new ReplayedLedger(genesis, kv), kv, peer);
    expect(found).toMatchObject({ ok: true, value: { parting: undefined, keys: [] } });
  });
});

describe("a validator that computes another state", () => {
  it("stops when the others certify the block, and says which command names the key", async () => {
    let executions = 0;
    // The primary and two backups agree, and one backup does not: neither at once, nor when the block is certified.
    const differs = (execution: number) => execution === 3 || execution > 4;
    const { net } = await startNet(tally(() => (differs(++executions) ? 7 : 0)));
    const id = net.call(right.count, { item: ITEM, n: 1 }, { from: "alice" });
    const stopped = await net.advance(60_000).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(String((stopped?.cause as Error | undefined)?.message)).toMatch(
      /^block \d+ \(0x[0-9a-f]{64}\) is certified by its validators.*wrong-root.*quorate diagnose --dir HOME --peer URL$/,
    );
    expect(id).toMatch(/^0x/);
  });
});
