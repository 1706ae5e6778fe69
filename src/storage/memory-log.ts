/**
 * A record log in memory with the durability of a file: what was appended is lost by a crash unless its flush had
 * ended. The flush is a function handed in, so that a test or the simulator can hold it, delay it or let it fail.
 */
import { assert } from "../base/assert.ts";
import { assertRecordSizes } from "./journal-format.ts";
import type { LogPosition, OpenedLog, RecordLog } from "./record-log.ts";

export interface MemoryRecordLogOptions {
  /** What the disk holds. There is no log where it is undefined. */
  readonly records?: readonly Uint8Array[] | undefined;
  /** How often the log was replaced. Default: 1 if there is one. */
  readonly generation?: number;
  /** Runs between taking the records and calling them durable. Where it is left out it resolves in a microtask. */
  readonly flush?: () => Promise<void>;
}

type Change = (disk: readonly Uint8Array[]) => readonly Uint8Array[];

export class MemoryRecordLog implements RecordLog {
  #disk: readonly Uint8Array[] | undefined;
  #generation: number;
  /** Records appended and not yet flushed: a crash keeps a prefix of them, in the worst case none. */
  #unflushed: readonly Uint8Array[] = [];
  #tail: Promise<void> = Promise.resolve();
  #closed = false;
  readonly #flush: () => Promise<void>;

  constructor(options: MemoryRecordLogOptions = {}) {
    this.#disk = options.records;
    this.#generation = options.generation ?? (options.records === undefined ? 0 : 1);
    this.#flush = options.flush ?? (() => Promise.resolve());
  }

  /** What a start would find. */
  opened(): OpenedLog<MemoryRecordLog> {
    return { records: this.#disk ?? [], state: this.#disk === undefined ? "missing" : "clean", log: this };
  }

  get durable(): LogPosition {
    return { generation: this.#generation, records: this.#disk?.length ?? 0 };
  }

  append(payloads: readonly Uint8Array[]): Promise<void> {
    assertRecordSizes(payloads);
    if (payloads.length === 0) return this.#tail;
    const added = payloads.map((payload) => payload.slice());
    this.#unflushed = [...this.#unflushed, ...added];
    return this.#enqueue((disk) => {
      this.#unflushed = this.#unflushed.slice(added.length);
      this.#generation ||= 1;
      return [...disk, ...added];
    });
  }

  replace(payloads: readonly Uint8Array[]): Promise<void> {
    assertRecordSizes(payloads);
    const whole = payloads.map((payload) => payload.slice());
    return this.#enqueue(() => {
      this.#generation++;
      return whole;
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#tail;
  }

  /** What was appended and is not durable: of these {@link crash} can keep a front part. */
  get unflushed(): readonly Uint8Array[] {
    return this.#unflushed;
  }

  /**
   * The log as the next start finds it after power was lost now. This one writes nothing any more.
   * @param kept how many of the appended, unflushed records had reached the disk by chance.
   */
  crash(kept = 0): MemoryRecordLog {
    assert(
      kept <= this.#unflushed.length,
      `a crash cannot keep ${kept} of ${this.#unflushed.length} records`,
    );
    const records = kept === 0 ? this.#disk : [...(this.#disk ?? []), ...this.#unflushed.slice(0, kept)];
    const generation = records === undefined ? 0 : Math.max(1, this.#generation);
    return new MemoryRecordLog({ records, generation, flush: this.#flush });
  }

  #enqueue(change: Change): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("the record log is closed"));
    // After a failed flush every later write fails with the same error, as the file's does.
    this.#tail = this.#tail
      .then(() => this.#flush())
      .then(() => {
        this.#disk = change(this.#disk ?? []);
      });
    return this.#tail;
  }
}
