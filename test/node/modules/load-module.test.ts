/** What a module's code finds, what it can never do, and how each of its mistakes ends: the same on every node. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { must } from "../../../src/base/assert.ts";
import { hex0x } from "../../../src/base/bytes.ts";
import type { Genesis } from "../../../src/chain/genesis/genesis.ts";
import { formatGenesis, parseGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { computeGenesisHash } from "../../../src/chain/genesis/genesis-state.ts";
import { callFromJson } from "../../../src/chain/modules/module-state.ts";
import { bundleModule } from "../../../src/node/modules/bundle-module.ts";
import { loadModule } from "../../../src/node/modules/load-module.ts";
import { loadModules } from "../../../src/node/modules/module-files.ts";
import { genesis as fixture } from "../../chain/fixtures.ts";
import { bundleText, moduleOf, TestLedger } from "./module-file.ts";

const PEER = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
const plainGenesis = { ...fixture, validators: fixture.validators.map((one) => ({ ...one, peerId: PEER })) };

it("a module whose file nobody has built is refused where it never ends, when it is evaluated or made", async () => {
  const made = await bundleText(
    'import { call, defineModule } from "quorate/module";\nexport default defineModule({ name: "own" }, { go: call({}, () => undefined) });',
  );
  const { text } = must(made.ok ? made.value : undefined, "it is built");
  const endless = text.replace('"use strict";', '"use strict";for(;;){}');
  expect(endless).not.toBe(text);
  expect(loadModule(endless, 100)).toMatchObject({
    fault: { code: "malformed", detail: expect.stringContaining("timed out") },
  });
  expect(loadModule(text.replace('"use strict";', '"use strict";$q_load();'))).toMatchObject({
    fault: { detail: expect.stringContaining("$q_load is not defined") },
  });
});

describe("a module that is built", () => {
  it("is refused for each thing that is not the same on every node, with its place in the source", async () => {
    const wrong = async (body: string) => {
      const made = await bundleText(
        `import { call, defineModule } from "quorate/module";\nexport default defineModule({ name: "own" }, {\n  go: call({}, () => {\n    ${body}\n  }),\n});`,
      );
      return made.ok ? "built" : made.fault.detail;
    };
    expect(await wrong("void Date.now();")).toBe(
      "own.ts:4: Date: a module has no clock: use ctx.timeMs, the time of the block",
    );
    expect(await wrong("void Math.random();")).toBe("own.ts:4: Math.random: a module has no randomness");
    expect(await wrong('void "a".localeCompare("b");')).toContain("localeCompare: it depends on the locale");
    expect(await wrong("try { void 1; } catch {}")).toContain("own.ts:4: try: a throw undoes the whole call");
    expect(await wrong("void /x/;")).toContain("the time of a regular expression is not counted");
    expect(await wrong("void (async () => 1);")).toContain("async: a call is synchronous");
    expect(await wrong("void (2 ** 0.5);")).toContain("**: versions of Node round it differently");
    expect(await wrong("console.log(1);")).toBe(
      "own.ts:4: console: a module has nothing of this name (docs/modules.md)",
    );
    expect(await wrong("void process.env;")).toContain("process: a module has no process");
    expect(await wrong("const Date = 1; void Date;")).toBe("built");
    expect(await wrong("void (")).toMatch(/own\.ts:\d+: Unexpected/);
  });

  it("is the first module that its file exports where none is the default", async () => {
    const made = await bundleText(
      'import { call, defineModule } from "quorate/module";\nexport const other = 1;\nexport const own = defineModule({ name: "own" }, { go: call({}, () => undefined) });',
    );
    expect(made).toMatchObject({ ok: true, value: { code: { form: { name: "own" } } } });
    expect(await bundleText("export default 5;")).toMatchObject({
      fault: {
        code: "malformed",
        detail: expect.stringContaining("the file exports no module: export default"),
      },
    });
  });

  it("is the same bytes wherever its source lies", async () => {
    const text =
      'import { call, defineModule } from "quorate/module";\nexport default defineModule({ name: "own" }, { go: call({}, () => undefined) });';
    const [one, two] = await Promise.all([bundleText(text), bundleText(text)]);
    expect(one.ok && two.ok && hex0x(one.value.hash)).toBe(two.ok && hex0x(two.value.hash));
  });
});

describe("a module's call", () => {
  it("that loops for ever, in whatever way, is cut off as MODULE_OUT_OF_UNITS", async () => {
    const own = await moduleOf(`
      loop: call({}, () => { for (;;); }),
      nest: call({}, () => { while (true) { do { for (const x of [1]) void x; } while (true); } }),
      each: call({}, () => { const a = [1]; for (const x of a) a.push(x); }),
      map: call({}, () => { const f = () => { [1, 2, 3].map(f); }; const g = () => { for (let i = 0; i < 1e9; i++) h(); }; const h = () => 1; g(); f(); }),
    `);
    for (const name of ["loop", "nest", "each", "map"])
      expect(own.run(name)).toContain("MODULE_OUT_OF_UNITS");
  });

  it("that goes too deep is a MODULE_PANIC, at the same depth on every machine", async () => {
    const own = await moduleOf(`
      deep: call({ n: uint(32) }, (ctx, { n }) => { const f = (i: number): number => (i === 0 ? 0 : 1 + f(i - 1)); ctx.state.n.set(BigInt(f(n))); }),
      wide: call({}, () => { const f = () => 1; for (let i = 0; i < 1000; i++) f(); }),
    `);
    expect(own.run("deep", { n: 150 })).toBe("ok");
    expect(own.run("deep", { n: 250 })).toBe(
      "MODULE_PANIC: functions stand more than 200 deep in each other",
    );
    expect(own.run("wide")).toBe("ok");
  });

  it("remembers nothing but the ledger", async () => {
    const own = await moduleOf(
      "count: call({}, (ctx) => { hits += 1; seen.set(hits, 1); ctx.state.n.set(BigInt(hits + seen.size)); })",
      "let hits = 0; const seen = new Map<number, number>();",
    );
    expect([own.run("count"), own.entry("n")]).toEqual(["ok", "2"]);
    expect([own.run("count"), own.entry("n")]).toEqual(["ok", "2"]);
  });

  it("is given arguments of its own, however often it runs", async () => {
    const own = await moduleOf(
      "take: call({ l: list(text(4), 3) }, (ctx, args) => { ctx.state.n.set(BigInt(args.l.length)); (args.l as string[]).pop(); })",
    );
    const made = callFromJson(own.module.form, "take", { l: ["a", "b"] });
    const call = own.module.decodeCall(
      own.module.encodeCall(must(made.ok ? made.value : undefined, "it fits")),
    );
    for (let run = 0; run < 2; run++) expect([own.execute(call), own.entry("n")]).toEqual(["ok", "2"]);
  });

  it("finds frozen globals, and none that has a clock, a locale, or is not on every version of Node", async () => {
    const own = await moduleOf(`
      names: call({ name: text(32) }, (ctx, { name }) => {
        const found = Object.getOwnPropertyNames(Object.getPrototypeOf({} as object).constructor);
        const at = (o: object) => Object.getOwnPropertyNames(o).includes(name);
        ctx.state.m.set(name, String(at(Array) || at(Array.prototype) || at(String.prototype) || at(Set.prototype) || at(Map) || at(Math) || found.includes(name)));
      }),
      change: call({}, () => { (Array.prototype as { own?: number }).own = 1; }),
      make: call({}, () => { (() => 1).constructor("return 1")(); }),
      upper: call({ t: text(32) }, (ctx, { t }) => ctx.state.m.set("upper", t.toUpperCase())),
      grow: call({}, () => { "x".repeat(1_000_000); }),
    `);
    for (const name of [
      "union",
      "fromAsync",
      "groupBy",
      "localeCompare",
      "normalize",
      "random",
      "toLocaleString",
      "match",
    ]) {
      expect([name, own.run("names", { name }), own.entry("m", name)]).toEqual([name, "ok", "false"]);
    }
    expect([own.run("names", { name: "toSorted" }), own.entry("m", "toSorted")]).toEqual(["ok", "true"]);
    expect(own.run("change")).toContain("MODULE_PANIC: Cannot add property own");
    expect(own.run("make")).toContain("MODULE_PANIC: Code generation from strings disallowed");
    expect([own.run("upper", { t: "ab" }), own.entry("m", "upper")]).toEqual(["ok", "AB"]);
    expect(own.run("upper", { t: "straße" })).toContain(
      "MODULE_PANIC: toUpperCase of a text that is not ASCII",
    );
    expect(own.run("grow")).toContain("MODULE_PANIC: repeat: a text of more than");
  });

  it("gets values that lead out of its context nowhere", async () => {
    const own = await moduleOf(`
      leak: call({ l: list(text(4), 3), b: bytes(8) }, (ctx, args) => {
        const up = (o: object): string => String(typeof (o as { constructor: { constructor: (s: string) => () => object } }).constructor.constructor);
        const made = Object.getPrototypeOf(args) === Object.prototype && Object.getPrototypeOf(args.l) === Array.prototype;
        ctx.state.m.set("own", String(made) + up(args));
      }),
    `);
    expect(own.run("leak", { l: ["a", "b"], b: "0x01" })).toBe("ok");
    expect(own.entry("m", "own")).toBe("truefunction");
  });

  it("costs what it does, and a chain's bound holds", async () => {
    const made = await bundleText(`
      import { call, defineModule, map, text, uint } from "quorate/module";
      export default defineModule({ name: "own", state: { m: map(text(32), text(64)) } },
        { put: call({ times: uint(32) }, (ctx, { times }) => { for (let i = 0; i < times; i++) ctx.state.m.set(String(i), "x"); }) });`);
    if (!made.ok) throw new Error(made.fault.detail);
    const own = new TestLedger(made.value.code, 10_000);
    expect(own.run("put", { times: 10 })).toBe("ok");
    expect(own.run("put", { times: 20 })).toBe("MODULE_OUT_OF_UNITS: the call costs more than it may");
    expect(own.entry("m", "15")).toBeUndefined();
  });

  it("whose fee pays for less than evaluating its file fails, and stops no node", async () => {
    const made = await bundleText(`
      import { call, defineModule } from "quorate/module";
      export default defineModule({ name: "own" }, { go: call({}, () => undefined) });`);
    if (!made.ok) throw new Error(made.fault.detail);
    const own = new TestLedger(made.value.code, 1_000_000, undefined, 1n);
    for (const fee of [0n, 1n, 499n, 501n]) {
      expect(own.execute(own.module.decodeCall(Uint8Array.of(0)), fee)).toContain("MODULE_OUT_OF_UNITS");
    }
    expect(own.execute(own.module.decodeCall(Uint8Array.of(0)), 10_000n)).toBe("ok");
  });

  it("stops the node when the state cannot be read: that is no mistake of the module", async () => {
    const made = await bundleText(`
      import { call, cell, defineModule, uint } from "quorate/module";
      export default defineModule({ name: "own", state: { n: cell(uint(64)) } }, { read: call({}, (ctx) => void ctx.state.n.get()) });`);
    if (!made.ok) throw new Error(made.fault.detail);
    const broken = {
      get: () => {
        throw new Error("the disk is gone");
      },
    };
    expect(() => new TestLedger(made.value.code, 1_000_000, broken).run("read")).toThrow("the disk is gone");
  });
});

describe("a chain's genesis with modules", () => {
  const file = resolve(import.meta.dirname, "../../../examples/registry/registry.ts");

  it("has a hash of its own for every number, version, file and bound, and none other without modules", async () => {
    const hash = new Uint8Array(32).fill(5) as never;
    const named = (changes: object = {}, limits: object = {}): Genesis => ({
      ...plainGenesis,
      modules: {
        callUnitsMax: 1_000_000,
        unitsPerFee: 0n,
        ...limits,
        list: [{ name: "registry", number: 16, version: 1, hash, ...changes }],
      },
    });
    const variants = [
      plainGenesis,
      named(),
      named({ number: 17 }),
      named({ version: 2 }),
      named({ name: "other" }),
      named({ hash: new Uint8Array(32).fill(6) }),
      named({}, { callUnitsMax: 2_000_000 }),
      named({}, { unitsPerFee: 1n }),
    ];
    const hashes = new Set(variants.map((one) => hex0x(computeGenesisHash(one))));
    expect(hashes.size).toBe(variants.length);
    const text = formatGenesis(named());
    const read = parseGenesis(text);
    if (!read.ok) throw new Error(read.fault.detail);
    expect(formatGenesis(read.value.genesis)).toBe(text);
    expect(formatGenesis(plainGenesis)).not.toContain("modules");
    const twice = JSON.parse(text);
    twice.modules.list.push(twice.modules.list[0]);
    expect(parseGenesis(JSON.stringify(twice))).toMatchObject({ ok: false, fault: { code: "unfit" } });
  });

  it("keeps a node with another file, or none, from starting, and names both hashes", async () => {
    const made = await bundleModule(file);
    if (!made.ok) throw new Error(made.fault.detail);
    const hash = made.value.hash;
    const dir = mkdtempSync(join(tmpdir(), "quorate-module-"));
    try {
      const chain: Genesis = {
        ...plainGenesis,
        modules: {
          callUnitsMax: 1_000_000,
          unitsPerFee: 0n,
          list: [{ name: "registry", number: 16, version: 1, hash }],
        },
      };
      const problem = () => {
        const loaded = loadModules(chain, dir);
        return loaded.ok ? "runs" : loaded.fault.detail;
      };
      expect(problem()).toContain(
        `registry.js: not found; this chain runs registry 1 of SHA-256 ${hex0x(hash)}`,
      );
      mkdirSync(dir, { recursive: true });
      writeFileSync(join(dir, "registry.js"), made.value.text);
      expect(problem()).toBe("runs");
      writeFileSync(join(dir, "registry.js"), `${made.value.text} `);
      expect(problem()).toMatch(
        /registry\.js: SHA-256 0x[0-9a-f]{64}, but this chain runs registry 1 of SHA-256/,
      );
      expect(problem()).toContain(hex0x(hash));
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it("loads no file that quorate module build has not made", () => {
    expect(loadModule("export default 1")).toMatchObject({ ok: false, fault: { code: "malformed" } });
    expect(loadModule("// quorate module, interface 1\nthrow new Error('no')")).toMatchObject({ ok: false });
  });
});
