/**
 * A miner on virtual time: it finds the next block after a delay drawn from an exponential distribution, whatever
 * the target says, and then looks for a nonce in earnest, which is cheap where the chain's target is the easiest.
 * A search has no memory, so a new template starts a new delay without loss. Its hash rate may change at any time.
 * It implements Miner of node/ports.ts. Source: pow.md 2.9 (Poisson races).
 */
import { type Block, bodyRootOf, hashHeader } from "../../chain/types/block.ts";
import { meetsTarget } from "../../chain/types/target.ts";
import { Writer } from "../../codec/writer.ts";
import type { Miner } from "../../node/ports.ts";
import type { Random } from "./random.ts";

/** Hashes tried of one header before its extra nonce goes on. */
const NONCES = 2 ** 32;

export interface VirtualMinerPorts {
  after(delayMs: number, run: () => void): () => void;
  readonly random: Random;
}

export class VirtualMiner implements Miner {
  readonly #ports: VirtualMinerPorts;
  #meanMs: number;
  #work: { readonly block: Block; readonly solved: (block: Block) => void } | undefined;
  #cancel: () => void = () => undefined;
  /** Blocks found so far. */
  found = 0;

  /** @param meanMs between two of its blocks on average; Infinity: it finds none */
  constructor(meanMs: number, ports: VirtualMinerPorts) {
    this.#meanMs = meanMs;
    this.#ports = ports;
  }

  set meanMs(meanMs: number) {
    this.#meanMs = meanMs;
    this.#draw();
  }

  mine(block: Block, solved: (block: Block) => void): void {
    this.#work = { block, solved };
    this.#draw();
  }

  stop(): void {
    this.#cancel();
    this.#work = undefined;
  }

  #draw(): void {
    this.#cancel();
    if (this.#work === undefined || this.#meanMs === Number.POSITIVE_INFINITY) return;
    const delayMs = -Math.log(1 - this.#ports.random.fraction()) * this.#meanMs;
    this.#cancel = this.#ports.after(delayMs, () => this.#find());
  }

  #find(): void {
    const work = this.#work;
    if (work === undefined) return;
    this.#work = undefined;
    this.found++;
    work.solved(solve(work.block, this.#ports.random));
  }
}

/** The block with a nonce that meets its target. Others of the same template differ in `extra`. */
function solve(block: Block, random: Random): Block {
  for (;;) {
    const extra = new Writer(8).u32(random.uint32()).u32(random.uint32()).finish();
    const summary = { ...block.summary, extra };
    const unsolved = { ...block.header, bodyRoot: bodyRootOf(summary) };
    for (let nonce = 0; nonce < NONCES; nonce++) {
      const header = { ...unsolved, nonce };
      const hash = hashHeader(header);
      if (meetsTarget(hash, header.bits)) return { ...block, summary, header, hash };
    }
  }
}
