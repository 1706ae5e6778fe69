/** Goal: what `module new` writes is a module. Method: it is bundled as a node's is; the example's own tests run here. */
import "../../../examples/shop/test/shop.test.ts";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ModuleWatch, modulesOfDevnet } from "../../../src/cli/devnet/devnet-modules.ts";
import { planDevnet } from "../../../src/cli/devnet/devnet-plan.ts";
import { json } from "../running.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-module-test-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("module new", () => {
  it("writes a package whose module builds, and never over one that is there", async () => {
    const out = join(dir, "shop");
    const { code, value } = await json("module", "new", "shop", "--out", out);
    expect({ code, files: value.files }).toMatchObject({
      code: 0,
      files: expect.arrayContaining(["src/shop.ts"]),
    });
    const built = await json("module", "build", join(out, "src/shop.ts"), "--out", join(out, "modules"));
    expect(built).toMatchObject({ code: 0, value: { name: "shop", version: 1 } });
    const { scripts, devDependencies } = JSON.parse(readFileSync(join(out, "package.json"), "utf8"));
    expect(scripts.test).toBe("vitest run");
    expect(Object.values(devDependencies).every((version) => typeof version === "string")).toBe(true);
    expect((await json("module", "new", "shop", "--out", out)).code).toBe(2);
  });

  it.each(["Shop", "1st", "a-b", "class", ""])("refuses the name %j", async (name) => {
    const { code, value } = await json("module", "new", name, "--out", join(dir, "x"));
    expect(code).toBe(2);
    expect(value.error.message).toContain(`"${name}"`);
  });
});

describe("the source of a module on a running devnet", () => {
  it("is built again when it changes; a mistake in it changes nothing, a comment neither", async () => {
    await json("module", "new", "shop", "--out", join(dir, "shop"));
    const source = join(dir, "shop/src/shop.ts");
    const text = readFileSync(source, "utf8");
    const origin = { seed: "watch", validators: 1, accounts: 1, balance: 1n };
    const { watched } = await modulesOfDevnet(dir, [source], planDevnet(origin));
    const refused: string[] = [];
    let turn = () => {};
    const changed = new Promise<string>((resolve) => {
      const watch = new ModuleWatch(watched, {
        refused: (detail) => {
          refused.push(...detail);
          turn();
        },
        changed: (name) => {
          expect(watch.hasChanged).toBe(true);
          resolve(name);
        },
      });
    });
    const announced = new Promise<void>((resolve) => {
      turn = resolve;
    });
    writeFileSync(source, `// more words\n${text}const now = Date.now();\n`);
    await announced;
    expect(refused.join(" ")).toContain("a module has no clock");
    writeFileSync(source, text.replace("text(64)", "text(65)"));
    expect(await changed).toBe("shop");
  });
});
