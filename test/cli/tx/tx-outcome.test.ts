/** What `quorate tx` says after a refusal: that nothing was sent only where that is known. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { CliError } from "../../../src/cli/exit.ts";
import { explainFailure } from "../../../src/cli/tx/tx.ts";
import { RpcError } from "../../../src/rpc/rpc-error.ts";
import type { Endpoint } from "../../../src/sdk/endpoint.ts";
import { wasNeverReached } from "../../../src/sdk/reached.ts";
import { Submission } from "../../../src/sdk/submission.ts";
import { sender, transfer } from "../../mempool/world.ts";
import { answering } from "../home/answering-node.ts";
import { quorate } from "../running.ts";

const HASH = `0x${"ab".repeat(32)}`;
const refusal = (code: string, data: object = {}) =>
  explainFailure(
    new RpcError({ code: -32002, message: "words", data: { code, ...data } }),
    undefined,
    "0xa1",
  ) as CliError;

describe("a refusal of a transaction", () => {
  it.each(["STOPPING", "TX_REPLACED", "TX_DROPPED", "TX_EXPIRED", "WAIT_TIMEOUT"])(
    "after it was accepted says that it may still happen: %s",
    (code) => {
      const error = refusal(code, { txHash: HASH });
      expect(error.exitCode).toBe(5);
      expect(error.message).toContain("may still happen");
      expect(error.message).toContain(`quorate tx show ${HASH}`);
      expect(error.message).not.toContain("Nothing was sent");
    },
  );

  it.each(["TX_NONCE_TOO_LOW", "MEMPOOL_FULL", "TX_BAD_SIGNATURE", "STOPPING"])(
    "before it was accepted says that nothing was sent: %s",
    (code) => {
      const error = refusal(code);
      expect(error.exitCode).toBe(3);
      expect(error.message).toContain("Nothing was sent");
    },
  );
});

describe("a node that does not answer", () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  it("may have the transaction if it was reached", async () => {
    server = createServer((request) => request.socket.destroy());
    await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const signed = `0x${Buffer.from(transfer(sender("a")).bytes).toString("hex")}`;
    const rpc = `http://127.0.0.1:${port}`;
    const { code, stderr } = await quorate(
      "tx",
      "send",
      signed,
      "--wait",
      "accepted",
      "--rpc",
      rpc,
      "--timeout",
      "2s",
    );
    expect(code).toBe(5);
    expect(stderr).toContain("may still happen");
    expect(stderr).toContain("quorate tx show 0x");
  });

  it("has nothing if every connection was refused", () => {
    const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    expect(wasNeverReached(new Error("fetch failed", { cause: refused }))).toBe(true);
    const reset = Object.assign(new Error("read"), { code: "ECONNRESET" });
    expect(wasNeverReached(new AggregateError([refused, reset]))).toBe(false);
    expect(wasNeverReached(new AggregateError([refused, refused]))).toBe(true);
  });
});

describe("a transaction that one of several nodes may have", () => {
  const refused = (code: number, name: string, data: object = {}) =>
    new RpcError({ code, message: "words", data: { code: name, ...data } });
  const reset = Object.assign(new Error("read"), { code: "ECONNRESET" });
  const closed = new Error("fetch failed", {
    cause: Object.assign(new Error("connect"), { code: "ECONNREFUSED" }),
  });
  const accepted = refused(-32002, "STOPPING", { txHash: HASH });
  const syncing = refused(-32002, "SYNCING");

  const said = async (...answers: readonly Error[]) =>
    (explainFailure(await outcome(...answers)) as CliError).message;

  async function outcome(...answers: readonly Error[]) {
    const { bytes, id } = transfer(sender("a"));
    const endpoints = answers.map((error, i) => ({ url: `n${i}`, call: async () => Promise.reject(error) }));
    const trust = { faults: undefined, validators: undefined, verify: undefined };
    const times = { waitMs: 1_000, answerMs: 1_000, resendMs: 500 };
    const options = { bytes, id, wait: "final" as const, ...times, trust };
    return new Submission(endpoints as unknown as Endpoint[], options).run().catch((error) => error);
  }

  it.each([
    ["one broke off, one cannot now", [reset, syncing]],
    ["one broke off, one is full", [reset, refused(-32005, "MEMPOOL_FULL")]],
    ["one broke off, one refuses it", [reset, refused(-32003, "TX_INSUFFICIENT_FUNDS")]],
    ["one accepted, one has used the nonce", [accepted, refused(-32003, "TX_NONCE_TOO_LOW")]],
    ["one cannot now, one accepted", [syncing, accepted]],
    ["one failed inside", [refused(-32603, "INTERNAL")]],
  ])("is said to be possible still: %s", async (_, answers) => {
    expect(await said(...answers)).toContain("may still happen");
  });

  it.each([
    ["one was not reached, one cannot now", [closed, syncing]],
    ["both refuse it", [syncing, refused(-32003, "TX_INSUFFICIENT_FUNDS")]],
  ])("is said not to be sent only where no node can have it: %s", async (_, answers) => {
    expect(await said(...answers)).toContain("Nothing was sent");
  });

  it("is not taken for unreached because the first node was", async () => {
    expect(wasNeverReached(await outcome(closed, reset))).toBe(false);
    expect(wasNeverReached(await outcome(closed, closed))).toBe(true);
  });
});

it("quorate tx show does not say that a transaction is not in the chain where the node has pruned blocks", async () => {
  const shown = async (lowestBody: number) => {
    let said = "";
    const status = { height: 627, storage: { mode: "pruned", firstHeight: 1, lowestBody } };
    await answering({ tx_get: null, tx_getReceipt: null, node_status: status }, async (url) => {
      const { code, stderr } = await quorate("tx", "show", HASH, "--rpc", url);
      expect(code).toBe(3);
      said = stderr;
    });
    return said;
  };
  expect(await shown(1)).toContain(`no transaction ${HASH} in the chain or the pool`);
  expect(await shown(560)).toContain(
    "in the pool or in blocks 560 to 627, which are all that this node keeps",
  );
});
