/**
 * What an engine's driver needs of the node around it, put together for each epoch anew: an engine knows indices in
 * the set of its epoch, the network and the budgets know seats (votes/seats.ts).
 */
import type { Hash } from "../../base/bytes.ts";
import { SERVE_BYTES_MAX } from "../../base/limits.ts";
import type { Chain } from "../../chain/chain.ts";
import type { Consensus, ValidatorId } from "../../consensus/engine.ts";
import type { Mempool } from "../../mempool/mempool.ts";
import { Driver } from "../driver.ts";
import type { DriverPorts } from "../driver-ports.ts";
import { encodePacket, MAIL_BLOCK, MAIL_EPOCH_END, MAIL_TRANSACTION } from "../ingress/packet.ts";
import { encodedBlocks } from "../ingress/served-blocks.ts";
import type { WorkBudgets } from "../ingress/work-budget.ts";
import type { Presence } from "../metrics/presence.ts";
import { bodiesFrom } from "../mining/block-body.ts";
import type { CompactSettings, ReplicaOptions, ReplicaPorts } from "../replica-ports.ts";
import type { EvidenceStore } from "../votes/evidence-store.ts";
import type { Seat, Seats } from "../votes/seats.ts";
import { isRemote, SignerLost } from "../votes/validator-key.ts";
import { Voting } from "../votes/voting.ts";
import { oldestWaiting } from "./replica-parts.ts";

/**
 * A short proposal saves little and may cost a round trip. What a pool has for a tenth of a second is on its way to all; and a
 * lost answer is asked for again well before the view's timer ends.
 */
const COMPACT_PROPOSALS: CompactSettings = { bytesMin: 8 * 1024, freshMs: 100, askMs: 300 };

export interface VotingParts
  extends Pick<DriverPorts, "requestSync" | "announce" | "rewardTo" | "mine" | "ownBlock"> {
  readonly consensus: Consensus;
  readonly chain: Chain;
  readonly pool: Mempool;
  readonly seats: Seats;
  readonly budgets: WorkBudgets;
  readonly evidence: EvidenceStore;
  readonly presence: Presence;
  readonly ports: ReplicaPorts;
  readonly entered: (epoch: bigint) => void;
}

export function createVoting(
  {
    settings,
    signer,
    waitingKey,
    recoversAmnesia = false,
    wrapEngine = (engine) => engine,
    compactProposals = COMPACT_PROPOSALS,
  }: ReplicaOptions,
  parts: VotingParts,
): Voting {
  const { consensus, chain, seats, budgets, ports, requestSync, entered } = parts;
  const { journal, scheduler, log, network } = ports;
  const fatal = failureOf(parts, signer);
  return new Voting(
    { consensus, signer, waitingKey, settings, recoversAmnesia, wrapEngine },
    {
      ...{ chain, journal, scheduler, log, seats, requestSync, fatal, entered },
      createDriver: (work) =>
        new Driver(work, {
          ...driverPorts(parts, compactProposals),
          journal: work.journal,
          fatal,
          ask: isRemote(signer) ? signer.ask : undefined,
        }),
      seatsGrew: () => {
        budgets.grow(seats.keys.length);
        network.seat?.(seats.keys, seats.current);
        parts.presence.reseated();
      },
      advertisedHeights: () =>
        new Map(
          network
            .peers()
            .flatMap(({ validator, height }) =>
              validator === undefined || height === undefined ? [] : [[validator, height] as const],
            ),
        ),
      allowPeers: (peerIds) => network.allow?.(peerIds),
      mailEpochEnd: (to: Seat, content: Uint8Array) =>
        network.mail(to, encodePacket(MAIL_EPOCH_END, content)),
    },
  );
}

/** A signer elsewhere that cannot be asked takes the vote, and leaves the node. */
function failureOf({ ports }: VotingParts, signer: ReplicaOptions["signer"]): (error: unknown) => void {
  return (error) => {
    if (isRemote(signer) && error instanceof SignerLost) signer.failed(error);
    else ports.fatal(error);
  };
}

function driverPorts(parts: VotingParts, compact: CompactSettings): Omit<DriverPorts, "journal" | "fatal"> {
  const { chain, pool, seats, budgets, evidence, ports } = parts;
  const { requestSync, announce, rewardTo, mine, ownBlock } = parts;
  const { scheduler, log, network } = ports;
  const seat = (index: ValidatorId): Seat => seats.of(index);
  const post = (to: ValidatorId, kind: number, content: Uint8Array) =>
    network.mail(seat(to), encodePacket(kind, content));
  /** The last content of each kind, which goes to one validator after the other, and its packet: made once for all of them. */
  const last = new Map<number, { readonly content: Uint8Array; readonly packet: Uint8Array }>();
  return {
    ...{ chain, scheduler, log, requestSync, announce, rewardTo, mine, ownBlock },
    template: bodiesFrom(pool, chain),
    held: () => pool.size,
    areComing: () => (network.unjudged?.() ?? 0) > 0,
    oldest: () => oldestWaiting(pool, scheduler.now()),
    relayTransaction: (to: ValidatorId, hash: Hash) => {
      const transaction = pool.getByHash(hash);
      if (transaction !== undefined) post(to, MAIL_TRANSACTION, transaction.bytes);
    },
    mail: (to, content, kind) => {
      let made = last.get(kind);
      if (made?.content !== content) made = { content, packet: encodePacket(kind, content) };
      last.set(kind, made);
      network.mail(seat(to), made.packet);
    },
    readsCompact: (to) => network.readsCompact?.(seat(to)) === true,
    compactFromBytes: compact.bytesMin,
    compactAskMs: compact.askMs,
    isFresh: (transaction) => {
      const addedMs = pool.addedMs(transaction);
      return addedMs === undefined || scheduler.now() - addedMs < compact.freshMs;
    },
    find: (hash) => pool.getByHash(hash),
    serveBlocks: (to, fromHeight) => {
      for (const block of encodedBlocks(chain, fromHeight, SERVE_BYTES_MAX)) post(to, MAIL_BLOCK, block);
    },
    stopMining: () => ports.miner?.stop(),
    budgets: {
      isSpent: (author) => budgets.isSpent(seat(author)),
      open: (author, bytes) => budgets.open(seat(author), bytes),
      noteRefused: (author) => budgets.noteRefused(seat(author)),
    },
    reportFault: (_, found) => evidence.report(found),
  };
}
