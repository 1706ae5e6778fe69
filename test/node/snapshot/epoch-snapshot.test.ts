/** Snapshots of a chain whose validators have changed: proved by the genesis through the end of each epoch. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hex, hex0x } from "../../../src/base/bytes.ts";
import { formatGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import type { SnapshotContext } from "../../../src/chain/snapshot/snapshot-check.ts";
import { endsEpoch } from "../../../src/chain/types/validator-set.ts";
import { ReplicaMembership } from "../../../src/node/api/membership-api.ts";
import { importSnapshot } from "../../../src/node/snapshot/import-snapshot.ts";
import { sourceOver } from "../../../src/node/snapshot/read-snapshot.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { EpochNet } from "../../../src/tools/sim/epochs/epoch-net.ts";
import { quorate } from "../../cli/running.ts";
import { breakTrust } from "./broken-chain.ts";
import { checked, contextOf, exported, offered } from "./snapshots.ts";

let net: EpochNet;
let context: SnapshotContext;
let bytes: Uint8Array;

beforeAll(async () => {
  net = new EpochNet({ seed: 5, nodes: 5, members: 4 });
  net.start();
  await net.until(() => net.height(4) >= 2n, 10_000);
  await net.decide(net.add(4), [0, 1, 2]);
  await net.until(() => net.governance.epoch >= 3n, 40_000);
  // The first to get there need not be node 0, whose snapshot it is.
  const { height } = net.first.chain.head.summary;
  await net.until(() => net.height(0) >= height, 10_000);
  context = contextOf(net.world.genesis);
  bytes = (await exported(context, net.cluster.node(0).disk.copy().kv)).bytes;
});
afterAll(() => net.cluster.stop());

describe("a snapshot of a later epoch", () => {
  it("is checked by the genesis alone, through the sealed end of each epoch", async () => {
    const read = await checked(context, bytes);
    expect(read).toMatchObject({ ok: true, value: { bytes: bytes.length } });
    expect(read.ok && read.value.epoch).toBeGreaterThanOrEqual(3n);
  });

  it("is refused when a byte of what leads to its validators is changed, and without one of the links", async () => {
    const first = 10 + 5 + 72;
    const length = new DataView(bytes.buffer, bytes.byteOffset + first).getUint32(1);
    for (let at = 0; at < first + 5 + length; at++) {
      const changed = bytes.slice();
      changed[at]! ^= 1 << (at % 8);
      const read = await checked(context, changed);
      if (read.ok) expect.fail(`byte ${at} says nothing`);
    }
    const second = first + 5 + length;
    const without = new Uint8Array([...bytes.subarray(0, first), ...bytes.subarray(second)]);
    expect(await checked(context, without)).toMatchObject({
      fault: { code: "wrong-epoch", detail: expect.stringContaining("is of epoch 1") },
    });
  });

  it("lets a validator that joined in a later epoch begin again from it, and vote", async () => {
    const kv = new MemoryKv();
    expect(await importSnapshot(context, { kv, source: sourceOver(bytes) })).toMatchObject({ ok: true });
    expect(hex((await exported(context, kv)).bytes)).toBe(hex(bytes));
    const { disk } = net.cluster.node(4);
    net.cluster.crash(4);
    disk.restore({ kv, log: disk.copy().log });
    net.cluster.start(4);
    const isIn = (node: number) => (net.cluster.replica(node)?.voting.epoch ?? 0n) >= 4n;
    expect(await net.until(() => isIn(1) && isIn(4), 20_000)).toBe(true);
    const known = ReplicaMembership.of(net.cluster.replica(4)!)!.epochs(0n, 100);
    const theirs = ReplicaMembership.of(net.cluster.replica(1)!)!.epochs(0n, 100);
    const hashes = (of: typeof known) => of.slice(0, 5).map(({ validators }) => hex(validators.hash));
    expect(hashes(known)).toHaveLength(5);
    expect(hashes(known)).toEqual(hashes(theirs));
    expect(known[0]?.end?.head.hash).toEqual(theirs[0]?.end?.head.hash);
    // Four of five are left, which need every one of them: the one that began again has to vote.
    net.cluster.crash(0);
    const before = net.height(4);
    expect(await net.until(() => net.height(4) >= before + 20n, 60_000)).toBe(true);
  });

  it("may stand on the last block of an epoch", async () => {
    const atEnd = () => endsEpoch(net.cluster.replica(1)!.chain.head.summary);
    expect(await net.until(atEnd, 30_000)).toBe(true);
    const { bytes: atLast, facts } = await exported(context, net.cluster.node(1).disk.copy().kv);
    const head = net.cluster.replica(1)!.chain.head.summary;
    expect(facts).toMatchObject({ ok: true, value: { epoch: head.epoch + 1n, height: head.height } });
    const kv = new MemoryKv();
    expect(await importSnapshot(context, { kv, source: sourceOver(atLast) })).toMatchObject({ ok: true });
    expect(hex((await exported(context, kv)).bytes)).toBe(hex(atLast));
  });
});

describe("a snapshot of a chain with a transition", () => {
  it("is accepted by whoever names the break, leads through it, and gives the same bytes again", async () => {
    const broken = new EpochNet({ seed: 3, nodes: 5, members: 4 });
    try {
      const { id, head } = await breakTrust(broken, 6n);
      const isOn = () => broken.height(0) >= head.summary.height + 30n;
      expect(await broken.until(isOn, 60_000)).toBe(true);
      const { proof, ...rest } = contextOf(broken.world.genesis);
      const stranger = { ...rest, proof };
      const file = (await exported(stranger, broken.cluster.node(0).disk.copy().kv)).bytes;
      expect(await checked(stranger, file)).toMatchObject({
        fault: { code: "break-of-trust", detail: expect.stringMatching(new RegExp(`name it: ${hex0x(id)}`)) },
      });
      const { summary } = broken.cluster.replica(0)!.chain.head;
      const { fetched, faults } = await offered(stranger, file, { hash: head.hash, height: summary.height });
      const why = `taken here: BREAK OF TRUST.*name it: ${hex0x(id)} .its file: --transition FILE.$`;
      expect(fetched).toMatchObject({
        fault: { code: "no-snapshot", detail: expect.stringMatching(new RegExp(why)) },
      });
      expect(faults).toEqual([]);
      const home = mkdtempSync(join(tmpdir(), "quorate-broken-"));
      const [at, genesis] = [join(home, "a.snapshot"), join(home, "genesis.json")];
      writeFileSync(at, file);
      writeFileSync(genesis, formatGenesis(broken.world.genesis));
      const refused = await quorate("snapshot", "verify", at, "--genesis", genesis);
      rmSync(home, { recursive: true });
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/section at byte \d+.*; see --accept-transition\n/);
      const named = { ...rest, proof: { ...proof, accepted: [hex0x(id)] } };
      const read = await checked(named, file);
      expect(read).toMatchObject({ ok: true });
      expect(read.ok && read.value.epoch).toBeGreaterThan(1n);
      const kv = new MemoryKv();
      expect(await importSnapshot(named, { kv, source: sourceOver(file) })).toMatchObject({ ok: true });
      expect(hex((await exported(stranger, kv)).bytes)).toBe(hex(file));
      const { disk } = broken.cluster.node(4);
      broken.cluster.crash(4);
      disk.restore({ kv, log: disk.copy().log });
      broken.cluster.node(4).transitions = [];
      broken.cluster.start(4);
      const to = broken.height(0) + 8n;
      expect(await broken.until(() => broken.height(4) >= to, 60_000)).toBe(true);
    } finally {
      await broken.cluster.stop();
    }
  });
});
