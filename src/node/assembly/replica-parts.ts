/**
 * The parts that a replica is put together from, once its ledger is open.
 *
 * This folder: the parts that node.ts and replica.ts are put together from, those of final chains (final.ts) and of
 * forkable ones (forkable.ts) among them. Not here: what the parts do.
 */
import { equalBytes, hex0x } from "../../base/bytes.ts";
import type { Fault } from "../../base/fault.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { Chain } from "../../chain/chain.ts";
import type { Epochs } from "../../chain/epochs.ts";
import type { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import type { ChainStore } from "../../chain/store.ts";
import { acceptanceOperations, contradictionOf, misfitOf } from "../../chain/transitions.ts";
import type { KnownTransactions } from "../../chain/types/known-transactions.ts";
import { type Transition, transitionId } from "../../chain/types/transition.ts";
import type { Consensus, WaitingTransaction } from "../../consensus/engine.ts";
import type { Signer } from "../../crypto/keys.ts";
import type { SignatureMeter } from "../../crypto/signature-meter.ts";
import type { Mempool } from "../../mempool/mempool.ts";
import type { Kv } from "../../storage/kv.ts";
import { StartError } from "../home/start-error.ts";
import { WorkBudgets } from "../ingress/work-budget.ts";
import type { EvidenceStore } from "../votes/evidence-store.ts";
import type { WatermarkedVotes } from "../votes/journal-watermark.ts";
import type { Seats } from "../votes/seats.ts";

export interface OpenedParts {
  readonly chain: Chain;
  readonly consensus: Consensus;
  readonly signatures: AcceptedSignatures;
  readonly meter: SignatureMeter;
  readonly evidence: EvidenceStore;
  readonly seats: Seats;
  /** What the pool holds need not be decoded again. */
  readonly known: KnownTransactions;
  readonly votes: WatermarkedVotes;
}

/** @throws StartError `wrong-key`: it is no validator's */
export function checkKey(signer: Pick<Signer, "publicKey">, consensus: Consensus): void {
  const { members } = consensus.validators;
  const index = members.findIndex(({ publicKey }) => equalBytes(publicKey, signer.publicKey));
  // Where validators change, a key outside the first set may be voted in one day.
  if (index >= 0 || consensus.changing !== undefined) return;
  const detail =
    "keys/validator.json is not the key of any validator in genesis.json: is that the genesis of this network? To follow it without a vote: --mode full";
  throw new StartError({ code: "wrong-key", detail });
}

/** What the mail of each validator may cost this replica. */
export function budgetsOf({ consensus, meter }: OpenedParts, scheduler: Scheduler): WorkBudgets {
  return new WorkBudgets({ now: () => scheduler.now(), meter, count: consensus.validators.members.length });
}

/** The executable transaction that has waited longest in the pool. */
export function oldestWaiting(
  pool: Pick<Mempool, "oldestExecutable">,
  nowMs: number,
): WaitingTransaction | undefined {
  const entry = pool.oldestExecutable();
  return entry === undefined ? undefined : { hash: entry.transaction.hash, ageMs: nowMs - entry.addedMs };
}

/**
 * Each is noted in the database before anything is signed under it, and after it is known that nothing was signed without it.
 * @param otherSide why the journal's votes are of another chain than these lead to
 * @throws StartError for a transition that does not hold, would give up what is final here, or is the second of its epoch; and
 *   where the key has voted on the other side of one
 */
export async function acceptTransitions(
  transitions: readonly Transition[],
  { kv, store, epochs }: { kv: Kv; store: ChainStore; epochs: Pick<Epochs, "setOf"> },
  otherSide: () => Fault | undefined,
): Promise<void> {
  for (const transition of transitions) {
    const misfit =
      misfitOf(transition, store, epochs.setOf(transition.epoch - 1n)) ?? contradictionOf(transition, kv);
    if (misfit === undefined) continue;
    const detail = `the transition ${hex0x(transitionId(transition))} is refused: ${misfit.detail}`;
    throw new StartError({ code: misfit.code, detail });
  }
  const voted = otherSide();
  if (voted !== undefined) throw new StartError(voted);
  if (transitions.length === 0) return;
  await kv.write(acceptanceOperations(transitions), { sync: true });
}
