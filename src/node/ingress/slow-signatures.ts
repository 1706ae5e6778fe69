/**
 * Judges ahead what only the whole signature rule can accept in a mined block, where there is no kernel for signatures
 * (crypto/signature-kernel.ts): nobody may refuse one for slow signatures (some 1.5 ms each), and execution is not
 * interrupted. What the native library refuses goes to the
 * verifier's thread in batches; what is valid is remembered, so that execution finds it done. It refuses no block and
 * decides nothing: what it could not find out, or found invalid, execution judges itself, with the fault of always.
 * Only a body that is its block's, under proof of work, is looked at. Source: decision 3.
 */
import { byteText, showHash } from "../../base/bytes.ts";
import { SLOW_SIGNATURES_BATCH } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import { checkBody } from "../../chain/execution/block-executor.ts";
import type { Block } from "../../chain/types/block.ts";
import { isCoinbase, type SignedTransaction } from "../../chain/types/transaction.ts";
import type { SignatureVerifier } from "../ports.ts";

export interface SlowSignaturesPorts {
  /** The signatures that the chain has accepted which will execute the block. */
  readonly signatures: AcceptedSignatures;
  readonly verifier: SignatureVerifier;
  readonly log: Logger;
}

export class SlowSignatures {
  readonly #ports: SlowSignaturesPorts;
  /**
   * What is being verified, by the block's hash, since several peers may send one body. There are as many as
   * the verifier has batches.
   */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(ports: SlowSignaturesPorts) {
    this.#ports = ports;
  }

  /**
   * Resolves when the block can be executed.
   * @param block with a head whose work is proven, and the body that somebody sent for it
   */
  async ahead(block: Block): Promise<void> {
    const { signatures } = this.#ports;
    if (signatures.hasKernel) return; // nothing is slow then: execution judges them together
    const unknown = block.transactions.filter((tx) => !isCoinbase(tx) && !signatures.remembers(tx));
    if (unknown.length === 0 || checkBody(block) !== undefined) return;
    const id = byteText(block.hash);
    const work = this.#underWay.get(id) ?? this.#judge(block, unknown);
    this.#underWay.set(id, work);
    await work;
    this.#underWay.delete(id);
  }

  /** Judges in order and in batches: execution will not look either at what stands behind an invalid signature. */
  async #judge(block: Block, transactions: readonly SignedTransaction[]): Promise<void> {
    let doubtful: SignedTransaction[] = [];
    let count = 0;
    for (const [i, transaction] of transactions.entries()) {
      if (!this.#ports.signatures.validateQuickly(transaction)) doubtful.push(transaction);
      const isDue = doubtful.length === SLOW_SIGNATURES_BATCH || i === transactions.length - 1;
      if (!isDue || doubtful.length === 0) continue;
      count += doubtful.length;
      if (!(await this.#verifySlowly(doubtful))) break;
      doubtful = [];
    }
    if (count > 0) this.#logSlow(block, count);
  }

  /** @returns whether all are valid */
  async #verifySlowly(doubtful: readonly SignedTransaction[]): Promise<boolean> {
    const { signatures, verifier } = this.#ports;
    const judged = await verifier.judge(doubtful.map((transaction) => signatures.claimOf(transaction)));
    if (judged === undefined) return false;
    const valid = doubtful.filter((_, i) => judged.verdicts[i] === true);
    for (const transaction of valid) signatures.noteValid(transaction);
    return valid.length === doubtful.length;
  }

  /** An honest miner's block has none of these: its templates hold what the native library accepts. */
  #logSlow({ hash, summary }: Block, count: number): void {
    this.#ports.log.log("warn", "chain", "slow signatures verified", {
      height: summary.height,
      hash: showHash(hash),
      count,
    });
  }
}
