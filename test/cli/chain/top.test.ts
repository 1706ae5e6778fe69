/** `quorate top` where nothing can be drawn: once, the figures and the votes of the last heights. */
import { expect, test } from "vitest";
import { asHash } from "../../../src/base/bytes.ts";
import { serve } from "../../rpc/serve.ts";
import { json, quorate } from "../running.ts";

test("quorate top shows how the chain does and who voted when, once where there is no terminal", async () => {
  const { node, url } = await serve();
  await node.commit();
  const vote = { view: 0n, height: 1n, hash: asHash(new Uint8Array(32)) };
  node.engineRecord.push(
    { atMs: 100, event: { type: "pre-prepare", from: 0, ...vote } },
    { atMs: 104, event: { type: "prepare", from: 1, ...vote } },
    { atMs: 109, event: { type: "commit", from: 1, ...vote } },
  );
  const { code, stdout } = await quorate("top", "--rpc", url);
  expect(code).toBe(0);
  expect(stdout).toMatch(/height 1 {2}final 1 {2}pool 0/);
  expect(stdout).toMatch(/validator +height 1\n +node0 +0 · ·\n +node1 +· 4 9\n/);
  const { value } = await json("top", "--rpc", url);
  expect(value.events).toHaveLength(3);
});
