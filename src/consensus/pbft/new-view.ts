/**
 * What makes a VIEW-CHANGE and a NEW-VIEW valid, and `decide`: the one pure function that says which blocks a new
 * view must carry over. The new primary builds O with it, every backup recomputes O with it, so neither can be
 * wrong alone. Nothing here knows a replica's state.
 * Source: pbft.md 1.8, 1.9 (computeO), 1.10; Castro & Liskov, OSDI 1999, §4.4.
 */

import { assert } from "../../base/assert.ts";
import { equalBytes, type Hash } from "../../base/bytes.ts";
import { accept, type Fault, refuse, type Verdict } from "../../base/fault.ts";
import type { ValidatorId } from "../engine.ts";
import {
  baseOf,
  type CertificateContext,
  type CheckpointCertificate,
  decodeCheckpointCertificate,
  verifyCheckpointCertificate,
} from "./certificate.ts";
import {
  type CertifiedHead,
  type Decoded,
  decodeCertifiedHead,
  verifyCertifiedHead,
} from "./certified-head.ts";
import type { CarriedBlock, NewViewBody, ViewChangeBody, VoteBody } from "./messages.ts";
import { primaryOf, quorumOf } from "./quorum.ts";
import { checkSignature, type MessageFault, type Signed, type Verified } from "./signed-messages.ts";

/** What a VIEW-CHANGE proves. */
export interface Proofs {
  /** C: the certificate of the height `stableCheckpoint`. It is undefined iff that is the base of the epoch. */
  readonly proof: CheckpointCertificate | undefined;
  /** P: heights stableCheckpoint + 1, + 2, ... without a hole, each the parent of the next. */
  readonly entries: readonly CertifiedHead[];
}

export type ViewChange = Verified<ViewChangeBody & Signed & Proofs>;
export type NewView = Verified<
  NewViewBody & Signed & { readonly asked: readonly ViewChange[]; readonly decision: Decision }
>;

/** O and what it stands on. */
export interface Decision {
  /** min_s: the highest checkpoint that a member of V proves. */
  readonly minHeight: bigint;
  /** The certificate of minHeight. It is undefined iff that is the base of the epoch. */
  readonly checkpoint: CheckpointCertificate | undefined;
  /** What the new view must carry over: heights minHeight + 1, + 2, ..., each the parent of the next. */
  readonly carried: readonly CertifiedHead[];
}

/**
 * computeO: per height the entry of the highest view, as long as each extends the one before. What is cut off
 * cannot have been committed anywhere (pbft.md 1.10).
 * @param asked V: valid VIEW-CHANGEs for one view by a quorum of distinct replicas.
 * @param base hash of the block that the epoch stands on
 */
export function decide(
  asked: readonly Pick<ViewChange, "stableCheckpoint" | "proof" | "entries">[],
  base: Hash,
): Decision {
  const highest = asked.reduce((a, b) => (b.stableCheckpoint > a.stableCheckpoint ? b : a));
  const { stableCheckpoint: minHeight, proof: checkpoint } = highest;
  const carried: CertifiedHead[] = [];
  let parent = checkpoint?.hash ?? base;
  for (let height = minHeight + 1n; ; height++) {
    const pick = highestView(asked, height);
    if (pick === undefined || !equalBytes(pick.head.header.previousHash, parent)) break;
    carried.push(pick);
    parent = pick.head.hash;
  }
  return { minHeight, checkpoint, carried };
}

/** All certificates of one view at a height have one digest, so which of them is picked does not matter. */
function highestView(
  asked: readonly Pick<ViewChange, "stableCheckpoint" | "entries">[],
  height: bigint,
): CertifiedHead | undefined {
  let best: CertifiedHead | undefined;
  for (const { stableCheckpoint, entries } of asked) {
    const entry = entries[Number(height - stableCheckpoint - 1n)];
    if (entry !== undefined && (best === undefined || entry.view > best.view)) best = entry;
  }
  return best;
}

/** The PRE-PREPARE of the new primary for a block that is carried over: what its signature in O covers. */
export function carriedVote(body: NewViewBody, { height, hash }: CarriedBlock): VoteBody<"pre-prepare"> {
  const { from, epoch, view } = body;
  return { type: "pre-prepare", from, epoch, view, height, hash };
}

/** Proofs whose form and links hold and whose signatures nobody has checked. */
export interface Claims extends Proofs {
  readonly decoded: readonly Decoded[];
}

/** What is asked of a VIEW-CHANGE beyond signatures: form first, then links. */
export function readClaims(
  context: CertificateContext & { readonly logWindow: number },
  body: ViewChangeBody,
): Verdict<Claims, MessageFault> {
  const decoded = decodeEntries(body);
  if (!decoded.ok) return decoded;
  if (decoded.value.length > context.logWindow) {
    return refuse("wrong-view-change", `P of ${decoded.value.length} heights, at most ${context.logWindow}`);
  }
  const epochBase = baseOf(context);
  const checkpoint = readCheckpoint(body, epochBase.height);
  if (!checkpoint.ok) return checkpoint;
  const base = checkpoint.value?.hash ?? epochBase.hash;
  const linked = checkLinks(body, decoded.value, base);
  if (linked !== undefined) return refuse("wrong-view-change", linked);
  const entries = decoded.value.map(({ entry }) => entry);
  return accept({ proof: checkpoint.value, entries, decoded: decoded.value });
}

/** Every signature, up to the first that is bad. */
export function verifyClaims(
  context: CertificateContext,
  { proof, entries, decoded }: Claims,
): Verdict<Proofs, MessageFault> {
  const bad = proof === undefined ? undefined : verifyCheckpointCertificate(context, proof);
  if (bad !== undefined) return refuse("wrong-certificate", bad.detail);
  for (const entry of decoded) {
    const verified = verifyCertifiedHead(context, entry);
    if (!verified.ok) return refuse("wrong-certificate", verified.fault.detail);
  }
  return accept({ proof, entries });
}

function decodeEntries({ certified }: ViewChangeBody): Verdict<Decoded[], MessageFault> {
  const entries: Decoded[] = [];
  for (const bytes of certified) {
    const entry = decodeCertifiedHead(bytes);
    if (!entry.ok) return entry;
    entries.push(entry.value);
  }
  return accept(entries);
}

/** The base of the epoch needs no proof: whoever works in the epoch holds that block, and one alone can be final. */
function readCheckpoint(
  { stableCheckpoint, checkpoint }: ViewChangeBody,
  base: bigint,
): Verdict<CheckpointCertificate | undefined, MessageFault> {
  if (stableCheckpoint < base || (stableCheckpoint === base) !== (checkpoint.length === 0)) {
    return refuse(
      "wrong-view-change",
      `checkpoint of ${checkpoint.length} bytes for h = ${stableCheckpoint}, the epoch stands on ${base}`,
    );
  }
  if (checkpoint.length === 0) return accept(undefined);
  const opened = decodeCheckpointCertificate(checkpoint);
  if (!opened.ok) return refuse("wrong-certificate", opened.fault.detail);
  if (opened.value.height !== stableCheckpoint) {
    return refuse("wrong-certificate", `checkpoint of ${opened.value.height} for h = ${stableCheckpoint}`);
  }
  return opened;
}

/** Heights h+1, h+2, ..., each the parent of the next, each certified below the view asked for. */
function checkLinks(body: ViewChangeBody, entries: readonly Decoded[], base: Hash): string | undefined {
  let height = body.stableCheckpoint;
  let parent = base;
  for (const { entry } of entries) {
    const { summary, header, hash } = entry.head;
    height++;
    if (summary.height !== height) return `entry of height ${summary.height} at ${height}`;
    if (entry.view >= body.view) return `certificate of view ${entry.view} in a VIEW-CHANGE to ${body.view}`;
    if (!equalBytes(header.previousHash, parent)) return `the entry of height ${height} has another parent`;
    parent = hash;
  }
  return undefined;
}

/** What a NEW-VIEW must hold beyond signatures: senders, views and O. It holds if what `asked` claims does. */
export function readDecision(
  context: CertificateContext,
  body: NewViewBody,
  asked: readonly (Pick<ViewChange, "from" | "view" | "stableCheckpoint"> & Proofs)[],
): Verdict<Decision, MessageFault> {
  const n = context.validators.members.length;
  const { quorum } = quorumOf(n);
  const primary = primaryOf(body.epoch, body.view, n);
  const senders = new Set<ValidatorId>(asked.map(({ from }) => from));
  if (asked.length !== quorum || senders.size !== quorum || !senders.has(primary)) {
    return refuse("wrong-view-change", `V of ${senders.size} replicas, must be ${quorum} with the primary`);
  }
  const other = asked.find(({ view }) => view !== body.view);
  if (other !== undefined)
    return refuse("wrong-view-change", `V holds a VIEW-CHANGE to ${other.view}, not to ${body.view}`);
  const decision = decide(asked, baseOf(context).hash);
  const same =
    decision.carried.length === body.carried.length &&
    decision.carried.every(({ head }, i) => {
      const sent = body.carried[i];
      return sent?.height === head.summary.height && equalBytes(sent.hash, head.hash);
    });
  return same ? accept(decision) : refuse("wrong-view-change", "O is not what follows from V");
}

/** The PRE-PREPAREs of O, up to the first that is bad. */
export function verifyCarried(
  context: CertificateContext,
  body: NewViewBody,
): Fault<MessageFault> | undefined {
  for (const carried of body.carried) {
    const bad = checkSignature(context, carriedVote(body, carried), carried.signature);
    if (bad !== undefined) return bad;
  }
  return undefined;
}

/** A deterministic V: the own VIEW-CHANGE and the first others, ascending by index. */
export function chooseAsked(
  all: readonly (ViewChange | undefined)[],
  own: ViewChange,
  quorum: number,
): readonly ViewChange[] | undefined {
  const others = all.filter(
    (held): held is ViewChange => held !== undefined && held.view === own.view && held.from !== own.from,
  );
  if (others.length < quorum - 1) return undefined;
  const chosen = [own, ...others.slice(0, quorum - 1)].sort((a, b) => a.from - b.from);
  assert(chosen.length === quorum, "V is one quorum");
  return chosen;
}
