/**
 * Why a mined chain moves or does not, in plain words: what is normal (blocks come at random) and what is not (no
 * block for many spacings, nobody to hear of one from, blocks undone that were called final). Pure; its words are
 * for people and may change, `state` and `ok` are for alerts. Source: pow.md 2.8, 2.9.
 */
import type { AssumedView, Syncing } from "../api.ts";
import type { MiningStatus } from "../mining-api.ts";
import { withClocks } from "./explain-clocks.ts";
import {
  ago,
  describeClaim,
  describeTroubles,
  duration,
  type Explanation,
  type Neighbourhood,
  type PoolStanding,
  whyAlone,
} from "./standing.ts";

/** What an explanation of a mined chain is made from. */
export interface MiningStanding extends Neighbourhood {
  readonly height: bigint;
  /** How long ago the head last moved, or the node started. */
  readonly headAgeMs: number;
  /** How many seconds should lie between two blocks. */
  readonly spacing: number;
  readonly syncing: Pick<Syncing, "current" | "target" | "phase"> | undefined;
  readonly believedHeight: bigint;
  readonly claimedHeight: bigint;
  readonly pool: PoolStanding;
  /** What this node's miner does. Undefined on a node without one. */
  readonly mining:
    | (Pick<MiningStatus, "mining" | "threads" | "hashrate"> & Partial<Pick<MiningStatus, "lastRefused">>)
    | undefined;
  /** Hashes per second of all miners. */
  readonly hashrate: number | undefined;
  readonly finalityDepth: number;
  /** What is assumed, where the chain began with a snapshot whose history is not executed yet. */
  readonly assumed?: AssumedView | undefined;
  /** The reorganisations of the last hour; the newest comes first. */
  readonly reorgs: readonly { readonly agoMs: number; readonly depth: number; readonly dropped: number }[];
}

/** A gap of so many spacings comes once in e^20 blocks: something else is the matter (pow.md 2.9, "Stale"). */
const STALE_SPACINGS = 20;
/** A node without peers and without a miner says nothing before: the last block may have been made here on demand. */
const ALONE_SPACINGS = 3;

export function explainMining(standing: MiningStanding): Explanation {
  const verdict = judge(standing);
  const summary = `${verdict.summary}${assumedNote(standing)}`;
  return withClocks(standing, { ...verdict, summary, details: describe(standing) });
}

function assumedNote({ assumed }: MiningStanding): string {
  if (assumed === undefined) return "";
  return `; the state is ASSUMED: ${assumed.checked} of the ${assumed.height} blocks below it are executed`;
}

type Judgement = Omit<Explanation, "details">;

function judge(standing: MiningStanding): Judgement {
  const { syncing, height, headAgeMs, spacing } = standing;
  const head = height === 0n ? "height 0, the genesis" : `height ${height}, last block ${ago(headAgeMs)}`;
  const alone = judgeAlone(standing, head);
  if (alone !== undefined) return alone;
  if (syncing !== undefined) return judgeSync(standing, syncing);
  const deepest = deepestOf(standing);
  if (deepest !== undefined && deepest.depth > standing.finalityDepth) {
    const summary =
      `REVERSED: ${deepest.depth} blocks were undone ${ago(deepest.agoMs)}, more than the ` +
      `${standing.finalityDepth} that count as final here; ${head}`;
    return { state: "reversed", ok: false, summary };
  }
  const spacingMs = spacing * 1_000;
  if (headAgeMs > STALE_SPACINGS * spacingMs) {
    const why = whyStale(standing);
    const summary = `no block for ${duration(headAgeMs)}, one is due every ${duration(spacingMs)}: ${why}`;
    return { state: "stale", ok: false, summary: `${summary} (height ${height})` };
  }
  const note = standing.peers === 0 ? "; no peer is known: the chain is this node's alone" : "";
  return { state: "moving", ok: true, summary: `${head}, one is due every ${duration(spacingMs)}${note}` };
}

/** No peer, where there should be one, or where nobody else could make a block. Undefined where that is right. */
function judgeAlone(standing: MiningStanding, head: string): Judgement | undefined {
  const { peers, mining, expectsPeers, headAgeMs, spacing } = standing;
  if (peers > 0) return undefined;
  const isMining = mining?.mining === true;
  if (expectsPeers) {
    const harm = isMining
      ? "this node mines a branch of its own, which nobody hears of and a heavier one will replace"
      : "it cannot hear of blocks, so it does not know whether anybody mines";
    return { state: "alone", ok: false, summary: `${whyAlone(standing)}; ${harm} (${head})` };
  }
  if (isMining || headAgeMs <= ALONE_SPACINGS * spacing * 1_000) return undefined;
  const summary = `no peer is connected and this node does not mine: it cannot hear of blocks; ${head}`;
  return { state: "alone", ok: false, summary };
}

function judgeSync(
  { headAgeMs }: MiningStanding,
  { current, target, phase }: NonNullable<MiningStanding["syncing"]>,
): Judgement {
  const words =
    phase === "heads"
      ? `catching up: fetching headers, ${target} so far; height ${current} is executed`
      : `catching up: height ${current} of ${target}, whose headers are here`;
  const isStuck = phase !== "heads" && headAgeMs > STUCK_MS;
  const still = `; no block came in for ${duration(headAgeMs)}: no connected peer sends the bodies that are missing`;
  return { state: "syncing", ok: false, summary: isStuck ? `${words}${still}` : words };
}

/** A body that is asked for comes within seconds, however long a block takes to be found. */
const STUCK_MS = 20_000;

/** Why no block came for so long, as far as this node can know. */
function whyStale({ mining, height, believedHeight }: MiningStanding): string {
  const refused = mining?.lastRefused;
  if (refused !== undefined && refused.height > height) {
    return `this node's own block ${refused.height} was refused (${refused.code}: ${refused.detail})`;
  }
  if (believedHeight > height) {
    return `headers are known up to height ${believedHeight}, and no connected peer sends the blocks that are missing`;
  }
  return mining?.mining === true
    ? "this node's miner is far too slow for the target"
    : "no miner that this node hears of has found one: does anybody mine?";
}

function describe(standing: MiningStanding): string[] {
  const { peers, pool, headAgeMs, spacing, finalityDepth } = standing;
  return [
    gapLine(headAgeMs, spacing),
    miningLine(standing),
    `${peers} ${peers === 1 ? "peer" : "peers"} connected; pool: ${pool.executable} executable, ${pool.queued} waiting for an earlier nonce`,
    ...describeClaim(standing),
    ...describeTroubles(standing),
    reorgLine(standing),
    ...describeAssumed(standing),
    `a block counts as final with ${finalityDepth} on top of it`,
  ];
}

/** Blocks come like raindrops: how rare a gap like this is says more than its length. */
function gapLine(headAgeMs: number, spacing: number): string {
  const share = Math.exp(-headAgeMs / (spacing * 1_000));
  const often =
    share < 1e-6 ? "practically never" : `after ${Number((share * 100).toPrecision(2))} % of blocks`;
  return `blocks come at random: with the wanted hash power a gap as long as this one comes ${often}`;
}

function describeAssumed({ assumed }: MiningStanding): string[] {
  if (assumed === undefined) return [];
  const { height, checked } = assumed;
  const percent = Number((checked * 1_000n) / height) / 10;
  return [
    `began from a snapshot of block ${height}: its history is fetched and executed in the background, ${percent} % so far. ` +
      `Until then only work says that the state is right, and no branch that leaves the chain below block ${height} is taken`,
  ];
}

function miningLine({ mining, hashrate }: MiningStanding): string {
  const all = hashrate === undefined ? "" : `; all miners together about ${rate(hashrate)}`;
  if (mining === undefined) return `this node has no miner${all}`;
  if (!mining.mining) return `this node does not mine${all}`;
  const threads = `${mining.threads} ${mining.threads === 1 ? "thread" : "threads"}`;
  return `this node mines with ${threads} at ${rate(mining.hashrate)}${all}`;
}

function reorgLine(standing: MiningStanding): string {
  const { reorgs } = standing;
  const deepest = deepestOf(standing);
  if (deepest === undefined) return "no reorganisation in the last hour";
  const number = reorgs.length === 1 ? "1 reorganisation" : `${reorgs.length} reorganisations`;
  return `${number} in the last hour, the deepest of ${deepest.depth} ${deepest.depth === 1 ? "block" : "blocks"} ${ago(deepest.agoMs)}`;
}

function deepestOf({ reorgs }: MiningStanding): MiningStanding["reorgs"][number] | undefined {
  return reorgs.reduce<MiningStanding["reorgs"][number] | undefined>(
    (deepest, reorg) => (deepest === undefined || reorg.depth > deepest.depth ? reorg : deepest),
    undefined,
  );
}

/** Shows a rate as 850 H/s, 41 kH/s or 1.2 MH/s. */
export function rate(hashesPerSecond: number): string {
  const units = ["H/s", "kH/s", "MH/s", "GH/s", "TH/s", "PH/s", "EH/s"];
  let value = hashesPerSecond;
  let unit = 0;
  for (; value >= 1_000 && unit < units.length - 1; unit++) value /= 1_000;
  return `${Number(value.toPrecision(value < 10 ? 2 : 3))} ${units[unit]}`;
}
