/**
 * Goal: a database whose values are not what they must be, with sums that are right, gets a fault from both checks that read
 * it, whichever value it is; neither throws. Each case was an error that came out of one of them.
 */
import { beforeAll, expect, it } from "vitest";
import { utf8 } from "../../../src/base/bytes.ts";
import { Epochs } from "../../../src/chain/epochs.ts";
import type { Genesis } from "../../../src/chain/genesis/genesis.ts";
import { checkStored } from "../../../src/node/stored-chain/check-stored.ts";
import { verifyChain } from "../../../src/node/stored-chain/verify-chain.ts";
import {
  canonicalKey,
  epochKey,
  HEAD_KEY,
  headKey,
  transitionKey,
} from "../../../src/storage/database-keys.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { clusterAt } from "../snapshot/snapshots.ts";

let genesis: Genesis;
let entries: readonly (readonly [Uint8Array, Uint8Array])[];

beforeAll(async () => {
  const cluster = await clusterAt(2, { validators: 1 });
  await cluster.stop();
  genesis = cluster.genesis;
  entries = await cluster.kv(0).entries({ from: new Uint8Array(0), to: Uint8Array.of(0xff) });
});

async function faultsWith(key: Uint8Array, value: Uint8Array): Promise<(string | undefined)[]> {
  const kv = new MemoryKv();
  const all = [...entries, [key, value] as const];
  await kv.write(
    all.map(([k, v]) => ({ kind: "put", key: k, value: v }) as const),
    { sync: true },
  );
  const [stored, executed] = [await checkStored(genesis, kv), await verifyChain(genesis, kv)];
  return [stored.fault?.code, executed.fault?.code];
}

function stored(key: Uint8Array): Uint8Array {
  return entries.find(([own]) => Buffer.from(own).equals(key))![1];
}

it("the deep check finds nothing wrong with what was not changed", async () => {
  expect(await faultsWith(HEAD_KEY, stored(HEAD_KEY))).toEqual([undefined, undefined]);
});

it("the deep check says that the hash of a block in the index is none", async () => {
  expect(await faultsWith(canonicalKey(1n), utf8("short"))).toEqual(["corrupt", "corrupt"]);
});

it("the deep check says that the hash of the head is none", async () => {
  expect(await faultsWith(HEAD_KEY, utf8("short"))).toEqual(["corrupt", "corrupt"]);
});

it("the deep check says that the header of the head does not decode", async () => {
  const key = headKey(stored(HEAD_KEY) as never);
  expect(await faultsWith(key, stored(key).slice(0, -1))).toEqual(["corrupt", "corrupt"]);
});

it("the deep check says that a stored break of trust is none", async () => {
  const [, executed] = await faultsWith(transitionKey(1n), utf8("{"));
  expect(executed).toBe("corrupt");
});

it("the deep check says of a stored epoch that it does not decode, without an assertion", async () => {
  const kv = new MemoryKv();
  await kv.write([{ kind: "put", key: epochKey(1n), value: utf8("short") }], { sync: true });
  const epochs = new Epochs({ ...genesis, consensus: { ...genesis.consensus, epochLength: 8 } } as never, kv);
  expect(() => epochs.find(1n)).toThrow(/^stored epoch: .* wanted at byte/);
});
