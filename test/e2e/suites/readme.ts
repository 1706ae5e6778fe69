/** What README.md tells a new user to type works, line for line, and shows what is said there. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Devnet } from "../processes.ts";
import { demonstration, Reader } from "../readme.ts";

/** Long demonstrations, with less to do. */
const SHORTER: readonly (readonly [RegExp, string])[] = [
  [/ -k 100\b/, " -k 1"],
  [/ --trials 2000\b/, " --trials 20"],
];
/** Much work for real processes, with tests of their own. */
const LEFT_OUT = /lab siege/;

let devnet: Devnet;
let reader: Reader;

describe("README.md", () => {
  beforeAll(async () => {
    devnet = await Devnet.start();
    reader = new Reader(devnet);
  }, 150_000);
  afterAll(async () => {
    reader?.remove();
    await devnet?.remove();
  });

  it.each([
    ["a transfer", "tx transfer", [/final in .* block 1/, /^bob .*balance 1000005/, /"height":1/]],
    ["receipts", "anchor verify", [/2 files final/, /all 2 valid/]],
  ])("shows %s", async (_, mark, shown) => {
    for (const [i, line] of demonstration(mark).entries()) {
      const { code, stdout, stderr } = await reader.run(line);
      expect([line, code, stderr]).toEqual([line, 0, expect.anything()]);
      expect(stdout).toMatch(shown[i]!);
    }
  });

  it("shows faults: the chain goes on without its primary, and every order is carried out", {
    timeout: 120_000,
  }, async () => {
    for (const line of demonstration("devnet kill 0")) {
      if (LEFT_OUT.test(line)) continue;
      const shorter = SHORTER.reduce((text, [pattern, put]) => text.replace(pattern, put), line);
      const { code, stdout, stderr } = await reader.run(shorter, line.includes("--watch"));
      // explain ends with 1 while something is amiss, which it is on purpose.
      const codes = line.includes("explain") ? [0, 1] : [0];
      expect([line, codes.includes(code), stderr]).toEqual([line, true, expect.anything()]);
      expect(stdout + stderr).not.toBe("");
    }
  });
});
