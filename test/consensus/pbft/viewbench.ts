/**
 * What view changes are made of, by hand: certificates, VIEW-CHANGEs and NEW-VIEWs signed with the validators' real
 * keys, and a bench that remembers the engine's timers and lets nothing in but through the message verifier.
 */
import { EMPTY } from "../../../src/base/bytes.ts";
import type { Block } from "../../../src/chain/types/block.ts";
import type { Effect, Input, Timer } from "../../../src/consensus/engine.ts";
import {
  type CheckpointCertificate,
  decodeCommitCertificate,
  encodeCheckpointCertificate,
  openCheckpointCertificate,
} from "../../../src/consensus/pbft/certificate.ts";
import {
  type CertifiedHead,
  committedHead,
  preparedHead,
} from "../../../src/consensus/pbft/certified-head.ts";
import { encodeMessage, type ParsedMessage } from "../../../src/consensus/pbft/message-bytes.ts";
import type { PbftMessage } from "../../../src/consensus/pbft/message-verifier.ts";
import { type PbftBody, signingBytes, type ViewChangeBody } from "../../../src/consensus/pbft/messages.ts";
import { carriedVote, decide, type NewView, type ViewChange } from "../../../src/consensus/pbft/new-view.ts";
import { primaryOf, quorumOf } from "../../../src/consensus/pbft/quorum.ts";
import { Bench } from "./bench.ts";
import { type Fixture, sealOf } from "./fixture.ts";
import { headOf } from "./host.ts";
import { signMessage } from "./sign-message.ts";

function signatureBy(fixture: Fixture, body: PbftBody): Uint8Array {
  return fixture.signers[body.from]!.sign(signingBytes(fixture.genesisHash, body));
}

/** Q-1 backups of `view` prepared the block; `without` did not. */
export function preparedIn(fixture: Fixture, block: Block, view: bigint, without?: number): CertifiedHead {
  const n = fixture.signers.length;
  const primary = primaryOf(0n, view, n);
  const place = { epoch: 0n, view, height: block.summary.height, hash: block.hash };
  const backups = [...fixture.signers.keys()].filter((i) => i !== primary && i !== without);
  const prepares = backups.slice(0, quorumOf(n).quorum - 1).map((signer) => ({
    signer,
    signature: signatureBy(fixture, { type: "prepare", from: signer, ...place }),
  }));
  const prePrepare = signatureBy(fixture, { type: "pre-prepare", from: primary, ...place });
  return preparedHead({ view, head: block, prePrepare, prepares });
}

/** Q replicas committed the block in `view`; `without` did not. */
export function committedIn(fixture: Fixture, block: Block, view: bigint, without?: number): CertifiedHead {
  const certificate = decodeCommitCertificate(sealOf(fixture, block, without, view));
  if (!certificate.ok) throw new Error(certificate.fault.detail);
  return committedHead(block, certificate.value);
}

/** Q replicas signed the state after the block. */
export function checkpointOf(fixture: Fixture, block: Block): CheckpointCertificate {
  const head = headOf(block);
  const { quorum } = quorumOf(fixture.signers.length);
  const signatures = [...fixture.signers.keys()].slice(0, quorum).map((signer) => ({
    signer,
    signature: signatureBy(fixture, { type: "checkpoint", from: signer, epoch: 0n, ...head }),
  }));
  return { ...head, signatures };
}

export interface Asking {
  /** The block of the stable checkpoint; none: genesis. */
  readonly stable?: Block;
  readonly entries?: readonly CertifiedHead[];
  /** Lies. */
  readonly changed?: Partial<ViewChangeBody>;
}

export function viewChange(fixture: Fixture, from: number, view: bigint, asking: Asking = {}): ViewChange {
  const proof = asking.stable === undefined ? undefined : checkpointOf(fixture, asking.stable);
  const entries = asking.entries ?? [];
  const body: ViewChangeBody = {
    type: "view-change",
    from,
    epoch: 0n,
    view,
    stableCheckpoint: proof?.height ?? 0n,
    checkpoint: proof === undefined ? EMPTY : encodeCheckpointCertificate(proof),
    certified: entries.map(({ bytes }) => bytes),
    ...asking.changed,
  };
  return signMessage(fixture.signers[from]!, fixture.genesisHash, body, { proof, entries });
}

/** The NEW-VIEW that the primary of the view makes of V; `lie` replaces O before it is signed. */
export function newView(
  fixture: Fixture,
  view: bigint,
  asked: readonly ViewChange[],
  lie: (carried: NewView["carried"]) => NewView["carried"] = (carried) => carried,
): NewView {
  const from = primaryOf(0n, view, fixture.signers.length);
  const viewChanges = asked.map((each) => encodeMessage(each, each.signature, EMPTY));
  const decision = decide(asked, fixture.genesisHash);
  const body = { type: "new-view", from, epoch: 0n, view, viewChanges, carried: [] } as const;
  const carried = decision.carried.map(({ head }) => {
    const unsigned = { height: head.summary.height, hash: head.hash, signature: EMPTY };
    return { ...unsigned, signature: signatureBy(fixture, carriedVote(body, unsigned)) };
  });
  const whole = { ...body, carried: lie(carried) };
  return signMessage(fixture.signers[from]!, fixture.genesisHash, whole, { asked, decision });
}

export class ViewBench extends Bench {
  readonly #timers = new Map<string, Timer>();
  readonly #delays = new Map<string, number>();

  override step(input: Input<PbftMessage>): readonly Effect<PbftMessage>[] {
    if (input.kind === "timer-fired") this.#timers.delete(input.timer.name);
    const effects = super.step(input);
    for (const effect of effects) {
      if (effect.kind === "set-timer") {
        this.#timers.set(effect.timer.name, effect.timer);
        this.#delays.set(effect.timer.name, effect.delayMs);
      } else if (effect.kind === "clear-timer") this.#timers.delete(effect.name);
    }
    return effects;
  }

  /** Length of a running timer, ms. */
  delay(name: string): number | undefined {
    return this.#timers.has(name) ? this.#delays.get(name) : undefined;
  }

  fire(name: string): readonly Effect<PbftMessage>[] {
    const timer = this.#timers.get(name);
    if (timer === undefined) throw new Error(`timer ${name} does not run`);
    return this.step({ kind: "timer-fired", timer });
  }

  /** There is an executable transaction; `mark` tells one from another. */
  work(mark = 1, ageMs = 0): this {
    const hash = new Uint8Array(32).fill(mark) as never;
    this.step({ kind: "pool-changed", oldest: { hash, ageMs } });
    return this;
  }

  idle(): this {
    this.step({ kind: "pool-changed", oldest: undefined });
    return this;
  }

  /** As bytes through the message verifier, as the driver does it. @throws when the message verifier refuses. */
  deliver(...messages: readonly PbftMessage[]): readonly Effect<PbftMessage>[] {
    const { verifier } = this.fixture.consensus;
    const verified = messages.flatMap((message) => {
      const parsed = verifier.parse(verifier.encode(message));
      if (!parsed.ok) throw new Error(`${parsed.fault.code}: ${parsed.fault.detail}`);
      const opened = verifier.verify(parsed.value);
      if (!opened.ok) throw new Error(`${opened.fault.code}: ${opened.fault.detail}`);
      return [opened.value];
    });
    return this.receive(...verified);
  }

  wants(message: PbftMessage): boolean {
    return this.engine.wants({ ...message, attachment: EMPTY } as ParsedMessage);
  }

  /** A PRE-PREPARE of `block` by the primary of `view`, and a good verdict on it. */
  acceptIn(view: bigint, block: Block): void {
    this.receive(this.vote("pre-prepare", primaryOf(0n, view, this.fixture.signers.length), block, view));
    this.checked(block);
  }

  /** `from` ask for `view`, proving nothing but what is given. */
  ask(view: bigint, from: readonly number[], asking: Asking = {}): readonly Effect<PbftMessage>[] {
    return this.deliver(...from.map((each) => viewChange(this.fixture, each, view, asking)));
  }

  /** `asked` by Q replicas in `from`, opened by the primary of the view. */
  open(view: bigint, from: readonly number[], asking: Asking = {}): readonly Effect<PbftMessage>[] {
    const asked = from.map((each) => viewChange(this.fixture, each, view, asking));
    return this.deliver(newView(this.fixture, view, asked));
  }

  /** The own VIEW-CHANGE or NEW-VIEW sent in the last step. */
  said<T extends "view-change" | "new-view">(type: T): Extract<PbftMessage, { type: T }> {
    const messages = this.of("broadcast").map(({ message }) => message);
    const found = messages.find((message) => message.type === type);
    if (found === undefined) throw new Error(`no ${type} among ${this.sent()}`);
    return found as Extract<PbftMessage, { type: T }>;
  }

  /** Why this replica asked for a view in the last step. */
  reason(): string | undefined {
    const events = this.of("announce").map(({ event }) => event);
    const own = events.find(
      (event) => event.type === "view-change" && event.from === this.engine.status().self,
    );
    return own?.type === "view-change" ? own.reason : undefined;
  }
}

export function openedCheckpoint(fixture: Fixture, bytes: Uint8Array): CheckpointCertificate {
  const opened = openCheckpointCertificate(fixture, bytes);
  if (!opened.ok) throw new Error(opened.fault.detail);
  return opened.value;
}
