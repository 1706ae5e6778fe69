/**
 * The parts of a replica that depend on the mode of its chain, as both assemblies give them: final.ts where blocks are
 * final once they are sealed, forkable.ts where they can be abandoned. Types alone; nothing else of the node asks.
 */
import type { Relay, Verdict } from "../../base/fault.ts";
import type { Chain, HeadChange } from "../../chain/chain.ts";
import type { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import type { BlockHead, SealedBlock } from "../../chain/types/block.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import type { AdmissionCode } from "../../mempool/admission.ts";
import type { Mempool } from "../../mempool/mempool.ts";
import type { AntiEntropy } from "../../p2p/sync/anti-entropy.ts";
import type { ImportOutcome } from "../../p2p/sync/catch-up.ts";
import type { PassedOn } from "../ingress/passed-on.ts";
import type { PeerView } from "../ports.ts";
import type { ReplicaPorts } from "../replica-ports.ts";
import type { TransitionWatch } from "./transition-watch.ts";

/** What an assembly is made from. */
export interface ModeContext {
  readonly chain: Chain;
  readonly pool: Mempool;
  readonly signatures: AcceptedSignatures;
  /** How many validators the epoch has. */
  validatorCount(): number;
  /** The peers, each validator by its index in the set of the epoch. */
  seatedPeers(): readonly PeerView[];
  /** Tells whether this node's key proposed a block. */
  isProposer(head: BlockHead): boolean;
  /** Whether this node votes in the epoch of the head. */
  isMember(): boolean;
  readonly passedOn: PassedOn;
  /** Is told of blocks that were refused. */
  readonly transitions: TransitionWatch;
  readonly ports: ReplicaPorts;
  /** The time between two comparisons, ms. With 0 there are no periodic ones. */
  readonly intervalMs: number;
  /** An encoded block that is final, fetched from a peer. */
  importFetched(bytes: Uint8Array, peerId: string): Promise<ImportOutcome>;
  /** A block that is final, put together from an announcement. */
  importAnnounced(sealed: SealedBlock): Promise<void>;
  /** An envelope for the pool. */
  admit(envelope: Uint8Array): Verdict<unknown, AdmissionCode>;
}

export interface ModeParts {
  readonly repair: AntiEntropy;
  /** What an announcement of a block is worth. */
  judgeBlock(peerId: string, announcement: Uint8Array): Promise<Relay>;
  /** Whether this node has to announce the block that came to its head. */
  isOwn(change: HeadChange): boolean;
  /** The height that this node has reason to believe, or undefined when it has none. See believed-height.ts. */
  believedHeight(): bigint | undefined;
  /** Takes what abandoned blocks held and nobody minted: others are told of it again. */
  reorganised(left: readonly SignedTransaction[]): void;
  start(): void;
  stop(): void;
}
