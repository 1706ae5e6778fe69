/** `quorate account --level` and `quorate read` against nodes in this process, one of which lies. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { METHOD_TABLE } from "../../../src/rpc/methods/method-table.ts";
import { bob, genesis, genesisText } from "../../rpc/fake-node.ts";
import { serve } from "../../rpc/serve.ts";
import { quorate } from "../running.ts";

let dir: string;
let file: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-reads-"));
  file = join(dir, "trusted.json");
  writeFileSync(file, genesisText);
});
afterAll(() => rmSync(dir, { recursive: true }));

/** @param lies shows another balance */
async function node(index: number, lies = false): Promise<string> {
  const methods = new Map(METHOD_TABLE);
  const own = methods.get("state_query")!;
  const call: typeof own.call = async (context, params) => {
    const result = (await own.call(context, params)) as object;
    return lies ? { ...result, value: `0x${"00".repeat(7)}ff${"00".repeat(8)}` } : result;
  };
  const served = await serve({}, { methods: methods.set("state_query", { ...own, call }) });
  served.node.peerId = genesis.validators[index]!.peerId;
  return served.url;
}

const place = () => ["--dir", dir, "--devnet", join(dir, "none"), "--genesis", file];
const account = (urls: readonly string[], ...more: readonly string[]) =>
  quorate("account", bob.addressHex, "--rpc", urls.join(","), ...place(), ...more);

test("an account at a level says what was checked, and names a node that lies", async () => {
  const [honest, liar] = [await node(0), await node(1, true)];
  const { code, stdout } = await account([liar, honest], "--level", "proven");
  expect(code).toBe(0);
  expect(stdout).toMatch(/balance 500 {2}nonce 0/);
  expect(stdout).toMatch(/checked +validators, certificate, value\n.*unchecked +freshness/s);
  expect(stdout).toContain(`NOT BELIEVED  ${liar}`);
  const { stdout: json } = await account([liar, honest], "--level", "proven", "--json");
  expect(JSON.parse(json)).toMatchObject({
    value: { balance: "500" },
    nodes: [honest],
    disbelieved: [{ node: liar }],
  });
  const { stdout: word } = await account([liar], "--level", "one", "--json");
  expect(JSON.parse(word)).toMatchObject({ value: { balance: "255" }, level: "one", checked: [] });
});

test("no answer of the level is an error with who said what", async () => {
  const [honest, liar] = [await node(0), await node(1, true)];
  const alone = await account([liar], "--level", "proven", "--timeout", "500");
  expect(alone.code).toBe(1);
  expect(alone.stderr).toMatch(/no node proved its answer/);
  expect(alone.stderr).toContain(`not believed: ${liar}`);
  const two = await account([honest, liar], "--level", "agreed", "--timeout", "500");
  expect(two.code).toBe(5);
  expect(two.stderr).toMatch(/1 of 2 equal answers at one height/);
  for (const [url, balance] of [
    [honest, 500],
    [liar, 255],
  ]) {
    expect(two.stderr).toMatch(new RegExp(`${url}: height 0, .*"balance":"${balance}"`));
  }
  const few = await account([honest, liar], "--level", "latest");
  expect(few.code).toBe(2);
  expect(few.stderr).toContain("answers of 3 of 4 validators, 2 URLs given");
});

test("any path of the state is read, and a word that is none is refused", async () => {
  const url = await node(0);
  const path = `anchor/0x${"ab".repeat(32)}`;
  const { code, stdout } = await quorate("read", path, "--rpc", url, ...place());
  expect([code, stdout.split("\n")[0]]).toEqual([0, `${path}  nothing`]);
  expect(stdout).toMatch(/level +proven/);
  const wrong = await quorate("read", "bank/all", "--rpc", url, ...place());
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/expected account\/<address>/)]);
});
