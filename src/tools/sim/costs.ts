/**
 * What agreement costs: consensus messages per type and their bytes, signatures made, faults that really happened.
 * An observer; the tables of docs/ come from here.
 */
import { MESSAGE_TYPE } from "../../consensus/pbft/messages.ts";
import { namesEpoch } from "../../node/ingress/packet.ts";
import type { Observer } from "./observer.ts";

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(MESSAGE_TYPE).map(([name, number]) => [number, name]),
);

export interface MessageCost {
  messages: number;
  /** The bytes of whole packets. */
  bytes: number;
}

export class Costs implements Observer {
  /** Consensus messages that left for one validator, by type. */
  readonly messages = new Map<string, MessageCost>();
  /** Faults of the schedule that happened, by kind. */
  readonly faults = new Map<string, number>();
  /** Highest height that any node committed. */
  height = 0n;
  commits = 0;
  /** New views that replicas entered. */
  newViews = 0;

  sent(_node: number, _to: number, packet: Uint8Array): void {
    // kind | version | type | ...
    const name = namesEpoch(packet[0] ?? 0)
      ? (NAMES.get(packet[2] ?? 0) ?? "unknown")
      : "block or transaction";
    let cost = this.messages.get(name);
    if (cost === undefined) {
      cost = { messages: 0, bytes: 0 };
      this.messages.set(name, cost);
    }
    cost.messages++;
    cost.bytes += packet.length;
  }

  committed(_node: number, { block }: Parameters<NonNullable<Observer["committed"]>>[1]): void {
    this.commits++;
    if (block.summary.height > this.height) this.height = block.summary.height;
  }

  announced(_node: number, event: Parameters<NonNullable<Observer["announced"]>>[1]): void {
    if (event.type === "new-view") this.newViews++;
  }

  injected(kind: string): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
  }
}
