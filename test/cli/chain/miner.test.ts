/**
 * `quorate miner` and `quorate chain` against a real node of a mined chain in this process: its ledger, branches and
 * miner control, served by the real RPC server; only the threads are a machine that a test turns by hand.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hex0x, showHash } from "../../../src/base/bytes.ts";
import { MINING_THREADS_MAX } from "../../../src/base/limits.ts";
import { alice, bob } from "../../rpc/fake-node.ts";
import { MinedNode } from "../../rpc/mined-node.ts";
import { serve } from "../../rpc/serve.ts";
import { json, quorate } from "../running.ts";

const ALICE = hex0x(alice.address);
const BOB = hex0x(bob.address);

let node: MinedNode;
let url: string;
const opened: MinedNode[] = [];

beforeEach(async () => {
  node = await MinedNode.open();
  opened.push(node);
  ({ url } = await serve({}, { api: node.api }));
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.stop();
});

const run = (...words: string[]) => quorate(...words, "--rpc", url);
const asJson = (...words: string[]) => json(...words, "--rpc", url);

describe("quorate miner", () => {
  test("starts, says for whom it mines, and stops", async () => {
    expect((await run("miner", "status")).stdout).toMatch(/not mining .*begin with: quorate miner start/);
    const refused = await run("miner", "start");
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining("NO_COINBASE")]);
    const started = await asJson("miner", "start", "--coinbase", ALICE, "--threads", "2");
    expect(started).toMatchObject({ code: 0, value: { mining: true, threads: 2, coinbase: ALICE } });
    const { stdout } = await run("miner", "status");
    expect(stdout).toContain("mining at 1.00 kH/s (2 threads, without a limit)");
    expect(stdout).toContain(`coinbase  ${ALICE}`);
    expect(node.machine.job).toBeDefined();
    expect((await asJson("miner", "stop")).value).toMatchObject({ mining: false, hashrate: 0 });
    expect(node.machine.job).toBeUndefined();
  });

  test("counts what was found, and what of it another block replaced", async () => {
    await run("miner", "start", "--coinbase", BOB);
    const rival = await node.rival(0);
    opened.push(rival);
    await expect.poll(() => node.machine.job).toBeDefined();
    node.machine.find();
    await expect.poll(() => node.chain.head.summary.height).toBe(1n);
    expect((await run("miner", "status")).stdout).toContain("mined     1 since the node started");
    await rival.generate(2, alice.address);
    await node.follow(rival, 1);
    expect((await run("miner", "status")).stdout).toContain(
      "1, 1 of them stale: another block has the place",
    );
  });

  test("pays another account from the next block on", async () => {
    expect((await asJson("miner", "coinbase", BOB)).value).toMatchObject({ mining: false, coinbase: BOB });
    const unknown = await run("miner", "coinbase", "nobody-of-this-name");
    expect([unknown.code, unknown.stdout]).toEqual([2, ""]);
    expect((await run("miner", "coinbase")).code).toBe(2);
  });

  test("makes blocks on demand, one if nobody says how many", async () => {
    const two = await asJson("miner", "generate", "2", "--coinbase", ALICE);
    expect(two.value).toMatchObject({ height: 2, hashes: [expect.any(String), expect.any(String)] });
    const { stdout } = await run("miner", "generate", "--coinbase", ALICE);
    expect(stdout).toMatch(/mined 1 block: height 3 {2}0x[0-9a-f]{64}\n/);
    expect(stdout).toContain(showHash(node.chain.head.hash));
  });

  test.each([
    ["generate", "0"],
    ["generate", "-1"],
    ["generate", "1.5"],
    ["generate", "1001"],
    ["generate", "many"],
    ["start", "--threads", "0"],
    ["start", "--threads", `${MINING_THREADS_MAX + 1}`],
    ["start", "--coinbase", "0x12"],
    ["begin"],
  ])("refuses %s %s before it asks the node", async (...words) => {
    const { code, stdout } = await run("miner", ...words);
    expect([code, stdout]).toEqual([2, ""]);
    expect(node.chain.head.summary.height).toBe(0n);
  });

  test("says what the node refused: nobody to pay, or nothing to mine at all", async () => {
    const refused = await asJson("miner", "generate", "1");
    expect(refused).toMatchObject({ code: 3, value: { error: { code: "NO_COINBASE" } } });
    const { url: voted } = await serve();
    for (const words of [["status"], ["start"], ["stop"], ["generate"]]) {
      const { code, stderr } = await quorate("miner", ...words, "--rpc", voted);
      expect([code, stderr]).toEqual([3, expect.stringContaining("WRONG_CONSENSUS")]);
    }
  });

  test("says that no node answers", async () => {
    const { code, stderr } = await quorate("miner", "status", "--rpc", "http://127.0.0.1:1");
    expect([code, stderr]).toEqual([4, expect.stringContaining("Is a node running there?")]);
  });
});

describe("quorate chain", () => {
  /** Block 2 of this node loses against two of another:  1 -> 2 / \-> 2' -> 3' */
  async function fork(): Promise<{ lost: string; won: string }> {
    await node.generate(1);
    const rival = await node.rival(1);
    opened.push(rival);
    const [lost] = await node.generate(1);
    const won = await rival.generate(2, alice.address);
    await node.follow(rival, 2);
    return { lost: lost!, won: won.at(-1)! };
  }

  test("tips lists the active one first, and the branch that lost", async () => {
    expect((await asJson("chain", "tips")).value.tips).toHaveLength(1);
    const { lost, won } = await fork();
    const { code, value } = await asJson("chain", "tips");
    expect(code).toBe(0);
    expect(value.tips).toMatchObject([
      { hash: won, height: 3, branchLength: 0, status: "active" },
      { hash: lost, height: 2, branchLength: 1, status: "valid-fork" },
    ]);
    const lines = (await run("chain", "tips")).stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/height +status +own blocks +work +tip/);
    expect(lines[1]).toMatch(new RegExp(`^ +3 +active +- .*${won}$`));
    expect(lines[2]).toMatch(new RegExp(`^ +2 +valid-fork +1 .*${lost}$`));
  });

  test("reorgs lists what the node went through, the newest first and no more than asked for", async () => {
    expect((await run("chain", "reorgs")).stdout).toMatch(/never left a branch for another/);
    const { lost, won } = await fork();
    const { value } = await asJson("chain", "reorgs");
    expect(value.reorgs).toMatchObject([{ depth: 1, entered: 2, dropped: 0, oldHead: lost }]);
    expect((await run("chain", "reorgs")).stdout).toContain(`…${lost.slice(-12)}`);
    await node.call("debug_invalidateBlock", { hash: won });
    const both = (await asJson("chain", "reorgs")).value.reorgs;
    expect(both).toHaveLength(2);
    expect((await asJson("chain", "reorgs", "--limit", "1")).value.reorgs).toEqual(both.slice(0, 1));
    expect((await run("chain", "reorgs", "--limit", "0")).code).toBe(2);
  });

  test("of a chain whose blocks are final has neither", async () => {
    const { url: voted } = await serve();
    for (const what of ["tips", "reorgs"]) {
      const { code, stderr } = await quorate("chain", what, "--rpc", voted);
      expect([code, stderr]).toEqual([3, expect.stringContaining("WRONG_CONSENSUS")]);
    }
  });
});
