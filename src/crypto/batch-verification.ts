/**
 * Many signatures judged together, each with the verdict that the one rule (signatures valid by ZIP-215) gives it alone,
 * whatever its company and its place. One equation accepts a whole batch; where it does not hold, halves are asked until
 * the invalid ones are found. So that nobody can make that dear, bisection may cost no more than judging each alone;
 * whoever sent the batch pays for what was computed (workUs). Source: docs/batch-verification.md.
 */
import type { SignatureKernel } from "./signature-kernel.ts";

/** That this key signed this message. */
export interface SignatureClaim {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

export interface BatchVerdicts {
  /** Whether each claim is valid, in the order of the claims. */
  readonly verdicts: readonly boolean[];
  /** Estimated microseconds of what was computed, by counts and not by a clock. */
  readonly workUs: number;
}

// Costs in microseconds, measured where one native check takes 60 (docs/batch-verification.md, "Figures").
/** A batch of so many signatures or more is quicker than one after the other. */
export const BATCH_MIN = 6;
/** Decoding, hashing and reducing one signature of a batch. */
const LOAD_US = 8;
/** What one equation costs by its doublings. Each signature adds its own cost, which is less in large batches. */
const EQUATION_US = 110;
const TERM_US = 25;
/** A single signature by the kernel. */
export const KERNEL_CHECK_US = 150;

/** Judges one signature, and says what that cost. Signatures that are too few for an equation are judged so. */
export type JudgeOne = (claim: SignatureClaim) => { readonly isValid: boolean; readonly workUs: number };

/** Judges any number of claims; lengths that are wrong are invalid. */
export function verifyTogether(
  kernel: SignatureKernel,
  claims: readonly SignatureClaim[],
  judgeOne: JudgeOne,
): BatchVerdicts {
  const verdicts: boolean[] = [];
  let workUs = 0;
  for (let from = 0; from < claims.length; from += kernel.countMax) {
    const part = claims.slice(from, from + kernel.countMax);
    const judged = part.length < BATCH_MIN ? judgeEach(part, judgeOne) : new Batch(kernel, part).judge();
    verdicts.push(...judged.verdicts);
    workUs += judged.workUs;
  }
  return { verdicts, workUs };
}

/** One claim by the kernel: the rule itself, since the equation of a single signature is exact. */
export function verifyByKernel(kernel: SignatureKernel, claim: SignatureClaim): boolean {
  kernel.load([claim]);
  return kernel.isSound(0) && kernel.holds(0, 1);
}

/** Judges the claims one after the other. */
export function judgeEach(claims: readonly SignatureClaim[], judgeOne: JudgeOne): BatchVerdicts {
  const judged = claims.map(judgeOne);
  return {
    verdicts: judged.map(({ isValid }) => isValid),
    workUs: judged.reduce((sum, each) => sum + each.workUs, 0),
  };
}

class Batch {
  readonly #kernel: SignatureKernel;
  readonly #verdicts: boolean[];
  #workUs: number;
  /** What a batch may cost before bisection ends, and what is in doubt is judged one by one. */
  readonly #budgetUs: number;

  constructor(kernel: SignatureKernel, claims: readonly SignatureClaim[]) {
    kernel.load(claims);
    this.#kernel = kernel;
    this.#verdicts = claims.map((_, i) => kernel.isSound(i));
    this.#workUs = claims.length * LOAD_US;
    this.#budgetUs = claims.length * KERNEL_CHECK_US;
  }

  judge(): BatchVerdicts {
    this.#find(0, this.#verdicts.length, false);
    return { verdicts: this.#verdicts, workUs: this.#workUs };
  }

  /**
   * Finds the invalid ones of a range; one that is not sound has its verdict.
   * @param isBad an invalid one is among them: the equation of more of them does not hold, of the rest it does
   * @returns whether there were none
   */
  #find(from: number, to: number, isBad: boolean): boolean {
    if (!isBad && this.#holds(from, to)) return true;
    if (to - from === 1) {
      this.#verdicts[from] = false;
      return false;
    }
    if (this.#workUs > this.#budgetUs) {
      for (let i = from; i < to; i++) this.#verdicts[i] = this.#verdicts[i] === true && this.#holds(i, i + 1);
      return false;
    }
    const middle = (from + to) >> 1;
    // What a whole lacks and one half does not, the other does: the equations have the same coefficients.
    const isLeftGood = this.#find(from, middle, false);
    this.#find(middle, to, isLeftGood);
    return false;
  }

  #holds(from: number, to: number): boolean {
    const sound = this.#verdicts.slice(from, to).filter(Boolean).length;
    if (sound === 0) return true;
    this.#workUs += EQUATION_US + sound * TERM_US;
    return this.#kernel.holds(from, to);
  }
}
