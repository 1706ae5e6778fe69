/**
 * How a Byzantine validator is made: an unchanged replica behind filters. One sits around its engine, one on what
 * leaves its network port, and it may send whatever it likes with its own key and those of its accomplices.
 * What the kinds do is adversary.ts; twins need no filter, they are two honest nodes with one key (cluster.ts).
 */
import type { Hash } from "../../base/bytes.ts";
import type { PbftParameters } from "../../chain/genesis/consensus-parameters.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import type { ConsensusEngine, Parsed, Typed, ValidatorId } from "../../consensus/engine.ts";
import type { Signer } from "../../crypto/keys.ts";
import type { RumorTopic } from "../../node/ports.ts";
import type { Replica } from "../../node/replica.ts";
import type { Random } from "./random.ts";
import type { AdversarySpec, NodeId } from "./schedule.ts";

export interface Outgoing {
  readonly to: ValidatorId;
  /** A sealed packet (node/ingress/packet.ts). */
  readonly packet: Uint8Array;
  /** Milliseconds besides what the network takes. */
  readonly delayMs?: number;
}

/** The filters of one kind at one node. Several kinds at one validator are applied one after the other. */
export interface Misbehaviour {
  /** Once per start of the replica. The result's `step` keeps the engine's contract towards the driver. */
  wrapEngine?(engine: ConsensusEngine<Parsed, Typed>): ConsensusEngine<Parsed, Typed>;
  /** What leaves instead of this packet: nothing, the same, others. */
  outgoing?(to: ValidatorId, packet: Uint8Array): readonly Outgoing[];
  /** Whether it proposes by hashes in runs that do. Left out, its proposals are whole: most filters look for blocks in what leaves. */
  readonly sendsCompact?: boolean;
  /** Whether a rumor leaves. */
  publishes?(topic: RumorTopic, bytes: Uint8Array): boolean;
  /** The answer to a request of anti-entropy, or undefined for none. */
  answers?(question: Uint8Array, answer: Uint8Array): Uint8Array | undefined;
  /** The replica was started, also after a crash: the moment for {@link MisbehaviourContext.after}. */
  started?(): void;
}

/** What a Byzantine validator knows and can do. */
export interface MisbehaviourContext {
  readonly node: NodeId;
  readonly validator: ValidatorId;
  readonly genesis: Genesis<PbftParameters>;
  readonly genesisHash: Hash;
  readonly signer: Signer;
  /** The keys of all Byzantine validators, this one included. */
  readonly accomplices: ReadonlyMap<ValidatorId, Signer>;
  /** A stream of its own. */
  readonly random: Random;
  /** The replica as it runs now, or undefined while it is down. */
  readonly replica: () => Replica | undefined;
  /** Whether the interval of the spec is now. */
  readonly active: () => boolean;
  /** Virtual time since the run began, ms. */
  readonly nowMs: () => number;
  /** Runs a task on virtual time; does nothing if the node has crashed meanwhile. */
  readonly after: (delayMs: number, task: () => void) => void;
  /** Sends a packet past the filters. */
  readonly mail: (to: ValidatorId, packet: Uint8Array) => void;
  /** Publishes a rumor past the filters. */
  readonly publish: (topic: RumorTopic, bytes: Uint8Array) => void;
  /** Sets the replica's clock, ahead or back. */
  readonly jumpClock: (byMs: number) => void;
}

/**
 * Makes the misbehaviour of a kind, as adversary.ts does. Undefined for a kind that the cluster makes itself
 * (twin).
 */
export type MisbehaviourMaker = (
  spec: AdversarySpec,
  context: MisbehaviourContext,
) => Misbehaviour | undefined;
