/**
 * The three phases: which PRE-PREPARE is accepted, when a PREPARE and a COMMIT are signed. Votes are counted as they
 * come; `agree` then walks the heights above the last committed one in order and signs whatever has become due, so
 * nothing is voted on before its parent.
 * Source: pbft.md 1.5 (A1 to A7, prepared, chain-prepared); Castro & Liskov, OSDI 1999, §4.2.
 */
import { equalBytes, type Hash, hex } from "../../base/bytes.ts";
import type { ValidatorId } from "../engine.ts";
import { needBody } from "./bodies.ts";
import type { PreparedCertificate } from "./certificate.ts";
import type { Core } from "./core.ts";
import { encodeEvidence } from "./evidence.ts";
import type { Commit, PrePrepare, Prepare } from "./message-verifier.ts";
import type { VoteBody } from "./messages.ts";
import type { Signing } from "./signed-messages.ts";
import type { AcceptedProposal, Round } from "./slots.ts";
import type { VoteTally } from "./tally.ts";

export function* receivePrePrepare(core: Core, message: PrePrepare): Signing {
  const round = core.slots.round(message.height, message.view);
  const held = round.proposal;
  if (held !== undefined && !equalBytes(held.vote.hash, message.hash)) {
    // A4: a second digest for one (view, height) is proof against the primary.
    round.equivocated = true;
    if (message.view === core.view) core.convictedView = core.view;
    reportEquivocation(core, held.vote, message);
    return;
  }
  core.slots.at(message.height).keepBody(message);
  if (held !== undefined) return; // carried over by the NEW-VIEW: only the body was missing
  const { block, blockBytes: _, ...vote } = message;
  const { hash, header, summary } = block;
  const head = { hash, header, summary };
  const proposal: AcceptedProposal = { vote, head, carried: false, state: "held", executed: false };
  round.proposal = proposal;
  core.announceVote(message);
  if (message.height <= core.committed) yield* acceptCommitted(core, round, proposal);
}

export function* receivePrepare(core: Core, message: Prepare): Signing {
  const round = core.slots.round(message.height, message.view);
  count(core, round.prepares, message);
  if (message.height <= core.committed) yield* voteCommitted(core, round);
}

export function receiveCommit(core: Core, message: Commit): void {
  const round = core.slots.round(message.height, message.view);
  count(core, round.commits, message);
  certify(core, message, round);
}

export function* receiveVerdict(core: Core, hash: Hash, verdict: "valid" | "invalid"): Signing {
  const place = core.checking.get(hex(hash));
  if (place === undefined) return;
  core.checking.delete(hex(hash));
  const round = core.slots.find(place.height, place.view);
  const proposal = round?.proposal;
  if (round === undefined || proposal === undefined) return;
  if (!equalBytes(proposal.vote.hash, hash)) return;
  if (verdict === "valid") proposal.executed = true;
  else refuseProposal(core, proposal);
  if (place.height <= core.committed) yield* acceptCommitted(core, round, proposal);
}

/** Orders checks and signs votes, height by height from the last committed block upward. */
export function* agree(core: Core): Signing {
  const { head } = core;
  if (head === undefined || core.mode !== "normal") return;
  // After most steps nothing is proposed above the head.
  if (core.slots.find(head.height + 1n, core.view)?.proposal === undefined || !knowsCommitted(core)) return;
  const top = core.highWatermark;
  let parent = { hash: head.hash, executed: true };
  let chainPrepared = true;
  for (let height = head.height + 1n; height <= top; height++) {
    const round = core.slots.find(height, core.view);
    const proposal = round?.proposal;
    if (round === undefined || proposal === undefined) return;
    if (!extendsParent(core, proposal, parent.hash)) return;
    if (proposal.state === "held" && parent.executed) yield* check(core, proposal);
    if (proposal.state === "checking" && proposal.executed) yield* accept(core, round, proposal);
    if (proposal.state !== "accepted") return;
    chainPrepared = isPrepared(core, round, proposal) && chainPrepared;
    if (chainPrepared) yield* commit(core, round, proposal);
    parent = { hash: proposal.vote.hash, executed: proposal.executed };
  }
}

/**
 * A vote is a promise to show what it rests on in a later VIEW-CHANGE, so nobody votes whose P would have a hole
 * among its committed heights. It closes with the next stable checkpoint. Nor does anyone below min_s of the view:
 * there others have executed what may be unknown here, and P begins at h.
 */
export function knowsCommitted(core: Core): boolean {
  if (core.stable < core.minHeight || core.isRecovering) return false;
  const top = core.committed < core.highWatermark ? core.committed : core.highWatermark;
  for (let height = core.stable + 1n; height <= top; height++) {
    if (core.slots.get(height)?.sealed === undefined) return false;
  }
  return true;
}

/** A5: the parent is the committed block, or the one accepted in this view. */
function extendsParent(core: Core, proposal: AcceptedProposal, parent: Hash): boolean {
  const { head, vote } = proposal;
  if (equalBytes(head.header.previousHash, parent)) return true;
  // What contradicts a committed block never becomes acceptable.
  if (vote.height === core.committed + 1n && proposal.state === "held") refuseProposal(core, proposal);
  return false;
}

/** A6, first half: the proposer's name; the rest is executed by the driver, which answers with a verdict. */
function* check(core: Core, proposal: AcceptedProposal): Signing {
  const { hash, height, view } = proposal.vote;
  const body = core.slots.at(height).body(hash);
  if (body === undefined) {
    yield* needBody(core, height, hash, signersOf(core, height));
    return;
  }
  if (!proposal.carried && body.block.summary.proposer !== core.primary) {
    refuseProposal(core, proposal);
    return;
  }
  proposal.state = "checking";
  core.checking.set(hex(hash), { height, view });
  core.emit({ kind: "check-block", block: body.block, certified: proposal.carried });
}

/** Who signed for a block that the NEW-VIEW carries over. */
function signersOf(core: Core, height: bigint): readonly ValidatorId[] {
  const carried = core.newView?.decision.carried ?? [];
  return carried.find(({ head }) => head.summary.height === height)?.signers ?? [];
}

function refuseProposal(core: Core, proposal: AcceptedProposal): void {
  const { view, height, hash } = proposal.vote;
  if (proposal.state === "accepted") {
    if (height > core.committed) core.halt(height, "a block voted for is invalid when executed again");
    return;
  }
  proposal.state = "refused";
  core.announce({ type: "proposal-refused", view, height, hash });
}

/** A3: at a committed height only the committed digest, which needs no second execution. */
export function* acceptCommitted(core: Core, round: Round, proposal: AcceptedProposal): Signing {
  if (!isCommittedDigest(core, proposal) || proposal.state === "refused" || !knowsCommitted(core)) return;
  if (proposal.state !== "accepted") yield* accept(core, round, proposal);
  yield* voteCommitted(core, round);
}

function isCommittedDigest(core: Core, { vote }: AcceptedProposal): boolean {
  const committed = core.slots.get(vote.height)?.committed;
  if (core.mode !== "normal" || vote.view !== core.view) return false;
  // What lies above H no P from here would show, committed or not.
  if (vote.height <= core.lowWatermark || vote.height > core.highWatermark) return false;
  if (!knowsCommitted(core)) return false;
  return committed !== undefined && equalBytes(committed, vote.hash);
}

/** Accepting is voting: the primary has by its PRE-PREPARE, a backup signs PREPARE, which goes out once the vote and the block are durable. */
function* accept(core: Core, round: Round, proposal: AcceptedProposal): Signing {
  const { view, height, hash } = proposal.vote;
  if (!core.castVotes.permits(view, height, "prepare", hash)) return;
  proposal.state = "accepted";
  if (core.primary === core.self) return;
  if (core.castVotes.find(view, height, "prepare") !== undefined) return;
  const body: VoteBody<"prepare"> = {
    type: "prepare",
    from: core.self,
    epoch: core.epoch,
    view,
    height,
    hash,
  };
  const vote = yield* core.sign(body);
  const kept = bodyIsDurable(core, proposal) ? undefined : core.slots.at(height).body(hash);
  core.castVote({ type: "prepare", vote, proposal: proposal.vote, body: kept });
  round.prepares.add(core.self, hash, vote.signature);
}

/** Whether the body is in the chain, or in the record of an own vote in an earlier view. */
function bodyIsDurable(core: Core, { vote, carried }: AcceptedProposal): boolean {
  if (vote.height <= core.committed) return true;
  return carried && core.castVotes.holdsBody(vote.height, vote.hash);
}

/** prepared(v,s,d): the PRE-PREPARE accepted and Q-1 PREPAREs of others than the primary. */
function isPrepared(core: Core, round: Round, { vote }: AcceptedProposal): boolean {
  if (round.prepared) return true;
  if (round.prepares.count(vote.hash) < core.quorum.quorum - 1) return false;
  round.prepared = true;
  const { view, height, hash } = vote;
  core.announce({ type: "prepared", view, height, hash });
  return true;
}

/** The COMMIT at a committed height: the digest is the chain's, so its ancestors are too. */
function* voteCommitted(core: Core, round: Round): Signing {
  const { proposal } = round;
  if (proposal?.state !== "accepted" || !isCommittedDigest(core, proposal)) return;
  if (isPrepared(core, round, proposal)) yield* commit(core, round, proposal);
}

/** Signs COMMIT with the prepared certificate durable beside it. The caller knows it is chain-prepared. */
function* commit(core: Core, round: Round, proposal: AcceptedProposal): Signing {
  const { view, height, hash } = proposal.vote;
  if (core.castVotes.find(view, height, "commit") !== undefined) return;
  const body: VoteBody<"commit"> = { type: "commit", from: core.self, epoch: core.epoch, view, height, hash };
  const vote = yield* core.sign(body);
  const certificate = preparedCertificate(core, round, proposal);
  core.castVote({ type: "commit", vote, certificate });
  lock(core, certificate);
  round.commits.add(core.self, hash, vote.signature);
  certify(core, vote, round);
}

function preparedCertificate(
  core: Core,
  round: Round,
  { vote, head }: AcceptedProposal,
): PreparedCertificate {
  return {
    view: vote.view,
    head,
    prePrepare: vote.signature,
    prepares: round.prepares.signatures(vote.hash, core.quorum.quorum - 1),
  };
}

/** The certificate of the highest view goes into the next VIEW-CHANGE. */
export function lock(core: Core, certificate: PreparedCertificate): void {
  const slot = core.slots.at(certificate.head.summary.height);
  if (slot.prepared === undefined || slot.prepared.view < certificate.view) slot.prepared = certificate;
  if (certificate.view > core.certifiedView) core.certifiedView = certificate.view;
}

/** Q COMMITs in one view are final, whatever else is held. */
export function certify(core: Core, { view, height, hash }: VoteBody<"commit">, round: Round): void {
  const { quorum } = core.quorum;
  const slot = core.slots.at(height);
  if (slot.certificate !== undefined || round.commits.count(hash) < quorum) return;
  slot.certificate = { view, hash, signatures: round.commits.signatures(hash, quorum) };
  if (view > core.certifiedView) core.certifiedView = view;
}

function count(core: Core, tally: VoteTally, message: Prepare | Commit): void {
  const earlier = tally.add(message.from, message.hash, message.signature);
  if (earlier === undefined) {
    core.announceVote(message);
    return;
  }
  reportEquivocation(
    core,
    { ...message, hash: earlier.choice as Hash, signature: earlier.signature },
    message,
  );
}

type SignedVote = VoteBody & { readonly signature: Uint8Array };

export function reportEquivocation(core: Core, first: SignedVote, second: SignedVote): void {
  const { from, view, height } = second;
  core.emit({ kind: "report-fault", author: from, evidence: encodeEvidence(first, second) });
  core.announce({ type: "equivocation", from, view, height });
}
