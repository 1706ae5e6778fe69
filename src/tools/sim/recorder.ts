/**
 * Records a run for a picture: who was in which view, what was committed, what failed, and messages with the times at
 * which they left and arrived. It is an observer and changes nothing; what it keeps is bounded: the first messages of
 * a run and the last.
 */
import { MAIL_BLOCK, namesEpoch } from "../../node/ingress/packet.ts";
import type { Observer } from "./observer.ts";
import { MESSAGE_TYPES, type NodeId } from "./schedule.ts";

export interface RecordedNote {
  readonly atMs: number;
  readonly node: NodeId;
  readonly kind: "view" | "proposal" | "commit" | "view-change" | "crash" | "start";
  readonly view: number;
}

export interface RecordedMessage {
  readonly from: NodeId;
  readonly to: NodeId;
  /** A name of MESSAGE_TYPES, or "other". */
  readonly type: string;
  readonly sentMs: number;
  /** When it arrived, ms. Undefined when it never did. */
  arrivedMs: number | undefined;
}

const NOTES_MAX = 20_000;
/** Messages kept of the beginning, and at most twice as many of the end. */
const MESSAGES_MAX = 10_000;

export class Recorder {
  readonly notes: RecordedNote[] = [];
  readonly #first: RecordedMessage[] = [];
  #last: RecordedMessage[] = [];
  readonly #underWay = new WeakMap<Uint8Array, RecordedMessage[]>();
  #nowMs: () => number = () => 0;

  /** The messages in the order in which they left. */
  get messages(): readonly RecordedMessage[] {
    return [...this.#first, ...this.#last];
  }

  /** @param nowMs virtual time of the run */
  observe(nowMs: () => number): Observer {
    this.#nowMs = nowMs;
    return {
      sent: (node, to, packet) => this.#sent(node, to, packet),
      delivered: (node, from, packet) => this.#delivered(node, from, packet),
      announced: (node, event) => {
        if (event.type === "new-view") this.#note("view", node, event.view);
        if (event.type === "pre-prepare" && event.from === node) this.#note("proposal", node, event.view);
        if (event.type === "view-change" && event.from === node) this.#note("view-change", node, event.view);
      },
      committed: (node) => this.#note("commit", node, 0n),
      crashed: (node) => this.#note("crash", node, 0n),
      started: (node) => this.#note("start", node, 0n),
    };
  }

  #note(kind: RecordedNote["kind"], node: NodeId, view: bigint): void {
    if (this.notes.length < NOTES_MAX)
      this.notes.push({ atMs: this.#nowMs(), node, kind, view: Number(view) });
  }

  #sent(from: NodeId, to: NodeId, packet: Uint8Array): void {
    const message = { from, to, type: typeOf(packet), sentMs: this.#nowMs(), arrivedMs: undefined };
    this.#underWay.set(packet, [...(this.#underWay.get(packet) ?? []), message].slice(-MESSAGES_PER_PACKET));
    if (this.#first.length < MESSAGES_MAX) this.#first.push(message);
    else this.#last.push(message);
    if (this.#last.length > 2 * MESSAGES_MAX) this.#last = this.#last.slice(-MESSAGES_MAX);
  }

  #delivered(to: NodeId, from: NodeId, packet: Uint8Array): void {
    const own = this.#underWay
      .get(packet)
      ?.find((each) => each.from === from && each.to === to && each.arrivedMs === undefined);
    if (own !== undefined) own.arrivedMs = this.#nowMs();
  }
}

/** The same bytes go to every validator. */
const MESSAGES_PER_PACKET = 200;

function typeOf(packet: Uint8Array): string {
  if (packet[0] === MAIL_BLOCK) return "sealed-block";
  const number = namesEpoch(packet[0] ?? 0) ? packet[2] : undefined;
  return Object.entries(MESSAGE_TYPES).find(([, each]) => each === number)?.[0] ?? "other";
}
