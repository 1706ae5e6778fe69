/** What a node says of voted versions of modules that it cannot run as it is: in `explain`, doctor and the membership. */
import { expect, it } from "vitest";
import { hex0x } from "../../../src/base/bytes.ts";
import { sha256 } from "../../../src/crypto/hash.ts";
import { moduleTroubleWords, withModules } from "../../../src/rpc/explain/explain-modules.ts";
import type { ModuleTrouble } from "../../../src/rpc/modules-api.ts";

const hash = sha256(Uint8Array.of(1));
const missing: ModuleTrouble = {
  ...{ name: "registry", number: 16, version: 2, hash },
  ...{ why: "missing", detail: "HOME/modules: the module's file does not run: timed out", fromHeight: 33n },
};
const unfit: ModuleTrouble = { ...missing, name: "shop", why: "unfit", detail: "call add: it is gone" };
const said = { state: "moving", ok: true, summary: "blocks come", details: ["4 validators"] } as const;

it("the explanation of a module says which file is missing, what is wrong with it, from which height on, and the command that fetches it", () => {
  expect(moduleTroubleWords(missing)).toBe(
    `registry 2 runs from height 33 on and its file (SHA-256 ${hex0x(hash)}) is not here (${missing.detail}): ` +
      `quorate module fetch ${hex0x(hash)} --rpc URL --out HOME/modules; without it this node stops there`,
  );
  expect(moduleTroubleWords(unfit)).toBe(
    "shop 2 is voted in and may not follow the version that runs, which goes on: call add: it is gone",
  );
});

it("the explanation of a module comes before what else there is to say where a file is missing, and behind it where the old version goes on", () => {
  const early = withModules([unfit, missing], said, 20n);
  expect(early).toMatchObject({ state: "no-module", ok: false });
  expect(early.summary).toContain("FILE MISSING: registry 2 runs from height 33 on");
  expect(early.details).toEqual(["blocks come", "4 validators", moduleTroubleWords(unfit)]);
  expect(withModules([missing], said, 32n)).toMatchObject({ state: "halted", ok: false });
  expect(withModules([unfit], said, 32n)).toEqual({
    ...said,
    details: ["4 validators", moduleTroubleWords(unfit)],
  });
  expect(withModules([], said, 32n)).toEqual(said);
});
