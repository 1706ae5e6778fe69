/** Where a node stands among the epochs: in which one it starts, whom it lets in, and what it says of its own seat. */
import type { Chain } from "../../chain/chain.ts";
import { endsEpoch, type ValidatorSet } from "../../chain/types/validator-set.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { ConsensusEpochs, ValidatorId } from "../../consensus/engine.ts";
import { admittedPeers } from "./admitted-peers.ts";
import { indexIn, type VotingOptions, type VotingPorts } from "./voting-ports.ts";

/** Where the ledger stands at the start: behind the last block of an epoch only if the end is known to be stable. */
export function startEpochOf({ head, store }: Chain, { epochs }: ConsensusEpochs): bigint {
  const { summary } = head;
  const transition = epochs.transitionOn(head);
  if (transition !== undefined) return transition.epoch;
  if (!endsEpoch(summary)) return summary.epoch;
  return store.checkpointAt(summary.height) === undefined ? summary.epoch : summary.epoch + 1n;
}

/** @param start of mail that names its epoch; what names none is of today, and so is all where validators never change */
export function epochOfMail(
  changing: ConsensusEpochs | undefined,
  today: bigint,
  start: Uint8Array | undefined,
): bigint | undefined {
  return changing === undefined || start === undefined ? today : changing.epochOfMessage(start);
}

/** Peer ids that the chain admits now. */
export function peersToAllow(chain: Chain, { epochs }: ConsensusEpochs): string[] {
  const admitted = admittedPeers(chain.committed, epochs, chain.head.summary.height);
  // The state knows a set that a transition brings only with its first block.
  const coming = epochs.transitionOn(chain.head)?.members ?? [];
  return [...new Set([...admitted, ...coming.map(({ peerId }) => peerId)])];
}

/** The index of a node in the set of an epoch that it has entered, and in the one before. */
interface SeatInEpoch {
  readonly epoch: bigint;
  readonly before: ValidatorId | undefined;
  readonly self: ValidatorId | undefined;
}

/** What a turn of the epoch made of this node. A full node says nothing. */
export function sayMembership(
  { log, chain, seats }: Pick<VotingPorts, "log" | "chain" | "seats">,
  { signer, waitingKey = () => undefined }: Pick<VotingOptions, "signer" | "waitingKey">,
  { epoch, before, self }: SeatInEpoch,
): void {
  if (signer === undefined) return;
  const fields = { epoch, height: chain.head.summary.height };
  if (self === undefined && before !== undefined) {
    const next = waitingKey();
    if (next !== undefined && indexIn(seats.validators, { publicKey: next }) !== undefined)
      return log.log("info", "pbft", "this validator takes its new key", fields);
    log.log("warn", "pbft", "no validator any more: this node goes on as a full node", fields);
  } else if (self !== undefined && before === undefined) {
    log.log("info", "pbft", "a validator from now on", { ...fields, validator: self });
  } else log.log("info", "pbft", "a new epoch has begun", { ...fields, validator: self });
}

/** What a mail of kind 4 says, or undefined for one of another form. */
export function readEpochEnd(
  content: Uint8Array,
): { readonly epoch: bigint; readonly certificate: Uint8Array } | undefined {
  const read = decode(content, "epoch end", (reader) => ({
    epoch: reader.u64(),
    certificate: reader.raw(reader.remaining),
  }));
  return read.ok ? read.value : undefined;
}

/** The mail that proves the end of an epoch, or undefined where that is not known here. */
export function epochEndMail(
  { store }: Chain,
  changing: ConsensusEpochs,
  epoch: bigint,
): Uint8Array | undefined {
  const next = changing.epochs.find(epoch + 1n);
  const certificate = next && store.checkpointAt(next.firstHeight - 1n);
  if (certificate === undefined) return undefined;
  return new Writer(8 + certificate.length).u64(epoch).raw(certificate).finish();
}

/** The members before and after an epoch, as far as they are known. */
export function neighbouringSets(
  epochs: ConsensusEpochs["epochs"] | undefined,
  epoch: bigint,
): ValidatorSet[] {
  const sets = [epoch - 1n, epoch + 1n].map((other) => (other < 0n ? undefined : epochs?.setOf(other)));
  return sets.filter((set) => set !== undefined);
}
