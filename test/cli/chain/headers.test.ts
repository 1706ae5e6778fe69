/**
 * Goal: `headers check` says what a file of headers comes to, names the first wrong header, and ends with the
 * documented code for every bad file or state. Method: the command in this process, its streams collected.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MAINNET, MAINNET_LAST_HASH } from "../../consensus/pow/mainnet.ts";
import { json as jsonOf, quorate } from "../running.ts";

const WHOLE = fileURLToPath(new URL("../../vectors/bitcoin/mainnet-headers-0-10236.bin", import.meta.url));

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-headers-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

function file(name: string, content: Uint8Array | string): string {
  writeFileSync(join(dir, name), content);
  return join(dir, name);
}

const check = (...words: string[]) => quorate("headers", "check", ...words);
const json = (...words: string[]) => jsonOf("headers", "check", ...words);

test("mainnet's first headers are valid, with their work, retargets and speed", async () => {
  const { code, value } = await json(WHOLE);
  expect(code).toBe(0);
  expect(value).toMatchObject({
    valid: true,
    headers: 10_237,
    height: 10_236,
    tip: MAINNET_LAST_HASH,
    chainwork: "0x27fd27fd27fd",
    chainworkDecimal: "43968251111421",
    retargets: 5,
  });
  expect(value.headersPerSecond).toBeGreaterThan(0);
});

test("people read the same of mainnet's first headers, and nothing on stderr", async () => {
  const { code, stdout, stderr } = await check(file("few.bin", MAINNET.subarray(0, 800)), "-q");
  expect(code).toBe(0);
  expect(stdout).toMatch(/valid {3}10 headers up to height 9 .*headers\/s\n/);
  expect(stdout).toContain("0xa000a000a = 42950328330 hashes");
  expect(stderr).toBe("");
});

test("a single changed byte is named by height, rule and values", async () => {
  const altered = MAINNET.slice();
  altered[9_000 * 80 + 70]! ^= 1;
  const path = file("altered.bin", altered);
  const { code, value } = await json(path);
  expect(code).toBe(1);
  expect(value).toMatchObject({ valid: false, headers: 9_000, height: 9_000, reason: "high-hash" });
  expect(value.detail).toMatch(/hash 0x[0-9a-f]{64} is above the target 0x0{8}ffff0{52}/);
  const { stdout } = await check(path);
  expect(stdout).toContain("NOT valid at height 9000: high-hash");
});

describe("a check of headers from a height", () => {
  const first = MAINNET.subarray(0, 5_000 * 80);
  const rest = MAINNET.subarray(5_000 * 80);

  test("goes on with what an earlier check printed", async () => {
    const { stdout } = await check(file("first.bin", first), "--json");
    const state = file("state.json", stdout);
    const { code, value } = await json(file("rest.bin", rest), "--state", state, "--from-height", "5000");
    expect(code).toBe(0);
    expect(value).toMatchObject({ headers: 5_237, height: 10_236, retargets: 3 });
    expect(value).toMatchObject({ tip: MAINNET_LAST_HASH, chainwork: "0x27fd27fd27fd" });
    // The state alone serves as well as the answer that holds it.
    const bare = file("bare.json", JSON.stringify(JSON.parse(stdout).state));
    expect((await json(join(dir, "rest.bin"), "--state", bare)).value.tip).toBe(MAINNET_LAST_HASH);
  });

  test("refuses a state that is none, is for another height or contradicts itself", async () => {
    const { value } = await json(file("first.bin", first));
    const path = file("rest.bin", rest);
    const refused = async (state: unknown, ...words: string[]) => {
      const written = file("state.json", typeof state === "string" ? state : JSON.stringify(state));
      const { code, stderr } = await check(path, "--state", written, ...words);
      expect(code).toBe(2);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
      return stderr;
    };
    expect(await refused("not json")).toContain("not JSON");
    expect(await refused({ ...value.state, times: value.state.times.slice(1) })).toContain("10 blocks");
    expect(await refused({ ...value.state, bits: "1d010000" })).toContain("easier target");
    expect(await refused({ ...value.state, chainwork: 5 })).toContain("chainwork");
    expect(await refused({ ...value.state, hieght: 5 })).toContain("unknown key");
    expect(await refused(value.state, "--from-height", "5001")).toContain("for height 5000");
    expect(await refused({ ...value.state, height: 0 })).toContain("height");
    expect(await refused({ ...value.state, previousHash: "0x12" })).toContain("block hash");
    expect(await refused({ ...value.state, times: "now" })).toContain("times");
    expect(await refused([])).not.toBe("");
    const { periodStartTime: _, ...lacking } = value.state;
    expect(await refused(lacking)).toContain("periodStartTime");
    const { code, stderr } = await check(path, "--state", join(dir, "none.json"));
    expect([code, stderr]).toEqual([2, expect.stringContaining("cannot be read")]);
  });

  test("names the first header that does not follow the state, which may be of another chain", async () => {
    const { value } = await json(file("first.bin", first));
    const state = { ...value.state, previousHash: `0x${"00".repeat(31)}01` };
    const other = file("state.json", JSON.stringify(state));
    const answer = await json(file("rest.bin", rest), "--state", other);
    expect(answer).toMatchObject({ code: 1, value: { valid: false, headers: 0, height: 5_000 } });
  });
});

test.each([
  ["missing", () => join(dir, "none.bin"), "cannot be read"],
  ["empty", () => file("empty.bin", ""), "empty"],
  ["cut", () => file("cut.bin", MAINNET.subarray(0, 4_001)), "no multiple of 80: 1 left over"],
  ["a folder", () => dir, "not a regular file"],
])("a file that is %s is bad input, said in one line", async (_, path, message) => {
  const { code, stdout, stderr } = await check(path());
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(message);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
});

test.each([
  [[], "missing required argument"],
  [["--from-height", "five", "x.bin"], "integer from 0"],
  [["--from-height", "-1", "x.bin"], "integer from 0"],
  [["--profile", "dev", "x.bin"], "Allowed choices are bitcoin"],
  [["a.bin", "b.bin"], "too many arguments"],
])("a command line that asks for nothing of the kind is refused: %j", async (words, message) => {
  const { code, stdout, stderr } = await check(...words);
  expect([code, stdout, stderr]).toEqual([2, "", expect.stringContaining(message)]);
});

test("bytes that are no headers break a rule at once, and every file may name its rules", async () => {
  const noise = Uint8Array.from({ length: 160 }, (_, i) => (i * 37) % 251);
  expect(await json(file("noise.bin", noise))).toMatchObject({
    code: 1,
    value: { valid: false, headers: 0, height: 0 },
  });
  const few = file("few.bin", MAINNET.subarray(0, 800));
  expect(await json(few, "--profile", "bitcoin")).toMatchObject({ code: 0, value: { headers: 10 } });
});

test("a height without a state is refused: nothing could be looked back at", async () => {
  expect(await check(WHOLE, "--from-height", "5")).toMatchObject({ code: 2 });
  expect(await check(file("few.bin", MAINNET.subarray(0, 800)), "--from-height", "0")).toMatchObject({
    code: 0,
  });
});
