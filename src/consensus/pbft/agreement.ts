/**
 * The three phases: which PRE-PREPARE is accepted, when a PREPARE and a COMMIT are signed. Votes are counted as they
 * come; `agree` then walks the heights above the last committed one in order and signs whatever has become due, so
 * nothing is voted on before its parent.
 * Source: pbft.md 1.5 (A1 to A7, prepared, chain-prepared); Castro & Liskov, OSDI 1999, §4.2.
 */
import { equalBytes, type Hash, hex } from "../../base/bytes.ts";
import type { PreparedCertificate } from "./certificate.ts";
import type { Core } from "./core.ts";
import { encodeEvidence } from "./evidence.ts";
import type { Commit, PrePrepare, Prepare } from "./gate.ts";
import type { VoteBody } from "./messages.ts";
import type { Proposal, Round } from "./slots.ts";
import type { Tally } from "./tally.ts";

export function receivePrePrepare(core: Core, message: PrePrepare): void {
  const round = core.slots.round(message.height, message.view);
  const held = round.proposal;
  if (held !== undefined) {
    // A4: a second digest for one (view, height) is proof against the primary.
    round.equivocated = true;
    reportEquivocation(core, held.message, message);
    return;
  }
  const proposal: Proposal = { message, state: "held", executed: false };
  round.proposal = proposal;
  core.announceVote(message);
  if (message.height <= core.committed) acceptCommitted(core, round, proposal);
}

export function receivePrepare(core: Core, message: Prepare): void {
  const round = core.slots.round(message.height, message.view);
  count(core, round.prepares, message);
  if (message.height <= core.committed) voteCommitted(core, round);
}

export function receiveCommit(core: Core, message: Commit): void {
  const round = core.slots.round(message.height, message.view);
  count(core, round.commits, message);
  certify(core, message, round);
}

export function receiveVerdict(core: Core, hash: Hash, verdict: "valid" | "invalid"): void {
  const place = core.checking.get(hex(hash));
  if (place === undefined) return;
  core.checking.delete(hex(hash));
  const round = core.slots.find(place.height, place.view);
  const proposal = round?.proposal;
  if (round === undefined || proposal === undefined) return;
  if (verdict === "valid") proposal.executed = true;
  else refuseProposal(core, proposal);
  if (place.height <= core.committed) acceptCommitted(core, round, proposal);
}

/** Orders checks and signs votes, height by height from the last committed block upward. */
export function agree(core: Core): void {
  const { head } = core;
  if (head === undefined || core.mode !== "normal") return;
  let parent = { hash: head.hash, executed: true };
  let chainPrepared = true;
  for (let height = head.height + 1n; height <= core.highWatermark; height++) {
    const round = core.slots.find(height, core.view);
    const proposal = round?.proposal;
    if (round === undefined || proposal === undefined) return;
    if (!extendsParent(core, proposal, parent.hash)) return;
    if (proposal.state === "held" && parent.executed) check(core, proposal);
    if (proposal.state === "checking" && proposal.executed) accept(core, round, proposal);
    if (proposal.state !== "accepted") return;
    chainPrepared = isPrepared(core, round, proposal) && chainPrepared;
    if (chainPrepared) commit(core, round, proposal);
    parent = { hash: proposal.message.hash, executed: proposal.executed };
  }
}

/** A5: the parent is the committed block, or the one accepted in this view. */
function extendsParent(core: Core, proposal: Proposal, parent: Hash): boolean {
  const { block, height } = proposal.message;
  if (equalBytes(block.header.previousHash, parent)) return true;
  // What contradicts a committed block never becomes acceptable.
  if (height === core.committed + 1n && proposal.state === "held") refuseProposal(core, proposal);
  return false;
}

/** A6, first half: the proposer's name; the rest is executed by the driver, which answers with a verdict. */
function check(core: Core, proposal: Proposal): void {
  const { block, hash, height, view } = proposal.message;
  if (block.summary.proposer !== core.primary) {
    refuseProposal(core, proposal);
    return;
  }
  proposal.state = "checking";
  core.checking.set(hex(hash), { height, view });
  core.emit({ kind: "check-block", block, certified: false });
}

function refuseProposal(core: Core, proposal: Proposal): void {
  const { view, height, hash } = proposal.message;
  if (proposal.state === "accepted") {
    if (height > core.committed) core.halt(height, "a block voted for is invalid when executed again");
    return;
  }
  proposal.state = "refused";
  core.announce({ type: "proposal-refused", view, height, hash });
}

/** A3: at a committed height only the committed digest, which needs no second execution. */
function acceptCommitted(core: Core, round: Round, proposal: Proposal): void {
  if (!isCommittedDigest(core, proposal) || proposal.state === "refused") return;
  if (proposal.state !== "accepted") accept(core, round, proposal);
  voteCommitted(core, round);
}

function isCommittedDigest(core: Core, { message }: Proposal): boolean {
  const committed = core.slots.get(message.height)?.committed;
  return message.view === core.view && committed !== undefined && equalBytes(committed, message.hash);
}

/** Accepting is voting: a backup signs PREPARE, which goes out once the vote and the block are durable. */
function accept(core: Core, round: Round, proposal: Proposal): void {
  const { view, height, hash } = proposal.message;
  if (!core.votebook.permits(view, height, "prepare", hash)) return;
  proposal.state = "accepted";
  if (core.votebook.find(view, height, "prepare") !== undefined) return;
  const body: VoteBody<"prepare"> = {
    type: "prepare",
    from: core.self,
    epoch: core.epoch,
    view,
    height,
    hash,
  };
  const vote = core.sign(body);
  core.castVote({ type: "prepare", vote, proposal: proposal.message });
  round.prepares.add(core.self, hash, vote.signature);
}

/** prepared(v,s,d): the PRE-PREPARE accepted and Q-1 PREPAREs of others than the primary. */
function isPrepared(core: Core, round: Round, { message }: Proposal): boolean {
  if (round.prepared) return true;
  if (round.prepares.count(message.hash) < core.quorum.quorum - 1) return false;
  round.prepared = true;
  const { view, height, hash } = message;
  core.announce({ type: "prepared", view, height, hash });
  return true;
}

/** The COMMIT at a committed height: the digest is the chain's, so its ancestors are too. */
function voteCommitted(core: Core, round: Round): void {
  const { proposal } = round;
  if (proposal?.state !== "accepted" || !isCommittedDigest(core, proposal)) return;
  if (isPrepared(core, round, proposal)) commit(core, round, proposal);
}

/** Signs COMMIT with the prepared certificate durable beside it. The caller knows it is chain-prepared. */
function commit(core: Core, round: Round, { message }: Proposal): void {
  const { view, height, hash } = message;
  if (core.votebook.find(view, height, "commit") !== undefined) return;
  const body: VoteBody<"commit"> = { type: "commit", from: core.self, epoch: core.epoch, view, height, hash };
  const vote = core.sign(body);
  core.castVote({ type: "commit", vote, certificate: preparedCertificate(core, round, message) });
  round.commits.add(core.self, hash, vote.signature);
  certify(core, vote, round);
}

function preparedCertificate(core: Core, round: Round, message: PrePrepare): PreparedCertificate {
  const { hash, header, summary } = message.block;
  return {
    view: message.view,
    head: { hash, header, summary },
    prePrepare: message.signature,
    prepares: round.prepares.signatures(hash, core.quorum.quorum - 1),
  };
}

/** Q COMMITs in one view are final, whatever else is held. */
export function certify(core: Core, { view, height, hash }: VoteBody<"commit">, round: Round): void {
  const { quorum } = core.quorum;
  const slot = core.slots.at(height);
  if (slot.certificate !== undefined || round.commits.count(hash) < quorum) return;
  slot.certificate = { view, hash, signatures: round.commits.signatures(hash, quorum) };
}

function count(core: Core, tally: Tally, message: Prepare | Commit): void {
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

function reportEquivocation(core: Core, first: SignedVote, second: SignedVote): void {
  const { from, view, height } = second;
  core.emit({ kind: "report-fault", author: from, evidence: encodeEvidence(first, second) });
  core.announce({ type: "equivocation", from, view, height });
}
