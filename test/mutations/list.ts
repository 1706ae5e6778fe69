/**
 * The mutations: each takes one rule out. The text to find is the source's own, so a change of the source that
 * touches a rule fails loudly here and is looked at again. Rules are named by their sections in the design of the
 * protocol ("1.5 A3"), which docs/protocol.md explains in the same words.
 */
import { DIRECTED } from "./directed.ts";
import { EPOCH_RULES, TRANSITION_RULES } from "./epoch-rules.ts";
import { type Edit, pbftEdit as edit, type Hunt, type Mutation } from "./mutation.ts";
import { FROM_THE_TEXT } from "./text-rules.ts";

/** Safety: Byzantine validators first, small sets. */
const SAFETY: readonly Hunt[] = [
  { profile: "byzantine", nodes: 4, schedules: 200 },
  { profile: "mixed", nodes: 4, schedules: 150 },
  { profile: "asynchronous", nodes: 4, schedules: 100 },
  { profile: "byzantine", nodes: 7, schedules: 60 },
];
/** What must survive a crash. */
const CRASH: readonly Hunt[] = [
  { profile: "crash", nodes: 4, schedules: 250 },
  { profile: "mixed", nodes: 4, schedules: 150 },
];
/** A database younger than the journal. */
const ROLLBACK: readonly Hunt[] = [
  { profile: "rollback", nodes: 4, schedules: 1_000 },
  { profile: "rollback", nodes: 7, schedules: 100 },
];
/** What must go on after the network has settled. */
const LIVENESS: readonly Hunt[] = [
  { profile: "network", nodes: 4, schedules: 200 },
  { profile: "crash", nodes: 4, schedules: 150 },
  { profile: "mixed", nodes: 4, schedules: 150 },
];
/** Where computing takes time and the faulty ones waste it. */
const FLOOD: readonly Hunt[] = [
  { profile: "flood", nodes: 4, schedules: 100 },
  { profile: "flood", nodes: 7, schedules: 20 },
];
/** What widen.ts puts on top. */
const WIDE: readonly Hunt[] = [{ profile: "wide", nodes: 4, schedules: 1_000 }];

const NOT_JOURNALED = '  this.emit({ kind: "journal", record: encodeVoteRecord(record) });';

function unwritten(type: string): readonly Edit[] {
  return [edit("core", NOT_JOURNALED, `  if (record.type !== "${type}")${NOT_JOURNALED}`)];
}

const LOW_IS_STABLE = edit(
  "core",
  "return this.stable > this.minHeight ? this.stable : this.minHeight;",
  "return this.stable;",
);
const VOTES_BELOW_BASE = edit(
  "agreement",
  "if (core.stable < core.minHeight || core.isRecovering) return false;",
  "if (core.isRecovering) return false;",
);

export const MUTATIONS: readonly Mutation[] = [
  // 1.10: what the proof of safety uses.
  {
    name: "a vote for another digest at a committed height",
    rule: "1.5 A3",
    edits: [
      edit(
        "agreement",
        "return committed !== undefined && equalBytes(committed, vote.hash);",
        "return committed !== undefined;",
      ),
    ],
    hunts: [...DIRECTED.equivocatedLate, ...SAFETY],
  },
  {
    name: "backups do not adopt min_s",
    rule: "1.9 low := max(h, min_s)",
    edits: [LOW_IS_STABLE],
    hunts: [...DIRECTED.belowTheBase, ...DIRECTED.believedOneLiar],
  },
  {
    name: "votes while h is below min_s",
    rule: "1.9 low := max(h, min_s)",
    edits: [VOTES_BELOW_BASE],
    hunts: [...DIRECTED.belowTheBase, ...DIRECTED.believedOneLiar],
  },
  {
    name: "backups do not adopt min_s, and vote while h is below it",
    rule: "1.9 low := max(h, min_s)",
    edits: [LOW_IS_STABLE, VOTES_BELOW_BASE],
    hunts: [...DIRECTED.belowTheBase, ...DIRECTED.believedOneLiar, ...SAFETY],
  },
  {
    name: "P goes on over a hole",
    rule: "1.8 P without a hole",
    edits: [
      edit(
        "view-change",
        "if (entry === undefined || !equalBytes(entry.head.header.previousHash, parent)) break;",
        "if (entry === undefined) continue;",
      ),
    ],
    hunts: [...DIRECTED.holeBelowCertificate, ...SAFETY, ...LIVENESS],
  },
  {
    name: "links in a P that arrives are not checked",
    rule: "1.8 valid VIEW-CHANGE",
    edits: [
      edit("new-view", "if (!equalBytes(header.previousHash, parent)) return `the", "if (false) return `the"),
    ],
    hunts: [...DIRECTED.brokenLinks, ...SAFETY],
  },
  {
    name: "votes although P would have a hole",
    rule: "1.8 P without a hole",
    edits: [edit("agreement", "if (core.slots.get(height)?.sealed === undefined) return false;", "")],
    hunts: [...DIRECTED.forgottenBlocks, ...SAFETY],
  },
  {
    name: "no commit certificates in P",
    rule: "1.8 CommitCerts in P",
    edits: [
      edit(
        "view-change",
        "if (slot.sealed !== undefined) entries.push(committedHead(slot.sealed.head, slot.sealed.certificate));",
        "",
      ),
      edit(
        "view-change",
        "if (certificate !== undefined && head !== undefined) entries.push(",
        "if (false) entries.push(",
      ),
    ],
    hunts: SAFETY,
  },
  {
    name: "no prepared certificates in P",
    rule: "1.8 P, 1.17 no. 3",
    edits: [
      edit(
        "view-change",
        "if (slot.prepared !== undefined) entries.push(preparedHead(slot.prepared));",
        "if (false) entries.push(preparedHead(slot.prepared));",
      ),
    ],
    hunts: SAFETY,
  },
  {
    name: "a proposal need not extend what was accepted before",
    rule: "1.5 A5",
    edits: [edit("agreement", "if (!extendsParent(core, proposal, parent.hash)) return;", "")],
    hunts: [...DIRECTED.otherParent, ...SAFETY],
  },
  {
    name: "the clock is asked again when a block is carried over",
    rule: "1.5 A7, 1.17 no. 18",
    edits: [
      edit(
        "agreement",
        'core.emit({ kind: "check-block", block: body.block, certified: proposal.carried });',
        'core.emit({ kind: "check-block", block: body.block, certified: false });',
      ),
    ],
    hunts: DIRECTED.wrongClock,
  },
  {
    name: "COMMIT when prepared, ancestors or not",
    rule: "1.5 chain-prepared",
    edits: [
      edit(
        "agreement",
        "chainPrepared = isPrepared(core, round, proposal) && chainPrepared;",
        "chainPrepared = isPrepared(core, round, proposal);",
      ),
    ],
    hunts: [...DIRECTED.secondPrepared, ...SAFETY],
  },
  {
    name: "COMMIT without a prepared certificate",
    rule: "1.5 prepared",
    edits: [
      edit(
        "agreement",
        "if (round.prepares.count(vote.hash) < core.quorum.quorum - 1) return false;",
        "if (round.prepares.count(vote.hash) < core.quorum.quorum - 2) return false;",
      ),
    ],
    hunts: SAFETY,
  },
  {
    name: "back to the old view when a block commits",
    rule: "1.8 no way back",
    edits: [
      edit(
        "engine",
        "  noteRoom(core, sealed);\n  yield* signCheckpoint",
        '  if (core.mode === "view-change") {\n    core.mode = "normal";\n    core.view -= 1n;\n  }\n  noteRoom(core, sealed);\n  yield* signCheckpoint',
      ),
    ],
    hunts: LIVENESS,
  },
  {
    name: "an old NEW-VIEW leads back",
    rule: "1.9 replay",
    edits: [
      edit(
        "window",
        'return view > core.view || (view === core.view && core.mode === "view-change");',
        'return view !== core.view || core.mode === "view-change";',
      ),
    ],
    hunts: LIVENESS,
  },
  {
    name: "votes while in a view change",
    rule: "1.8 while VIEWCHANGE",
    edits: [
      edit(
        "agreement",
        'core.mode !== "normal") return;\n  // After most',
        'core.mode === "halted") return;\n  // After most',
      ),
      edit("core", 'assert(this.mode === "normal", `a vote', 'assert(this.mode !== "halted", `a vote'),
    ],
    hunts: [...LIVENESS, ...SAFETY],
  },
  {
    name: "the engine orders a vote out before it orders it written",
    rule: "1.12 D1",
    edits: [
      edit(
        "core",
        `${NOT_JOURNALED}\n    this.broadcast(record.vote);`,
        `  this.broadcast(record.vote);\n  ${NOT_JOURNALED}`,
      ),
    ],
    hunts: CRASH,
    redundant: "the driver writes everything of a turn before anything of it leaves",
  },
  {
    name: "letters leave before the records are durable",
    rule: "1.12 D1",
    edits: [
      {
        file: "node/driver.ts",
        find: "if (effects.some(isDurable)) await this.#persist(effects);\n        if (this.#stopped) return;\n        for (const effect of effects) this.#perform(effect);",
        replace:
          "for (const effect of effects) this.#perform(effect);\n        if (effects.some(isDurable)) await this.#persist(effects);\n        if (this.#stopped) return;",
      },
    ],
    hunts: CRASH,
  },
  {
    name: "one vote less than a quorum",
    rule: "1.1 Q",
    edits: [edit("quorum", "quorum: Math.ceil((n + f + 1) / 2)", "quorum: Math.ceil((n + f + 1) / 2) - 1")],
    hunts: SAFETY,
  },
  {
    name: "2f+1 instead of Q",
    rule: "1.1 Q, 1.17 no. 1",
    edits: [edit("quorum", "quorum: Math.ceil((n + f + 1) / 2)", "quorum: 2 * f + 1")],
    hunts: [5, 6].map((nodes): Hunt => ({ profile: "byzantine", nodes, schedules: 50 })),
  },
  {
    name: "a checkpoint is stable with f+1",
    rule: "1.6 stable",
    edits: [
      edit(
        "checkpoints",
        "if (tally.count(choice) < core.quorum.quorum) return;",
        "if (tally.count(choice) < core.quorum.weak) return;",
      ),
    ],
    hunts: SAFETY,
  },
  {
    name: "accepts a signer twice",
    rule: "1.1 distinct replicas",
    edits: [edit("certificate", "if (signer <= previous) r.fail", "if (false) r.fail")],
    hunts: SAFETY,
  },
  {
    name: "signatures in a certificate are believed",
    rule: "1.3, 1.17 no. 6 (FIB-127)",
    edits: [
      edit(
        "certificate",
        "return !signatureRules.verifySignature(publicKey, message, signature);",
        "return false;",
      ),
      edit("certificate", "return together[i] !== true;", "return false;"),
    ],
    hunts: [...DIRECTED.forged, ...SAFETY],
  },
  {
    name: "COMMITs of different views count together",
    rule: "1.17 no. 4 (6d2fdac)",
    edits: [
      edit(
        "agreement",
        "export function receiveCommit(core: Core, message: Commit): void {\n  const round = core.slots.round(message.height, message.view);",
        "export function receiveCommit(core: Core, message: Commit): void {\n  const round = core.slots.round(message.height, core.view);",
      ),
    ],
    hunts: [...LIVENESS, ...SAFETY],
  },
  {
    name: "who has signed COMMIT does not ask for another view",
    rule: "1.17 no. 2 (dBFT)",
    edits: [
      edit(
        "view-change",
        '  assert(!core.isStopped, "a replica that has stopped asks for a view");\n',
        "  if (core.slots.all().some((slot) => slot.prepared !== undefined && slot.sealed === undefined)) return;\n",
      ),
    ],
    hunts: [...DIRECTED.stuckInCommit, ...LIVENESS],
  },
  // 1.9: the new view.
  {
    name: "the new primary proposes beside O",
    rule: "1.5 max_s of O",
    edits: [
      edit(
        "proposing",
        "const tops = [core.committed, core.carriedTop, core.proposedTop];",
        "const tops = [core.committed, core.proposedTop];",
      ),
    ],
    hunts: [...DIRECTED.lockedRestart, ...SAFETY],
  },
  {
    name: "what a view carries over is not taken up",
    rule: "1.9 O",
    edits: [edit("enter-view", "  yield* installCarried(core, message);\n  // What", "  // What")],
    hunts: [...DIRECTED.lockedRestart, ...LIVENESS],
  },
  {
    name: "picks the lowest view",
    rule: "1.9 computeO",
    edits: [edit("new-view", "entry.view > best.view)) best", "entry.view < best.view)) best")],
    hunts: [...DIRECTED.brokenO, ...SAFETY],
  },
  {
    name: "O is not cut where the links break",
    rule: "1.9 computeO",
    edits: [
      edit(
        "new-view",
        "if (pick === undefined || !equalBytes(pick.head.header.previousHash, parent)) break;",
        "if (pick === undefined) break;",
      ),
    ],
    hunts: [...DIRECTED.brokenO, ...SAFETY],
  },
  {
    name: "the lowest checkpoint of V is the base",
    rule: "1.9 min_s",
    edits: [
      edit(
        "new-view",
        "(b.stableCheckpoint > a.stableCheckpoint ? b : a)",
        "(b.stableCheckpoint < a.stableCheckpoint ? b : a)",
      ),
    ],
    hunts: [...LIVENESS, ...SAFETY],
  },
  {
    name: "O is not checked against V",
    rule: "1.9 backup, FIB-124",
    edits: [edit("new-view", "return same ? accept(decision)", "return true ? accept(decision)")],
    hunts: [...DIRECTED.falseCarried, ...SAFETY],
  },
  {
    name: "V of fewer than Q",
    rule: "1.9 V",
    edits: [
      edit(
        "new-view",
        "if (asked.length !== quorum || senders.size !== quorum || !senders.has(primary))",
        "if (!senders.has(primary))",
      ),
      edit(
        "new-view",
        "if (others.length < quorum - 1) return undefined;",
        "if (others.length < quorum - 2) return undefined;",
      ),
      edit("new-view", '  assert(chosen.length === quorum, "V is one quorum");\n', ""),
    ],
    hunts: SAFETY,
  },
  {
    name: "the lock stays with the first view",
    rule: "1.8 highest view",
    edits: [
      edit("agreement", "slot.prepared.view < certificate.view) slot.prepared", "false) slot.prepared"),
    ],
    hunts: [...DIRECTED.twoLocks, ...SAFETY, ...LIVENESS],
  },
  {
    name: "P is not cut at h+L",
    rule: "1.8 stop at h + L",
    edits: [
      edit(
        "view-change",
        "const top = core.stable + BigInt(core.options.parameters.logWindow);",
        "const top = core.stable + 4n * BigInt(core.options.parameters.logWindow);",
      ),
    ],
    hunts: [...DIRECTED.longP, ...LIVENESS, ...SAFETY],
  },
  {
    name: "goes on numbering where the old view stopped",
    rule: "1.5 in this view",
    edits: [
      edit("view-change", "  core.proposedTop = 0n;\n", ""),
      edit("enter-view", "  core.proposedTop = 0n;\n", ""),
    ],
    hunts: [...DIRECTED.lostProposals, ...LIVENESS],
  },
  {
    name: "votes above H",
    rule: "1.5 H",
    edits: [
      edit("agreement", "const top = core.highWatermark;", "const top = core.logTop;"),
      edit("proposing", "|| height > core.highWatermark) return false;", ") return false;"),
    ],
    hunts: [...DIRECTED.aboveTheTop, ...LIVENESS, ...SAFETY],
  },
  {
    name: "votes for committed blocks above H",
    rule: "1.5 A3, H",
    edits: [
      edit(
        "agreement",
        "if (vote.height <= core.lowWatermark || vote.height > core.highWatermark) return false;",
        "if (vote.height <= core.lowWatermark) return false;",
      ),
    ],
    hunts: [...DIRECTED.committedAboveTheTop, ...SAFETY],
  },
  {
    name: "the primary prepares too and is counted twice",
    rule: "1.17 no. 4 (180ceed)",
    edits: [
      edit("agreement", "  if (core.primary === core.self) return;\n", ""),
      edit(
        "agreement",
        '  if (core.castVotes.find(view, height, "prepare") !== undefined) return;\n',
        '  const twice = core.primary === core.self;\n  if (!twice && core.castVotes.find(view, height, "prepare") !== undefined) return;\n',
      ),
      edit(
        "agreement",
        '  core.castVote({ type: "prepare", vote, proposal: proposal.vote, body: kept });',
        '  if (twice) core.broadcast(vote);\n  else core.castVote({ type: "prepare", vote, proposal: proposal.vote, body: kept });',
      ),
      edit(
        "agreement",
        '    if (proposal.state !== "accepted") return;\n    chain',
        '    if (proposal.state !== "accepted") return;\n    if (core.primary === core.self && round.prepares.of(core.self) === undefined) accept(core, round, proposal);\n    chain',
      ),
      edit(
        "message-verifier",
        'if ((message.from === primary) === (message.type !== "prepare")) return undefined;',
        "return undefined;",
      ),
      edit(
        "certificate",
        "if (certificate.prepares.some(({ signer }) => signer === primary)) {",
        "if (false) {",
      ),
    ],
    hunts: SAFETY,
  },
  // 1.7: timers.
  {
    name: "T_nv counts exactly v'",
    rule: "1.7 T_nv",
    edits: [
      edit(
        "view-change",
        "held !== undefined && held.view >= core.view",
        "held !== undefined && held.view === core.view",
      ),
    ],
    hunts: [...DIRECTED.oneHasGoneOn, ...DIRECTED.leftBehind, ...LIVENESS],
  },
  {
    name: "T_nv starts at once, without a quorum",
    rule: "1.7 T_nv",
    edits: [edit("view-change", "if (asking.length >= core.quorum.quorum) core.set", "core.set")],
    hunts: [...DIRECTED.ranAway, ...DIRECTED.alone, ...LIVENESS],
  },
  {
    name: "nobody joins",
    rule: "1.8 join rule",
    edits: [
      edit("view-change", '  yield* startViewChange(core, view, isPlanned ? "rotation" : "join");', ""),
    ],
    hunts: [...DIRECTED.farBehind, ...LIVENESS, ...SAFETY],
  },
  {
    name: "one is enough to be joined",
    rule: "1.8 join rule",
    edits: [edit("view-change", "? -1 : 1))[core.quorum.f];", "? -1 : 1))[0];")],
    hunts: [...DIRECTED.hugeViews, ...SAFETY],
  },
  {
    name: "doubling without a cap",
    rule: "1.7 T_max",
    edits: [
      edit(
        "timeouts",
        "return Math.min(requestTimeoutMs * 2 ** core.attempt, timeoutMaxMs);",
        "return requestTimeoutMs * 2 ** Math.min(core.attempt, 20);",
      ),
      edit("view-change", "core.attempt = Math.min(core.attempt + 1, attemptMax(core));", "core.attempt++;"),
    ],
    hunts: [...DIRECTED.failingViews, ...LIVENESS],
  },
  {
    name: "no doubling",
    rule: "1.7 T(k)",
    edits: [
      edit(
        "timeouts",
        "return Math.min(requestTimeoutMs * 2 ** core.attempt, timeoutMaxMs);",
        "return requestTimeoutMs;",
      ),
    ],
    hunts: [...DIRECTED.slowNetwork, ...LIVENESS],
  },
  {
    name: "T_req never expires",
    rule: "1.7 T_req",
    edits: [edit("view-change", '  yield* startViewChange(core, nextView(core), "timeout");', "")],
    hunts: [...DIRECTED.deadPrimary, ...SAFETY],
  },
  {
    name: "T_nv never expires",
    rule: "1.7 T_nv",
    edits: [edit("view-change", '  yield* startViewChange(core, nextView(core), "new-view-timeout");', "")],
    hunts: [...DIRECTED.deadNextPrimary, ...SAFETY, ...LIVENESS],
  },
  {
    name: "T_fair never expires",
    rule: "1.7 T_fair",
    edits: [
      edit(
        "view-change",
        'if (!core.isRecovering && isUnfair(core)) yield* startViewChange(core, nextView(core), "unfair");',
        "",
      ),
    ],
    hunts: [...DIRECTED.slowPrimary, ...DIRECTED.censored, ...SAFETY],
  },
  {
    name: "at lc = H the pool is pending work",
    rule: "1.7 T_req at H",
    edits: [
      edit("timeouts", "const blocked = core.committed >= core.highWatermark;", "const blocked = false;"),
    ],
    hunts: [...DIRECTED.atTheTop, ...LIVENESS],
  },
  // 1.7: repair.
  {
    name: "STATUS answer (1) off",
    rule: "1.7 (1)",
    edits: [
      edit(
        "repair",
        "if (status.stableCheckpoint < core.stable && core.stableCertificate !== undefined) {",
        "if (false) {",
      ),
    ],
    hunts: [...DIRECTED.missedStability, ...LIVENESS],
  },
  {
    name: "STATUS answer (2) off",
    rule: "1.7 (2)",
    edits: [edit("repair", "if (status.stableCheckpoint <= core.stable) {", "if (false) {")],
    hunts: [...DIRECTED.askedAtStart, ...LIVENESS],
  },
  {
    name: "CHECKPOINT not sent again",
    rule: "1.6 re-sent",
    edits: [
      edit("checkpoints", "for (const message of core.ownCheckpoints.values()) core.broadcast(message);", ""),
    ],
    hunts: [...DIRECTED.tooEarlyToAsk, ...LIVENESS],
    redundant:
      "whoever sends it again sends a STATUS in the same step, and (2) answers with the same CHECKPOINTs",
  },
  {
    name: "STATUS answer (2) off and CHECKPOINT not sent again",
    rule: "1.6 re-sent, 1.7 (2)",
    edits: [
      edit("repair", "if (status.stableCheckpoint <= core.stable) {", "if (false) {"),
      edit("checkpoints", "for (const message of core.ownCheckpoints.values()) core.broadcast(message);", ""),
    ],
    hunts: [...DIRECTED.atTheTop, ...LIVENESS],
  },
  {
    name: "STATUS answer (3) off",
    rule: "1.7 (3)",
    edits: [
      edit(
        "repair",
        "if (status.lastCommitted < core.committedAt.tickBefore) serveBlocks",
        "if (false) serveBlocks",
      ),
    ],
    hunts: [...DIRECTED.askedForBlocks, ...LIVENESS],
  },
  {
    name: "STATUS answer (3) off and no asking for blocks",
    rule: "1.7 (3), 1.13",
    edits: [
      edit(
        "repair",
        "if (status.lastCommitted < core.committedAt.tickBefore) serveBlocks",
        "if (false) serveBlocks",
      ),
      edit("core", '    this.emit({ kind: "request-sync", height });\n', ""),
    ],
    hunts: [...DIRECTED.outOfTouch, ...LIVENESS],
  },
  {
    name: "STATUS answer (4) off",
    rule: "1.7 (4)",
    edits: [
      edit(
        "repair",
        'if (core.mode !== "normal" || core.newView === undefined || view > core.view) return;',
        "if (core.tick < Number.POSITIVE_INFINITY) return;\n  if (core.newView === undefined) return;",
      ),
    ],
    hunts: [...DIRECTED.missedNewView, ...LIVENESS],
  },
  {
    name: "STATUS answer (5) off",
    rule: "1.7 (5)",
    edits: [
      edit(
        "repair",
        'if (status.view === core.view && status.mode === "normal" && core.mode === "normal") {',
        "if (false) {",
      ),
    ],
    hunts: [...DIRECTED.lossInOneView, ...LIVENESS],
  },
  {
    name: "STATUS answer (6) off",
    rule: "1.7 (6)",
    edits: [
      edit(
        "repair",
        'if (core.mode === "view-change" && core.ownViewChange !== undefined) core.send(to, core.ownViewChange);',
        "",
      ),
    ],
    hunts: [...DIRECTED.lostRequestsSentAnew, ...LIVENESS],
  },
  {
    name: "T_resend off",
    rule: "1.7 T_resend",
    edits: [edit("view-change", "  core.broadcast(core.ownViewChange);\n  yield* sendStatus(core);\n", "")],
    hunts: [...DIRECTED.lostRequests, ...LIVENESS],
  },
  {
    name: "T_resend and STATUS answer (6) off",
    rule: "1.7 T_resend, (6)",
    edits: [
      edit("view-change", "  core.broadcast(core.ownViewChange);\n  yield* sendStatus(core);\n", ""),
      edit(
        "repair",
        'if (core.mode === "view-change" && core.ownViewChange !== undefined) core.send(to, core.ownViewChange);',
        "",
      ),
    ],
    hunts: LIVENESS,
  },
  {
    name: "bodies are not fetched",
    rule: "1.9 digest without body",
    edits: [
      edit(
        "bodies",
        '  core.send(asked, yield* core.sign({ type: "fetch", from: core.self, epoch: core.epoch, hash }));',
        "",
      ),
    ],
    hunts: [...DIRECTED.missingBody, ...SAFETY, ...LIVENESS],
  },
  {
    name: "bodies are not served",
    rule: "1.5 promise to hold",
    edits: [
      edit("bodies", "if (body === undefined || !equalBytes(body.block.hash, hash)) return;", "return;"),
    ],
    hunts: [...DIRECTED.missingBody, ...SAFETY, ...LIVENESS],
  },
  {
    name: "a body is not kept for what was promised",
    rule: "1.5 promise to hold",
    edits: [
      edit(
        "core",
        "this.slots.pruneViews(this.view - 1n, (height, hash) => this.castVotes.holdsBody(height, hash));",
        "this.slots.pruneViews(this.view - 1n, () => false);",
      ),
    ],
    hunts: [...DIRECTED.promisedBody, ...LIVENESS],
  },
  // 1.12: the table of durability, line by line.
  { name: "PRE-PREPARE is not written", rule: "1.12 table", edits: unwritten("pre-prepare"), hunts: CRASH },
  { name: "PREPARE is not written", rule: "1.12 table", edits: unwritten("prepare"), hunts: CRASH },
  { name: "COMMIT is not written", rule: "1.12 table", edits: unwritten("commit"), hunts: CRASH },
  {
    name: "the body is not written beside PREPARE",
    rule: "1.12 table",
    edits: [
      edit(
        "agreement",
        "const kept = bodyIsDurable(core, proposal) ? undefined : core.slots.at(height).body(hash);",
        "const kept = undefined;",
      ),
    ],
    hunts: CRASH,
  },
  {
    name: "VIEW-CHANGE is not written",
    rule: "1.12 table",
    edits: [edit("view-change", '  core.emit({ kind: "journal", record: encodeViewRecord(own) });\n', "")],
    hunts: LIVENESS,
  },
  {
    name: "NEW-VIEW is not written",
    rule: "1.12 table",
    edits: [edit("enter-view", '  core.emit({ kind: "journal", record: encodeViewRecord(message) });\n', "")],
    hunts: LIVENESS,
  },
  {
    name: "the stable checkpoint is not stored",
    rule: "1.12 rotation",
    edits: [
      edit(
        "checkpoints",
        '  core.emit({ kind: "store-checkpoint", height, certificate: encodeCheckpointCertificate(certificate) });\n  forgetMissing',
        "  forgetMissing",
      ),
    ],
    hunts: [...DIRECTED.allRestart, ...CRASH],
  },
  {
    name: "rotation drops the votes above h",
    rule: "1.12 rotation",
    edits: [
      edit(
        "checkpoints",
        "return [...epoch, encodeRotatedRecord(core.journalCut), ...views.map(encodeViewRecord), ...votes];",
        "return [...epoch, encodeRotatedRecord(core.journalCut), ...views.map(encodeViewRecord)];",
      ),
    ],
    hunts: CRASH,
  },
  {
    name: "rotation drops the view",
    rule: "1.12 rotation",
    edits: [
      edit(
        "checkpoints",
        "return [...epoch, encodeRotatedRecord(core.journalCut), ...views.map(encodeViewRecord), ...votes];",
        "return [...epoch, encodeRotatedRecord(core.journalCut), ...votes];",
      ),
    ],
    hunts: [...CRASH, ...LIVENESS],
  },
  {
    name: "the journal is cut before the checkpoint is durable",
    rule: "1.12 rotation",
    edits: [
      edit(
        "checkpoints",
        '  core.emit({ kind: "store-checkpoint", height, certificate: encodeCheckpointCertificate(certificate) });\n  forgetMissing(core, height);\n  core.journalCut = core.forgottenUpTo;\n  core.emit({ kind: "rotate-journal", records: journalRecords(core) });\n',
        '  forgetMissing(core, height);\n  core.journalCut = core.forgottenUpTo;\n  core.emit({ kind: "rotate-journal", records: journalRecords(core) });\n  core.emit({ kind: "store-checkpoint", height, certificate: encodeCheckpointCertificate(certificate) });\n',
      ),
    ],
    hunts: [...DIRECTED.cutShort, ...CRASH],
  },
  {
    name: "a block is told before it is durable",
    rule: "1.12 table: CHECKPOINT, REPLY",
    edits: [{ file: "chain/store.ts", find: "{ sync: this.isWaitedFor }", replace: "{ sync: false }" }],
    hunts: CRASH,
  },
  {
    name: "a restart forgets its lock",
    rule: "1.12 table: COMMIT",
    edits: [edit("restart", "lock(core, record.certificate);", "")],
    hunts: [...DIRECTED.lockedRestart, ...CRASH],
  },
  {
    name: "a restart forgets the votes",
    rule: "1.12 restart",
    edits: [edit("restart", 'if ("vote" in record) replay(core, record);', "")],
    hunts: CRASH,
  },
  {
    name: "a restart forgets the view asked for",
    rule: "1.12 restart",
    edits: [edit("restart", 'if (record.type === "view-change") {', "if (false) {")],
    hunts: CRASH,
  },
  {
    name: "a restart does not send its votes again",
    rule: "1.12 restart",
    edits: [edit("restart", "core.broadcast(record.vote);", "continue;")],
    hunts: [...DIRECTED.voteNotSent, ...CRASH],
  },
  // Rules that no generated schedule showed before widen.ts.
  {
    name: "amnesia shown by certificates is never noticed",
    rule: "1.12 amnesia",
    edits: [
      edit("amnesia", "if (!signers.includes(core.self)) return false;", "return false;"),
      edit(
        "amnesia",
        "if (!signatures.some(({ signer }) => signer === core.self)) return false;",
        "return false;",
      ),
    ],
    hunts: WIDE,
  },
  {
    name: "amnesia is not journaled",
    rule: "1.12 amnesia",
    edits: [edit("core", 'if (type === "amnesia") this.emit', "if (false) this.emit")],
    hunts: WIDE,
  },
  {
    name: "an unknown own VIEW-CHANGE is ignored",
    rule: "1.12 amnesia",
    edits: [
      edit(
        "amnesia",
        "if (message.from === core.self) return checkOwnViewChange(core, message);",
        "if (message.from === core.self) return false;",
      ),
    ],
    hunts: WIDE,
  },
  {
    name: "no limit on view messages",
    rule: "1.15 view messages",
    edits: [
      {
        file: "base/limits.ts",
        find: "export const VIEW_MESSAGES_PER_INTERVAL_MAX = 4;",
        replace: "export const VIEW_MESSAGES_PER_INTERVAL_MAX = Infinity;",
      },
    ],
    hunts: WIDE,
  },
  {
    name: "no relay of the oldest transaction",
    rule: "1.7 T_status",
    edits: [edit("repair", "  relayOldest(core);\n  core.tick++;", "  core.tick++;")],
    hunts: WIDE,
  },
  // A database younger than the journal (docs/adr/0005).
  {
    name: "the journal's cut goes down with a lower checkpoint",
    rule: "1.12 younger database",
    edits: [edit("checkpoints", "encodeRotatedRecord(core.journalCut)", "encodeRotatedRecord(core.stable)")],
    hunts: ROLLBACK,
  },
  {
    name: "a replica below the journal's cut counts as whole",
    rule: "1.12 younger database",
    edits: [edit("recovery", "core.stable < core.journalCut", "false")],
    hunts: ROLLBACK,
  },
  {
    name: "a replica with a hole below its own COMMIT counts as whole",
    rule: "1.12 younger database",
    edits: [edit("recovery", "height <= core.castVotes.highestCommit", "height <= 0n")],
    hunts: ROLLBACK,
  },
  {
    name: "a recovering replica asks for views",
    rule: "1.12 younger database",
    edits: [
      edit(
        "view-change",
        'Signing {\n  if (core.isStopped || core.isRecovering) return;\n  if (core.mode === "normal"',
        'Signing {\n  if (core.isStopped) return;\n  if (core.mode === "normal"',
      ),
    ],
    hunts: ROLLBACK,
  },
  {
    name: "a recovering replica votes",
    rule: "1.12 younger database",
    edits: [
      edit(
        "agreement",
        "if (core.stable < core.minHeight || core.isRecovering) return false;",
        "if (core.stable < core.minHeight) return false;",
      ),
    ],
    hunts: ROLLBACK,
  },
  {
    name: "own votes between the checkpoint and the cut are missed",
    rule: "1.12 amnesia",
    edits: [edit("amnesia", "height <= core.forgottenUpTo", "height <= core.stable")],
    hunts: ROLLBACK,
  },
  // Primaries that are passed over (docs/adr/0006).
  {
    name: "k is not capped",
    rule: "1.7 T(k)",
    edits: [
      edit("view-change", "core.attempt = Math.min(core.attempt + 1, attemptMax(core));", "core.attempt++;"),
    ],
    hunts: LIVENESS,
  },
  {
    name: "turns are passed over without a bound",
    rule: "1.7 passed over",
    edits: [edit("primary-conduct", "{ length: core.quorum.f + 1 }", "{ length: 100 }")],
    hunts: LIVENESS,
  },
  {
    name: "a view that failed is not held against its primary",
    rule: "1.7 passed over",
    edits: [
      edit("primary-conduct", "if (hasFailed) noteFailure(core);\n  else if (isLong)", "if (isLong)"),
      edit("view-change", "else if (hasFailed) noteFailure(core);", ""),
    ],
    hunts: LIVENESS,
  },
  {
    name: "a replica never passes over itself",
    rule: "1.7 passed over",
    edits: [
      edit(
        "primary-conduct",
        "return conductOf(core, validator).skips > 0;",
        "return validator !== core.self && conductOf(core, validator).skips > 0;",
      ),
    ],
    hunts: LIVENESS,
  },
  ...FROM_THE_TEXT,
  ...EPOCH_RULES,
  ...TRANSITION_RULES,
  {
    name: "one quicker turn convicts",
    rule: "1.7 passed over",
    edits: [edit("primary-conduct", "Math.min(core.quorum.f + 1, turns.length)", "1")],
    hunts: LIVENESS,
  },
  // Work (docs/protocol.md, "Work").
  {
    name: "nobody's budget of work is ever spent",
    rule: "1.15 budget of work",
    edits: [
      {
        file: "node/ingress/work-budget.ts",
        find: "const work = this.#buckets[author]?.waitMs(0, now) ?? 0;\n    return Math.max(work, this.#refusals[author]?.waitMs(1, now) ?? 0);",
        replace: "return 0 * now * author;",
      },
    ],
    hunts: FLOOD,
  },
  {
    name: "what is judged is not charged",
    rule: "1.15 budget of work",
    edits: [
      {
        file: "node/ingress/work-budget.ts",
        find: "this.charge(this.#budgets.meter.spentUs - before);",
        replace: "",
      },
      {
        file: "node/ingress/work-budget.ts",
        find: "this.#refusals[author]?.charge(1, this.#ports.now());",
        replace: "",
      },
    ],
    hunts: FLOOD,
  },
  {
    name: "only what is valid is charged",
    rule: "1.15 count before verifying",
    edits: [
      {
        file: "node/driver.ts",
        find: "if (!verdict.ok) return this.#refuse(author, type, verdict.fault.code);",
        replace: "if (!verdict.ok) return bill.refund();",
      },
    ],
    hunts: FLOOD,
  },
  {
    name: "signatures of a NEW-VIEW before its senders",
    rule: "1.15 senders before signatures",
    edits: [
      edit(
        "view-messages",
        "  const claims = claimed.map((each) => ({ ...each.message, ...each.claims }));",
        "  for (const each of claimed) each.verify();\n  const claims = claimed.map((each) => ({ ...each.message, ...each.claims }));",
      ),
    ],
    hunts: FLOOD,
  },
];
