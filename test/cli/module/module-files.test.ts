/** Files of modules on the command line: an upgrade that is none, and a file from a node by its hash. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { devnet } from "../../../src/testing/virtual-devnet.ts";
import { json, quorate } from "../running.ts";

const REGISTRY = resolve(import.meta.dirname, "../../../examples/registry/registry.ts");

let dir: string;
let net: Awaited<ReturnType<typeof devnet>> | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-module-files-"));
});
afterEach(async () => {
  await net?.stop();
  net = undefined;
  rmSync(dir, { recursive: true, force: true });
});

describe("module build --upgrade-of", () => {
  it("takes a version that adds, and refuses one whose old bytes would mean something else", async () => {
    const source = (version: number, total: string, more = "") =>
      `import { call, cell, defineModule, uint } from "quorate/module";
      export default defineModule({ name: "own", version: ${version}, state: { total: cell(${total})${more} } },
        { add: call({ n: uint(8) }, (ctx, { n }) => ctx.state.total.set(n)) });`;
    const build = (name: string, text: string, ...words: string[]) => {
      writeFileSync(join(dir, `${name}.ts`), text);
      return json("module", "build", join(dir, `${name}.ts`), "--out", join(dir, name), ...words);
    };
    await build("first", source(1, "uint(8)"));
    const old = ["--upgrade-of", join(dir, "first/own.js")];
    expect(await build("second", source(2, "uint(8)", ", more: cell(uint(8))"), ...old)).toMatchObject({
      code: 0,
    });
    expect(await build("third", source(2, "uint(16)"), ...old)).toMatchObject({
      code: 1,
      value: {
        error: {
          code: "NO_UPGRADE",
          message: expect.stringContaining("state total: its value has another type"),
        },
      },
    });
  });
});

describe("module fetch", () => {
  it("takes a file from a node that runs it, by its hash and no other", async () => {
    net = await devnet({ validators: 1, modules: [REGISTRY], accounts: 1 });
    const url = await net.serve();
    const { modules } = JSON.parse(net.genesis) as { modules: { list: { hash: string }[] } };
    const hash = modules.list[0]!.hash;
    const out = ["--rpc", url, "--out", join(dir, "modules")];
    const fetched = await json("module", "fetch", hash, ...out);
    expect(fetched).toMatchObject({ code: 0, value: { name: "registry", version: 1, sha256: hash } });
    expect(readFileSync(join(dir, "modules/registry.js"), "utf8")).toMatch(
      /^\/\/ quorate module, interface 1\n/,
    );
    const other = await json("module", "fetch", `0x${"11".repeat(32)}`, ...out);
    expect(other).toMatchObject({ code: 3, value: { error: { code: "NO_SUCH_MODULE" } } });
    expect(other.value.error.message).toContain(`it runs registry 1 (${hash})`);
    expect((await json("module", "fetch", "registry", ...out)).code).toBe(2);
  });
});

describe("quorate start", () => {
  it("ends with exit code 2 where a module's file is missing or differs by a byte, and names both hashes", async () => {
    net = await devnet({ validators: 1, modules: [REGISTRY], accounts: 1 });
    const [home, genesis] = [join(dir, "home"), join(dir, "genesis.json")];
    writeFileSync(genesis, net.genesis);
    const wanted = (JSON.parse(net.genesis) as { modules: { list: { hash: string }[] } }).modules.list[0]!
      .hash;
    expect(await json("init", "--genesis", genesis, "--dir", home)).toMatchObject({ code: 0 });
    const started = async () => {
      const { code, stdout, stderr } = await quorate("start", "--dir", home);
      return { code, text: stdout + stderr };
    };
    expect(await started()).toMatchObject({
      code: 2,
      text: expect.stringContaining(`not found; this chain runs registry 1 of SHA-256 ${wanted}`),
    });
    await json("module", "build", REGISTRY, "--out", join(home, "modules"));
    const file = join(home, "modules/registry.js");
    writeFileSync(file, `${readFileSync(file, "utf8")} `);
    const other = `0x${createHash("sha256").update(readFileSync(file)).digest("hex")}`;
    const { code, text } = await started();
    expect([code, text.includes(other), text.includes(wanted)]).toEqual([2, true, true]);
  });
});
