/**
 * Blocks that were proposed to this node or by it, of which others may lack transactions. What one validator may ask of one
 * block is bounded by the block; nobody asks more than that for a good reason.
 * Source: docs/protocol.md, "Compact proposals".
 */
import { byteText } from "../../base/bytes.ts";
import { COMPACT_BLOCKS_KEPT } from "../../base/limits.ts";
import type { Block, BodyLimits } from "../../chain/types/block.ts";
import type { ValidatorId } from "../../consensus/engine.ts";
import { AuthoredMap } from "./authored-map.ts";
import { decodeWanted, encodeBlockTransactions } from "./compact-wire.ts";
import { MAIL_BLOCK_TRANSACTIONS } from "./packet.ts";
import type { Bill } from "./work-budget.ts";

/** So many blocks at and below the head are kept for those who have not committed them yet. */
const KEPT_BELOW_HEAD = 4n;
/** How often each transaction of a block may be asked for by one validator, on average: mail may be lost. */
const ASKED_MAX = 2;

export interface ProposedBlockPorts {
  readonly limits: BodyLimits;
  readonly mail: (to: ValidatorId, content: Uint8Array, kind: number) => void;
  readonly refuse: (author: ValidatorId, code: string) => void;
}

interface KeptBlock {
  readonly block: Block;
  readonly author: ValidatorId;
  /** Transactions that each validator was sent. */
  readonly sent: Map<ValidatorId, number>;
}

export class ProposedBlocks {
  readonly #ports: ProposedBlockPorts;
  readonly #kept = new AuthoredMap<KeptBlock>(COMPACT_BLOCKS_KEPT, 3 * COMPACT_BLOCKS_KEPT);

  constructor(ports: ProposedBlockPorts) {
    this.#ports = ports;
  }

  stop(): void {
    this.#kept.clear();
  }

  /** A block that `author` has proposed, and of which others may ask transactions from now on. */
  keep(author: ValidatorId, block: Block): void {
    const key = byteText(block.hash);
    if (this.#kept.get(author, key) !== undefined) return;
    this.#kept.set(author, key, block.summary.height, { block, author, sent: new Map() });
  }

  /** Who is behind by more than a few blocks asks for whole ones. */
  headChanged(height: bigint): void {
    for (const { author, block } of this.#kept) {
      if (block.summary.height + KEPT_BELOW_HEAD <= height) this.#kept.delete(author, byteText(block.hash));
    }
  }

  /** Answers wholly or not at all. */
  receiveWanted(author: ValidatorId, content: Uint8Array, bill: Bill): void {
    const { limits, refuse, mail } = this.#ports;
    const wanted = decodeWanted(content, limits);
    if (!wanted.ok) return refuse(author, wanted.fault.code);
    const { block: hash, indexes } = wanted.value;
    const [kept] = this.#kept.withKey(byteText(hash));
    if (kept === undefined) return;
    const { transactions } = kept.block;
    const sent = (kept.sent.get(author) ?? 0) + indexes.length;
    if ((indexes.at(-1) ?? 0) >= transactions.length) return refuse(author, "malformed");
    if (sent > ASKED_MAX * transactions.length) return;
    kept.sent.set(author, sent);
    bill.refund();
    const envelopes = indexes.flatMap((index) => transactions[index]?.bytes ?? []);
    mail(author, encodeBlockTransactions({ block: hash, envelopes }), MAIL_BLOCK_TRANSACTIONS);
  }
}
