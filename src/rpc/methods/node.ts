/** Methods that speak of the node itself: identity, status, and the description of this very interface. */

import { z } from "zod";
import { must } from "../../base/assert.ts";
import { hex0x, showHash } from "../../base/bytes.ts";
import { difficultyOf } from "../../chain/types/target.ts";
import type { AssumedView, NodeApi, NodeInfo } from "../api.ts";
import type { ForkableApi } from "../chain-mode-api.ts";
import { method } from "../jsonrpc/method.ts";
import { describeMethods } from "../jsonrpc/openrpc.ts";
import { blockHash, count, hash32, timeMs, validatorIndex, wide, work } from "../schemas/answer-fields.ts";
import { showTime } from "../schemas/show.ts";
import { showCount, showWide } from "../schemas/show-numbers.ts";
import type { SignerStanding } from "../symptoms.ts";
import { ALICE, HASH_A, HASH_B, PEER } from "./examples.ts";

export const nodeInfo = method({
  name: "node_info",
  summary: "Who this node is: name, version, chain, genesis hash, mode.",
  kind: "read",
  live: true,
  params: z.strictObject({}),
  result: z.strictObject({
    name: z.string(),
    version: z.string(),
    nodeVersion: z.string().meta({ description: "of Node.js" }),
    chainId: wide,
    genesisHash: blockHash,
    consensus: z.enum(["pbft", "pow"]),
    mode: z.enum(["validator", "miner", "full"]),
    nodeId: z.string().meta({ description: "libp2p peer id" }),
    address: hash32.optional().meta({ description: "account that receives this node's fees" }),
    modules: z
      .array(z.strictObject({ name: z.string(), number: count, version: count }))
      .optional()
      .meta({ description: "declared modules, where the genesis names any" }),
    uptimeMs: count,
    apis: z.array(z.string()),
  }),
  examples: [
    {
      name: "a validator",
      params: {},
      result: {
        name: "node0",
        version: "0.1.0",
        nodeVersion: "v20.20.2",
        chainId: 31337,
        genesisHash: HASH_A,
        consensus: "pbft",
        mode: "validator",
        nodeId: PEER,
        address: ALICE,
        uptimeMs: 81234,
        apis: ["account", "chain", "consensus", "mempool", "net", "node", "rpc", "state", "sub", "tx"],
      },
    },
  ],
  call({ api, scheduler, methods }) {
    const info = api.info();
    return {
      ...showInfo(info),
      ...showModules(api),
      uptimeMs: Math.max(0, scheduler.now() - info.startedAtMs),
      apis: [
        ...new Set(
          [...methods.keys()].map((name) => must(name.split(/[._]/)[0], "a split gives one part at least")),
        ),
      ].sort(),
    };
  },
});

function showSigner(signer: SignerStanding | undefined) {
  if (signer === undefined) return {};
  const { address, connected, sinceMs, reason, signed, refused, report } = signer;
  const record = report && {
    ...{ epoch: showWide(report.epoch), view: showWide(report.view), height: showWide(report.height) },
    refused: report.refused,
  };
  return {
    signer: {
      address,
      connected,
      since: sinceMs,
      reason: reason ?? null,
      signed,
      refused,
      record: record ?? null,
    },
  };
}

export const nodeStatus = method({
  name: "node_status",
  summary: "Where this node is: head, finality, sync, peers, pool, consensus in short.",
  kind: "read",
  params: z.strictObject({}),
  result: z.strictObject({
    height: count,
    headHash: blockHash,
    headTime: timeMs,
    finalizedHeight: count,
    syncing: z.union([
      z.literal(false),
      z.strictObject({
        current: count.meta({ description: "height of the head" }),
        target: wide.meta({
          description:
            "of a mined chain the height of the heaviest header, else what f+1 validators tell, or a claim",
        }),
        targetVerified: z.boolean().meta({ description: "false: a peer claims the target, unverified" }),
        startedAt: timeMs,
        phase: z.enum(["heads", "bodies"]).optional().meta({
          description:
            "of a mined chain: heads while headers come, and `target` rises; bodies once they are there",
        }),
      }),
    ]),
    peers: count,
    mempool: count.meta({ description: "transactions in the pool" }),
    eventIndex: z
      .strictObject({
        from: count.meta({ description: "lowest block in it" }),
        blocks: count.meta({ description: "how many are in it" }),
        isBuilt: z.boolean().meta({ description: "up to the head" }),
        secondsLeft: count
          .nullable()
          .meta({ description: "until it is built; null when it is, or not known" }),
      })
      .optional()
      .meta({ description: "the index of events, where the node keeps one (index.events)" }),
    storage: z
      .strictObject({
        mode: z.enum(["archive", "pruned"]).meta({ description: "as it is configured" }),
        firstHeight: count.meta({
          description: "lowest header: above 1 where the chain began from a snapshot",
        }),
        lowestBody: count.meta({ description: "lowest block whose body and receipts are here" }),
        assumed: z
          .strictObject({
            height: count.meta({ description: "block whose state the snapshot gave" }),
            checked: count.meta({ description: "blocks up to this one were executed here" }),
            percent: z.number().meta({ description: "of the blocks up to the snapshot's, executed" }),
          })
          .optional()
          .meta({
            description:
              "of a mined chain that began from a snapshot: the state is assumed until its history was executed",
          }),
      })
      .meta({ description: "which blocks this node has" }),
    consensus: z
      .strictObject({
        type: z.literal("pbft"),
        view: count,
        primary: validatorIndex,
        mode: z.enum(["normal", "view-change", "halted"]),
        quorum: count,
        n: count,
      })
      .or(
        z.strictObject({
          type: z.literal("pow"),
          difficulty: z.number(),
          totalWork: work,
          hashrate: z
            .number()
            .nullable()
            .meta({ description: "of all miners, estimated; hashes per second" }),
          mining: z.boolean().meta({ description: "this node does" }),
          finalityDepth: count,
        }),
      )
      .nullable()
      .meta({ description: "null on a node that does not validate where others do" }),
    signer: z
      .strictObject({
        address: z.string(),
        connected: z.boolean(),
        since: timeMs,
        reason: z.string().nullable().meta({ description: "why it cannot be asked" }),
        signed: count.meta({ description: "for this node, since it started" }),
        refused: count,
        record: z
          .strictObject({
            epoch: wide,
            view: wide,
            height: wide.meta({ description: "votes up to it are done" }),
            refused: count.meta({ description: "since the signer started" }),
          })
          .nullable()
          .meta({ description: "what a signer last said of what it has signed; null of a token" }),
      })
      .optional()
      .meta({ description: "where the validator's key is at a signer, or in a token" }),
    snapshot: z
      .strictObject({
        height: count,
        headHash: blockHash,
        stateRoot: hash32,
        accounts: count,
        bytes: count,
        chunks: count,
        made: z
          .strictObject({
            at: timeMs,
            tookMs: count,
            longestPauseMs: count.meta({
              description: "the longest that writing it kept the node from everything else at a time",
            }),
          })
          .nullable()
          .meta({ description: "null for one that was made before the node started, or fetched" }),
      })
      .nullable()
      .meta({ description: "the newest that peers are offered; null while there is none" }),
  }),
  examples: [
    {
      name: "in step with its peers",
      params: {},
      result: {
        height: 42,
        headHash: HASH_B,
        headTime: 1767225600000,
        finalizedHeight: 42,
        syncing: false,
        peers: 3,
        mempool: 0,
        storage: { mode: "archive", firstHeight: 1, lowestBody: 1 },
        consensus: { type: "pbft", view: 0, primary: 0, mode: "normal", quorum: 3, n: 4 },
        snapshot: null,
      },
    },
  ],
  call({ api }) {
    const { hash, summary } = api.head();
    return {
      ...showSigner(api.symptoms().signer),
      height: showCount(summary.height),
      headHash: showHash(hash),
      headTime: showTime(api.head()),
      finalizedHeight: showCount(api.finalized().summary.height),
      syncing: showSyncing(api),
      peers: api.peers().length,
      mempool: api.pool().transactions,
      ...showEventIndex(api),
      storage: showStorage(api),
      consensus: showConsensus(api),
      snapshot: showSnapshot(api),
    };
  },
});

export const discover = method({
  name: "rpc.discover",
  summary: "This interface as an OpenRPC 1.3 document.",
  kind: "read",
  live: true,
  params: z.strictObject({}),
  result: z.looseObject({
    openrpc: z.string(),
    info: z.looseObject({}),
    methods: z.array(z.looseObject({})),
  }),
  examples: [],
  call: ({ methods, api }) => describeMethods(methods, api.info().version),
});

function showEventIndex(api: NodeApi) {
  const status = api.eventIndex()?.status();
  if (status === undefined) return {};
  const { from, to, blocksPerSecond } = status;
  const missing = Number(api.head().summary.height - to);
  const secondsLeft = blocksPerSecond ? Math.ceil(missing / blocksPerSecond) : null;
  const isBuilt = missing <= 0;
  return {
    eventIndex: {
      from: showCount(from),
      blocks: showCount(to + 1n - from),
      isBuilt,
      secondsLeft: isBuilt ? null : secondsLeft,
    },
  };
}

function showStorage(api: NodeApi) {
  const { mode, firstHeight, lowestBody, assumed } = api.storage();
  const found = { mode, firstHeight: showCount(firstHeight), lowestBody: showCount(lowestBody) };
  return assumed === undefined ? found : { ...found, assumed: showAssumed(assumed) };
}

function showAssumed({ height, checked }: AssumedView) {
  const percent = Number((checked * 10_000n) / height) / 100;
  return { height: showCount(height), checked: showCount(checked), percent };
}

function showModules(api: NodeApi) {
  const own = api.modules().own();
  if (own.length === 0) return {};
  return { modules: own.map(({ name, id, form }) => ({ name, number: id, version: form.version })) };
}

function showInfo(info: NodeInfo) {
  return {
    name: info.name,
    version: info.version,
    nodeVersion: process.version,
    chainId: showWide(info.chainId),
    genesisHash: showHash(info.genesisHash),
    consensus: info.consensus,
    mode: info.mode,
    nodeId: info.peerId,
    ...(info.address === undefined ? {} : { address: hex0x(info.address) }),
  };
}

function showWork(api: NodeApi, { branches, finalityDepth }: ForkableApi) {
  const { hash, header } = api.head();
  return {
    type: "pow" as const,
    difficulty: difficultyOf(header.bits),
    totalWork: (branches.workOf(hash) ?? 0n).toString(),
    hashrate: branches.hashrate() ?? null,
    mining: api.mining()?.status().mining ?? false,
    finalityDepth,
  };
}

function showSyncing(api: NodeApi) {
  const syncing = api.syncing();
  if (syncing === undefined) return false as const;
  return {
    current: showCount(syncing.current),
    target: showWide(syncing.target),
    targetVerified: syncing.targetVerified,
    startedAt: syncing.startedAtMs,
    ...(syncing.phase === undefined ? {} : { phase: syncing.phase }),
  };
}

function showSnapshot(api: NodeApi) {
  const snapshot = api.snapshot();
  if (snapshot === undefined) return null;
  const { height, headHash, stateRoot, accounts, bytes, chunks, made } = snapshot;
  return {
    height: showCount(height),
    headHash: showHash(headHash),
    stateRoot: hex0x(stateRoot),
    accounts: showCount(accounts),
    bytes,
    chunks,
    made:
      made === undefined ? null : { at: made.atMs, tookMs: made.tookMs, longestPauseMs: made.longestPauseMs },
  };
}

function showConsensus(api: NodeApi) {
  const chain = api.chainMode();
  if (chain.kind === "forkable") return showWork(api, chain);
  const status = api.engine();
  if (status === undefined) return null;
  const { type, primary, mode, quorum, n } = status;
  return { type, view: showCount(status.view), primary, mode, quorum, n };
}
