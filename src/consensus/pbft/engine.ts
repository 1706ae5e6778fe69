/**
 * The PBFT engine: one mutating method. An input is put where it belongs, then everything that has become due is
 * done in a fixed order: votes, imports, checkpoints, the next proposal. The rules themselves stand in the files
 * this one calls; here is only what comes after what.
 * Source: pbft.md 1.5, 1.6; consensus/engine.ts for the contract with the driver.
 *
 * This folder: PBFT: messages and certificates, agreement.ts and commitment.ts for the normal case, checkpoints.ts,
 * view-change.ts and new-view.ts, timeouts.ts, recovery. Not here: journals on disk and mail (node/votes,
 * p2p/transport), execution (chain).
 */
import { assert, must, unreachable } from "../../base/assert.ts";
import { EMPTY } from "../../base/bytes.ts";
import type {
  ConsensusEngine,
  Effect,
  EngineHoldings,
  EngineStatus,
  Head,
  Input,
  SealedHead,
  Timer,
  ValidatorId,
} from "../engine.ts";
import { agree, receiveCommit, receivePrePrepare, receivePrepare, receiveVerdict } from "./agreement.ts";
import { checkNewViewVotes, checkSeal, checkViewChange } from "./amnesia.ts";
import { receiveBlock, receiveFetch } from "./bodies.ts";
import {
  receiveCheckpoint,
  receiveCheckpointCertificate,
  settleAwaited,
  signCheckpoint,
} from "./checkpoints.ts";
import { advanceHead, orderImports, recordCommitted } from "./commitment.ts";
import { Core, type PbftEngineOptions } from "./core.ts";
import { describeEngine } from "./engine-status.ts";
import { enterView } from "./enter-view.ts";
import { awaitsLarge } from "./large-messages.ts";
import type { ParsedMessage } from "./message-bytes.ts";
import type { PbftMessage } from "./message-verifier.ts";
import { conductOf } from "./primary-conduct.ts";
import {
  armHeartbeat,
  heartbeatFired,
  nothingToBuild,
  poolChanged,
  propose,
  receiveBuilt,
} from "./proposing.ts";
import { settleRecovery } from "./recovery.ts";
import { receiveStatus, tick } from "./repair.ts";
import { start } from "./restart.ts";
import type { Signing } from "./signed-messages.ts";
import { noteQuickCommit, postpone, watchPending } from "./timeouts.ts";
import {
  fairnessExpired,
  newViewExpired,
  receiveViewChange,
  requestExpired,
  resendViewChange,
  settleViews,
} from "./view-change.ts";
import { wantsMessage } from "./window.ts";

export class PbftEngine implements ConsensusEngine<ParsedMessage, PbftMessage> {
  readonly #core: Core;
  /** A step that waits for a signature. */
  #waiting: Signing | undefined;

  constructor(options: PbftEngineOptions) {
    this.#core = new Core(options);
  }

  wants(parsed: ParsedMessage): boolean {
    return wantsMessage(this.#core, parsed);
  }

  awaits(author: ValidatorId, start: Uint8Array, bytes: number): boolean {
    return awaitsLarge(this.#core, author, start, bytes);
  }

  /** @throws InvariantError when the driver breaks the contract, Error when what it restored is unusable. */
  step(input: Input<PbftMessage>): readonly Effect<PbftMessage>[] {
    const core = this.#core;
    const waiting = this.#waiting;
    assert((waiting === undefined) !== (input.kind === "signed"), `unexpected input ${input.kind}`);
    if (input.kind === "signed") this.#answered(must(waiting, "asserted"), input.signature);
    else {
      assert((core.head === undefined) === (input.kind === "started"), `unexpected input ${input.kind}`);
      if (!core.isStopped) this.#advance(work(core, input));
    }
    return core.takeEffects();
  }

  #answered(step: Signing, signature: Uint8Array | undefined): void {
    if (signature !== undefined) return this.#advance(step, signature);
    this.#waiting = undefined;
    step.return();
  }

  /** Goes on until the step is done, or a signature must be asked for. */
  #advance(step: Signing, signature: Uint8Array = EMPTY): void {
    const { signer } = this.#core.options;
    this.#waiting = undefined;
    let next = step.next(signature);
    while (next.done !== true) {
      if (signer === "asked") {
        this.#waiting = step;
        return this.#core.emit({ kind: "sign", message: next.value });
      }
      next = step.next(signer.sign(next.value));
    }
  }

  status(): EngineStatus {
    return describeEngine(this.#core);
  }

  holdings(): EngineHoldings {
    return this.#core.slots.holdings();
  }

  get attempt(): number {
    return this.#core.attempt;
  }
}

function* work(core: Core, input: Input<PbftMessage>): Signing {
  yield* receive(core, input);
  yield* settle(core);
}

function* receive(core: Core, input: Input<PbftMessage>): Signing {
  switch (input.kind) {
    case "started":
      return yield* start(core, input);
    case "head-changed":
      return yield* headChanged(core, input.head, input.sealed);
    case "message-received":
      return yield* receiveMessage(core, input.message);
    case "timer-fired":
      return yield* timerFired(core, input.timer);
    case "pool-changed":
      return poolChanged(core, input.oldest);
    case "block-built":
      return yield* receiveBuilt(core, input.parent, input.block);
    case "nothing-to-build":
      return nothingToBuild(core, input.parent);
    case "block-checked":
      return yield* receiveVerdict(core, input.hash, input.verdict);
    case "block-mined":
    case "own-block-refused":
    case "mining-switched":
    case "signed":
      return; // blocks are agreed on, not mined; a signature goes to the step that asked for it
    default:
      unreachable(input);
  }
}

/** What has become due, in order: the window, the end of a recovery, the view, the votes of a height, its import, the next proposal. */
function* settle(core: Core): Signing {
  settleAwaited(core);
  settleRecovery(core);
  yield* settleViews(core);
  yield* agree(core);
  yield* orderImports(core);
  propose(core);
  watchPending(core);
}

function* headChanged(core: Core, head: Head, sealed: SealedHead): Signing {
  if (head.height <= core.committed) return;
  const synced = core.ordered === undefined || core.ordered.height < head.height;
  advanceHead(core, head);
  recordCommitted(core, sealed);
  if (synced) {
    const certificate = core.slots.get(head.height)?.sealed?.certificate;
    if (certificate !== undefined && checkSeal(core, head.height, head.hash, certificate)) return;
    postpone(core);
  } else noteQuickCommit(core);
  noteRoom(core, sealed);
  yield* signCheckpoint(core, head);
  armHeartbeat(core);
}

/** Whether another transaction of any size would have fitted. */
function noteRoom(core: Core, { head: { summary } }: SealedHead): void {
  const { limits, room = limits } = core.options;
  const { maxBlockBytes, maxBlockTransactions } = room;
  core.lastBlockHadRoom =
    summary.txCount < maxBlockTransactions && summary.bodyBytes + limits.maxTxBytes <= maxBlockBytes;
}

function* receiveMessage(core: Core, message: PbftMessage): Signing {
  // The state may have moved since the message verifier asked.
  if (!wantsMessage(core, message)) return;
  noteSeen(core, message);
  switch (message.type) {
    case "pre-prepare":
      return yield* receivePrePrepare(core, message);
    case "prepare":
      return yield* receivePrepare(core, message);
    case "commit":
      return receiveCommit(core, message);
    case "checkpoint":
      return receiveCheckpoint(core, message);
    case "status":
      return yield* receiveStatus(core, message);
    case "view-change":
      if (!checkViewChange(core, message)) receiveViewChange(core, message);
      return;
    case "new-view":
      core.viewMessages.add(message.from);
      if (!checkNewViewVotes(core, message)) yield* enterView(core, message);
      return;
    case "fetch":
      return yield* receiveFetch(core, message);
    case "block":
      return receiveBlock(core, message);
    case "checkpoint-certificate":
      return receiveCheckpointCertificate(core, message);
    default:
      unreachable(message);
  }
}

/** Highest height and view per validator, for people. */
function noteSeen(core: Core, message: PbftMessage): void {
  const seen = core.seenOf(message.from);
  // A NEW-VIEW may be brought by anyone: it does not show that its author lives.
  if (message.type !== "new-view") conductOf(core, message.from).lastMessageTick = core.tick;
  const height =
    message.type === "status" ? message.lastCommitted : "height" in message ? message.height : 0n;
  const view = "view" in message ? message.view : 0n;
  if (height > seen.height) seen.height = height;
  if (view > seen.view) seen.view = view;
}

function* timerFired(core: Core, timer: Timer): Signing {
  if (!core.takeTimer(timer)) return;
  switch (timer.name) {
    case "status":
      return yield* tick(core);
    case "block":
      core.pacing = false;
      return;
    case "empty":
      return heartbeatFired(core);
    case "request":
      return yield* requestExpired(core);
    case "new-view":
      return yield* newViewExpired(core);
    case "resend":
      return yield* resendViewChange(core);
    case "fairness":
      return yield* fairnessExpired(core);
  }
}
