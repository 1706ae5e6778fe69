/**
 * Mail of validators on its way in. Consensus messages are judged at once: a vote never waits behind blocks or
 * transactions. Those stand in a queue of their author, and one at a time is judged, the authors in turn, with a
 * pause for everything else after a few milliseconds of work. An author whose queue is long or whose budget is spent
 * is not read on (the returned promise is the connection's back-pressure); what comes nevertheless is dropped, and
 * STATUS or anti-entropy repairs it.
 * Source: docs/protocol.md, "Mail" and "Work".
 *
 * This folder: what comes in from peers, and what it may cost: mail, rumors, announcements, bodies, slow signatures.
 * Not here: asking for what is missing (p2p/sync), and the verdict on a block (chain).
 */
import { must } from "../../base/assert.ts";
import {
  MAIL_QUEUE_BYTES_MAX,
  MAIL_QUEUE_BYTES_READ_ON,
  MAIL_QUEUE_MESSAGES_MAX,
  MAIL_TURN_US_MAX,
} from "../../base/limits.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { ValidatorId } from "../../consensus/engine.ts";
import type { AnnouncedMail, LargeMessage } from "../../p2p/network-ports.ts";
import {
  decodePacket,
  isConsensusMail,
  MAIL_BLOCK,
  MAIL_EPOCH_END,
  MAIL_TRANSACTION,
  type Packet,
} from "./packet.ts";
import type { Bill, WorkBudgets } from "./work-budget.ts";

export interface IncomingMailPorts {
  readonly scheduler: Scheduler;
  readonly budgets: WorkBudgets;
  /** What is for the engine: consensus messages and the transactions of proposals. */
  readonly consensus: (author: ValidatorId, packet: Packet) => void;
  /** Whether the engine waits for a message that is too long to be read unasked. */
  readonly awaitsConsensus: (author: ValidatorId, kind: number, message: LargeMessage) => boolean;
  readonly awaitsBlock: (message: LargeMessage) => boolean;
  /** The end of an epoch; it refunds what was of use. */
  readonly epochEnd: (content: Uint8Array, bill: Bill) => void;
  /** Resolves when the block was judged, with what it cost on the bill. */
  readonly block: (block: Arrived, bill: Bill) => Promise<void> | undefined;
  readonly transaction: (transaction: Arrived, bill: Bill) => void;
}

/** A block or a transaction that waits to be judged. */
export interface Arrived {
  readonly author: ValidatorId;
  readonly peerId: string;
  readonly kind: number;
  readonly content: Uint8Array;
}

interface Queue {
  readonly waiting: Arrived[];
  bytes: number;
  /** Called when it is short again. */
  resume: (() => void)[];
}

export class IncomingMail {
  readonly #ports: IncomingMailPorts;
  /** Queues in the order of their turns: the validator that was served last stands last. */
  readonly #queues = new Map<ValidatorId, Queue>();
  #isBusy = false;
  #turnUs = 0;
  #isStopped = false;

  constructor(ports: IncomingMailPorts) {
    this.#ports = ports;
  }

  /** @returns a promise while no more of this author should be read; it resolves when reading may go on */
  receive(peerId: string, author: ValidatorId, bytes: Uint8Array): Promise<void> | undefined {
    if (this.#isStopped) return undefined;
    const { budgets, consensus } = this.#ports;
    const packet = decodePacket(bytes);
    if (packet !== undefined && isConsensusMail(packet.kind)) consensus(author, packet);
    else if (packet?.kind === MAIL_BLOCK || packet?.kind === MAIL_TRANSACTION)
      return this.#enqueue({ author, peerId, ...packet });
    else if (packet?.kind === MAIL_EPOCH_END)
      this.#ports.epochEnd(packet.content, budgets.open(author, bytes.length));
    else budgets.open(author, bytes.length);
    return this.#pause(author);
  }

  /** What is not awaited is thrown away as it comes, at its author's expense. */
  announced(author: ValidatorId, message: LargeMessage): AnnouncedMail {
    const { budgets } = this.#ports;
    const isAwaited = !this.#isStopped && !budgets.isSpent(author) && this.#awaits(author, message);
    if (isAwaited) return { isAwaited, pause: undefined };
    budgets.open(author, message.bytes);
    return { isAwaited, pause: this.#isStopped ? undefined : this.#pause(author) };
  }

  stop(): void {
    this.#isStopped = true;
    for (const queue of this.#queues.values()) for (const resume of queue.resume) resume();
    this.#queues.clear();
  }

  #awaits(author: ValidatorId, { start, bytes }: LargeMessage): boolean {
    const packet = decodePacket(start);
    if (packet === undefined) return false;
    const message = { start: packet.content, bytes: bytes - 1 };
    if (isConsensusMail(packet.kind)) return this.#ports.awaitsConsensus(author, packet.kind, message);
    const queued = this.#queues.get(author)?.bytes ?? 0;
    if (packet.kind !== MAIL_BLOCK || queued + bytes > MAIL_QUEUE_BYTES_MAX) return false;
    return this.#ports.awaitsBlock(message);
  }

  #enqueue(arrived: Arrived): Promise<void> | undefined {
    const { author, content } = arrived;
    const { budgets } = this.#ports;
    const queue = this.#queues.get(author) ?? { waiting: [], bytes: 0, resume: [] };
    const size = content.length;
    const isFull =
      queue.waiting.length >= MAIL_QUEUE_MESSAGES_MAX || queue.bytes + size > MAIL_QUEUE_BYTES_MAX;
    if (isFull || budgets.isSpent(author)) budgets.dropped++;
    else {
      queue.waiting.push(arrived);
      queue.bytes += size;
      this.#queues.set(author, queue);
      if (!this.#isBusy) this.#work();
    }
    return this.#pause(author);
  }

  #pause(author: ValidatorId): Promise<void> | undefined {
    const { budgets, scheduler } = this.#ports;
    if (budgets.isSpent(author)) {
      return new Promise((resolve) => scheduler.after(Math.ceil(budgets.waitMs(author)), resolve));
    }
    const queue = this.#queues.get(author);
    if (queue === undefined || queue.bytes <= MAIL_QUEUE_BYTES_READ_ON) return undefined;
    return new Promise((resolve) => queue.resume.push(resolve));
  }

  /** One after the other until nothing waits or this turn of the loop has had enough. */
  #work(): void {
    this.#isBusy = true;
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      const judged = this.#judge(next);
      if (judged !== undefined) {
        void judged.finally(() => this.#goOn());
        return;
      }
      if (this.#turnUs > MAIL_TURN_US_MAX) return this.#yield();
    }
    this.#isBusy = false;
  }

  #goOn(): void {
    if (this.#turnUs > MAIL_TURN_US_MAX) this.#yield();
    else this.#work();
  }

  #yield(): void {
    this.#ports.scheduler.after(0, () => {
      this.#turnUs = 0;
      this.#work();
    });
  }

  #judge(arrived: Arrived): Promise<void> | undefined {
    const { author, kind, content } = arrived;
    const { budgets, block, transaction } = this.#ports;
    if (budgets.isSpent(author)) {
      budgets.dropped++;
      return undefined;
    }
    const bill = budgets.open(author, content.length);
    const judged = kind === MAIL_BLOCK ? block(arrived, bill) : transaction(arrived, bill);
    if (judged === undefined) {
      this.#turnUs += bill.workUs;
      return undefined;
    }
    // What the disk did meanwhile let everything else have its turn.
    return judged.then(() => {
      this.#turnUs += bill.workUs;
    });
  }

  #take(): Arrived | undefined {
    if (this.#isStopped) return undefined;
    for (const [author, queue] of this.#queues) {
      this.#queues.delete(author);
      const arrived = must(queue.waiting.shift(), "an empty queue is not kept");
      queue.bytes -= arrived.content.length;
      if (queue.waiting.length > 0) this.#queues.set(author, queue);
      if (queue.bytes <= MAIL_QUEUE_BYTES_READ_ON) for (const resume of queue.resume.splice(0)) resume();
      return arrived;
    }
    return undefined;
  }
}
