/** Modules of one's own on a chain inside a test: as they are, and bundled and evaluated as a node does it. */
import { resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import { anchor, bank } from "../../src/chain/modules/built-in-modules.ts";
import {
  address,
  call,
  cell,
  defineModule,
  event,
  hash,
  map,
  struct,
  text,
  uint,
} from "../../src/chain/modules/define-module.ts";
import { formOf } from "../../src/chain/modules/module-form.ts";
import { Client, readReceipt } from "../../src/sdk/client.ts";
import { readerOf } from "../../src/sdk/event-fields.ts";
import { numberOf } from "../../src/sdk/state-question.ts";
import { verifyEntry } from "../../src/sdk/verify-entry.ts";
import { devnet } from "../../src/testing/virtual-devnet.ts";

const registryFile = resolve(import.meta.dirname, "../../examples/registry/registry.ts");
const DEED = `0x${"ab".repeat(32)}` as const;

const counter = defineModule(
  {
    name: "counter",
    state: { total: cell(uint(64)), by: map(address, uint(32)) },
    events: { added: event({ by: address, n: uint(32) }), emptied: event({}) },
    faults: { TooMuch: "at most 100 at once" },
  },
  {
    add: call({ n: uint(32) }, (ctx, { n }) => {
      if (n > 100) throw ctx.fault("TooMuch");
      ctx.state.total.set((ctx.state.total.get() ?? 0n) + BigInt(n));
      ctx.state.by.set(ctx.sender, (ctx.state.by.get(ctx.sender) ?? 0) + n);
      ctx.emit.added({ by: ctx.sender, n });
    }),
    empty: call({}, (ctx) => {
      ctx.state.total.delete();
      ctx.emit.emptied({});
    }),
    spoil: call({ how: text(16) }, (ctx, { how }) => {
      ctx.state.total.set(77n);
      if (how === "throw") throw new Error("no declared fault");
      if (how === "fraction") ctx.state.by.set(ctx.sender, 1.5);
      if (how === "events") for (let i = 0; i < 65; i++) ctx.emit.added({ by: ctx.sender, n: i });
      if (how === "swallow") {
        try {
          ctx.state.by.set(ctx.sender, -1);
        } catch {}
      }
    }),
  },
);

let net: Awaited<ReturnType<typeof devnet>> | undefined;
afterEach(async () => {
  await net?.stop();
  net = undefined;
});

describe("a module of one's own on a devnet", () => {
  it("runs calls on every node, with state, events and declared faults", async () => {
    const chain = await devnet({ validators: 4, modules: [counter] });
    net = chain;
    await chain.final(chain.call(counter.add, { n: 5 }, { from: "alice" }));
    await chain.final(chain.call(counter.add, { n: 7 }, { from: "bob" }));
    const refused = await chain.final(chain.call(counter.add, { n: 101 }, { from: "bob" }));
    expect(refused).toMatchObject({ status: "failed", fault: "COUNTER_TOO_MUCH" });
    expect(chain.entry("counter", "total")).toBe("12");
    expect(chain.entry("counter", "by", chain.account("bob").address)).toBe(7);
    expect(chain.entry("counter", "by", chain.account("carol").address)).toBeNull();
  });

  it("tells its events with their fields, of which there may be none", async () => {
    const chain = await devnet({ validators: 1, modules: [counter] });
    net = chain;
    await chain.final(chain.call(counter.add, { n: 5 }, { from: "alice" }));
    await chain.final(chain.call(counter.empty, {}, { from: "alice" }));
    const client = new Client(chain.urls, { fetch: chain.fetch });
    const order = { filter: { module: "counter" }, from: 0, limit: 5 };
    const { items } = await client.call("chain_getEvents", order);
    expect(items).toMatchObject([
      { event: "added", fields: { by: chain.account("alice").address, n: 5 } },
      { event: "emptied", kind: 2 },
    ]);
    expect(items.map((one) => Object.keys(one.fields ?? { missing: true }))).toEqual([["by", "n"], []]);
  });

  it("has receipts with the types of its declaration", async () => {
    const chain = await devnet({ validators: 1, modules: [counter] });
    net = chain;
    const client = new Client(chain.urls, { fetch: chain.fetch });
    const receiptOf = async (id: string) => {
      await chain.final(id);
      return must((await client.call("tx_getReceipt", { hash: id })) ?? undefined, "it is in a block");
    };
    const added = await receiptOf(chain.call(counter.add, { n: 5 }, { from: "alice" }));
    const read = readReceipt(counter, added);
    expect([read.status, read.fault]).toEqual(["success", undefined]);
    const [first] = read.events;
    if (first?.event !== "added") throw new Error("an event is missing");
    // By its types a number and a text.
    expect([first.fields.n + 1, first.fields.by.slice(0, 2)]).toEqual([6, "0x"]);
    const refused = await receiptOf(chain.call(counter.add, { n: 101 }, { from: "alice" }));
    expect(readReceipt(counter, refused)).toEqual({ status: "failed", fault: "TooMuch", events: [] });
    const spoiled = await receiptOf(chain.call(counter.spoil, { how: "throw" }, { from: "alice" }));
    expect(readReceipt(counter, spoiled)).toEqual({ status: "failed", fault: undefined, events: [] });
    const note = { digest: DEED, memo: "" };
    await receiptOf(chain.call(anchor.anchor, note, { from: "alice" }));
    const again = await receiptOf(chain.call(anchor.anchor, note, { from: "alice" }));
    expect(readReceipt(anchor, again)).toEqual({ status: "failed", fault: "AlreadyAnchored", events: [] });
    expect(readReceipt(counter, again).fault).toBeUndefined();
    const other = { ...added, events: added.events.map((one) => ({ ...one, kind: 9 })) };
    expect(() => readReceipt(counter, other)).toThrow("has an event 9 that this declaration has not");
    const short = { ...added, events: added.events.map((one) => ({ ...one, data: "0x00" })) };
    expect(() => readReceipt(counter, short)).toThrow("the chain runs another version of the module");
  });

  it("undoes a call that throws what it does not declare, and calls it MODULE_PANIC", async () => {
    const chain = await devnet({ validators: 4, modules: [counter] });
    net = chain;
    for (const how of ["throw", "fraction", "events", "swallow"]) {
      const spoiled = await chain.final(chain.call(counter.spoil, { how }, { from: "alice" }));
      expect(spoiled).toMatchObject({ status: "failed", fault: "MODULE_PANIC" });
    }
    expect(chain.entry("counter", "total")).toBeNull();
    expect(chain.nonce("alice")).toBe(4n);
  });

  it("refuses arguments that its call does not take, naming them, before anything is signed", async () => {
    const chain = await devnet({ validators: 4, modules: [counter] });
    net = chain;
    const from = { from: "alice" };
    expect(() => chain.call(counter.add, { n: -1 }, from)).toThrow(
      "counter.add: n: expected a whole number from 0 to 4294967295, found -1",
    );
    expect(() => chain.call(counter.spoil, { how: "x".repeat(17) }, from)).toThrow(
      "at most 16 bytes of UTF-8",
    );
    const other = defineModule({ name: "other" }, { go: call({}, () => undefined) });
    expect(() => chain.call(other.go, {}, from)).toThrow("module other: this chain has none of this name");
  });
});

describe("a module from its source", () => {
  it("is shown by name in answers of nodes: its calls, receipts and events", async () => {
    const chain = await devnet({ validators: 4, modules: [registryFile] });
    net = chain;
    const client = new Client(chain.urls, { fetch: chain.fetch, genesis: chain.genesis });
    const registry = defineModule(
      { name: "registry" },
      {
        register: call({ asset: hash, label: text(64) }, () => undefined),
        transfer: call({ asset: hash, to: address }, () => undefined),
      },
    );
    const from = { from: "alice" };
    const id = chain.call(registry.register, { asset: DEED, label: "a house" }, from);
    const { height } = await chain.final(id);
    await chain.until(() => chain.height(0) >= height);
    const alice = chain.account("alice").address;
    const shown = await client.call("tx_get", { hash: id });
    expect(shown?.tx).toMatchObject({
      module: "registry",
      call: { type: "register", asset: DEED, label: "a house" },
    });
    const receipt = await client.call("tx_getReceipt", { hash: id });
    expect(receipt?.events).toMatchObject([
      {
        module: "registry",
        kind: 1,
        decoded: { type: "registered", asset: DEED, owner: alice, label: "a house" },
      },
    ]);
    const bob = chain.account("bob").address as `0x${string}`;
    const stolen = await chain.final(
      chain.call(registry.transfer, { asset: DEED, to: bob }, { from: "bob" }),
    );
    expect(stolen).toMatchObject({ status: "failed", fault: "REGISTRY_NOT_OWNER" });
    await chain.final(chain.call(registry.transfer, { asset: DEED, to: bob }, from));
    expect(chain.entry("registry", "assets", DEED)).toMatchObject({
      owner: bob,
      label: "a house",
      transfers: 1,
    });
    expect(chain.entry("registry", "history", DEED, "0")).toMatchObject({ owner: alice });
    expect(chain.entry("registry", "history", DEED, "1")).toMatchObject({ owner: bob });
  });
});

describe("an entry of a module", () => {
  it("is found by name, and proved to whoever has the genesis and the declaration", async () => {
    const chain = await devnet({ validators: 4, modules: [counter] });
    net = chain;
    const { height } = await chain.final(chain.call(counter.add, { n: 5 }, { from: "alice" }));
    await chain.until(() => chain.height(0) >= height);
    const client = new Client(chain.urls, { fetch: chain.fetch, genesis: chain.genesis });
    expect((await client.chain()).modules).toEqual(new Map([["counter", 16]]));
    expect(await client.call("state_getModules")).toMatchObject([
      { name: "counter", number: 16, version: 1 },
    ]);
    const [alice, bob] = ["alice", "bob"].map((name) => chain.account(name).address);
    const prove = true;
    const answer = await client.call("state_query", { path: `counter/by/${alice}`, prove });
    expect(answer).toMatchObject({ decoded: 5 });
    const known = { module: counter, genesis: chain.genesis, state: "by" };
    expect(verifyEntry({ ...known, answer, key: alice })).toMatchObject({ valid: true, value: 5, height });
    expect(verifyEntry({ ...known, answer, key: bob })).toMatchObject({ valid: false });
    expect(verifyEntry({ ...known, answer: { ...answer, value: "0x00000006" }, key: alice })).toEqual({
      valid: false,
      reason: "the state does not hold this entry: the proof does not lead to stateRoot",
    });
    const none = await client.call("state_query", { path: `counter/by/${bob}`, prove });
    expect(verifyEntry({ ...known, answer: none, key: bob })).toMatchObject({ valid: true, value: null });
    const total = await client.call("state_query", { path: "counter/total", prove });
    const cellOf = { ...known, state: "total" };
    expect(verifyEntry({ ...cellOf, answer: total })).toMatchObject({ valid: true, value: "5" });
    const newer = defineModule({ ...counter.declaration, version: 2 } as never) as typeof counter;
    // A vote may have activated it: what it reads it reads as the first one did.
    expect(verifyEntry({ ...cellOf, module: newer, answer: total })).toMatchObject({
      valid: true,
      value: "5",
    });
    expect(
      numberOf([{ name: "counter", number: 16, version: 3 }], newer.declaration as never, "the genesis"),
    ).toEqual({
      ok: false,
      fault: { code: "invalid", detail: "the declaration is counter 2, the genesis names version 3" },
    });
    // The same by a read, which takes the number from genesis and the key and value by the declaration.
    const levels = { checked: ["validators", "certificate", "value"], unchecked: ["freshness"] };
    expect(await client.entry(counter, "by", alice)).toMatchObject({ value: 5, height, ...levels });
    expect(await client.entry(counter, "by", bob, { level: "latest" })).toMatchObject({ value: null });
    expect(await client.entry(counter, "total", undefined, { level: "agreed" })).toMatchObject({
      value: "5",
    });
    expect(await client.entry(newer, "total")).toMatchObject({ value: "5" });
    const entry = await client.read(`counter/by/${alice}`);
    expect(entry).toMatchObject({ value: 5, level: "proven", unchecked: ["freshness", "declaration"] });
    await expect(client.read("counter/nothing")).rejects.toThrow(/no such state; there are total, by/);
    await expect(client.call("state_query", { path: "counter/nothing" })).rejects.toThrow(
      "counter/nothing: no such state; there are total, by",
    );
    await expect(client.call("state_query", { path: "counter/by/0x12" })).rejects.toThrow(
      "expected 0x and hex digits",
    );
  });
});

describe("a module's declaration", () => {
  it("that no chain could live with is refused with what is wrong", () => {
    const run = () => undefined;
    const problem = (made: Parameters<typeof formOf>[0]) => {
      const form = formOf(made);
      return form.ok ? undefined : form.fault.detail;
    };
    const go = { go: call({}, run) };
    expect(problem(defineModule({ name: "bank" }, go))).toContain("the name is taken by the chain itself");
    expect(problem(defineModule({ name: "Registry" }, go))).toContain("its name is a lower-case letter");
    expect(problem(defineModule({ name: "a" }, {}))).toContain("it has no call");
    const wide = { state: { m: map(text(300), uint(8)) } };
    expect(problem(defineModule({ name: "a", ...wide }, go))).toContain(
      "a key may take 302 bytes, at most 256",
    );
    const long = { events: { e: event({ t: text(2000) }) } };
    expect(problem(defineModule({ name: "a", ...long }, go))).toContain(
      "event e: all of it may take 2002 bytes, at most 1024",
    );
    expect(problem(defineModule({ name: "a" }, { run: call({}, run) }))).toContain('may not be called "run"');
    expect(problem(defineModule({ name: "a" }, { go: call({ type: hash }, run) }))).toContain(
      'may not be called "type"',
    );
    const deep = struct({ a: struct({ b: uint(8) }) });
    expect(problem(defineModule({ name: "a", state: { d: cell(deep) } }, go))).toBeUndefined();
  });
});

describe("a module that every chain has", () => {
  it("is called, listed, followed and proved by its declaration", async () => {
    const chain = await devnet({ validators: 1 });
    net = chain;
    const [alice, bob] = ["alice", "bob"].map((name) => chain.account(name).address as `0x${string}`) as [
      `0x${string}`,
      `0x${string}`,
    ];
    const paid = { to: bob, amount: 5n, memo: "rent" };
    expect(await chain.final(chain.call(bank.transfer, paid, { from: "alice" }))).toMatchObject({
      status: "success",
    });
    await chain.final(chain.call(anchor.anchor, { digest: DEED, memo: "" }, { from: "bob" }));
    const client = new Client(chain.urls, { fetch: chain.fetch, genesis: chain.genesis });

    const page = await client.entries(bank, "accounts", { prefix: bob.slice(0, 6), limit: 1_000 });
    expect(page.entries).toEqual([{ key: bob, value: { balance: 1_000_005n, nonce: 1n } }]);
    const whole = await client.entries(bank, "accounts", { limit: 3 });
    expect([whole.entries.length, whole.cursor?.slice(0, 4)]).toEqual([3, "0x01"]);
    const senders = await client.entries(anchor, "senders", { under: [DEED] });
    expect(senders.entries).toMatchObject([{ key: { digest: DEED, sender: bob }, value: { ordinal: 0 } }]);

    const shown = await client.call("state_query", { path: `anchor/first/${DEED}` });
    const older = await client.call("state_query", { path: `anchor/${DEED}` });
    expect([shown.key, shown.value]).toEqual([older.key, older.value]);
    expect(shown.decoded).toMatchObject({ count: 1, sender: bob, memo: "" });

    const answer = await client.call("state_query", { path: `bank/accounts/${alice}`, prove: true });
    const question = { module: bank, state: "accounts", key: alice, genesis: chain.genesis };
    const value = { balance: "999995", nonce: "1" };
    expect(verifyEntry({ answer, ...question })).toMatchObject({ valid: true, value });
    expect(verifyEntry({ answer, ...question, key: bob })).toMatchObject({ valid: false });
    expect(await client.entry(bank, "accounts", alice)).toMatchObject({ level: "proven", value });
    expect(await client.read(`bank/accounts/${alice}`)).toMatchObject({ level: "proven", value });

    const events = await client.call("chain_getEvents", { filter: { module: "bank" }, from: 0, limit: 5 });
    const read = readerOf({ module: bank, event: "transferred" }).read;
    expect(events.items.map((one) => read(one as never).fields)).toEqual([
      { from: alice, to: bob, amount: 5n },
    ]);
  });

  it("is listed with its bytes to whoever asks for it, and only then", async () => {
    const chain = await devnet({ validators: 1 });
    net = chain;
    const client = new Client(chain.urls, { fetch: chain.fetch });
    expect(await client.call("state_getModules")).toEqual([]);
    const known = await client.call("state_getModules", { builtIn: true });
    expect(known.map(({ name, number, sha256 }) => [name, number, sha256])).toEqual([
      ["coinbase", 0, null],
      ["bank", 1, null],
      ["anchor", 2, null],
      ["gov", 3, null],
    ]);
    expect(known[1]?.form).toMatchObject({
      calls: [{ name: "transfer", opening: "0x" }],
      state: [{ name: "accounts", prefix: "0x01" }],
    });
  });
});

describe("entries of a module's map", () => {
  const ledger = defineModule(
    {
      name: "lots",
      state: {
        lots: map(struct({ house: hash, n: uint(16) }), struct({ owner: address, price: uint(64) })),
        total: cell(uint(64)),
      },
    },
    {
      offer: call({ house: hash, from: uint(16), count: uint(16) }, (ctx, { house, from, count }) => {
        for (let n = from; n < from + count; n++) {
          ctx.state.lots.set({ house, n }, { owner: ctx.sender, price: BigInt(n) * 10n ** 15n });
        }
      }),
    },
  );

  it("come page after page in the order of their keys, below a prefix, with the types of the declaration", async () => {
    const chain = await devnet({ validators: 1, modules: [ledger] });
    net = chain;
    const [first, second] = [DEED, `0x${"cd".repeat(32)}` as const];
    await chain.final(chain.call(ledger.offer, { house: first, from: 250, count: 70 }, { from: "alice" }));
    await chain.final(chain.call(ledger.offer, { house: second, from: 0, count: 3 }, { from: "bob" }));
    const client = new Client(chain.urls, { fetch: chain.fetch, genesis: chain.genesis });
    const found: number[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await client.entries(ledger, "lots", { under: [first], limit: 40, cursor });
      for (const { key, value } of page.entries) {
        expect(value).toEqual({ owner: chain.account("alice").address, price: BigInt(key.n) * 10n ** 15n });
        found.push(key.n);
      }
      cursor = page.cursor;
      pages++;
    } while (cursor !== undefined);
    expect(pages).toBe(2);
    expect(found).toEqual(Array.from({ length: 70 }, (_, i) => 250 + i));
    const all = await client.entries(ledger, "lots", { limit: 1_000 });
    expect([all.entries.length, all.cursor]).toEqual([73, undefined]);
    expect(
      (await client.entries(ledger, "lots", { prefix: "0xcd" })).entries.map(({ key }) => key.n),
    ).toEqual([0, 1, 2]);
    const shown = await client.call("state_query", { path: `lots/lots/${second}`, limit: 1 });
    expect(shown).toMatchObject({
      value: null,
      entries: [{ path: `lots/lots/${second}/0`, key: { house: second, n: 0 }, value: { price: "0" } }],
      cursor: expect.stringMatching(/^0x4010/),
    });
  });

  it("are refused with what is wrong: a map that is none, a cursor of another page, a proof of a page", async () => {
    const chain = await devnet({ validators: 1, modules: [ledger] });
    net = chain;
    const client = new Client(chain.urls, { fetch: chain.fetch });
    await expect(client.call("state_query", { path: "lots/none", limit: 5 })).rejects.toThrow(
      "lots/none: no such state; there are lots, total",
    );
    await expect(client.call("state_query", { path: "account/0x00", limit: 5 })).rejects.toThrow(
      "entries are listed of the maps of modules; this chain has coinbase, bank, anchor, gov, lots",
    );
    await expect(client.call("state_query", { path: "lots/lots", cursor: "0x4011" })).rejects.toThrow(
      "cursor: 0x4011 is of no page below 0x401000",
    );
    await expect(client.call("state_query", { path: "lots/lots", limit: 5, prove: true })).rejects.toThrow(
      "prove: of one entry",
    );
    await expect(client.call("state_query", { path: "lots/lots", limit: 1_001 })).rejects.toThrow(
      "1 to 1000",
    );
    await expect(client.call("state_query", { path: `lots/lots/${DEED}` })).rejects.toThrow(
      "with limit the entries below it are listed",
    );
    await expect(client.entries(ledger, "total")).rejects.toThrow('lots declares no map "total"');
  });
});
