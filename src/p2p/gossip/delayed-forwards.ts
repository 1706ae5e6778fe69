/**
 * Passing a batch of transactions on a moment later. Whoever publishes sends to all its peers at once, so where every
 * node is connected to every other one, all have the batch after one hop, and each tells the others that it has it
 * (IDONTWANT). The library passes a message on when it is judged, which is before it reads what the others say: it
 * sent each batch to everybody three times (measured in a network of four under load). After this delay the others
 * have spoken, and only who has not is sent the batch. Nothing waits for it: the message is judged and kept before.
 * Source: GossipSub 1.2, IDONTWANT; docs/adr/0044-01.
 */
import type { Scheduler } from "../../base/scheduler.ts";

/**
 * How long a batch waits before it is passed on: so long, and then so many turns of the event loop, in which what came
 * meanwhile is read. On a node that is late a turn takes longer, and so it does on its neighbours.
 */
export const FORWARD_AFTER_MS = 25;
const FORWARD_AFTER_TURNS = 8;
/** A message from so many bytes on is announced by IDONTWANT, and waits. A lone transfer is shorter. */
export const IDONTWANT_BYTES_MIN = 512;
/** Bytes that wait at most; what is beyond them is passed on at once. */
export const FORWARDS_WAITING_BYTES_MAX = 4 * 1024 * 1024;

export interface RawMessage {
  readonly topic: string;
  readonly data?: Uint8Array;
}

/** What of gossipsub is replaced. */
export interface Forwarding {
  forwardMessage(id: string, message: RawMessage, source?: string, exclude?: Set<string>): void;
}

interface Parts {
  readonly waiting: WaitingMessages;
  /** Whether messages of a topic may wait. */
  readonly mayWait: (topic: string) => boolean;
}

export function delayForwards(gossip: Forwarding, { waiting, mayWait }: Parts): void {
  const forward = gossip.forwardMessage.bind(gossip);
  gossip.forwardMessage = (id, message, ...peers) => {
    const waits = (message.data?.length ?? 0) >= IDONTWANT_BYTES_MIN && mayWait(message.topic);
    if (!waits) forward(id, message, ...peers);
    else waiting.hold(message, FORWARD_AFTER_MS, (own) => forward(id, own, ...peers));
  };
}

/** Messages that are passed on later. */
export class WaitingMessages {
  readonly #scheduler: Pick<Scheduler, "after">;
  #bytes = 0;

  constructor(scheduler: Pick<Scheduler, "after">) {
    this.#scheduler = scheduler;
  }

  /** Passes a message on after a while and some turns of the event loop, or at once where too much waits. */
  hold(message: RawMessage, delayMs: number, pass: (message: RawMessage) => void): void {
    const size = message.data?.length ?? 0;
    if (message.data === undefined || this.#bytes + size > FORWARDS_WAITING_BYTES_MAX) return pass(message);
    this.#bytes += size;
    // A copy: the memory is gossipsub's, which uses it again.
    const own = { ...message, data: new Uint8Array(message.data) };
    const wait = (ms: number, turns: number) => {
      this.#scheduler.after(ms, () => {
        if (turns > 0) return wait(0, turns - 1);
        this.#bytes -= size;
        pass(own);
      });
    };
    wait(delayMs, FORWARD_AFTER_TURNS);
  }
}
