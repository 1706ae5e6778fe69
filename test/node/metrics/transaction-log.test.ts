/** Lines that follow a transaction, under one id, and what makes the operator get them. */
import { describe, expect, it } from "vitest";
import { must } from "../../../src/base/assert.ts";
import { hex0x } from "../../../src/base/bytes.ts";
import type { LogFields, Logger } from "../../../src/base/log.ts";
import { decodeTransaction } from "../../../src/chain/types/transaction.ts";
import type { PoolEvent } from "../../../src/mempool/pool-ports.ts";
import { OperatorHome } from "../../../src/node/api/operator-home.ts";
import { EventTopic } from "../../../src/node/assembly/event-topic.ts";
import { ChangingLevels, parseLogLevels } from "../../../src/node/home/log-levels.ts";
import { followTransactions, logFromPeer, logRefused } from "../../../src/node/metrics/transaction-log.ts";
import type { NodeApi } from "../../../src/rpc/api.ts";
import { inspect, setLogLevel } from "../../../src/rpc/methods/operator.ts";
import { alice, bob, chainRef } from "../../rpc/fake-node.ts";

function scene() {
  const levels = new ChangingLevels(must(parseLogLevels("info"), "a level"));
  const lines: LogFields[] = [];
  const logger: Logger = {
    log: (level, component, msg, fields) => {
      if (levels.isLogged(component, level)) lines.push({ component, msg, ...fields });
    },
    isOn: (level, component) => levels.isLogged(component, level),
  };
  const operator = new OperatorHome({ origins: [], logFile: undefined, levels, token: "t" });
  const api = { operator } as unknown as NodeApi;
  return { lines, logger, context: { api } as never };
}

const sent = alice.transfer({ chain: chainRef, nonce: 0, to: bob.address, amount: 5n });
const decoded = decodeTransaction(sent.bytes, 10_000);
const transaction = must(decoded.ok ? decoded.value : undefined, "it was just made");
const tx = hex0x(sent.id);

describe("the log of transactions", () => {
  it("has one id from RPC and gossip through the pool to the block, once it is asked for while the node runs", async () => {
    const { lines, logger, context } = scene();
    const events = { pool: new EventTopic<PoolEvent>(), heads: new EventTopic<never>() };
    let isByRpc = true;
    followTransactions(events, logger, () => isByRpc);
    events.pool.emit({ kind: "added", transaction });
    expect(lines).toEqual([]);

    await setLogLevel.call(context, { level: "info,tx=debug" });
    events.pool.emit({ kind: "added", transaction });
    isByRpc = false;
    events.pool.emit({ kind: "added", transaction });
    logFromPeer(logger, "peer1", transaction);
    events.pool.emit({ kind: "dropped", transaction, reason: "included", addedMs: 0 });
    const block = { hash: new Uint8Array(32), summary: { height: 7n }, transactions: [transaction] };
    events.heads.emit({ sealed: { block } } as never);
    expect(lines).toMatchObject([
      { component: "tx", msg: "taken into the pool", tx, from: "rpc" },
      { msg: "taken into the pool", tx, from: "peers" },
      { msg: "received from a peer", tx, peer: "peer1" },
      { msg: "left the pool", tx, reason: "included" },
      { msg: "in a block", tx, height: 7n },
    ]);
  });

  it("names what was refused where it is a transaction at all", async () => {
    const { lines, logger, context } = scene();
    const fault = { code: "TX_NONCE_TOO_LOW", detail: "nonce 0, expected 1" };
    logRefused(logger, sent.bytes, fault, 10_000);
    await setLogLevel.call(context, { level: "tx=debug" });
    logRefused(logger, sent.bytes, fault, 10_000);
    logRefused(logger, new Uint8Array(3), fault, 10_000);
    expect(lines).toMatchObject([
      { msg: "refused", tx, fault: "TX_NONCE_TOO_LOW" },
      { msg: "refused", tx: undefined },
    ]);
  });
});

describe("levels of the log, while the node runs,", () => {
  it("are changed by the operator, told before and after, and refused where they mean nothing", async () => {
    const { context } = scene();
    expect(await setLogLevel.call(context, { level: "warn, pbft=debug" })).toEqual({
      level: "warn,pbft=debug",
      before: "info",
    });
    await expect(setLogLevel.call(context, { level: "loud" })).rejects.toThrow(
      /expected debug, info.*"loud"/,
    );
    const { log } = await inspect.call(context, { lines: 0 });
    expect(log).toMatchObject({ level: "warn,pbft=debug" });
    await expect(setLogLevel.call({ api: {} } as never, { level: "info" })).rejects.toThrow(/no home/);
  });
});
