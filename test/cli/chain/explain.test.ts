/** Goal: an alert can rely on the exit code of explain. Method: the program in this process against a test's node. */
import { afterEach, expect, test, vi } from "vitest";
import { buildProgram, run } from "../../../src/cli/program.ts";
import { peer } from "../../rpc/fake-node.ts";
import { serve } from "../../rpc/serve.ts";

afterEach(() => vi.restoreAllMocks());

async function quorate(...words: string[]): Promise<{ code: number; stdout: string }> {
  let stdout = "";
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    stdout += String(chunk);
    return true;
  });
  const code = await run(await buildProgram(words), words);
  vi.restoreAllMocks();
  return { code, stdout };
}

test("explain ends with 0 while the chain moves and with 1 when it does not", async () => {
  const { node, url } = await serve();
  const moving = await quorate("explain", "--rpc", url);
  expect(moving.code).toBe(0);
  expect(moving.stdout).toMatch(/^✔ 1 of 4 votes for height 1 in view 0/);
  node.peerList = [peer(1)];
  const halted = await quorate("explain", "--rpc", url, "--json");
  expect(halted.code).toBe(1);
  expect(JSON.parse(halted.stdout)).toMatchObject({ state: "no-quorum", ok: false, asked: { url } });
  expect(moving.stdout).toMatch(/\n {2}asked: \S+ \((validator|full)\) at http/);
});

test("status says in one line what explain says", async () => {
  const { node, url } = await serve();
  node.peerList = [peer(1)];
  const { code, stdout } = await quorate("status", "--rpc", url);
  expect(code).toBe(0);
  expect(stdout).toContain("state      ✖ NO QUORUM: 2 of 4 validators online, need 3");
});

test("evidence says when there is none, and refuses a limit that no node takes", async () => {
  const { url } = await serve();
  expect(await quorate("evidence", "--rpc", url)).toMatchObject({
    code: 0,
    stdout: "no validator is known to have contradicted itself\n",
  });
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  expect((await quorate("evidence", "--rpc", url, "--limit", "1000")).code).toBe(2);
});
