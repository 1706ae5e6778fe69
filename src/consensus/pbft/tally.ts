/**
 * Counts signed choices: one per replica, the first that arrives. A second, different one by the same replica is a
 * conflict, told once. It knows neither what is chosen nor how many are enough.
 * Source: pbft.md 1.1 ("every count is of distinct replica indices"), 1.4 (memory bounds).
 */
import { equalBytes } from "../../base/bytes.ts";
import type { ValidatorId } from "../engine.ts";
import type { SignerSignature } from "./certificate.ts";
import { bitmapBytes } from "./messages.ts";

export interface Ballot {
  readonly choice: Uint8Array;
  readonly signature: Uint8Array;
}

export class VoteTally {
  readonly #ballots: (Ballot | undefined)[];
  /** One entry for each distinct choice. There is more than one only when somebody is faulty. */
  readonly #counts: { readonly choice: Uint8Array; count: number }[] = [];
  readonly #conflicts = new Set<ValidatorId>();

  /** @param n number of replicas. */
  constructor(n: number) {
    this.#ballots = new Array<Ballot | undefined>(n).fill(undefined);
  }

  of(signer: ValidatorId): Ballot | undefined {
    return this.#ballots[signer];
  }

  /** Whether a ballot would be a conflict that has not been told. */
  conflicts(signer: ValidatorId, choice: Uint8Array): boolean {
    const held = this.#ballots[signer];
    return held !== undefined && !this.#conflicts.has(signer) && !equalBytes(held.choice, choice);
  }

  /** @returns the earlier ballot when this one contradicts it, which then is not counted. */
  add(signer: ValidatorId, choice: Uint8Array, signature: Uint8Array): Ballot | undefined {
    const held = this.#ballots[signer];
    if (held !== undefined) {
      if (!this.conflicts(signer, choice)) return undefined;
      this.#conflicts.add(signer);
      return held;
    }
    this.#ballots[signer] = { choice, signature };
    const entry = this.#entry(choice);
    if (entry === undefined) this.#counts.push({ choice, count: 1 });
    else entry.count++;
    return undefined;
  }

  count(choice: Uint8Array): number {
    return this.#entry(choice)?.count ?? 0;
  }

  /** The first `countMax` signatures for a choice, ascending by signer. */
  signatures(choice: Uint8Array, countMax: number): SignerSignature[] {
    const found: SignerSignature[] = [];
    for (let signer = 0; signer < this.#ballots.length && found.length < countMax; signer++) {
      const ballot = this.#ballots[signer];
      if (ballot !== undefined && equalBytes(ballot.choice, choice)) {
        found.push({ signer, signature: ballot.signature });
      }
    }
    return found;
  }

  /** Everyone counted, whatever they chose. */
  signers(): ValidatorId[] {
    const counted: ValidatorId[] = [];
    for (const [signer, ballot] of this.#ballots.entries()) if (ballot !== undefined) counted.push(signer);
    return counted;
  }

  bitmap(choice: Uint8Array): Uint8Array {
    const bitmap = new Uint8Array(bitmapBytes(this.#ballots.length));
    for (const { signer } of this.signatures(choice, this.#ballots.length)) {
      bitmap[signer >> 3] = (bitmap[signer >> 3] ?? 0) | (1 << (signer & 7));
    }
    return bitmap;
  }

  #entry(choice: Uint8Array): { count: number } | undefined {
    return this.#counts.find((entry) => equalBytes(entry.choice, choice));
  }
}
