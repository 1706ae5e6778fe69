/**
 * What can be seen of a run. Checkers and counters are observers: the cluster tells them everything as it happens,
 * synchronously and in order; they change nothing. Bytes are shared with the replicas and must not be written.
 */
import type { SealedBlock } from "../../chain/types/block.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import type { Effect, EngineEvent, Input, Typed, ValidatorId } from "../../consensus/engine.ts";
import type { RumorTopic } from "../../node/ports.ts";
import type { NodeId } from "./schedule.ts";

/** Why a node went down. */
export type CrashCause = "schedule" | "fatal" | "stop";

/** All are optional; `node` tells twins of one validator apart. */
export interface Observer {
  /** A replica was opened from its disk and runs. `records` is what its journal held, and undefined for a full node. */
  started?(node: NodeId, records: readonly Uint8Array[] | undefined): void;
  /** After an engine took a step; the effects as the driver will perform them (after the adversary's filter). */
  stepped?(node: NodeId, input: Input<Typed>, effects: readonly Effect<Typed>[]): void;
  announced?(node: NodeId, event: EngineEvent): void;
  /** A packet (node/ingress/packet.ts) left for a validator; also when it will be lost. */
  sent?(node: NodeId, to: ValidatorId, packet: Uint8Array): void;
  /** A packet reached a node. */
  delivered?(node: NodeId, from: NodeId, packet: Uint8Array): void;
  published?(node: NodeId, topic: RumorTopic, bytes: Uint8Array): void;
  /** Records are durable now; `rotated`: they replace all earlier ones. */
  journaled?(node: NodeId, records: readonly Uint8Array[], rotated: boolean): void;
  /** A block is durable in the node's ledger, and is its head. */
  committed?(node: NodeId, sealed: SealedBlock, receipts: readonly Uint8Array[]): void;
  /** What a journal lost with power is not told: `started` tells what is left. */
  crashed?(node: NodeId, cause: CrashCause): void;
  /** A replica asked to be stopped. `expected`: because of an injected fault, such as a full disk. */
  failed?(node: NodeId, error: unknown, expected: boolean): void;
  /** A node's pool took a client's transaction. */
  accepted?(node: NodeId, transaction: SignedTransaction): void;
  /** A scheduled fault happened, which is counted: "partition", "crash action", "disk full" and so on. */
  injected?(kind: string): void;
}

/** Tells many as if they were one; an observer that lacks a method costs nothing when it is called. */
export function emitToAll(observers: readonly Observer[]): Required<Observer> {
  // Bound once: to look a method up by its name at each event took a twentieth of a schedule's time (profiled).
  const all = <K extends keyof Observer>(name: K): Required<Observer>[K] => {
    const able: Emit[] = [];
    for (const observer of observers) {
      const method = observer[name] as Emit | undefined;
      if (method !== undefined) able.push(method.bind(observer));
    }
    const [only] = able;
    if (only !== undefined && able.length === 1) return only as Required<Observer>[K];
    const emit: Emit = (a, b, c) => {
      for (const each of able) each(a, b, c);
    };
    return emit as Required<Observer>[K];
  };
  return {
    started: all("started"),
    stepped: all("stepped"),
    announced: all("announced"),
    sent: all("sent"),
    delivered: all("delivered"),
    published: all("published"),
    journaled: all("journaled"),
    committed: all("committed"),
    crashed: all("crashed"),
    failed: all("failed"),
    accepted: all("accepted"),
    injected: all("injected"),
  };
}

/** A method of an observer, none of which has more than three parameters. */
type Emit = (a?: unknown, b?: unknown, c?: unknown) => void;
