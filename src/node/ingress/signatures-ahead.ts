/**
 * Judges the signatures of transactions that came together on the verifier's thread, before they are offered to the pool
 * (verifier-trial.ts says whether and from how many on). It decides nothing: admission asks each signature and finds it
 * judged; what was not, it judges itself.
 */
import type { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import type { Mempool } from "../../mempool/mempool.ts";
import type { JudgedAhead } from "../../p2p/network-ports.ts";
import type { SignatureVerifier } from "../ports.ts";

export interface AdmissionParts {
  readonly pool: Pick<Mempool, "prepare" | "prepareAhead">;
  /** The signatures that the chain has accepted, of which the pool asks. */
  readonly signatures: Pick<AcceptedSignatures, "fresh" | "claimOf" | "noteJudged">;
}

export class SignaturesAhead {
  readonly #parts: AdmissionParts;
  readonly #verifier: SignatureVerifier | undefined;

  /** @param ports nothing is judged ahead where they have no verifier */
  constructor(parts: AdmissionParts, ports: { readonly verifier?: SignatureVerifier | undefined }) {
    this.#parts = parts;
    this.#verifier = ports.verifier;
  }

  /**
   * Resolves when the envelopes can be offered. Never rejects.
   * @returns undefined where there is nothing to wait for
   */
  judge(envelopes: readonly Uint8Array[]): Promise<JudgedAhead> | undefined {
    const { pool, signatures } = this.#parts;
    const verifier = this.#verifier;
    if (verifier === undefined || envelopes.length < verifier.batchMin) return undefined;
    const fresh = signatures.fresh(pool.prepareAhead(envelopes));
    return fresh.length < verifier.batchMin ? undefined : this.#judge(verifier, fresh);
  }

  /**
   * As {@link judge}, for a user, to the milliseconds that are paid for: where all signatures are valid the main thread
   * was spared. Where there is nothing to wait for, they are judged here and now (Mempool.prepare), and must be offered
   * at once.
   */
  prepare(envelopes: readonly Uint8Array[]): Promise<number> | undefined {
    const ahead = this.judge(envelopes);
    if (ahead === undefined) this.#parts.pool.prepare(envelopes);
    return ahead?.then(({ computedMs, refused }) => (refused > 0 ? computedMs : 0));
  }

  async #judge(
    verifier: SignatureVerifier,
    transactions: readonly SignedTransaction[],
  ): Promise<JudgedAhead> {
    const { signatures } = this.#parts;
    const judged = await verifier.judge(transactions.map((transaction) => signatures.claimOf(transaction)));
    if (judged === undefined) return { computedMs: 0, refused: 0 };
    let refused = 0;
    for (const [i, transaction] of transactions.entries()) {
      const isValid = judged.verdicts[i] === true;
      signatures.noteJudged(transaction, isValid);
      if (!isValid) refused++;
    }
    return { computedMs: judged.workUs / 1_000, refused };
  }
}
