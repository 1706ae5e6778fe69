/** Methods that show how agreement stands: the engine's state and the validators. Heights are called seq here. */
import { z } from "zod";
import { hex0x, showHash } from "../../base/bytes.ts";
import { difficultyOf, showBits, showTarget, targetOf } from "../../chain/types/target.ts";
import type { EngineStatus } from "../../consensus/engine.ts";
import type { NodeApi, RunningTimer } from "../api.ts";
import type { ForkableApi } from "../chain-mode-api.ts";
import { CallError } from "../errors.ts";
import { method } from "../jsonrpc/method.ts";
import { blockHash, count, hash32, validatorIndex, wide, work } from "../schemas/answer-fields.ts";
import { showCount, showWide } from "../schemas/show-numbers.ts";
import { ALICE, BLOCK_HASH, HASH_A, PEER } from "./examples.ts";

const phase = z.enum(["idle", "pre-prepared", "prepared", "committed"]);
const validators = z.array(validatorIndex);

const pbftState = z.strictObject({
  type: z.literal("pbft"),
  epoch: count,
  view: count,
  primary: validatorIndex,
  self: validatorIndex,
  mode: z.enum(["normal", "view-change", "halted"]),
  inViewChange: z.boolean(),
  attempt: count.meta({
    description: "view changes in a row without a quick commit: timeouts double with each",
  }),
  haltReason: z.string().nullable().meta({ description: "why this validator votes no more" }),
  recovery: z
    .strictObject({ kind: z.enum(["checkpoint", "block"]), seq: count })
    .nullable()
    .meta({
      description:
        "what this validator fetches before it votes again: its database is younger than its journal",
    }),
  timer: z
    .strictObject({ armed: z.boolean(), dueInMs: count.nullable(), timeoutMs: count.nullable() })
    .meta({ description: "until the next view change: for the oldest pending item, or for the NEW-VIEW" }),
  viewChanges: z
    .array(z.strictObject({ view: wide, from: validators }))
    .meta({ description: "views asked for, and by whom" }),
  seq: count.meta({ description: "the next height to be committed" }),
  phase: phase.meta({ description: "of seq" }),
  lowWatermark: count,
  highWatermark: count,
  lastExecuted: count,
  stableCheckpoint: count,
  lastPrepared: count.meta({
    description:
      "the highest seq at which this validator signed COMMIT or that it holds: nothing above can be final by its vote",
  }),
  n: count,
  f: count,
  quorum: count,
  slots: z.array(
    z.strictObject({
      seq: count,
      view: count,
      digest: blockHash.nullable(),
      phase,
      prepares: validators,
      commits: validators,
    }),
  ),
  checkpoints: z.array(z.strictObject({ seq: count, from: validators })),
});

const powState = z.strictObject({
  type: z.literal("pow"),
  height: count,
  tip: blockHash,
  bits: z.string().meta({ description: "of the tip: compact target, 0x and 8 hex digits" }),
  difficulty: z.number().meta({ description: "times as hard as bits 0x1d00ffff" }),
  target: hash32.meta({ description: "as a number, comparable with a shown block hash" }),
  totalWork: work,
  retargetRule: z.string(),
  spacing: count.meta({ description: "wanted seconds between blocks" }),
  nextRetargetHeight: count.nullable(),
  tips: count.meta({ description: "known branches, the active one included" }),
  estimatedHashrate: z
    .number()
    .nullable()
    .meta({ description: "of all miners, hashes per second, from the last 120 blocks" }),
  finalityDepth: count,
});

export const getConsensusState = method({
  name: "consensus_getState",
  summary:
    "How agreement stands: a validator's engine (view, window, slots with their votes, checkpoints), or a mined chain (tip, difficulty, work, next retarget).",
  kind: "read",
  params: z.strictObject({}),
  result: z.discriminatedUnion("type", [pbftState, powState]),
  examples: [
    {
      name: "height 6 in agreement",
      params: {},
      result: {
        type: "pbft",
        epoch: 0,
        view: 0,
        primary: 0,
        self: 1,
        mode: "normal",
        inViewChange: false,
        attempt: 0,
        haltReason: null,
        recovery: null,
        timer: { armed: true, dueInMs: 1400, timeoutMs: 2000 },
        viewChanges: [],
        seq: 6,
        phase: "prepared",
        lowWatermark: 0,
        highWatermark: 200,
        lastExecuted: 5,
        stableCheckpoint: 0,
        lastPrepared: 6,
        n: 4,
        f: 1,
        quorum: 3,
        slots: [
          { seq: 6, view: 0, digest: BLOCK_HASH, phase: "prepared", prepares: [1, 2, 3], commits: [0, 1] },
        ],
        checkpoints: [],
      },
    },
    {
      name: "a mined chain",
      params: {},
      result: {
        type: "pow",
        height: 1024,
        tip: BLOCK_HASH,
        bits: "0x1e0fffff",
        difficulty: 0.000244140625,
        target: `0x00000fffff${"00".repeat(27)}`,
        totalWork: "1074790400",
        retargetRule: "asert",
        spacing: 5,
        nextRetargetHeight: 1025,
        tips: 2,
        estimatedHashrate: 209715,
        finalityDepth: 6,
      },
    },
  ],
  call({ api }) {
    const mode = api.chainMode();
    if (mode.kind === "forkable") return showWork(api, mode);
    const status = api.engine();
    if (status === undefined || status.self === undefined) {
      throw new CallError("NOT_VALIDATOR", "this node does not validate, so it runs no consensus engine");
    }
    const { self } = status;
    return {
      ...showStanding(status),
      self,
      ...showTimeouts(status, api.engineTimers()),
      ...showWindow(status),
    };
  },
});

export const getValidators = method({
  name: "consensus_getValidators",
  summary: "The validators in the order of their index, and what this node last heard of each.",
  kind: "read",
  params: z.strictObject({}),
  result: z.array(
    z.strictObject({
      id: z.string().meta({ description: "the name in the genesis" }),
      index: validatorIndex,
      address: hash32.meta({ description: "account that receives the fees" }),
      publicKey: hash32.meta({ description: "key of the consensus messages" }),
      peerId: z.string(),
      online: z.boolean().meta({ description: "connected to this node, or this node" }),
      lastSeenSeq: wide.nullable(),
      lastSeenView: wide.nullable(),
      rttMs: z.number().nonnegative().nullable(),
    }),
  ),
  examples: [
    {
      name: "the first of them",
      params: {},
      result: [
        {
          id: "node0",
          index: 0,
          address: ALICE,
          publicKey: HASH_A,
          peerId: PEER,
          online: true,
          lastSeenSeq: 6,
          lastSeenView: 0,
          rttMs: 0.4,
        },
      ],
    },
  ],
  call({ api }) {
    const status = api.engine();
    const peers = api.peers();
    return api.validators().members.map((member, index) => {
      const peer = peers.find((candidate) => candidate.validator === index);
      const seen = status?.lastSeen[index];
      return {
        id: member.name,
        index,
        address: hex0x(member.account),
        publicKey: hex0x(member.publicKey),
        peerId: member.peerId,
        online: peer !== undefined || status?.self === index,
        lastSeenSeq: seen === undefined ? null : showWide(seen.height),
        lastSeenView: seen === undefined ? null : showWide(seen.view),
        rttMs: peer?.latencyMs ?? null,
      };
    });
  },
});

function showWork(api: NodeApi, { branches, finalityDepth }: ForkableApi) {
  const { hash, header, summary } = api.head();
  const { retarget, spacing, nextRetarget } = branches.schedule;
  const next = nextRetarget(summary.height);
  return {
    type: "pow" as const,
    height: showCount(summary.height),
    tip: showHash(hash),
    bits: `0x${showBits(header.bits)}`,
    difficulty: difficultyOf(header.bits),
    target: showTarget(targetOf(header.bits)),
    totalWork: (branches.workOf(hash) ?? 0n).toString(),
    retargetRule: retarget,
    spacing,
    nextRetargetHeight: next === undefined ? null : showCount(next),
    tips: branches.tips().length,
    estimatedHashrate: branches.hashrate() ?? null,
    finalityDepth,
  };
}

function showStanding(status: EngineStatus) {
  const seq = status.lastCommitted + 1n;
  return {
    type: status.type,
    epoch: showCount(status.epoch),
    view: showCount(status.view),
    primary: status.primary,
    mode: status.mode,
    inViewChange: status.mode === "view-change",
    seq: showCount(seq),
    phase: status.slots.find((slot) => slot.height === seq)?.phase ?? ("idle" as const),
    n: status.n,
    f: status.f,
    quorum: status.quorum,
  };
}

function showTimeouts(
  { attempt, haltReason, recovery, viewChanges }: EngineStatus,
  timers: readonly RunningTimer[],
) {
  const timer =
    timers.find(({ name }) => name === "request") ?? timers.find(({ name }) => name === "new-view");
  return {
    attempt,
    haltReason: haltReason ?? null,
    recovery: recovery === undefined ? null : { kind: recovery.kind, seq: Number(recovery.height) },
    timer: {
      armed: timer !== undefined,
      dueInMs: timer === undefined ? null : Math.ceil(timer.dueInMs),
      timeoutMs: timer === undefined ? null : Math.ceil(timer.lengthMs),
    },
    viewChanges: viewChanges.map(({ view, from }) => ({ view: showWide(view), from: [...from] })),
  };
}

function showWindow(status: EngineStatus) {
  return {
    lowWatermark: showCount(status.lowWatermark),
    highWatermark: showCount(status.highWatermark),
    lastExecuted: showCount(status.lastCommitted),
    stableCheckpoint: showCount(status.stableCheckpoint),
    lastPrepared: showCount(status.lastPrepared),
    slots: status.slots.map((slot) => ({
      seq: showCount(slot.height),
      view: showCount(slot.view),
      digest: slot.hash === undefined ? null : showHash(slot.hash),
      phase: slot.phase,
      prepares: [...slot.prepares],
      commits: [...slot.commits],
    })),
    checkpoints: status.checkpoints.map(({ height, from }) => ({ seq: showCount(height), from: [...from] })),
  };
}
