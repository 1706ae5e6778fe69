/** Goal: a newcomer whose account the chain does not know is told so, with what mends it, before it misses its first vote. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { hex0x } from "../../../src/base/bytes.ts";
import { awaitSeat } from "../../../src/cli/home/join-seat.ts";
import { Output } from "../../../src/cli/output.ts";
import { keyOfSeed, saveKey } from "../../../src/node/home/key-file.ts";
import type { RunningNode } from "../../../src/node/node.ts";
import { answering } from "./answering-node.ts";

const dir = mkdtempSync(join(tmpdir(), "quorate-seat-"));
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});
const [validator, node, operator] = [1, 2, 3].map((byte) => keyOfSeed(new Uint8Array(32).fill(byte)));

test("join tells a new validator that its account holds nothing, and who sends it something how", async () => {
  mkdirSync(join(dir, "keys"));
  saveKey(join(dir, "keys", "validator.json"), validator!);
  saveKey(join(dir, "keys", "node.json"), node!);
  saveKey(join(dir, "keys", "operator.json"), operator!);
  const member = { name: "newbie", publicKey: hex0x(validator!.publicKey) };
  const answers = (balance: string) => ({
    gov_getMembership: {
      ...{ epoch: 1, nodeEpoch: 1, firstHeight: 9, lastHeight: 16 },
      ...{ members: [member], nextMembers: [member] },
    },
    node_status: { height: 10, syncing: false },
    net_peers: [],
    chain_getGenesis: { genesis: {} },
    account_get: { balance, nonce: 0 },
  });
  const printedFor = async (balance: string) => {
    let text = "";
    vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
      text += String(chunk);
      return true;
    });
    await answering(answers(balance), (rpcUrl) =>
      awaitSeat(new Output({ color: false }), {
        dir,
        node: { rpcUrl } as RunningNode,
        stopping: new AbortController().signal,
      }),
    );
    vi.restoreAllMocks();
    return text;
  };
  const words = await printedFor("0");
  expect(words).toContain("newbie is a validator: epoch 1, from height 9 on");
  expect(words).toContain(`quorate tx transfer --from NAME --to ${hex0x(operator!.publicKey)} --amount 1`);
  expect(await printedFor("1")).not.toContain("transfer");
});
