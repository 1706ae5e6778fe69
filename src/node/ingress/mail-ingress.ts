/**
 * Where the mail of validators goes, each kind to its judge, at the expense of whoever sent it. A committed block that
 * is here already costs a look at its head. A seal with more bad signatures than there can be faulty validators is
 * dropped on the word of the native library alone: nobody who keeps the rules sends one, and slow verification is 25 times as
 * dear. That is no verdict on the block: repair brings it by other ways, where the whole rule decides.
 */
import { equalBytes } from "../../base/bytes.ts";
import type { Verdict } from "../../base/fault.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { Chain } from "../../chain/chain.ts";
import {
  decodeSealedBlock,
  type SealedBlock,
  sealedBlockBytesMax,
  sealedBlockHeight,
} from "../../chain/types/block.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import type { ValidatorId } from "../../consensus/engine.ts";
import { SLOW_CHECK_US } from "../../crypto/signature-meter.ts";
import type { AdmissionCode } from "../../mempool/admission.ts";
import type { LargeMessage } from "../../p2p/network-ports.ts";
import type { ImportOutcome } from "../../p2p/sync/catch-up.ts";
import { type Arrived, IncomingMail } from "./incoming-mail.ts";
import { namesEpoch } from "./packet.ts";
import type { Bill, WorkBudgets } from "./work-budget.ts";

/** Blocks above the own head that a mail may bring which is too long to be read unasked. */
const MAIL_BLOCKS_AHEAD_MAX = 1_024n;

/** The engine, where consensus messages go. */
interface ConsensusInput {
  receive(author: ValidatorId, kind: number, content: Uint8Array, namesEpoch: boolean): void;
  receiveEpochEnd(content: Uint8Array, bill: Bill): void;
  awaits(author: ValidatorId, kind: number, message: LargeMessage, namesEpoch: boolean): boolean;
}

export interface MailEntryPorts {
  readonly chain: Chain;
  readonly scheduler: Scheduler;
  readonly budgets: WorkBudgets;
  readonly presence: { received(author: ValidatorId): void };
  readonly voting: () => ConsensusInput;
  readonly admit: (envelope: Uint8Array) => Verdict<SignedTransaction, AdmissionCode>;
  readonly importBlock: (sealed: SealedBlock, peerId: string) => Promise<ImportOutcome>;
}

export function createIncomingMail(ports: MailEntryPorts): IncomingMail {
  const { scheduler, budgets, presence, voting } = ports;
  return new IncomingMail({
    scheduler,
    budgets,
    consensus: (author, { kind, content }) => {
      presence.received(author);
      voting().receive(author, kind, content, namesEpoch(kind));
    },
    epochEnd: (content, bill) => voting().receiveEpochEnd(content, bill),
    awaitsConsensus: (author, kind, { start, bytes }) =>
      voting().awaits(author, kind, { start, bytes }, namesEpoch(kind)),
    awaitsBlock: (message) => awaitsBlock(ports.chain, message),
    block: (packet, bill) => judgeBlock(ports, packet, bill),
    transaction: (packet, bill) => judgeTransaction(ports, packet, bill),
  });
}

/** One that is missing here: served in answer to a STATUS, in the order of heights. */
function awaitsBlock({ head, genesis }: Chain, { start, bytes }: LargeMessage): boolean {
  const height = sealedBlockHeight(start);
  if (height === undefined || bytes > sealedBlockBytesMax(genesis.limits)) return false;
  return height > head.summary.height && height <= head.summary.height + MAIL_BLOCKS_AHEAD_MAX;
}

/** Admission checks the signature last; what it refuses for another reason may be right at the sender's. */
function judgeTransaction(
  { admit, budgets }: MailEntryPorts,
  { author, content }: Arrived,
  bill: Bill,
): void {
  const added = bill.judge(() => admit(content));
  if (added.ok) bill.refund();
  else if (WRONG_ANYWHERE.has(added.fault.code)) budgets.noteRefused(author);
}

const WRONG_ANYWHERE: ReadonlySet<AdmissionCode> = new Set([
  "TX_MALFORMED",
  "TX_TOO_LARGE",
  "TX_BAD_SIGNATURE",
]);

function judgeBlock(
  { chain, budgets, importBlock }: MailEntryPorts,
  { author, peerId, content }: Arrived,
  bill: Bill,
): Promise<void> | undefined {
  const decoded = decodeSealedBlock(content, chain.genesis.limits);
  if (!decoded.ok) {
    budgets.noteRefused(author);
    return undefined;
  }
  const { block, seal } = decoded.value;
  const known = chain.store.hashAt(block.summary.height);
  if (known !== undefined && equalBytes(known, block.hash)) return undefined;
  const isNext = block.summary.height <= chain.head.summary.height + 1n;
  if (isNext && !bill.judge(() => chain.rules.seemsSealed?.(block, seal) ?? true)) {
    budgets.noteRefused(author);
    return undefined;
  }
  bill.charge(SLOW_CHECK_US);
  return importBlock(decoded.value, peerId).then((outcome) => {
    if (outcome === "imported") bill.refund();
    else if (outcome !== "invalid") bill.refund(SLOW_CHECK_US);
  });
}
