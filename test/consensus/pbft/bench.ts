/** One engine on a bench: every message it gets is made by hand with the others' real keys. */

import { type Block, encodeBlock } from "../../../src/chain/types/block.ts";
import type { Effect, EngineSettings, Head, Input, SealedHead } from "../../../src/consensus/engine.ts";
import type { PbftEngine } from "../../../src/consensus/pbft/engine.ts";
import type { PbftMessage } from "../../../src/consensus/pbft/message-verifier.ts";
import type { PbftBody } from "../../../src/consensus/pbft/messages.ts";
import { SETTINGS } from "./cluster.ts";
import { buildBlock, createFixture, type Fixture, sealOf } from "./fixture.ts";
import { headOf } from "./host.ts";
import { signMessage } from "./sign-message.ts";

export type Of<K extends Effect<PbftMessage>["kind"]> = Extract<Effect<PbftMessage>, { kind: K }>;

/** The timers by which a replica is patient: they come and go with every item of work. */
export function isPatience(effect: Effect<PbftMessage>): boolean {
  const name =
    effect.kind === "set-timer" ? effect.timer.name : effect.kind === "clear-timer" ? effect.name : "";
  return name === "request" || name === "quick" || name === "fairness";
}

export class Bench {
  readonly fixture: Fixture;
  readonly #self: number;
  readonly engine: PbftEngine;
  /** Blocks 1, 2, ... of one chain, proposed by replica 0. */
  readonly blocks: Block[] = [];
  effects: readonly Effect<PbftMessage>[] = [];

  constructor(
    self: number,
    options: {
      n?: number;
      depth?: number;
      rotation?: number;
      settings?: Partial<EngineSettings>;
      length?: number;
    } = {},
  ) {
    this.#self = self;
    this.fixture = createFixture(options.n ?? 4, {
      pipelineDepth: options.depth ?? 1,
      rotationInterval: options.rotation ?? 0,
    });
    const settings = { ...SETTINGS, ...options.settings };
    const signer = this.fixture.signers[self]!;
    this.engine = this.fixture.consensus.createEngine({ self, signer, settings });
    let parent = this.fixture.block0;
    for (let height = 1; height <= (options.length ?? 24); height++) {
      parent = buildBlock(this.fixture, parent, 0, this.fixture.genesis.timeMs + BigInt(10 * height));
      this.blocks.push(parent);
    }
  }

  block(height: number): Block {
    return height === 0 ? this.fixture.block0 : this.blocks[height - 1]!;
  }

  step(input: Input<PbftMessage>): readonly Effect<PbftMessage>[] {
    this.effects = this.engine.step(input);
    return this.effects;
  }

  start(height = 0, journal: readonly Uint8Array[] = [], recent = this.#sealed(height)): this {
    this.step({ kind: "started", head: this.head(height), journal, checkpoint: undefined, recent });
    return this;
  }

  #sealed(height: number): readonly SealedHead[] {
    return this.blocks.slice(0, height).map((head) => ({
      head,
      seal: sealOf(this.fixture, head, this.#self),
    }));
  }

  head(height: number): Head {
    return headOf(this.block(height));
  }

  /** @param view in which the block was committed */
  headChanged(height: number, view = 0n): readonly Effect<PbftMessage>[] {
    const block = this.block(height);
    const sealed = { head: block, seal: sealOf(this.fixture, block, this.#self, view) };
    return this.step({ kind: "head-changed", head: this.head(height), sealed });
  }

  checked(block: Block, verdict: "valid" | "invalid" = "valid"): readonly Effect<PbftMessage>[] {
    return this.step({ kind: "block-checked", hash: block.hash, verdict });
  }

  vote(type: "pre-prepare" | "prepare" | "commit", from: number, block: Block, view = 0n): PbftMessage {
    const { hash, summary } = block;
    const attached = type === "pre-prepare" ? { block, blockBytes: encodeBlock(block) } : {};
    return this.sign({ type, from, epoch: 0n, view, height: summary.height, hash } as PbftBody, attached);
  }

  sign(body: PbftBody, attached: object = {}): PbftMessage {
    const signer = this.fixture.signers[body.from]!;
    return signMessage(signer, this.fixture.genesisHash, body, attached) as PbftMessage;
  }

  receive(...messages: readonly PbftMessage[]): readonly Effect<PbftMessage>[] {
    const all = messages.flatMap((message) => this.step({ kind: "message-received", message }));
    this.effects = all;
    return all;
  }

  /** Accepts the proposal of replica 0 at a height, as far as a backup can. */
  accept(height: number): void {
    this.receive(this.vote("pre-prepare", 0, this.block(height)));
    this.checked(this.block(height));
  }

  of<K extends Effect<PbftMessage>["kind"]>(kind: K): Of<K>[] {
    return this.effects.filter((effect): effect is Of<K> => effect.kind === kind);
  }

  /** What was sent in the last step, as "type height". */
  sent(): string[] {
    return this.effects.flatMap((effect) => {
      if (effect.kind !== "broadcast" && effect.kind !== "send") return [];
      const { message } = effect;
      return [`${message.type}${"height" in message ? ` ${message.height}` : ""}`];
    });
  }

  kinds(): string[] {
    return this.effects
      .filter((effect) => effect.kind !== "announce" && !isPatience(effect))
      .map(({ kind }) => kind);
  }
}
