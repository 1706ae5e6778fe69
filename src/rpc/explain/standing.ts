/**
 * What an explanation is made from and the words it is made of: the shapes and the small phrases that explain.ts and
 * its neighbours share. Pure.
 */
import { must } from "../../base/assert.ts";
import type { EngineStatus, ValidatorId } from "../../consensus/engine.ts";
import type { RunningTimer } from "../api.ts";
import type { PeerTrouble } from "../symptoms.ts";
import type { MembersStanding } from "./explain-members.ts";

export const CHAIN_STATES = [
  /** There is nothing to agree on. */
  "idle",
  "moving",
  /** Something waits for votes, a proposal or a checkpoint for long. */
  "waiting",
  "view-change",
  /** Too few validators are connected to this one. */
  "no-quorum",
  "syncing",
  /** This validator votes no more. */
  "halted",
  /** This validator's database is younger than its journal: it fetches, and votes again then. */
  "recovering",
  /** This validator's key is at a signer that cannot be asked: it follows, and votes again by itself. */
  "no-signer",
  "no-module",
  /** A node that does not validate: it follows. */
  "no-engine",
  /** It works, and somebody should look: no failure is left to spare, the primary is away, a clock is wrong. */
  "degraded",
  /** No peer is connected to a node that needs one. */
  "alone",
  /** A mined chain: no block for many times the wanted spacing. */
  "stale",
  /** A mined chain: blocks that counted as final were undone. */
  "reversed",
] as const;

export interface Explanation {
  readonly state: (typeof CHAIN_STATES)[number];
  /** Nobody has to look: idle, moving, or a follower with peers. */
  readonly ok: boolean;
  /** Why the chain moves or does not, in one line. */
  readonly summary: string;
  readonly details: readonly string[];
}

export interface ValidatorStanding {
  readonly name: string;
  /** Whether it is connected to this node, or is this node. */
  readonly online: boolean;
  /** How long it has been away, ms. Undefined when it is online, or nobody knows. */
  readonly awayMs: number | undefined;
  /**
   * How long no consensus message came from it while it was connected, ms; undefined where that is not known here.
   */
  readonly silentMs?: number | undefined;
}

/** What a node knows of its neighbourhood that the chain does not say. */
export interface Neighbourhood {
  readonly peers: number;
  /** Its files name others: without a peer it is cut off, not alone on purpose. */
  readonly expectsPeers: boolean;
  readonly troubles: readonly PeerTrouble[];
  /** The lowest block that a peer has which is ahead, where all of these have pruned the next one. */
  readonly lowestOffered?: bigint | undefined;
  readonly clocks: ClockStanding;
}

export interface ClockStanding {
  /** The clocks of connected peers, where they are measured. */
  readonly measured: readonly {
    readonly name: string;
    readonly offsetMs: number;
    readonly errorMs: number;
  }[];
  /** How far ahead of this node's clock a block's time may be, ms. */
  readonly limitMs: number;
  /** Proposals that came from the future, by the validator that made them; the last one's figures. */
  readonly early: readonly {
    readonly name: string;
    readonly count: number;
    readonly aheadMs: number;
    readonly agoMs: number;
  }[];
}

/** What an explanation is made from. */
export interface Standing extends Neighbourhood {
  readonly engine: EngineStatus | undefined;
  readonly timers: readonly RunningTimer[];
  /** The validators by index. */
  readonly validators: readonly ValidatorStanding[];
  readonly height: bigint;
  /** How long ago the head last moved, or the node started. */
  readonly headAgeMs: number;
  /** After so many ms an empty block is due; undefined where none is expected. */
  readonly emptyBlocksMs?: number | undefined;
  readonly syncing:
    | { readonly current: bigint; readonly target: bigint; readonly targetVerified: boolean }
    | undefined;
  /** The greatest height that this node has reason to believe, and the greatest that a peer claims. */
  readonly believedHeight: bigint;
  readonly claimedHeight: bigint;
  /** Transactions that could run now, and those that wait for an earlier nonce. */
  readonly pool: PoolStanding;
  /** The members, where validators may change. */
  readonly members?: MembersStanding | undefined;
  /** The transition that others go on by and this node does not, and whose word that is. */
  readonly transition?: { readonly id: string; readonly height: bigint; readonly from: string } | undefined;
}

export interface PoolStanding {
  readonly executable: number;
  readonly queued: number;
  /** How long ago the executable transaction arrived that has waited longest, ms. Undefined when none waits. */
  readonly oldestMs?: number | undefined;
}

/** Each validator sends STATUS once an interval: so many without one, and at least so long, is no accident. */
const SILENT_INTERVALS = 10;
const SILENT_MS_MIN = 10_000;

/** Connected, but it takes no part: it has stopped voting, hangs, or its mail does not arrive. */
export function isSilent({ validators, timers }: Standing, index: ValidatorId): boolean {
  const { online, silentMs } = validators[index] ?? {};
  const intervalMs = timers.find(({ name }) => name === "status")?.lengthMs ?? 0;
  return online === true && (silentMs ?? 0) > Math.max(SILENT_MS_MIN, SILENT_INTERVALS * intervalMs);
}

/** A validator with what explains its silence. */
export function named(standing: Standing, index: ValidatorId): string {
  const reason = reasonOf(standing, index);
  return reason === undefined ? nameOf(standing, index) : `${nameOf(standing, index)} (${reason})`;
}

function reasonOf(standing: Standing, index: ValidatorId): string | undefined {
  const { engine, validators } = standing;
  if (engine?.self === index) return "this node";
  const validator = validators[index];
  if (validator?.online === false) {
    return validator.awayMs === undefined ? "down" : `down ${duration(validator.awayMs)}`;
  }
  if (isSilent(standing, index))
    return `connected, and silent for ${duration(must(validator?.silentMs, "a silent validator has been so for some time"))}`;
  const seen = engine?.lastSeen[index];
  if (engine === undefined || seen === undefined) return undefined;
  if (seen.inViewChange) return `in view change to ${seen.view}`;
  if (seen.view !== engine.view) return `at view ${seen.view}`;
  return seen.height < engine.lastCommitted ? `at height ${seen.height}` : undefined;
}

export function nameOf({ validators }: Standing, index: ValidatorId): string {
  return validators[index]?.name ?? `validator ${index}`;
}

/** Names in one line; the rest is a number. */
const NAMES_MAX = 8;

export function listed(words: readonly string[]): string {
  if (words.length > NAMES_MAX) {
    return `${words.slice(0, NAMES_MAX).join(", ")} and ${words.length - NAMES_MAX} more`;
  }
  if (words.length < 2) return words[0] ?? "nobody";
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

export function joined(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join("; ");
}

export function ago(ms: number): string {
  return `${duration(ms)} ago`;
}

/** Shows a duration as 850 ms, 1.5 s, 42 s, 3 min 20 s or 2 h 5 min. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${Number((ms / 1_000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

/** So long nobody waits where things go well. */
const STUCK_MS = 10_000;

/** Others are ahead for long, and nobody sends what is missing. Undefined where that is not so. */
export function explainBehind({
  height,
  headAgeMs,
  believedHeight,
  syncing,
  lowestOffered,
}: Pick<Standing, "height" | "headAgeMs" | "believedHeight" | "syncing" | "lowestOffered">):
  | Explanation
  | undefined {
  const isAhead = believedHeight > height + CLAIM_MARGIN;
  // What peers claim is not verified here before they send it, and here none can.
  const isStuck = syncing === undefined && headAgeMs > STUCK_MS && (isAhead || lowestOffered !== undefined);
  if (!isStuck) return undefined;
  const others = isAhead ? `others are at ${believedHeight}` : "peers claim more";
  const summary = `BEHIND: height ${height}, ${others}, and no connected peer has sent a block for ${duration(headAgeMs)}`;
  return { state: "waiting", ok: false, summary: `${summary}${prunedAway(lowestOffered)}`, details: [] };
}

/** What is said of peers that have pruned the block that comes next. */
function prunedAway(lowestOffered: bigint | undefined): string {
  if (lowestOffered === undefined) return "";
  return `: the connected peers are pruned and have blocks from height ${lowestOffered} on; connect to an archive node, or begin from a snapshot`;
}

/** Why no peer is connected, as far as it is known. */
export function whyAlone({ troubles }: Pick<Neighbourhood, "troubles">): string {
  const [first] = troubles;
  if (first === undefined) return "no peer is connected";
  const others = troubles.length === 1 ? "" : ` (and ${troubles.length - 1} more)`;
  return `no peer is connected: ${first.name}${others}: ${first.reason}`;
}

/** One line for each peer that should be connected and is not. */
export function describeTroubles({ troubles }: Pick<Neighbourhood, "troubles">): string[] {
  return troubles.slice(0, NAMES_MAX).map(({ name, reason }) => `${name} is not connected: ${reason}`);
}

/** Blocks are being fetched. */
export function explainSync({ syncing, headAgeMs }: Pick<Standing, "syncing" | "headAgeMs">): Explanation {
  const { current, target, targetVerified } = must(syncing, "it is only asked while blocks are fetched");
  const words = targetVerified
    ? `catching up: height ${current} of ${target}`
    : `catching up: height ${current}; a peer claims height ${target}, unverified`;
  const still = headAgeMs > STUCK_MS ? `; no block came in for ${duration(headAgeMs)}` : "";
  return { state: "syncing", ok: false, summary: `${words}${still}`, details: [] };
}

/** So far beyond what is believed a claim is worth a line; a block or two are on their way all the time. */
const CLAIM_MARGIN = 2n;

/** What a peer says of its head beyond all that this node could check. */
export function describeClaim({
  believedHeight,
  claimedHeight,
}: Pick<Standing, "believedHeight" | "claimedHeight">): string[] {
  if (claimedHeight <= believedHeight + CLAIM_MARGIN) return [];
  return [
    `a peer claims height ${claimedHeight}, unverified; ${believedHeight} is the highest that is verified here`,
  ];
}
