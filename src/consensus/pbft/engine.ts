/**
 * The PBFT engine: one mutating method. An input is put where it belongs, then everything that has become due is
 * done in a fixed order: votes, imports, checkpoints, the next proposal. The rules themselves stand in the files
 * this one calls; here is only what comes after what.
 * Source: pbft.md 1.5, 1.6; consensus/engine.ts for the contract with the driver.
 */
import { assert, unreachable } from "../../base/assert.ts";
import type { ConsensusEngine, Effect, EngineStatus, Head, Input, Timer } from "../engine.ts";
import { agree, receiveCommit, receivePrePrepare, receivePrepare, receiveVerdict } from "./agreement.ts";
import {
  receiveCheckpoint,
  receiveCheckpointCertificate,
  settleAwaited,
  signCheckpoint,
} from "./checkpoints.ts";
import { advanceHead, orderImports, receiveBlock } from "./commitment.ts";
import { Core, type PbftEngineOptions } from "./core.ts";
import type { PbftMessage } from "./gate.ts";
import {
  armHeartbeat,
  heartbeatFired,
  nothingToBuild,
  poolChanged,
  propose,
  receiveBuilt,
} from "./proposing.ts";
import { receiveFetch, receiveStatus, tick } from "./repair.ts";
import { start } from "./restart.ts";
import { describeEngine } from "./view.ts";
import { wantsMessage } from "./window.ts";
import type { ParsedMessage } from "./wire.ts";

export class PbftEngine implements ConsensusEngine<ParsedMessage, PbftMessage> {
  readonly #core: Core;

  constructor(options: PbftEngineOptions) {
    this.#core = new Core(options);
  }

  wants(parsed: ParsedMessage): boolean {
    return wantsMessage(this.#core, parsed);
  }

  /** @throws InvariantError when the driver breaks the contract, Error when what it restored is unusable. */
  step(input: Input<PbftMessage>): readonly Effect<PbftMessage>[] {
    const core = this.#core;
    assert((core.head === undefined) === (input.kind === "started"), `unexpected input ${input.kind}`);
    if (core.mode === "normal") {
      receive(core, input);
      settle(core);
    }
    return core.takeEffects();
  }

  status(): EngineStatus {
    return describeEngine(this.#core);
  }
}

function receive(core: Core, input: Input<PbftMessage>): void {
  switch (input.kind) {
    case "started":
      return start(core, input);
    case "head-changed":
      return headChanged(core, input.head);
    case "message-received":
      return receiveMessage(core, input.message);
    case "timer-fired":
      return timerFired(core, input.timer);
    case "pool-changed":
      return poolChanged(core, input.oldest);
    case "block-built":
      return receiveBuilt(core, input.parent, input.block);
    case "nothing-to-build":
      return nothingToBuild(core, input.parent);
    case "block-checked":
      return receiveVerdict(core, input.hash, input.verdict);
    default:
      unreachable(input);
  }
}

/** What has become due, in order: the window, the votes of a height, its import, the next proposal. */
function settle(core: Core): void {
  settleAwaited(core);
  agree(core);
  orderImports(core);
  propose(core);
}

function headChanged(core: Core, head: Head): void {
  if (head.height <= core.committed) return;
  advanceHead(core, head);
  signCheckpoint(core, head);
  armHeartbeat(core);
}

function receiveMessage(core: Core, message: PbftMessage): void {
  // The state may have moved since the gate asked.
  if (!wantsMessage(core, message)) return;
  noteSeen(core, message);
  switch (message.type) {
    case "pre-prepare":
      return receivePrePrepare(core, message);
    case "prepare":
      return receivePrepare(core, message);
    case "commit":
      return receiveCommit(core, message);
    case "checkpoint":
      return receiveCheckpoint(core, message);
    case "status":
      return receiveStatus(core, message);
    case "fetch":
      return receiveFetch(core, message);
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
  const seen = core.seen[message.from]!;
  const height =
    message.type === "status" ? message.lastCommitted : "height" in message ? message.height : 0n;
  const view = "view" in message ? message.view : 0n;
  if (message.type === "status" && height > seen.committed) seen.committed = height;
  if (height > seen.height) seen.height = height;
  if (view > seen.view) seen.view = view;
}

function timerFired(core: Core, timer: Timer): void {
  if (!core.takeTimer(timer)) return;
  switch (timer.name) {
    case "status":
      return tick(core);
    case "block":
      core.pacing = false;
      return;
    case "empty":
      return heartbeatFired(core);
  }
}
