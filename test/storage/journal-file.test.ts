/** What a journal file says after a crash, a rotten disk, a rotation: the double-sign guard stands on it. */
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { utf8 } from "../../src/base/bytes.ts";
import { JOURNAL_RECORD_BYTES_MAX } from "../../src/base/limits.ts";
import { openJournalFile } from "../../src/storage/journal-file.ts";
import {
  encodeJournalHeader,
  encodeJournalMark,
  encodeJournalRecords,
  scanJournal,
} from "../../src/storage/journal-format.ts";

const SALT = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const RECORDS = [utf8("first"), utf8("second vote"), utf8("third")];

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "quorate-journal-"));
  path = join(directory, "votes.log");
});
afterEach(() => {
  vi.restoreAllMocks();
  return rm(directory, { recursive: true, force: true });
});

function flipped(file: Uint8Array, bit: number): Uint8Array {
  const copy = file.slice();
  copy[bit >>> 3] = copy[bit >>> 3]! ^ (1 << (bit & 7));
  return copy;
}

async function found() {
  const { records, state, log } = await openJournalFile(path);
  await log.close();
  return { records: records.map((record) => new TextDecoder().decode(record)), state };
}

function fileOf(payloads: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat([encodeJournalHeader(SALT, 1), encodeJournalRecords(SALT, payloads)]));
}

function stateOf(file: Uint8Array): string {
  const scan = scanJournal(file);
  return `${scan.state} ${scan.records.length}`;
}

describe("a journal file", () => {
  it("is missing until something is written, also after it was opened", async () => {
    expect(await found()).toEqual({ records: [], state: "missing" });
    expect(await found()).toEqual({ records: [], state: "missing" });
  });

  it("gives back what was appended, over several starts", async () => {
    for (const [index, record] of RECORDS.entries()) {
      const { log, records } = await openJournalFile(path);
      expect(records.length).toBe(index);
      await log.append([record]);
      await log.close();
    }
    expect(await found()).toEqual({ records: ["first", "second vote", "third"], state: "clean" });
  });

  it("keeps the order of appends that nobody awaited in between", async () => {
    const { log } = await openJournalFile(path);
    await Promise.all([log.append(RECORDS.slice(0, 2)), log.append([]), log.append(RECORDS.slice(2))]);
    await log.close();
    expect((await found()).records).toEqual(["first", "second vote", "third"]);
  });

  it("has a short append durable when it returns, and keeps the order of long ones that were begun before", async () => {
    vi.spyOn(performance, "now").mockReturnValue(0); // the disk is quick, whatever else it does
    const { log } = await openJournalFile(path);
    await log.append(RECORDS.slice(0, 1));
    await log.append([]); // behind the mark of the first one, which nobody else waits for
    const short = log.append(RECORDS.slice(1, 2));
    const { records, marked } = scanJournal(new Uint8Array(readFileSync(path)));
    expect([records.length, marked, log.durable.records]).toEqual([2, true, 2]);
    const long = new Uint8Array(100_000).fill(7);
    const all = [short, log.append([long]), log.append(RECORDS.slice(2))];
    expect(log.durable.records).toBe(2);
    await Promise.all(all);
    await log.close();
    const again = await openJournalFile(path);
    expect(again.records.map(({ length }) => length)).toEqual([5, 11, 100_000, 5]);
    await again.log.close();
  });

  it("marks what it has synced, so that rot in the last record is not taken for a torn tail", async () => {
    const { log } = await openJournalFile(path);
    await log.append(RECORDS.slice(0, 1));
    await log.append(RECORDS.slice(1));
    await log.close();
    const file = new Uint8Array(await readFile(path));
    file[file.length - 13] = file[file.length - 13]! ^ 1; // the last byte before the mark
    await writeFile(path, file);
    expect(await found()).toEqual({ records: ["first", "second vote"], state: "corrupt" });
  });

  it("marks at a start what a killed process had no time to mark", async () => {
    await writeFile(path, fileOf(RECORDS));
    expect((await found()).state).toBe("clean");
    expect(scanJournal(new Uint8Array(await readFile(path))).marked).toBe(true);
  });

  it("counts durable records, and its generation grows with each replacement, over several starts", async () => {
    const { log } = await openJournalFile(path);
    expect(log.durable).toEqual({ generation: 0, records: 0 });
    const appended = log.append(RECORDS.slice(0, 2));
    expect(log.durable).toEqual({ generation: 0, records: 0 });
    await appended;
    expect(log.durable).toEqual({ generation: 1, records: 2 });
    await log.replace(RECORDS.slice(0, 1));
    expect(log.durable).toEqual({ generation: 2, records: 1 });
    await log.append(RECORDS.slice(1));
    await log.close();
    const again = await openJournalFile(path);
    expect(again.log.durable).toEqual({ generation: 2, records: 3 });
    await again.log.close();
  });

  it("can be empty, and is then clean", async () => {
    const { log } = await openJournalFile(path);
    await log.replace([]);
    await log.close();
    expect(await found()).toEqual({ records: [], state: "clean" });
  });

  it("holds exactly the new records after a rotation, and appends behind them", async () => {
    const { log } = await openJournalFile(path);
    await log.append(RECORDS);
    await log.replace([utf8("kept")]);
    await log.append([utf8("later")]);
    await log.close();
    expect(await found()).toEqual({ records: ["kept", "later"], state: "clean" });
    expect(await readdir(directory)).toEqual(["votes.log"]);
  });

  it("is whole when a crash came before the rename of a rotation", async () => {
    await writeFile(path, fileOf(RECORDS));
    await writeFile(`${path}.new`, fileOf([utf8("kept")]).subarray(0, 20));
    expect(await found()).toEqual({ records: ["first", "second vote", "third"], state: "clean" });
    const { log } = await openJournalFile(path);
    await log.replace([utf8("kept")]);
    await log.close();
    expect(await found()).toEqual({ records: ["kept"], state: "clean" });
  });

  it("refuses empty records and records over the cap, and stays usable", async () => {
    const { log } = await openJournalFile(path);
    expect(() => log.append([utf8("ok"), new Uint8Array(0)])).toThrow("got 0");
    expect(() => log.append([new Uint8Array(JOURNAL_RECORD_BYTES_MAX + 1)])).toThrow("16777217");
    await log.append([utf8("ok")]);
    await log.close();
    expect((await found()).records).toEqual(["ok"]);
  });

  it("refuses work after it was closed", async () => {
    const { log } = await openJournalFile(path);
    await log.close();
    await expect(log.append([utf8("a")])).rejects.toThrow("closed");
  });

  it("names itself when it cannot be written, and refuses everything from then on", async () => {
    const { log } = await openJournalFile(join(directory, "file", "votes.log"));
    await writeFile(join(directory, "file"), "in the way of the directory");
    await expect(log.append([utf8("a")])).rejects.toThrow("votes.log failed");
    await rm(join(directory, "file"));
    await expect(log.append([utf8("a")])).rejects.toThrow("votes.log failed");
    await log.close();
  });

  it("refuses an unknown format and says what to do", async () => {
    const file = fileOf(RECORDS);
    file[7] = 1;
    await writeFile(path, file);
    await expect(openJournalFile(path)).rejects.toThrow("format 1 is unknown, this version reads 2");
  });
});

describe("a torn journal file", () => {
  const whole = fileOf(RECORDS);
  const lastRecord = fileOf(RECORDS.slice(0, 2)).length;

  it("loses only its last record, wherever that was cut", () => {
    for (let length = lastRecord + 1; length < whole.length; length++) {
      expect(stateOf(whole.subarray(0, length)), `cut at ${length}`).toBe("torn-tail 2");
    }
    expect(stateOf(whole.subarray(0, lastRecord))).toBe("clean 2");
  });

  it("loses only its last record, when that was written in part and the rest is zero or noise", () => {
    for (let from = lastRecord; from < whole.length; from++) {
      const zeroed = whole.slice().fill(0, from);
      expect(stateOf(zeroed), `zero from ${from}`).toBe("torn-tail 2");
      const noisy = whole.slice();
      for (let i = from; i < whole.length; i++) noisy[i] = noisy[i]! ^ 0x5a;
      expect(stateOf(noisy), `noise from ${from}`).toBe("torn-tail 2");
    }
  });

  it("is cut off when it is opened, and grows from there", async () => {
    await writeFile(path, whole.subarray(0, whole.length - 1));
    const { log, state } = await openJournalFile(path);
    expect(state).toBe("torn-tail");
    await log.append([utf8("anew")]);
    await log.close();
    expect(await found()).toEqual({ records: ["first", "second vote", "anew"], state: "clean" });
  });

  it("is only torn when a foreign journal's record lies inside the record that was cut", () => {
    const hidden = new Uint8Array(
      Buffer.concat([encodeJournalRecords(new Uint8Array(8), RECORDS), utf8("end")]),
    );
    const file = fileOf([utf8("first"), hidden]);
    expect(stateOf(file.subarray(0, file.length - 1))).toBe("torn-tail 1");
  });

  it("is scanned in linear time, also when the tail is large and full of small lengths", () => {
    const tail = new Uint8Array(2 * 1024 * 1024);
    for (let i = 1; i < tail.length; i += 4) tail[i] = 0x0f;
    const file = fileOf([utf8("first"), tail]);
    expect(stateOf(file.subarray(0, file.length - 1))).toBe("torn-tail 1");
  });
});

describe("a rotten journal file", () => {
  const whole = fileOf(RECORDS);

  it("is corrupt for any bit flipped before its last record", () => {
    const lastRecord = fileOf(RECORDS.slice(0, 2)).length;
    for (let bit = 8 * 8; bit < lastRecord * 8; bit++) {
      expect(stateOf(flipped(whole, bit)), `bit ${bit}`).toMatch(/^corrupt [01]$/);
    }
  });

  it("is corrupt for any bit flipped in its last record too, once that was marked as synced", () => {
    const marked = new Uint8Array(Buffer.concat([whole, encodeJournalMark(SALT)]));
    for (let bit = 8 * 8; bit < marked.length * 8; bit++) {
      const expected = bit < whole.length * 8 ? /^corrupt [012]$/ : /^torn-tail 3$/;
      expect(stateOf(flipped(marked, bit)), `bit ${bit}`).toMatch(expected);
    }
  });

  it("refuses appends until it is replaced", async () => {
    const file = whole.slice();
    file[30] = file[30]! ^ 1;
    await writeFile(path, file);
    const { log, state } = await openJournalFile(path);
    expect(state).toBe("corrupt");
    await expect(log.append([utf8("a")])).rejects.toThrow("corrupt");
    expect(new Uint8Array(await readFile(path))).toEqual(file);
    await log.replace([utf8("new life")]);
    await log.append([utf8("a")]);
    await log.close();
    expect(await found()).toEqual({ records: ["new life", "a"], state: "clean" });
  });

  it("is corrupt when it does not begin as a journal, or not even with a whole header", async () => {
    for (const bytes of [utf8(""), utf8("QUORLOG"), utf8("something else altogether")]) {
      await writeFile(path, bytes);
      expect((await found()).state).toBe("corrupt");
    }
  });
});

describe("a journal file that cannot be read", () => {
  it("is an error, never taken for missing: here a directory stands in its place", async () => {
    await expect(openJournalFile(directory)).rejects.toThrow("cannot be read");
  });
});
