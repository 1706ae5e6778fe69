/** New versions of a chain's modules by a vote: whole replicas on virtual time, each with the files of its own home. */
import { afterEach, describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import { EMPTY, equalBytes, type Hash, hex, utf8 } from "../../src/base/bytes.ts";
import { MissingModule } from "../../src/chain/execution/modules-in-force.ts";
import type { Change } from "../../src/chain/governance/change.ts";
import { moduleProblem, moduleRecords } from "../../src/chain/governance/module-versions.ts";
import { codeInProcess } from "../../src/chain/modules/declared-module.ts";
import { call, cell, type DeclaredCode, defineModule, uint } from "../../src/chain/modules/define-module.ts";
import { formOf } from "../../src/chain/modules/module-form.ts";
import { ModuleLibrary } from "../../src/chain/modules/module-library.ts";
import { callFromJson, encodeCall } from "../../src/chain/modules/module-state.ts";
import type { ModuleVersion } from "../../src/chain/types/module-version.ts";
import { signTransaction } from "../../src/chain/types/transaction.ts";
import { type Transition, transitionId, transitionSigningBytes } from "../../src/chain/types/transition.ts";
import { plainEpochOn } from "../../src/chain/types/validator-set.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { createSigner } from "../../src/crypto/keys.ts";
import { VerifiedLedger } from "../../src/indexer/verified-ledger.ts";
import { ReplicaMembership } from "../../src/node/api/membership-api.ts";
import type { ModuleFiles } from "../../src/node/replica-ports.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { EpochNet } from "../../src/tools/sim/epochs/epoch-net.ts";

const LIMITS = { callUnitsMax: 100_000, unitsPerFee: 0n };
const NUMBER = 16;

const first = defineModule(
  { name: "counter", state: { total: cell(uint(32)) } },
  { add: call({ n: uint(32) }, (ctx, { n }) => ctx.state.total.set((ctx.state.total.get() ?? 0) + n)) },
);
const second = defineModule(
  { name: "counter", version: 2, state: { total: cell(uint(32)) } },
  {
    add: call({ n: uint(32) }, (ctx, { n }) => ctx.state.total.set((ctx.state.total.get() ?? 0) + n)),
    double: call({}, (ctx) => ctx.state.total.set(2 * (ctx.state.total.get() ?? 0))),
  },
);
/** What stood at place 0 stands at place 1. */
const moved = defineModule(
  { name: "counter", version: 3, state: { total: cell(uint(32)) } },
  {
    other: call({}, (ctx) => ctx.state.total.delete()),
    add: call({ n: uint(32) }, (ctx, { n }) => ctx.state.total.set(n)),
  },
);
const added = defineModule(
  { name: "notes", state: { last: cell(uint(32)) } },
  { note: call({ n: uint(32) }, (ctx, { n }) => ctx.state.last.set(n)) },
);

/** What stands for a bundled file: a text that names one of these modules. */
const MODULES: Readonly<Record<string, DeclaredCode>> = { first, second, moved, added };
const hashOf = (name: string) => sha256(utf8(name));

function version(name: string, number = NUMBER): ModuleVersion {
  const { declaration } = must(MODULES[name], "one of these");
  return { name: declaration.name, number, version: declaration.version ?? 1, hash: hashOf(name) };
}

const changeTo = (name: string, number?: number): Change => ({
  kind: "module",
  module: version(name, number),
});

function codeOf(name: string) {
  const declared = must(MODULES[name], "one of these");
  const form = formOf(declared);
  if (!form.ok) throw new Error(form.fault.detail);
  return codeInProcess(declared, form.value);
}

/** The files of one home, and the code that is made of them. */
function homeWith(texts: readonly string[], isFetching = true) {
  const held = new Set(texts);
  const find = (hash: Hash) => [...held].find((text) => equalBytes(hashOf(text), hash));
  const files: ModuleFiles = {
    isFetching,
    textOf: find,
    keep: (_, text) => {
      held.add(text);
      return text;
    },
  };
  const code = new ModuleLibrary(LIMITS, {
    load({ hash }) {
      const text = find(hash);
      if (text === undefined) return { ok: false, fault: { code: "missing", detail: "not in this home" } };
      return { ok: true, value: codeOf(text) };
    },
  });
  return { code, files, held };
}

let net: EpochNet;
let failures: { readonly node: number; readonly error: unknown }[];
let nonce: bigint;
afterEach(() => net.cluster.stop());

async function start(homes: readonly ReturnType<typeof homeWith>[]): Promise<void> {
  [failures, nonce] = [[], 0n];
  const failed = (node: number, error: unknown) => failures.push({ node, error });
  const modules = { modules: { ...LIMITS, list: [version("first")] }, code: must(homes[0], "a home").code };
  net = new EpochNet({ seed: 5, nodes: homes.length, members: homes.length, modules }, [{ failed }]);
  for (const [node, home] of homes.entries()) net.cluster.nodes[node]!.modules = home;
  net.start();
  await net.until(() => net.height(0) >= 2n, 10_000);
}

const state = () => net.first.chain.committed;
const standing = (number = NUMBER) =>
  moduleRecords(state(), net.world.genesis.modules).find((one) => one.number === number);
/** The cell at place 0. */
const total = (number = NUMBER) => {
  const bytes = state().get(Uint8Array.of(0x40, number, 0));
  return bytes === undefined ? undefined : Number(`0x${hex(bytes)}`);
};

/** A client's call, at every node. */
function send(declared: DeclaredCode, name: string, args: unknown, number = NUMBER): void {
  const form = formOf(declared);
  if (!form.ok) throw new Error(form.fault.detail);
  const made = callFromJson(form.value, name, args);
  if (!made.ok) throw new Error(made.fault.detail);
  const { chainId } = net.world.genesis;
  const payload = encodeCall(form.value, made.value);
  const fields = { chainId, nonce: nonce++, fee: 0n, validUntilHeight: 0n, module: number, payload };
  const transaction = signTransaction(fields, net.world.accounts[0]!, net.world.genesisHash);
  for (const node of net.cluster.nodes) if (node.isUp) net.cluster.submit(node.id, transaction);
}

/** Whoever executes the chain from genesis is told which file it lacks, and goes on with it. */
async function replays(upTo: bigint): Promise<void> {
  const home = homeWith(["first"]);
  const { chain } = net.first;
  const ledger = await VerifiedLedger.open({ ...net.world.genesis, code: home.code }, new MemoryKv());
  for (let height = 1n; height <= upTo; height++) {
    const sealed = must(chain.sealedBlockAt(height), "a node has its blocks");
    const taken = await ledger.take(sealed);
    expect(taken.ok).toBe(height !== 16n);
    if (taken.ok) continue;
    expect(taken.fault.code).toBe("unready");
    expect(ledger.missing()).toMatchObject([{ name: "counter", version: 2, hash: hashOf("second") }]);
    home.held.add("second");
    expect((await ledger.take(sealed)).ok).toBe(true);
  }
  expect(ledger.modules().named("counter")?.form.version).toBe(2);
}

/** A transition behind the head that keeps all members. */
function sameMembers(): Transition {
  const { head } = net.first.chain;
  const members = net.cluster.nodes.map(({ id }) => net.member(id));
  const fields = {
    genesisHash: net.world.genesisHash,
    epoch: plainEpochOn(head) + 1n,
    height: head.summary.height,
    parentHash: head.hash,
    signaturesNeeded: members.length,
    reason: "a module's file that loads nowhere",
    members,
  };
  const message = transitionSigningBytes(transitionId(fields));
  const signatures = net.world.plan.validators.slice(0, members.length).map(({ seed }) => {
    const { publicKey, sign } = createSigner(seed);
    return { account: publicKey, signature: sign(message) };
  });
  return { ...fields, signatures };
}

const epochTurns = (epoch: bigint) => net.until(() => net.governance.epoch === epoch, 60_000);

describe("a module's new version that the validators vote in", () => {
  it("runs from the next epoch on, where nodes without its file have fetched it from the one peer that has it", async () => {
    const homes = [1, 2, 3, 4].map((one) => homeWith(one === 2 ? ["first", "second"] : ["first"]));
    await start(homes);
    send(first, "add", { n: 21 });
    expect(await net.until(() => total() === 21, 10_000)).toBe(true);
    expect(await net.decide(changeTo("second"), [0, 1, 2])).toBe(true);
    expect(standing()).toMatchObject({ version: 1, since: 0n, planned: { version: 2, since: 1n } });
    expect(await epochTurns(1n)).toBe(true);
    expect(standing()).toEqual({ ...version("second"), since: 1n });
    send(second, "double", {});
    expect(await net.until(() => total() === 42, 10_000)).toBe(true);
    const height = net.height(0);
    expect(await net.until(() => net.height(3) >= height, 10_000)).toBe(true);
    expect(homes.map(({ held }) => held.has("second"))).toEqual([true, true, true, true]);
    expect(failures).toEqual([]);
    await replays(height);
  });

  it("stops a node that has not got the file at the last block it can judge, and says what to fetch; with the file it goes on", async () => {
    const homes = [1, 2, 3, 4].map((one) => homeWith(one === 4 ? ["first"] : ["first", "second"], false));
    await start(homes);
    expect(await net.decide(changeTo("second"), [0, 1, 2])).toBe(true);
    const troubles = () => net.cluster.replica(3)?.watches.modules.troubles() ?? [];
    await net.until(() => troubles().length > 0, 5_000);
    expect(troubles()).toMatchObject([{ name: "counter", version: 2, why: "missing", fromHeight: 17n }]);
    expect(await net.until(() => failures.length > 0 && net.height(0) > 20n, 60_000)).toBe(true);
    expect(failures.map(({ node }) => node)).toEqual([3]);
    expect(failures[0]?.error).toBeInstanceOf(MissingModule);
    const hash = `0x${hex(hashOf("second"))}`;
    expect(String(failures[0]?.error)).toContain(`block 16 is executed with counter 2 (SHA-256 ${hash})`);
    expect(String(failures[0]?.error)).toContain("the file is not here (not in this home)");
    expect(String(failures[0]?.error)).toContain(`quorate module fetch ${hash} --rpc URL`);
    net.cluster.crash(3);
    homes[3]!.held.add("second");
    await net.cluster.start(3);
    expect(await net.until(() => net.height(3) >= 24n, 30_000)).toBe(true);
  });

  it("keeps no node from going on that has got the file, while that of a later version is still to come", async () => {
    const homes = [1, 2, 3, 4].map(() => homeWith(["first", "second", "added"], false));
    await start(homes);
    expect(await net.decide(changeTo("second"), [0, 1, 2])).toBe(true);
    expect(await epochTurns(1n)).toBe(true);
    expect(await net.decide(changeTo("added", 30), [0, 1, 2])).toBe(true);
    await net.until(() => net.height(3) >= net.height(0), 5_000);
    net.cluster.crash(3);
    const found = homeWith(["first"], false);
    net.cluster.nodes[3]!.modules = found;
    await net.cluster.start(3);
    const troubles = () => net.cluster.replica(3)?.watches.modules.troubles() ?? [];
    await net.until(() => troubles().length > 0, 10_000);
    expect(troubles().map(({ name }) => name)).toEqual(["counter", "notes"]);
    found.held.add("second");
    await net.until(() => false, 16_000);
    expect(failures.filter(({ error }) => String(error).includes("counter"))).toEqual([]);
  });

  it("is not fetched again and again where its file is here and cannot be loaded", async () => {
    const homes = [1, 2, 3, 4].map((one) => homeWith(one === 4 ? ["first"] : ["first", "second"]));
    await start(homes);
    let kept = 0;
    const unloadable = homes[3]!;
    const keep = unloadable.files.keep;
    const files: ModuleFiles = {
      ...unloadable.files,
      keep(wanted, text) {
        kept++;
        return keep(wanted, text);
      },
    };
    const refusal = { ok: false, fault: { code: "missing", detail: "it does not run here" } } as const;
    const code = new ModuleLibrary(LIMITS, { load: () => refusal });
    code.add(hashOf("first"), codeOf("first"));
    net.cluster.crash(3);
    net.cluster.nodes[3]!.modules = { files, code };
    await net.cluster.start(3);
    expect(await net.decide(changeTo("second"), [0, 1, 2])).toBe(true);
    expect(await net.until(() => kept > 0, 10_000)).toBe(true);
    await net.until(() => false, 5_000);
    expect(kept).toBe(1);
  });

  it("that loads on no node stops the chain before it runs, and a transition with the same members gives the time to take it back", async () => {
    const unloadable = () => {
      const home = homeWith(["first", "second"]);
      const refusal = { ok: false, fault: { code: "missing", detail: "it does not run here" } } as const;
      const code = new ModuleLibrary(LIMITS, { load: () => refusal });
      code.add(hashOf("first"), codeOf("first"));
      return { ...home, code };
    };
    await start([1, 2, 3, 4].map(unloadable));
    expect(await net.decide(changeTo("second"), [0, 1, 2])).toBe(true);
    expect(await net.until(() => [0, 1, 2, 3].every((node) => net.height(node) === 15n), 60_000)).toBe(true);
    const accepted = sameMembers();
    expect(await net.until(() => failures.length === 4, 90_000)).toBe(true);
    expect(failures.every(({ error }) => error instanceof MissingModule)).toBe(true);
    for (const node of net.cluster.nodes) {
      node.transitions = [accepted];
      net.cluster.start(node.id);
    }
    await net.until(() => net.cluster.nodes.every(({ isUp }) => isUp), 10_000);
    expect(await epochTurns(1n)).toBe(true);
    expect(await net.decide(changeTo("first"), [0, 1, 2])).toBe(true);
    expect(standing()).toEqual({ ...version("first"), since: 0n });
    expect(await epochTurns(2n)).toBe(true);
    send(first, "add", { n: 3 });
    expect(await net.until(() => total() === 3, 10_000)).toBe(true);
  });

  it("is forgotten where it would read what the older one wrote as something else, and that one goes on", async () => {
    await start([homeWith(["first", "moved"])]);
    send(first, "add", { n: 5 });
    const membership = must(ReplicaMembership.of(net.first), "a chain with epochs");
    const harms = membership.harms({
      kind: "propose",
      change: changeTo("moved"),
      isForced: false,
      note: EMPTY,
    });
    expect(harms).toMatchObject({ ok: true, value: [expect.stringContaining("call add")] });
    expect(await net.decide(changeTo("moved"), [0])).toBe(true);
    expect(net.first.watches.modules.troubles()).toMatchObject([{ why: "unfit" }]);
    expect(await epochTurns(1n)).toBe(true);
    expect(standing()).toEqual({ ...version("first"), since: 0n });
    send(first, "add", { n: 2 });
    expect(await net.until(() => total() === 7, 10_000)).toBe(true);
    expect(failures).toEqual([]);
  });

  it("is taken back by a vote for the one that runs; numbers, names and versions that do not fit are refused", async () => {
    await start([homeWith(["first", "second", "added"])]);
    expect(await net.decide(changeTo("second"), [0])).toBe(true);
    expect(await net.decide(changeTo("first"), [0])).toBe(true);
    expect(standing()).toEqual({ ...version("first"), since: 0n });
    expect(await net.decide(changeTo("first"), [0], 1_000)).toBe(false);
    const problem = (one: ModuleVersion) => moduleProblem(state(), net.world.genesis.modules, one);
    expect(problem(version("first"))).toContain("runs already");
    expect(problem(version("second", 17))).toBe("counter is module 16 of this chain, not 17");
    expect(problem(version("added"))).toBe("module 16 of this chain is counter, not notes");
    expect(problem(version("added", 3))).toContain("number 3");
    expect(problem({ ...version("first"), hash: hashOf("second") })).toContain("needs a higher version");
    expect(failures).toEqual([]);
  });

  it("may be a module that genesis does not name", async () => {
    await start([homeWith(["first", "added"])]);
    expect(await net.decide(changeTo("added", 30), [0])).toBe(true);
    expect(standing(30)).toMatchObject({ version: 0, planned: { version: 1, since: 1n } });
    expect(await epochTurns(1n)).toBe(true);
    send(added, "note", { n: 9 }, 30);
    expect(await net.until(() => total(30) === 9, 10_000)).toBe(true);
    expect(failures).toEqual([]);
  });
});
