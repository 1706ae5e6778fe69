/**
 * A schedule: everything that decides a run, as plain data. It follows from (seed, nodes, byzantine, profile) by
 * generate.ts; each of its items can be left out by its name without shifting the others (shrink.ts), so seed and
 * names are a run's whole address. Times are ms of virtual time since the run began. This file is the vocabulary.
 */
import type { PbftParameters } from "../../chain/genesis/consensus-parameters.ts";
import type { GenesisLimits } from "../../chain/genesis/genesis.ts";
import type { EngineSettings, ValidatorId } from "../../consensus/engine.ts";
import { MESSAGE_TYPE } from "../../consensus/pbft/messages.ts";
import type { Rollback } from "./database-rollback.ts";
import type { ComputingCosts } from "./simulated-processor.ts";

/** A replica of the run: 0..n-1 are the validators in order; twins come after them. */
export type NodeId = number;

export const PROFILES = [
  "mixed",
  "calm",
  "network",
  "crash",
  "disk",
  "byzantine",
  "asynchronous",
  "brief",
  "twins",
  "rollback",
  "wide",
  "flood",
  "full",
] as const;
/**
 * What a schedule is made of: `calm` nothing, `network`, `crash`, `disk` and `byzantine` that kind above all,
 * `mixed` everything, `brief` as mixed and a fifth as long, `twins` one key on two replicas and a partition a round,
 * `asynchronous` a network that never heals (no liveness is asked), `rollback` databases younger than journals, `wide`
 * the ingredients of widen.ts above all, `flood` validators that send whatever is dear to judge while computing takes
 * time, `full` as brief on a chain whose blocks are filled by one or two of the many transactions that wait.
 */
export type Profile = (typeof PROFILES)[number];

export interface ScheduleOptions {
  readonly seed: number;
  /** How many validators there are. */
  readonly nodes: number;
  /** How many validators are Byzantine. More than f show that the checkers see the fork. */
  readonly byzantine: number;
  readonly profile: Profile;
}

export interface Schedule extends ScheduleOptions {
  readonly consensus: PbftParameters;
  readonly settings: EngineSettings;
  /** The interval of anti-entropy, ms. */
  readonly syncIntervalMs: number;
  /** The moment from which nothing fails any more and every message arrives within `network.settledDelayMsMax`. */
  readonly gstMs: number;
  /** Virtual time at which the run ends whatever happened; what should be final and is not then, is a violation. */
  readonly deadlineMs: number;
  readonly network: NetworkTiming;
  readonly faults: readonly NetworkFault[];
  readonly crashes: readonly Crash[];
  readonly disks: readonly ScheduledDiskFault[];
  readonly clocks: readonly ClockFault[];
  /** None if left out. */
  readonly rollbacks?: readonly Rollback[];
  readonly workload: readonly ScheduledSubmission[];
  readonly adversaries: readonly AdversarySpec[];
  /** Computing takes so long at every node; no time at all if left out. */
  readonly computing?: ComputingCosts;
  /** Honest nodes without a key, after the validators and their twins. */
  readonly full?: number;
  /** Nodes without a key that lie in gossip and anti-entropy, last of all. */
  readonly strangers?: readonly Stranger[];
  /** Compact proposals; whole blocks travel if left out. */
  readonly compact?: CompactProposalsSpec;
  /** Limits of blocks and transactions instead of the usual ones. */
  readonly limits?: Partial<GenesisLimits>;
}

/** Hashes stand for the transactions of proposals, but of those that are in the primary's pool for less than so long. */
export interface CompactProposalsSpec {
  readonly freshMs: number;
  /** After so long without an answer another validator is asked. */
  readonly askMs: number;
}

export type Stranger = Item & Interval & { readonly everyMs: number };

/** What one can leave out: its name is unique within a schedule, e.g. "f0", "c2", "d0", "k1", "w3", "a0". */
export interface Item {
  readonly id: string;
}

/** Their numbers in docs/protocol.md, "Consensus messages". What is none of them has numbers of ours. */
export const MESSAGE_TYPES = {
  ...MESSAGE_TYPE,
  "sealed-block": 100,
  /** What is not mail: a new block as rumor, and questions and answers of anti-entropy. */
  announcement: 101,
  request: 102,
} as const;
export type ScheduledMessageType = keyof typeof MESSAGE_TYPES;

/** How long a message takes before GST, and after it. */
export interface NetworkTiming {
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** Probability that a message takes up to `tailMs` more: what makes reordering heavy. */
  readonly tail: number;
  readonly tailMs: number;
  /** Delays are multiples of it; a coarse grid lets messages arrive at one instant. */
  readonly stepMs: number;
  readonly settledDelayMsMax: number;
}

interface Interval {
  readonly atMs: number;
  readonly untilMs: number;
}

export type NetworkFault = Item &
  Interval &
  (
    | { readonly kind: "loss" | "duplicate"; readonly probability: number }
    /** Messages from these nodes are late by up to `extraMs`. */
    | { readonly kind: "slow-links"; readonly nodes: readonly NodeId[]; readonly extraMs: number }
    /** Nothing passes between different groups. With `hold` it waits for the end, instead of being lost. */
    | { readonly kind: "partition"; readonly groups: readonly (readonly NodeId[])[]; readonly hold: boolean }
    | {
        readonly kind: "one-way";
        readonly from: readonly NodeId[];
        readonly to: readonly NodeId[];
        readonly hold: boolean;
      }
    /**
     * Of the packets from some to others only these are cut: of a kind, in these views, of votes at these heights.
     * "sealed-block" answers a STATUS. For directed schedules.
     */
    | {
        readonly kind: "letters";
        readonly types: readonly ScheduledMessageType[];
        readonly from: readonly NodeId[];
        readonly to: readonly NodeId[];
        readonly views?: readonly number[];
        readonly heights?: readonly number[];
        readonly hold: boolean;
      }
    /** A partition that comes and goes each half `periodMs`. */
    | {
        readonly kind: "flapping";
        readonly groups: readonly (readonly NodeId[])[];
        readonly periodMs: number;
        readonly hold: boolean;
      }
  );

/**
 * When power is lost. `action`: before the k-th thing the node does to the world (mail, timer, rumor, request, disk
 * write) since its life began, counted over restarts; `write`: the k-th time something became durable, before
 * anybody is told (so before anything that waited for it leaves); `flush`: while the k-th batch of journal records
 * is on its way to the disk.
 */
export type CrashMoment =
  | { readonly kind: "time"; readonly atMs: number }
  | { readonly kind: "action"; readonly count: number }
  | { readonly kind: "write"; readonly count: number }
  | { readonly kind: "flush"; readonly count: number };

export interface Crash extends Item {
  readonly node: NodeId;
  readonly when: CrashMoment;
  /** The node comes back after so long, at the latest at GST. */
  readonly downMs: number;
  /** How much of what was not synced had reached the disk by chance: 0 none, 1 all. */
  readonly kept: number;
  /** The record being written is found cut short. */
  readonly torn: boolean;
}

export type ScheduledDiskFault = Item & { readonly node: NodeId } & (
    | { readonly kind: "slow"; readonly atMs: number; readonly untilMs: number; readonly latencyMs: number }
    /** Every write fails; the node stops, and comes back when there is room. */
    | { readonly kind: "full"; readonly atMs: number; readonly untilMs: number }
    /**
     * Power is lost at `atMs` and one bit of the durable journal has changed when the node comes back. Votes may be
     * missing, so such a node counts among the faulty ones.
     */
    | { readonly kind: "flip"; readonly atMs: number; readonly downMs: number }
  );

export type ClockFault = Item & { readonly node: NodeId } & (
    | { readonly kind: "skew"; readonly offsetMs: number; readonly drift: number }
    | { readonly kind: "jump"; readonly atMs: number; readonly byMs: number }
  );

/** A client hands a transfer to one node, and to all of them while it does not become final. */
export interface ScheduledSubmission extends Item {
  readonly atMs: number;
  readonly node: NodeId;
  /** The index of the account that pays. */
  readonly from: number;
  readonly to: number;
  readonly amount: bigint;
  /** The fee. Left out, there is none. */
  readonly fee?: bigint;
}

/** What a Byzantine validator does from `atMs` to `untilMs`. Before and after it behaves. */
export type AdversarySpec = Item &
  Interval & { readonly validator: ValidatorId } & (
    | AdversaryKind<"twin">
    /** VIEW-CHANGEs and NEW-VIEWs whose proofs prove nothing. */
    | (AdversaryKind<"false-proofs"> & { readonly everyMs: number })
    /** Valid VIEW-CHANGEs, many at once, each to a higher view. */
    | (AdversaryKind<"view-flood"> & { readonly everyMs: number })
    /** CHECKPOINTs of a state that nobody has, alone and together. */
    | (AdversaryKind<"false-checkpoints"> & { readonly everyMs: number })
    /** PRE-PREPAREs of wrong blocks, of another block than the one signed for, and in views of others. */
    | (AdversaryKind<"false-proposals"> & { readonly everyMs: number })
    /** False rumors, false answers in anti-entropy. */
    | (AdversaryKind<"false-gossip"> & { readonly everyMs: number })
    | (AdversaryKind<"equivocate"> & { readonly victims: readonly ValidatorId[] })
    | AdversaryKind<"silent">
    | (AdversaryKind<"slow"> & { readonly delayMs: number })
    /** It leaves out the transactions of one account, as primary. */
    | (AdversaryKind<"censor"> & { readonly account: number })
    /** It lies in its VIEW-CHANGE about P. */
    | AdversaryKind<"lie-p">
    | AdversaryKind<"lie-h">
    /** Its VIEW-CHANGE shows at each height the oldest certificate that does not extend the one before. */
    | AdversaryKind<"lie-links">
    /** Its NEW-VIEW holds another choice of VIEW-CHANGEs. */
    | AdversaryKind<"lie-v">
    /** Its NEW-VIEW holds an O that does not follow from its V. */
    | AdversaryKind<"lie-o">
    /** In views of its own it proposes at heights that are committed: the same blocks again, or other ones. */
    | (AdversaryKind<"undercut"> & {
        readonly victims: readonly ValidatorId[];
        readonly again: boolean;
        readonly everyMs: number;
      })
    /** It puts one transaction into a block, as primary. */
    | AdversaryKind<"trickle">
    | (AdversaryKind<"withhold-bodies"> & { readonly victims: readonly ValidatorId[] })
    /** Its victims get hashes from it, and no transactions. */
    | (AdversaryKind<"withhold-transactions"> & { readonly victims: readonly ValidatorId[] })
    /** Old messages of its own, of earlier views and epochs. */
    | (AdversaryKind<"replay"> & { readonly everyMs: number })
    | (AdversaryKind<"huge-view"> & { readonly everyMs: number })
    | (AdversaryKind<"flood"> & { readonly perSecond: number })
    /** Whatever is dear to judge, as much of it as it can: of one kind, or of each in turn. */
    | (AdversaryKind<"overload"> & { readonly perSecond: number; readonly load?: OverloadName })
    | (AdversaryKind<"forge-certificates"> & { readonly everyMs: number })
    | (AdversaryKind<"lie-clock"> & { readonly offsetMs: number })
    /** Small mutations of its valid messages, signed anew: a view, height or hash changed. */
    | (AdversaryKind<"mutate"> & { readonly probability: number })
    /** All who collude know everything, vote for everything and help one side, as in the reference model. */
    | (AdversaryKind<"collude"> & { readonly everyMs: number })
  );

interface AdversaryKind<K extends string> {
  readonly kind: K;
}

export type AdversaryName = AdversarySpec["kind"];

export const OVERLOADS = [
  "false-seals",
  "own-view-changes",
  "late-flaw",
  "strangers-view-changes",
  "transactions",
  "votes",
  "checkpoints",
  "garbage",
] as const;
export type OverloadName = (typeof OVERLOADS)[number];

/** What generate.ts draws from; widen.ts adds others. */
export const ADVERSARY_NAMES: readonly AdversaryName[] = [
  "twin",
  "equivocate",
  "silent",
  "slow",
  "censor",
  "lie-p",
  "lie-h",
  "lie-v",
  "withhold-bodies",
  "replay",
  "huge-view",
  "flood",
  "forge-certificates",
  "lie-clock",
  "mutate",
  "collude",
];

/** The items of a schedule by name, in the order in which they are shrunk. */
export function itemIds(schedule: Schedule): string[] {
  const { faults, crashes, disks, rollbacks = [], clocks, adversaries, strangers = [], workload } = schedule;
  return [faults, crashes, disks, rollbacks, clocks, adversaries, strangers, workload].flatMap((items) =>
    items.map(({ id }) => id),
  );
}

/** The schedule with only these items, and everything else as it was. */
export function keepOnly(schedule: Schedule, ids: ReadonlySet<string>): Schedule {
  const kept = <T extends Item>(items: readonly T[]) => items.filter(({ id }) => ids.has(id));
  return {
    ...schedule,
    faults: kept(schedule.faults),
    crashes: kept(schedule.crashes),
    disks: kept(schedule.disks),
    rollbacks: kept(schedule.rollbacks ?? []),
    clocks: kept(schedule.clocks),
    workload: kept(schedule.workload),
    adversaries: kept(schedule.adversaries),
    ...(schedule.strangers === undefined ? {} : { strangers: kept(schedule.strangers) }),
  };
}
