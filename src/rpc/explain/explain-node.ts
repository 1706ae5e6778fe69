/** What this node would say of itself and its chain now: gathers what an explanation is made from. */

import type { NodeApi } from "../api.ts";
import type { ForkableApi } from "../chain-mode-api.ts";
import type { SignerStanding } from "../symptoms.ts";
import { explain } from "./explain.ts";
import { membersStandingOf } from "./explain-members.ts";
import { explainMining, type MiningStanding } from "./explain-mining.ts";
import { withModules } from "./explain-modules.ts";
import {
  duration,
  type Explanation,
  type Neighbourhood,
  type PoolStanding,
  type Standing,
} from "./standing.ts";

export async function explainNode(api: NodeApi, nowMs: number): Promise<Explanation> {
  const { paused, signer } = api.symptoms();
  if (paused !== undefined) return { state: "halted", ok: false, summary: paused, details: [] };
  const mode = api.chainMode();
  return mode.kind === "final"
    ? withModules(
        api.moduleVersions.troubles(),
        withSigner(signer, explain(standingOf(api, nowMs)), nowMs),
        api.head().summary.height,
      )
    : explainMining(await miningStandingOf(api, mode, nowMs));
}

/** A validator without its signer follows the chain and has no vote, which is not what its operator wants. */
function withSigner(signer: SignerStanding | undefined, said: Explanation, nowMs: number): Explanation {
  if (signer === undefined) return said;
  const { address, connected, sinceMs, reason } = signer;
  if (connected) return { ...said, details: [...said.details, describeSigner(signer)] };
  const since = duration(Math.max(0, nowMs - sinceMs));
  const summary = `NO VOTE: the signer at ${address} cannot be asked, for ${since}: ${reason}`;
  const advice =
    "this node follows the chain and votes again by itself once the signer answers (quorate signer start)";
  return { state: "no-signer", ok: false, summary, details: [advice, said.summary, ...said.details] };
}

function describeSigner({ address, signed, refused, report }: SignerStanding): string {
  const counts = `the key is at the signer ${address}: ${signed} signed, ${refused} refused`;
  if (report === undefined) return counts;
  const { epoch, view, height } = report;
  return `${counts}; its record: epoch ${epoch}, view ${view}, votes up to height ${height} are done`;
}

const HOUR_MS = 3_600_000;
/** How many reorganisations of the last hour are counted. */
const REORGS_READ = 100;

async function miningStandingOf(api: NodeApi, mode: ForkableApi, nowMs: number): Promise<MiningStanding> {
  const { branches, finalityDepth } = mode;
  const reorgs = (await branches.reorgs(REORGS_READ))
    .map(({ atMs, depth, dropped }) => ({ agoMs: Math.max(0, nowMs - atMs), depth, dropped }))
    .filter(({ agoMs, depth }) => agoMs < HOUR_MS && depth > 0);
  return {
    height: api.head().summary.height,
    headAgeMs: Math.max(0, nowMs - api.headChangedAtMs()),
    spacing: branches.schedule.spacing,
    syncing: api.syncing(),
    ...heightsOf(api),
    ...neighbourhoodOf(api, nowMs),
    pool: poolOf(api),
    mining: api.mining()?.status(),
    hashrate: branches.hashrate(),
    finalityDepth,
    reorgs,
    assumed: api.storage().assumed,
  };
}

function heightsOf(api: NodeApi): Pick<Standing, "believedHeight" | "claimedHeight"> {
  const claimedHeight = api.peers().reduce((top, { height = 0n }) => (height > top ? height : top), 0n);
  return { believedHeight: api.believedHeight(), claimedHeight };
}

function standingOf(api: NodeApi, nowMs: number): Standing {
  const engine = api.engine();
  const peers = api.peers();
  const validators = api.validators().members.map(({ name }, index) => {
    const awaySinceMs = api.awaySinceMs(index);
    const online = engine?.self === index || peers.some((peer) => peer.validator === index);
    const awayMs = online || awaySinceMs === undefined ? undefined : Math.max(0, nowMs - awaySinceMs);
    const silentSinceMs = api.silentSinceMs(index);
    const silentMs = silentSinceMs === undefined ? undefined : Math.max(0, nowMs - silentSinceMs);
    return { name, online, awayMs, silentMs };
  });
  return {
    engine,
    timers: api.engineTimers(),
    validators,
    height: api.head().summary.height,
    headAgeMs: Math.max(0, nowMs - api.headChangedAtMs()),
    // The head itself shows that empty blocks are made: other nodes may be configured otherwise than this one.
    emptyBlocksMs: api.head().summary.txCount === 0 ? api.symptoms().emptyBlocksMs : undefined,
    syncing: api.syncing(),
    ...heightsOf(api),
    ...neighbourhoodOf(api, nowMs),
    pool: poolOf(api),
    members: membersStandingOf(api),
    transition: transitionOf(api),
  };
}

function transitionOf(api: NodeApi): Standing["transition"] {
  const missed = api.symptoms().missedTransition;
  if (missed === undefined) return undefined;
  const { id, height, peerId } = missed;
  const sender = [...api.validators().members, ...api.peers()].find((one) => one.peerId === peerId);
  return { id, height, from: sender?.name ?? peerId };
}

function poolOf(api: NodeApi): PoolStanding {
  const { executable, queued } = api.pool();
  return { executable, queued, oldestMs: api.symptoms().oldestMs };
}

function neighbourhoodOf(api: NodeApi, nowMs: number): Neighbourhood {
  const { expectsPeers, troubles, early, clockLimitMs, lowestOffered } = api.symptoms();
  const peers = api.peers();
  const { members } = api.validators();
  const nameOf = (validator: number) => members[validator]?.name ?? `validator ${validator}`;
  const measured = peers.flatMap(({ name, peerId, validator, clock }) =>
    clock === undefined
      ? []
      : [{ name: validator === undefined ? (name ?? peerId) : nameOf(validator), ...clock }],
  );
  const refused = early.map(({ validator, count, aheadMs, atMs }) => {
    return { name: nameOf(validator), count, aheadMs, agoMs: Math.max(0, nowMs - atMs) };
  });
  const clocks = { measured, limitMs: clockLimitMs, early: refused };
  return { peers: peers.length, expectsPeers, troubles, clocks, lowestOffered };
}
