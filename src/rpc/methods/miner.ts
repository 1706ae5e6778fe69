/**
 * The operator's orders to the miner of this node, work for miners outside, and blocks on demand. A chain whose
 * blocks are not mined refuses all of them; miner_generate is of dev chains alone (methodsOf in method-table.ts).
 */
import { z } from "zod";
import { hex0x, showHash } from "../../base/bytes.ts";
import type { Fault } from "../../base/fault.ts";
import { GENERATE_BLOCKS_MAX, MINING_THREADS_MAX } from "../../base/limits.ts";
import { showBits, showTarget } from "../../chain/types/target.ts";
import { mustMine } from "../answers/capabilities.ts";
import { CallError, refusalOf } from "../errors.ts";
import { method } from "../jsonrpc/method.ts";
import type { MiningApi } from "../mining-api.ts";
import { blockHash, bytesHex, count, hash32 } from "../schemas/answer-fields.ts";
import { addressInput, countInput } from "../schemas/input.ts";
import { showCount } from "../schemas/show-numbers.ts";
import { readSettled } from "../settled-reads.ts";
import { ALICE, BLOCK_HASH } from "./examples.ts";

const U32_MAX = 0xffff_ffff;

const statusResult = z.strictObject({
  mining: z.boolean(),
  threads: count,
  hashrate: z
    .number()
    .nonnegative()
    .meta({ description: "hashes per second of this node, last ten seconds" }),
  hashLimit: z.number().positive().nullable().meta({ description: "hashes per second at most; null: none" }),
  coinbase: hash32.nullable().meta({ description: "the account that is paid" }),
  blocksMined: count.meta({ description: "solved here since the start and taken into the chain" }),
  stale: count.meta({ description: "of those, another block has the place" }),
  blocksRefused: count.meta({ description: "solved here and invalid: this node built what it refuses" }),
  lastRefused: z
    .strictObject({ hash: hash32, height: count, code: z.string(), detail: z.string() })
    .nullable()
    .meta({ description: "the last of them, and why; null: none" }),
});

const STATUS = {
  mining: true,
  threads: 1,
  hashrate: 41000,
  hashLimit: 41000,
  coinbase: ALICE,
  blocksMined: 5,
  stale: 0,
  blocksRefused: 0,
  lastRefused: null,
};

export const minerStatus = method({
  name: "miner_status",
  summary: "Whether this node mines, how fast, for whom, and what came of it.",
  kind: "admin",
  params: z.strictObject({}),
  result: statusResult,
  examples: [{ name: "mining", params: {}, result: STATUS }],
  call: ({ api }) => readSettled(api, () => showStatus(mustMine(api))),
});

export const minerStart = method({
  name: "miner_start",
  summary: "Mines on this node; also called while it does, to change threads or coinbase.",
  kind: "admin",
  params: z.strictObject({
    threads: countInput(1, MINING_THREADS_MAX).optional(),
    coinbase: addressInput.optional(),
  }),
  result: statusResult,
  examples: [{ name: "one thread", params: { threads: 1, coinbase: ALICE }, result: STATUS }],
  async call({ api }, { threads, coinbase }) {
    const mining = mustMine(api);
    check(await mining.start({ threads, coinbase }));
    return showStatus(mining);
  },
});

export const minerStop = method({
  name: "miner_stop",
  summary: "Stops mining on this node; work that was given out can still be submitted.",
  kind: "admin",
  params: z.strictObject({}),
  result: statusResult,
  examples: [{ name: "stopped", params: {}, result: { ...STATUS, mining: false, hashrate: 0 } }],
  call({ api }) {
    const mining = mustMine(api);
    mining.stop();
    return showStatus(mining);
  },
});

export const minerSetCoinbase = method({
  name: "miner_setCoinbase",
  summary: "Who is paid for this node's blocks, from the next template on.",
  kind: "admin",
  params: z.strictObject({ address: addressInput }),
  result: statusResult,
  examples: [{ name: "alice", params: { address: ALICE }, result: STATUS }],
  call({ api }, { address }) {
    const mining = mustMine(api);
    check(mining.setCoinbase(address));
    return showStatus(mining);
  },
});

export const minerGetWork = method({
  name: "miner_getWork",
  summary:
    "A header for a miner outside: find a nonce (bytes 76 to 79, little-endian) whose double SHA-256, read as a little-endian number, is at most target.",
  kind: "admin",
  params: z.strictObject({
    coinbase: addressInput.optional().meta({ description: "who is paid; this node's coinbase if left out" }),
  }),
  result: z.strictObject({
    workId: z.string(),
    headerBytes: bytesHex.meta({ description: "80 bytes" }),
    target: hash32.meta({ description: "as a number, comparable with a shown block hash" }),
    bits: z.string(),
    height: count,
    expiresMs: count.meta({ description: "from now, unless a new head comes first" }),
  }),
  examples: [
    {
      name: "height 15",
      params: {},
      result: {
        workId: "15-1",
        headerBytes: `0x01000000${"00".repeat(76)}`,
        target: `0x00000fff${"ff".repeat(28)}`,
        bits: "0x1e0fffff",
        height: 15,
        expiresMs: 60000,
      },
    },
  ],
  async call({ api }, { coinbase }) {
    const given = await mustMine(api).getWork(coinbase);
    if (!given.ok) throw refusalOf(given.fault);
    const { workId, header, target, bits, height, expiresMs } = given.value;
    return {
      workId,
      headerBytes: hex0x(header),
      target: showTarget(target),
      bits: `0x${showBits(bits)}`,
      height: showCount(height),
      expiresMs,
    };
  },
});

export const minerSubmitWork = method({
  name: "miner_submitWork",
  summary:
    "The nonce that solves a header of miner_getWork; a wrong, late or unknown one is refused with the reason.",
  kind: "admin",
  params: z.strictObject({
    workId: z.string().max(64),
    nonce: countInput(0, U32_MAX),
    time: countInput(0, U32_MAX)
      .optional()
      .meta({ description: "the header's time, seconds, if it was changed too" }),
  }),
  result: z.strictObject({
    accepted: z.boolean(),
    blockHash: blockHash.optional(),
    reason: z.string().optional(),
  }),
  examples: [
    {
      name: "solved",
      params: { workId: "15-1", nonce: 41234 },
      result: { accepted: true, blockHash: BLOCK_HASH },
    },
  ],
  async call({ api }, { workId, nonce, time }) {
    const verdict = await mustMine(api).submitWork({ workId, nonce, time });
    return verdict.accepted
      ? { accepted: true, blockHash: showHash(verdict.hash) }
      : { accepted: false, reason: verdict.reason };
  },
});

export const minerGenerate = method({
  name: "miner_generate",
  summary:
    "Mines so many blocks now, one on the other; for dev chains whose target is easy enough to wait for.",
  kind: "admin",
  params: z.strictObject({
    blocks: countInput(1, GENERATE_BLOCKS_MAX),
    coinbase: addressInput.optional().meta({ description: "who is paid; this node's coinbase if left out" }),
  }),
  result: z.array(blockHash).meta({ description: "the new blocks, ascending" }),
  examples: [{ name: "one block", params: { blocks: 1 }, result: [BLOCK_HASH] }],
  async call({ api }, { blocks, coinbase }) {
    const { hashes, fault } = await mustMine(api).generate(blocks, coinbase);
    const shown = hashes.map(showHash);
    // What was mined before the refusal stays.
    if (fault !== undefined) throw new CallError(fault.code, fault.detail, { hashes: shown });
    return shown;
  },
});

function check(fault: Fault | undefined): void {
  if (fault !== undefined) throw refusalOf(fault);
}

function showStatus(mining: MiningApi) {
  const { hashLimit, coinbase, lastRefused, ...status } = mining.status();
  return {
    ...status,
    lastRefused:
      lastRefused === undefined
        ? null
        : { ...lastRefused, hash: showHash(lastRefused.hash), height: showCount(lastRefused.height) },
    hashLimit: hashLimit ?? null,
    coinbase: coinbase === undefined ? null : hex0x(coinbase),
  };
}
