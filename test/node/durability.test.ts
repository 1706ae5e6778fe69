/**
 * What a validator may forget and what it may not. Goal: a journal short of what was durable is refused, whatever
 * shortened it; a database or a journal that is merely behind in height is none; and what could not be written was
 * never sent. Method: whole replicas on virtual time with disks that are changed while they are down; for bit flips
 * the bytes of a journal file made of the records that a cluster wrote.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { concatBytes, hex } from "../../src/base/bytes.ts";
import {
  encodeJournalHeader,
  encodeJournalMark,
  encodeJournalRecords,
  JOURNAL_SALT_BYTES,
  scanJournal,
} from "../../src/storage/journal-format.ts";
import type { KvOperation } from "../../src/storage/kv.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { MemoryRecordLog } from "../../src/storage/memory-log.ts";
import { Cluster } from "./cluster.ts";

const BACKUP = 2;

let cluster: Cluster;
let nonce: bigint;

beforeEach(async () => {
  cluster = new Cluster();
  nonce = 0n;
  await cluster.start();
});
afterEach(() => cluster.stop());

/** Transfers, one block each, through a node that is not under test. */
async function load(transfers: number): Promise<void> {
  for (let i = 0; i < transfers; i++) {
    cluster.replica(0).submit(cluster.transfer(0, nonce++, cluster.people[1]!.publicKey).bytes);
    await cluster.time.pass(100);
  }
}

/** The log as somebody would copy it away. */
function copyOf(log: MemoryRecordLog): MemoryRecordLog {
  return log.crash();
}

function shortened(log: MemoryRecordLog, by: number): MemoryRecordLog {
  const { records } = log.opened();
  const { generation } = log.durable;
  return new MemoryRecordLog({ records: records.slice(0, records.length - by), generation });
}

describe("a validator that starts", () => {
  it("refuses a journal that was put back from an older copy, and says what to do", async () => {
    await load(3);
    const old = copyOf(cluster.disk(BACKUP).log);
    await load(2);
    cluster.crash(BACKUP);
    cluster.disk(BACKUP).log = old;
    await expect(cluster.start(BACKUP)).rejects.toMatchObject({ name: "StartError", code: "amnesia" });
    await expect(cluster.start(BACKUP)).rejects.toThrow(/older copy .* --mode full, give .* a new key/);
  });

  it("refuses one from before the last rotation, however many records it has", async () => {
    await load(15);
    const old = copyOf(cluster.disk(BACKUP).log);
    await load(20);
    expect(cluster.disk(BACKUP).log.durable.generation).toBeGreaterThan(old.durable.generation);
    expect(cluster.disk(BACKUP).log.durable.records).toBeLessThan(old.durable.records);
    cluster.crash(BACKUP);
    cluster.disk(BACKUP).log = old;
    await expect(cluster.start(BACKUP)).rejects.toMatchObject({ code: "amnesia" });
  });

  it("refuses an empty journal beside a database that knows better", async () => {
    await load(2);
    cluster.crash(BACKUP);
    cluster.disk(BACKUP).log = new MemoryRecordLog();
    await expect(cluster.start(BACKUP)).rejects.toMatchObject({ code: "amnesia" });
  });

  it("takes its own journal, and one that lost only what no batch had seen", async () => {
    await load(3);
    cluster.crash(BACKUP);
    const { log } = cluster.disk(BACKUP);
    await log.append([log.opened().records[0]!.slice()]);
    cluster.disk(BACKUP).log = shortened(log, 1);
    await cluster.start(BACKUP);
    await load(1);
    expect(await cluster.until(() => cluster.heights().every((height) => height === 4n))).toBe(true);
    expect(cluster.failures).toEqual([]);
  });

  it("takes a database from before its journal, or none at all, and catches up", async () => {
    await load(2);
    const old = cluster.kv(BACKUP).crash();
    for (const kv of [old, new MemoryKv()]) {
      await load(2);
      cluster.crash(BACKUP);
      cluster.disk(BACKUP).kv = kv;
      await cluster.start(BACKUP);
      const [height] = cluster.heights();
      expect(await cluster.until(() => cluster.heights().every((other) => other === height))).toBe(true);
    }
    expect(cluster.failures).toEqual([]);
  });

  it("takes the database of another validator, whose stamps say nothing about its own journal", async () => {
    await load(3);
    cluster.crash(BACKUP);
    cluster.crash(3);
    cluster.disk(BACKUP).kv = cluster.disk(3).kv.crash();
    const { records } = cluster.disk(BACKUP).log.opened();
    cluster.disk(BACKUP).log = new MemoryRecordLog({ records, generation: 0 });
    await cluster.start(BACKUP, 3);
    await load(1);
    expect(cluster.heights()).toEqual([4n, 4n, 4n, 4n]);
  });
});

describe("a journal file that a cluster wrote", () => {
  const salt = new Uint8Array(JOURNAL_SALT_BYTES).fill(7);
  const mark = encodeJournalMark(salt);

  /** Each record was an append of its own, synced and marked; the last three begin at `from`. */
  function fileOf(records: readonly Uint8Array[]) {
    const parts = records.map((record) => concatBytes(encodeJournalRecords(salt, [record]), mark));
    const before = concatBytes(encodeJournalHeader(salt, 1), ...parts.slice(0, -3));
    return { file: concatBytes(before, ...parts.slice(-3)), from: before.length };
  }

  function recordsAreAPrefix(found: readonly Uint8Array[], written: readonly Uint8Array[]): boolean {
    return found.every((record, i) => hex(record) === hex(written[i]!));
  }

  it("is refused for any bit flipped in its last three records, and a flipped mark loses nothing", async () => {
    await load(4);
    const { records } = cluster.disk(BACKUP).log.opened();
    const { file, from } = fileOf(records);
    const endOfRecords = file.length - mark.length;
    for (let at = from; at < file.length; at++) {
      const bit = 1 << (at & 7);
      file[at]! ^= bit;
      const scan = scanJournal(file);
      file[at]! ^= bit;
      expect(scan.state, `byte ${at}`).toBe(at < endOfRecords ? "corrupt" : "torn-tail");
      if (scan.state === "torn-tail") expect(scan.records).toHaveLength(records.length);
    }
  });

  it("is amnesia when it is cut before a record that a batch of the chain has seen", async () => {
    await load(4);
    const { records } = cluster.disk(BACKUP).log.opened();
    const { file, from } = fileOf(records);
    const kept = new Set<number>();
    for (let length = from; length < file.length; length++) {
      const scan = scanJournal(file.subarray(0, length));
      expect(["clean", "torn-tail"]).toContain(scan.state);
      expect(recordsAreAPrefix(scan.records, records)).toBe(true);
      kept.add(scan.records.length);
    }
    expect([...kept]).toEqual([3, 2, 1, 0].map((lost) => records.length - lost));
    cluster.crash(BACKUP);
    const { log } = cluster.disk(BACKUP);
    for (const lost of [3, 2, 1]) {
      cluster.disk(BACKUP).log = shortened(log, lost);
      await expect(cluster.start(BACKUP)).rejects.toMatchObject({ code: "amnesia" });
    }
    cluster.disk(BACKUP).log = log;
    await cluster.start(BACKUP);
  });
});

describe("a disk that takes no more", () => {
  /** The votes of a replica that the others have seen. */
  function votesSeen(of: number): string[] {
    const seen: string[] = [];
    for (const [index, replica] of cluster.replicas) {
      if (index === of) continue;
      replica.events.engine.subscribe(({ event }) => {
        if ((event.type === "prepare" || event.type === "commit") && event.from === of) {
          seen.push(`${event.type} ${event.height}`);
        }
      });
    }
    return seen;
  }

  it("stops a validator whose journal cannot be written, once, and no vote of it leaves", async () => {
    cluster.crash(BACKUP);
    const full = { now: false };
    const flush = () => (full.now ? Promise.reject(new Error("ENOSPC")) : Promise.resolve());
    cluster.disk(BACKUP).log = new MemoryRecordLog({ flush });
    await cluster.start(BACKUP);
    const seen = votesSeen(BACKUP);
    await load(1);
    expect(new Set(seen)).toEqual(new Set(["prepare 1", "commit 1"]));
    full.now = true;
    await load(3);
    expect(new Set(seen)).toEqual(new Set(["prepare 1", "commit 1"]));
    expect(cluster.failures.map(String)).toEqual(["Error: ENOSPC"]);
    expect(cluster.replica(0).chain.head.summary.height).toBe(4n);
  });

  it("stops a validator whose database cannot be written, and the others see no checkpoint of it", async () => {
    class FullKv extends MemoryKv {
      full = false;
      override write(operations: readonly KvOperation[], options: { readonly sync: boolean }): Promise<void> {
        return this.full ? Promise.reject(new Error("ENOSPC")) : super.write(operations, options);
      }
    }
    cluster.crash(BACKUP);
    const kv = new FullKv();
    cluster.disk(BACKUP).kv = kv;
    await cluster.start(BACKUP);
    await load(1);
    kv.full = true;
    await load(1);
    // The engine's import and the announced block may both have tried.
    expect(new Set(cluster.failures.map(String))).toEqual(new Set(["Error: ENOSPC"]));
    expect(cluster.replica(BACKUP).chain.head.summary.height).toBe(1n);
    const sent = cluster.replica(BACKUP).messageCounts()!.sent;
    const before = [...sent];
    await load(2);
    expect([...sent]).toEqual(before);
  });
});

describe("a node that fetches blocks which are final", () => {
  const FOLLOWER = 4;

  class Waits extends MemoryKv {
    /** For each batch whether it was waited for. */
    readonly waits: boolean[] = [];
    override write(operations: readonly KvOperation[], options: { readonly sync: boolean }): Promise<void> {
      this.waits.push(options.sync);
      return super.write(operations, options);
    }
  }

  /** The batches by which a node that was away comes to height 12. */
  async function fetching(index: number): Promise<readonly boolean[]> {
    await cluster.stop();
    cluster = new Cluster({ full: 1 });
    await cluster.start(...[0, 1, 2, 3, FOLLOWER].filter((other) => other !== index));
    await load(12);
    const kv = new Waits();
    cluster.disk(index).kv = kv;
    await cluster.start(index);
    const isLevel = () => cluster.replica(index).chain.head.summary.height === 12n;
    expect(await cluster.until(isLevel)).toBe(true);
    return kv.waits;
  }

  it("waits for its disk once an answer where it does not vote, and what it then has outlives a loss of power", async () => {
    const waits = await fetching(FOLLOWER);
    expect(waits.filter((isWaitedFor) => !isWaitedFor).length).toBeGreaterThanOrEqual(10);
    cluster.crash(FOLLOWER);
    await cluster.start(FOLLOWER);
    expect(cluster.replica(FOLLOWER).chain.head.summary.height).toBe(12n);
  });

  it("waits for each block where it votes", async () => {
    const waits = await fetching(BACKUP);
    expect(waits.length).toBeGreaterThanOrEqual(12);
    expect(waits).not.toContain(false);
  });
});
