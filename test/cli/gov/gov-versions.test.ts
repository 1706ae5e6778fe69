/** What `quorate gov propose module | keep-module` make of a file and a chain's modules, before anything is asked or sent. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { must } from "../../../src/base/assert.ts";
import { hex0x } from "../../../src/base/bytes.ts";
import { describeModules, keptModule, moduleChange } from "../../../src/cli/gov/gov-versions.ts";
import { bundleText } from "../../node/modules/module-file.ts";

const sha256 = `0x${"ab".repeat(32)}`;
const runs = { name: "shop", number: 16, version: 1, sha256, since: 0, planned: null, trouble: null };
const planned = {
  ...runs,
  planned: { version: 2, sha256: `0x${"cd".repeat(32)}`, since: 3 },
  trouble: "shop 2: its file is not here",
};

it("gov module proposes a file by its hash, under the number that its name has on the chain, or the least that is free", async () => {
  const made = await bundleText(
    'import { call, defineModule } from "quorate/module";\nexport default defineModule({ name: "shop", version: 2 }, { go: call({}, () => undefined) });',
  );
  const { text, hash } = must(made.ok ? made.value : undefined, "it is built");
  const dir = mkdtempSync(join(tmpdir(), "quorate-gov-"));
  try {
    const file = join(dir, "shop-2.js");
    writeFileSync(file, text);
    const module = { name: "shop", number: 16, version: 2, hash };
    expect(await moduleChange(file, [runs])).toEqual({ kind: "module", module });
    const other = { ...runs, name: "notes" };
    expect(await moduleChange(file, [other])).toMatchObject({ module: { number: 17 } });
    expect(await moduleChange(file, [other], 40)).toMatchObject({ module: { number: 40 } });
    await expect(moduleChange(file, [runs], 17)).rejects.toThrow(
      "--number 17: shop is module 16 of this chain",
    );
    writeFileSync(file, "no module");
    await expect(moduleChange(file, [runs])).rejects.toThrow(`${file}: not a module's bundled file`);
    await expect(moduleChange(join(dir, "gone.js"), [runs])).rejects.toThrow("gone.js: not found");
  } finally {
    rmSync(dir, { recursive: true });
  }
});

it("gov module takes a planned version back by a vote for the one that runs, and says where there is none", () => {
  const kept = keptModule("shop", [planned]);
  expect(kept).toMatchObject({ kind: "module", module: { name: "shop", number: 16, version: 1 } });
  expect(kept.kind === "module" && hex0x(kept.module.hash)).toBe(sha256);
  expect(() => keptModule("shop", [runs])).toThrow("shop 1 runs, and no other version is planned");
  expect(() => keptModule("notes", [runs])).toThrow('this chain has no module "notes"; it has shop');
});

it("gov module lists what runs, what is planned from which epoch on, and what this node lacks for it", () => {
  expect(describeModules([planned])).toEqual([
    `module shop (16): 1 since epoch 0, SHA-256 ${sha256}`,
    `  2 from epoch 3 on, SHA-256 0x${"cd".repeat(32)}`,
    "  shop 2: its file is not here",
  ]);
});
