/** Budgets of work and the queues of mail that stand on them: virtual time, made-up judges. */
import { expect, it } from "vitest";
import {
  MAIL_QUEUE_BYTES_READ_ON,
  MAIL_QUEUE_MESSAGES_MAX,
  REFUSED_PER_SECOND_MAX,
  WORK_BURST_US,
} from "../../../src/base/limits.ts";
import { type Arrived, IncomingMail } from "../../../src/node/ingress/incoming-mail.ts";
import {
  encodePacket,
  MAIL_BLOCK,
  MAIL_CONSENSUS,
  MAIL_TRANSACTION,
} from "../../../src/node/ingress/packet.ts";
import { type Bill, WorkBudgets, workShape } from "../../../src/node/ingress/work-budget.ts";
import { VirtualTime } from "../../p2p/virtual-time.ts";

class Rig {
  readonly time = new VirtualTime();
  readonly meter = { spentUs: 0 };
  readonly budgets = new WorkBudgets({ now: () => this.time.now(), meter: this.meter, count: 4 });
  readonly seen: string[] = [];
  /** Of each block and transaction, on the author's bill. */
  costUs = 100;
  isUseful = false;
  isAwaited = false;
  /** How long a block takes, ms; undefined: it is judged at once. */
  blockMs: number | undefined;
  readonly mail = new IncomingMail({
    scheduler: this.time,
    budgets: this.budgets,
    epochEnd: () => undefined,
    consensus: (author) => this.seen.push(`vote ${author}`),
    awaitsConsensus: () => this.isAwaited,
    awaitsBlock: () => this.isAwaited,
    block: (block, bill) => this.#judge("block", block, bill),
    transaction: (transaction, bill) => void this.#judge("tx", transaction, bill),
  });

  #judge(name: string, { author }: Arrived, bill: Bill): Promise<void> | undefined {
    this.seen.push(`${name} ${author}`);
    bill.judge(() => {
      this.meter.spentUs += this.costUs;
    });
    if (this.isUseful) bill.refund();
    if (name === "tx" || this.blockMs === undefined) return undefined;
    return new Promise((resolve) => this.time.after(this.blockMs!, resolve));
  }

  send(author: number, kind: number, bytes = 10): Promise<void> | undefined {
    return this.mail.receive(`peer${author}`, author, encodePacket(kind, new Uint8Array(bytes)));
  }
}

it("the ingress of mail judges no more of an author whose budget is spent, and goes on when it has come back", async () => {
  const rig = new Rig();
  rig.costUs = WORK_BURST_US + 10_000;
  expect(rig.send(1, MAIL_TRANSACTION)).toBeInstanceOf(Promise);
  expect(rig.budgets.isSpent(1)).toBe(true);
  rig.send(1, MAIL_TRANSACTION);
  expect(rig.seen).toEqual(["tx 1"]);
  expect(rig.budgets.dropped).toBe(1);
  expect(rig.budgets.isSpent(2)).toBe(false);
  let resumed = false;
  void rig.send(1, MAIL_CONSENSUS)!.then(() => {
    resumed = true;
  });
  await rig.time.pass(50);
  expect(resumed).toBe(false);
  await rig.time.pass(60);
  expect(resumed).toBe(true);
});

it("the ingress of mail takes nothing from an author for what was of use, however much it is", () => {
  const rig = new Rig();
  rig.isUseful = true;
  rig.costUs = 50_000;
  for (let i = 0; i < 100; i++) expect(rig.send(1, MAIL_BLOCK)).toBeUndefined();
  expect(rig.seen.length).toBeLessThanOrEqual(100);
  expect(rig.budgets.isSpent(1)).toBe(false);
  expect(rig.budgets.wasted[1]).toBeLessThan(1);
});

it("the ingress of mail lets no vote wait behind blocks, and takes the authors in turn", async () => {
  const rig = new Rig();
  rig.blockMs = 10;
  for (let i = 0; i < 3; i++) rig.send(1, MAIL_BLOCK);
  for (let i = 0; i < 2; i++) rig.send(2, MAIL_BLOCK);
  rig.send(3, MAIL_CONSENSUS);
  await rig.time.pass(100);
  expect(rig.seen).toEqual(["block 1", "vote 3", "block 1", "block 2", "block 1", "block 2"]);
});

it("the ingress of mail gives everything else a turn after a few milliseconds of work", async () => {
  const rig = new Rig();
  rig.costUs = 1_500;
  rig.isUseful = false;
  rig.blockMs = undefined;
  let between = -1;
  for (let i = 0; i < 20; i++) rig.send(1, MAIL_TRANSACTION);
  rig.time.after(0, () => {
    between = rig.seen.length;
  });
  await rig.time.pass(10);
  expect(between).toBeGreaterThan(0);
  expect(between).toBeLessThan(20);
  expect(rig.seen.length).toBe(20);
});

it("the ingress of mail stops reading an author whose queue is long, and drops what comes beyond the bound", async () => {
  const rig = new Rig();
  rig.blockMs = 10;
  rig.isUseful = true;
  expect(rig.send(1, MAIL_BLOCK)).toBeUndefined();
  expect(rig.send(1, MAIL_BLOCK, MAIL_QUEUE_BYTES_READ_ON)).toBeUndefined();
  const pause = rig.send(1, MAIL_BLOCK);
  expect(pause).toBeInstanceOf(Promise);
  expect(rig.send(2, MAIL_BLOCK)).toBeUndefined();
  for (let i = 0; i < MAIL_QUEUE_MESSAGES_MAX; i++) void rig.send(1, MAIL_TRANSACTION, 1);
  expect(rig.budgets.dropped).toBeGreaterThan(0);
  await rig.time.pass(30);
  await pause;
});

it("the ingress of mail reads no more than a few refused messages a second", async () => {
  const rig = new Rig();
  for (let i = 0; i < REFUSED_PER_SECOND_MAX; i++) rig.budgets.noteRefused(1);
  expect(rig.budgets.isSpent(1)).toBe(true);
  await rig.time.pass(1_000);
  expect(rig.budgets.isSpent(1)).toBe(false);
});

it("the ingress of mail gives all that can be faulty together no more than a fifth of the thread", () => {
  for (const n of [1, 4, 7, 10, 31, 100, 200]) {
    const faulty = Math.floor((n - 1) / 3);
    expect(faulty * workShape(n).perSecond).toBeLessThanOrEqual(200_000);
    expect(faulty * workShape(n).capacity).toBeLessThanOrEqual(1_000_000);
  }
});

it("the ingress of mail makes the author of a long message that nobody waits for pay for its bytes, and reads no more at the budget's end", () => {
  const rig = new Rig();
  const announce = (kind: number, bytes: number) =>
    rig.mail.announced(1, { start: encodePacket(kind, new Uint8Array(127)), bytes });
  rig.isAwaited = true;
  expect(announce(MAIL_CONSENSUS, 8_000_000)).toEqual({ isAwaited: true, pause: undefined });
  expect(announce(MAIL_BLOCK, 2_000_000).isAwaited).toBe(true);
  expect(announce(MAIL_BLOCK, 9_000_000).isAwaited).toBe(false);
  expect(announce(MAIL_TRANSACTION, 100_000).isAwaited).toBe(false);
  rig.isAwaited = false;
  let count = 0;
  while (announce(MAIL_CONSENSUS, 8_000_000).pause === undefined) count++;
  expect(count).toBeLessThan(100);
  rig.isAwaited = true;
  expect(announce(MAIL_CONSENSUS, 8_000_000).isAwaited).toBe(false);
});
