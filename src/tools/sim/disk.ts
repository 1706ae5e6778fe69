/**
 * The disk of a node: the ledger's store and the journal of votes, over all its lives. A crash loses what was not
 * synced, or keeps a part of it by chance, or leaves the last record torn; a bit may flip, the disk may be slow or
 * full. What a start finds is read by the same code that reads the file of a real node (storage/journal-format.ts).
 */

import { must } from "../../base/assert.ts";
import { concatBytes } from "../../base/bytes.ts";
import {
  encodeJournalHeader,
  encodeJournalMark,
  encodeJournalRecords,
  JOURNAL_HEADER_BYTES,
  JOURNAL_SALT_BYTES,
  scanJournal,
} from "../../storage/journal-format.ts";
import type { Kv } from "../../storage/kv.ts";
import { MemoryKv } from "../../storage/memory.ts";
import { MemoryRecordLog } from "../../storage/memory-log.ts";
import type { LogPosition, LogState, OpenedLog, RecordLog } from "../../storage/record-log.ts";
import { never, type Power } from "./power.ts";
import type { Random } from "./random.ts";
import type { VirtualTime } from "./time.ts";

export interface DiskPorts {
  readonly time: VirtualTime;
  readonly random: Random;
  /** Told when something became durable. */
  readonly journaled: (records: readonly Uint8Array[], rotated: boolean) => void;
  readonly written: () => void;
}

/** How power is lost. */
export interface PowerLoss {
  /** How much of what was not synced had reached the disk: 0 none, 1 all. */
  readonly kept: number;
  /** The first record that had not wholly reached it is there in part. */
  readonly torn: boolean;
}

/** The home of a node at some time. */
export interface HomeCopy {
  readonly kv: MemoryKv;
  readonly log: MemoryRecordLog;
}

const SALT = new Uint8Array(JOURNAL_SALT_BYTES).fill(0x5a);

export class SimDisk {
  /** Writes fail. */
  full = false;
  /** A write takes so long, ms. With 0 it ends within the instant. */
  latencyMs = 0;
  #kv = new MemoryKv();
  #log = new MemoryRecordLog({ records: [] });
  #logState: LogState = "clean";
  readonly #ports: DiskPorts;

  constructor(ports: DiskPorts) {
    this.#ports = ports;
  }

  /** What the start of a life finds. */
  open(power: Power): { readonly kv: Kv; readonly journal: OpenedLog } {
    const { records } = this.#log.opened();
    const { generation } = this.#log.durable;
    const log = new MemoryRecordLog({ records, generation, flush: () => this.#wait() });
    this.#log = log;
    const journal = {
      records,
      state: this.#logState,
      log: new WatchedLog(log, power, this),
    };
    return { kv: new WatchedKv(this.#kv, power, this), journal };
  }

  /** Keeps the history of the database, for {@link rollBack}. Before the first start. */
  remember(): void {
    this.#kv = new MemoryKv(new Map(), []);
  }

  /** Loses the newest writes of the database, while power is off; the journal stays. */
  rollBack(writes: number): void {
    this.#kv = this.#kv.rollBack(writes);
  }

  /** Database and journal as power lost now would leave them. */
  copy(): HomeCopy {
    return { kv: this.#kv.crash(), log: this.#log.crash() };
  }

  /** While power is off. */
  restore({ kv, log }: HomeCopy): void {
    this.#kv = kv;
    this.#log = log;
  }

  /** The journal is gone, the database stays. While power is off. */
  loseJournal(): void {
    this.#log = new MemoryRecordLog();
    this.#logState = "missing";
  }

  /** The records that would be found after power was lost now. */
  get durableRecords(): readonly Uint8Array[] {
    return this.#log.crash().opened().records;
  }

  /** @returns whether a record was torn */
  losePower({ kept, torn }: PowerLoss): boolean {
    this.#kv = this.#kv.crash(Math.round(kept * this.#kv.unsyncedWrites));
    const unflushed = this.#log.unflushed;
    const whole = Math.min(unflushed.length, Math.round(kept * unflushed.length));
    const next = torn ? unflushed[whole] : undefined;
    this.#log = this.#log.crash(whole);
    if (next !== undefined) this.#reread((file) => this.#withPart(file, next));
    return next !== undefined;
  }

  /** Changes one bit of the durable journal. @returns false: there is no record yet */
  flipBit(): boolean {
    if (this.durableRecords.length === 0) return false;
    this.#reread((file) => {
      const at = this.#ports.random.integer(JOURNAL_HEADER_BYTES, file.length - 1);
      file[at] =
        must(file[at], "the place is drawn below the length") ^ (1 << this.#ports.random.integer(0, 7));
      return file;
    });
    return true;
  }

  /** Waits for the disk's latency. @throws Error when it is full */
  async #wait(): Promise<void> {
    const { time } = this.#ports;
    if (this.latencyMs > 0) await new Promise<void>((resolve) => time.after(this.latencyMs, resolve));
    this.checkRoom();
  }

  async kvWait(): Promise<void> {
    await this.#wait();
  }

  checkRoom(): void {
    if (this.full) throw new DiskFull("no space left on the virtual disk");
  }

  /** Notes that a write is durable. */
  noted(records: readonly Uint8Array[] | undefined, rotated: boolean): void {
    if (records === undefined) this.#ports.written();
    else this.#ports.journaled(records, rotated);
  }

  #withPart(file: Uint8Array, record: Uint8Array): Uint8Array {
    const bytes = encodeJournalRecords(SALT, [record]);
    const part = bytes.subarray(0, this.#ports.random.integer(1, bytes.length - 1));
    return concatBytes(file, part);
  }

  /** The journal as a file, damaged, and read again. What was synced is followed by a mark. */
  #reread(damage: (file: Uint8Array) => Uint8Array): void {
    const { generation } = this.#log.durable;
    const body = encodeJournalRecords(SALT, this.#log.opened().records);
    const file = concatBytes(encodeJournalHeader(SALT, generation), body, encodeJournalMark(SALT));
    const scan = scanJournal(damage(file));
    this.#log = new MemoryRecordLog({
      records: scan.records.map((record) => record.slice()),
      generation: scan.state === "corrupt" ? generation : scan.generation,
    });
    this.#logState = scan.state === "corrupt" ? "corrupt" : "clean";
  }
}

export class DiskFull extends Error {
  override readonly name = "DiskFull";
}

class WatchedLog implements RecordLog {
  readonly #log: MemoryRecordLog;
  readonly #power: Power;
  readonly #disk: SimDisk;

  constructor(log: MemoryRecordLog, power: Power, disk: SimDisk) {
    this.#log = log;
    this.#power = power;
    this.#disk = disk;
  }

  get durable(): LogPosition {
    return this.#log.durable;
  }

  async append(payloads: readonly Uint8Array[]): Promise<void> {
    if (!this.#power.act()) return never();
    const flushed = this.#log.append(payloads);
    if (!this.#power.flushing()) {
      // Nobody is left to be told that the disk was full, too.
      flushed.catch(() => undefined);
      return never();
    }
    await flushed;
    return this.#durable(payloads, false);
  }

  async replace(payloads: readonly Uint8Array[]): Promise<void> {
    if (!this.#power.act()) return never();
    await this.#log.replace(payloads);
    return this.#durable(payloads, true);
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  #durable(payloads: readonly Uint8Array[], rotated: boolean): Promise<void> | undefined {
    if (!this.#power.on) return never();
    this.#disk.noted(payloads, rotated);
    return this.#power.wrote() ? undefined : never();
  }
}

class WatchedKv implements Kv {
  readonly #kv: MemoryKv;
  readonly #power: Power;
  readonly #disk: SimDisk;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(kv: MemoryKv, power: Power, disk: SimDisk) {
    this.#kv = kv;
    this.#power = power;
    this.#disk = disk;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#kv.get(key);
  }

  entries(...range: Parameters<Kv["entries"]>): ReturnType<Kv["entries"]> {
    return this.#kv.entries(...range);
  }

  /** One after the other, as LevelDB does. */
  write(...write: Parameters<Kv["write"]>): Promise<void> {
    const done = this.#tail.then(() => this.#write(...write));
    this.#tail = done.catch(() => undefined);
    return done;
  }

  close(): Promise<void> {
    return this.#kv.close();
  }

  async #write(...write: Parameters<Kv["write"]>): Promise<void> {
    if (!this.#power.act()) return never();
    await this.#disk.kvWait();
    if (!this.#power.on) return never();
    await this.#kv.write(...write);
    if (!this.#power.on) return never();
    this.#disk.noted(undefined, false);
    return this.#power.wrote() ? undefined : never();
  }
}
