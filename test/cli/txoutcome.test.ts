/** What `quorate tx` says after a refusal: that nothing was sent only where that is known. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { explainRefusal, wasNeverReached } from "../../src/cli/tx.ts";
import { RpcError } from "../../src/rpc/rpcerror.ts";
import { sender, transfer } from "../mempool/world.ts";
import { quorate } from "./running.ts";

const HASH = `0x${"ab".repeat(32)}`;
const refusal = (code: string, data: object = {}) =>
  explainRefusal(new RpcError({ code: -32002, message: "words", data: { code, ...data } }), "0xa1");

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
