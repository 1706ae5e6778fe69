/**
 * The network port of a Byzantine node: what its replica sends passes the filters first.
 */
import type { Address } from "../../base/bytes.ts";
import type { ValidatorId } from "../../consensus/engine.ts";
import type { Network, NetworkHandlers, PeerView, RumorTopic } from "../../node/ports.ts";
import type { Misbehaviour, Outgoing } from "./misbehaviour.ts";

/** The node whose filters these are. */
export interface Misbehaving {
  readonly misbehaviours: readonly Misbehaviour[];
  /** Runs a task on virtual time, in this life of the node. */
  after(delayMs: number, task: () => void): void;
}

export class FilteredNetwork implements Network {
  readonly peerId: string;
  readonly #inner: Network;
  readonly #node: Misbehaving;

  constructor(inner: Network, node: Misbehaving) {
    this.peerId = inner.peerId;
    this.#inner = inner;
    this.#node = node;
  }

  start(handlers: NetworkHandlers): Promise<void> {
    return this.#inner.start({
      ...handlers,
      mailReceived: (peerId, author, bytes) => handlers.mailReceived(peerId, author, bytes),
      requestReceived: (peerId, bytes) => this.#answer(handlers, peerId, bytes),
    });
  }

  stop(): Promise<void> {
    return this.#inner.stop();
  }

  mail(to: ValidatorId, packet: Uint8Array): void {
    let packets: readonly Outgoing[] = [{ to, packet }];
    for (const misbehaviour of this.#node.misbehaviours) {
      const [only, other] = packets;
      packets =
        only !== undefined && other === undefined
          ? filtered(misbehaviour, only)
          : packets.flatMap((one) => filtered(misbehaviour, one));
    }
    for (const one of packets) this.#send(one);
  }

  /** Only filters that say so can do with hashes in place of blocks. */
  readsCompact(to: ValidatorId): boolean {
    const sendsCompact = this.#node.misbehaviours.some((one) => one.sendsCompact === true);
    return sendsCompact && this.#inner.readsCompact?.(to) === true;
  }

  publish(topic: RumorTopic, bytes: Uint8Array): void {
    const passes = this.#node.misbehaviours.every(({ publishes }) => publishes?.(topic, bytes) ?? true);
    if (passes) this.#inner.publish(topic, bytes);
  }

  request(peerId: string, bytes: Uint8Array): Promise<Uint8Array> {
    return this.#inner.request(peerId, bytes);
  }

  seat(keys: readonly Address[], members: readonly number[]): void {
    this.#inner.seat?.(keys, members);
  }

  peers(): readonly PeerView[] {
    return this.#inner.peers();
  }

  brought(peerId: string, what: "block" | "transaction"): void {
    this.#inner.brought?.(peerId, what);
  }

  noteHeight(peerId: string, height: bigint): void {
    this.#inner.noteHeight(peerId, height);
  }

  reportFault(peerId: string, detail: string): void {
    this.#inner.reportFault(peerId, detail);
  }

  #send({ to, packet, delayMs = 0 }: Outgoing): void {
    if (delayMs <= 0) this.#inner.mail(to, packet);
    else this.#node.after(delayMs, () => this.#inner.mail(to, packet));
  }

  async #answer(handlers: NetworkHandlers, peerId: string, question: Uint8Array): Promise<Uint8Array> {
    let answer: Uint8Array | undefined = await handlers.requestReceived(peerId, question);
    for (const { answers } of this.#node.misbehaviours) {
      if (answers !== undefined) answer = answers(question, answer);
      if (answer === undefined) throw new Error("no answer");
    }
    return answer;
  }
}

function filtered(misbehaviour: Misbehaviour, one: Outgoing): readonly Outgoing[] {
  const instead = misbehaviour.outgoing?.(one.to, one.packet);
  if (instead === undefined) return [one];
  return instead.map((next) => ({ ...next, delayMs: (one.delayMs ?? 0) + (next.delayMs ?? 0) }));
}
