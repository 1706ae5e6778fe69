/**
 * Twenty mutations written from docs/protocol.md alone, before anyone looked at what the simulator generates: they
 * measure it, and are found by generated schedules or not at all. docs/simulation.md has the results.
 */
import { pbftEdit as edit, type Hunt, type Mutation } from "./mutation.ts";

/** The same for all: which of them would find a rule is not known beforehand. */
const ANY: readonly Hunt[] = [
  { profile: "mixed", nodes: 4, schedules: 200 },
  { profile: "byzantine", nodes: 4, schedules: 150 },
  { profile: "wide", nodes: 4, schedules: 300 },
];

export const FROM_THE_TEXT: readonly Mutation[] = [
  // "View change": what makes a VIEW-CHANGE and a NEW-VIEW valid.
  {
    name: "P may hold certificates of the view asked for and above",
    rule: "1.8 valid VIEW-CHANGE, view below v'",
    edits: [edit("new-view", "if (entry.view >= body.view) return", "if (false) return")],
    hunts: ANY,
  },
  {
    name: "C may be of another height than h",
    rule: "1.8 valid VIEW-CHANGE, C",
    edits: [edit("new-view", "if (opened.value.height !== stableCheckpoint) {", "if (false) {")],
    hunts: ANY,
  },
  {
    name: "certificates in P are not verified",
    rule: "1.8 valid VIEW-CHANGE, P",
    edits: [
      edit(
        "new-view",
        "if (!verified.ok) return refuse(",
        "if (false as boolean && !verified.ok) return refuse(",
      ),
    ],
    hunts: ANY,
  },
  {
    name: "V may be for different views",
    rule: "1.9 V",
    edits: [edit("new-view", "if (other !== undefined)", "if (other !== undefined && (false as boolean))")],
    hunts: ANY,
  },
  {
    name: "V may hold one replica several times",
    rule: "1.9 V, distinct replicas",
    edits: [edit("new-view", "senders.size !== quorum ||", "")],
    hunts: ANY,
  },
  {
    name: "the PRE-PREPAREs of O are not verified",
    rule: "1.9 backup, signatures of O",
    edits: [edit("view-messages", " ?? verifyCarried(context, message)", "")],
    hunts: ANY,
  },
  {
    name: "the view asked for may be below that of a certificate held",
    rule: "1.8 the view asked for",
    edits: [
      edit(
        "view-change",
        "(core.certifiedView > core.view ? core.certifiedView : core.view) + 1n",
        "core.view + 1n",
      ),
    ],
    hunts: ANY,
  },
  // "Consensus messages": what a receiver checks, and what is kept.
  {
    name: "anybody may pre-prepare and open a view",
    rule: "1.3 role",
    edits: [
      edit(
        "message-verifier",
        'if ((message.from === primary) === (message.type !== "prepare")) return undefined;',
        'if (message.type !== "prepare" || message.from !== primary) return undefined;',
      ),
    ],
    hunts: ANY,
  },
  {
    name: "the block beside a PRE-PREPARE may be another than the one signed for",
    rule: "1.5 A5, hash(header) = d",
    edits: [edit("signed-messages", "if (!equalBytes(hash, signed.hash)) return", "if (false) return")],
    hunts: ANY,
  },
  {
    name: "checkpoint certificates that arrive are not verified",
    rule: "1.3 certificates",
    edits: [
      edit(
        "message-verifier",
        "verifyCheckpointCertificate(this.#context, certificate.value)",
        "undefined as { detail: string } | undefined",
      ),
    ],
    hunts: ANY,
  },
  {
    name: "votes of any height are kept",
    rule: "1.4 memory bounds",
    edits: [
      edit("window", "height > core.lowWatermark && height <= core.logTop", "height > core.lowWatermark"),
    ],
    hunts: ANY,
  },
  {
    name: "evidence of equivocation is not told",
    rule: "1.5 A4, evidence",
    edits: [
      edit(
        "agreement",
        '  core.emit({ kind: "report-fault", author: from, evidence: encodeEvidence(first, second) });\n',
        "",
      ),
    ],
    hunts: ANY,
  },
  // "When a vote is signed".
  {
    name: "PREPARE before the block was executed",
    rule: "1.5 A6",
    edits: [
      edit(
        "agreement",
        'if (proposal.state === "checking" && proposal.executed) yield* accept',
        'if (proposal.state === "checking") yield* accept',
      ),
    ],
    hunts: ANY,
  },
  {
    name: "a block may name another proposer than the primary",
    rule: "1.5 A6, proposer",
    edits: [
      edit(
        "agreement",
        "if (!proposal.carried && body.block.summary.proposer !== core.primary) {",
        "if (false) {",
      ),
    ],
    hunts: ANY,
  },
  {
    name: "a primary that restarts forgets what it had proposed",
    rule: "1.5 no different digest was voted for",
    edits: [
      edit("restart", "if (view === core.view && height > core.proposedTop) core.proposedTop = height;", ""),
      edit("restart", "round.proposal = restored(record.vote, record.vote.block);", ""),
      edit(
        "proposing",
        'return core.castVotes.find(core.view, height, "prepare") === undefined;',
        "return true;",
      ),
      edit("cast-votes", "assert(this.find(view, height, phaseOf(record)) === undefined,", "assert(true,"),
      edit("cast-votes", "assert(this.permits(view, height, phaseOf(record), hash),", "assert(true,"),
    ],
    hunts: ANY,
  },
  {
    name: "the primary proposes beyond the pipeline's depth",
    rule: "1.5 s <= lc + W_p",
    edits: [edit("proposing", "if (height > core.committed + depth ||", "if (")],
    hunts: ANY,
  },
  // Checkpoints, bodies, timers.
  {
    name: "CHECKPOINTs of different states count together",
    rule: "1.6 matching CHECKPOINTs",
    edits: [
      edit(
        "checkpoints",
        "return concatBytes(hash, stateRoot, nextValidatorsHash);",
        "return concatBytes(hash);",
      ),
    ],
    hunts: ANY,
  },
  {
    name: "a checkpoint is stable before its state is held",
    rule: "1.6 h never passes lc",
    edits: [edit("checkpoints", "if (certificate.height > core.committed) {", "if (false) {")],
    hunts: ANY,
  },
  {
    name: "only the first signer is asked for a body",
    rule: "1.9 digest without body",
    edits: [edit("bodies", "signers[attempt % signers.length]", "signers[attempt * 0]")],
    hunts: ANY,
  },
  {
    name: "k never sinks",
    rule: "1.7 T(k)",
    edits: [edit("timeouts", "core.attempt = Math.max(0, core.attempt - 1);", "")],
    hunts: ANY,
  },
];
