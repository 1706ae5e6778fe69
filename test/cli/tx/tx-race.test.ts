/** Equal `tx transfer` commands started together: each pays, or says that it does not. */
import { expect, it, vi } from "vitest";
import { hex0x, utf8 } from "../../../src/base/bytes.ts";
import { buildProgram, run } from "../../../src/cli/program.ts";
import { sha256 } from "../../../src/crypto/hash.ts";
import { bob } from "../../rpc/fake-node.ts";
import { serve, until } from "../../rpc/serve.ts";

const SEED = hex0x(sha256(utf8("rpc test alice")));

async function together(count: number, url: string, ...more: readonly string[]) {
  const streams = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      streams[name] += String(chunk);
      return true;
    });
  }
  const words = [
    "tx",
    "transfer",
    "--from",
    SEED,
    "--to",
    bob.addressHex,
    "--amount",
    "7",
    "--rpc",
    url,
    ...more,
  ];
  const programs = await Promise.all(Array.from({ length: count }, () => buildProgram(words)));
  const ended = Promise.all(programs.map((program) => run(program, words)));
  return { ended, streams };
}

it("six equal transfers at once are six payments", async () => {
  const { node, url } = await serve();
  const { ended, streams } = await together(6, url);
  await until(() => node.pooled.length === 6);
  await node.commit();
  const codes = await ended.finally(() => vi.restoreAllMocks());
  expect(codes).toEqual([0, 0, 0, 0, 0, 0]);
  expect(node.account(bob.address).account.balance).toBe(500n + 6n * 7n);
  expect(new Set(streams.stdout.match(/tx 0x[0-9a-f]{64}/g)).size).toBe(6);
  expect(streams.stderr).toContain("went to another transaction of the given seed: signed again with");
});

it("with an expiry equal transfers at once pay once, and the others say that they paid nothing", async () => {
  const { node, url } = await serve();
  const { ended, streams } = await together(3, url, "--expires", "50", "--wait", "final");
  await until(() => node.submitted >= 3);
  while (node.pooled.length > 0) await node.commit();
  const codes = await ended.finally(() => vi.restoreAllMocks());
  const paid = codes.filter((code) => code === 0).length;
  expect(node.account(bob.address).account.balance).toBe(500n + BigInt(paid) * 7n);
  expect(streams.stderr.match(/paid nothing more/g) ?? []).toHaveLength(3 - paid);
});

it("with a nonce of the user's own equal transfers are one, whoever repeats it", async () => {
  const { node, url } = await serve();
  const { ended, streams } = await together(2, url, "--nonce", "0", "--wait", "accepted");
  const codes = await ended.finally(() => vi.restoreAllMocks());
  expect(codes).toEqual([0, 0]);
  expect(node.pooled).toHaveLength(1);
  expect(streams.stdout.match(/nothing new was sent/g)).toHaveLength(1);
});
