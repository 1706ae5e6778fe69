/** Fuzz targets: what was stored and is read back. Databases, journals, snapshots, block files, backups, modules . */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { byteText, concatBytes, equalBytes, utf8 } from "../../src/base/bytes.ts";
import { BLOCK_FILE_HEAD_BYTES } from "../../src/chain/block-file.ts";
import { Chain } from "../../src/chain/chain.ts";
import { AcceptedSignatures } from "../../src/chain/execution/accepted-signatures.ts";
import { computeGenesisHash } from "../../src/chain/genesis/genesis-state.ts";
import { SnapshotCheck } from "../../src/chain/snapshot/snapshot-check.ts";
import { SECTION_HEAD_BYTES, SNAPSHOT_HEAD_BYTES } from "../../src/chain/snapshot/snapshot-format.ts";
import { checkStateChunk, decodeStateChunk, encodeStateChunk } from "../../src/chain/snapshot/state-chunk.ts";
import { UnfitDatabase } from "../../src/chain/store.ts";
import type { BlockHead } from "../../src/chain/types/block.ts";
import { Reader } from "../../src/codec/reader.ts";
import { Writer } from "../../src/codec/writer.ts";
import { selectConsensus } from "../../src/consensus/select.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import {
  BackupWriter,
  decodeEntries,
  decodeFile,
  encodeEntries,
  encodeFile,
  KIND,
  readSections,
} from "../../src/node/home/backup-format.ts";
import { BUNDLE_MARK, loadModule } from "../../src/node/modules/load-module.ts";
import { sourceOver } from "../../src/node/snapshot/read-snapshot.ts";
import { checkStored } from "../../src/node/stored-chain/check-stored.ts";
import { exportBlocks } from "../../src/node/stored-chain/export-blocks.ts";
import { importBlocks } from "../../src/node/stored-chain/import-blocks.ts";
import { verifyChain } from "../../src/node/stored-chain/verify-chain.ts";
import { crc32c } from "../../src/storage/crc32c.ts";
import {
  encodeJournalHeader,
  encodeJournalMark,
  encodeJournalRecords,
  scanJournal,
} from "../../src/storage/journal-format.ts";
import { openValue, sealValue } from "../../src/storage/level-checks.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import type { Cluster } from "../node/cluster.ts";
import { bundleText } from "../node/modules/module-file.ts";
import { checked, clusterAt, contextOf, exported } from "../node/snapshot/snapshots.ts";
import { canonical, codeOf, FuzzFailure, type FuzzTarget, good } from "./target.ts";

interface StoredChain {
  readonly cluster: Cluster;
  readonly kv: MemoryKv;
  readonly head: BlockHead;
}

let stored: Promise<StoredChain> | undefined;

/** One validator's database of three blocks, made once for all targets. */
function storedChain(): Promise<StoredChain> {
  stored ??= (async () => {
    const cluster = await clusterAt(3, { validators: 1 });
    const { head } = cluster.replica(0).chain;
    await cluster.stop();
    return { cluster, kv: cluster.kv(0), head };
  })();
  return stored;
}

async function entriesOf(kv: MemoryKv) {
  return kv.entries({ from: new Uint8Array(0), to: Uint8Array.of(0xff) });
}

/** A value under its key, as LevelDB holds it: key u16+bytes, then the stored bytes. */
const databaseValue: FuzzTarget = {
  name: "database.value",
  inSuite: 8_000,
  open: async () => {
    const entries = await entriesOf((await storedChain()).kv);
    const seeds = entries.map(([key, value]) =>
      new Writer(600).bytes16(key).raw(sealValue(key, value)).finish(),
    );
    const whole = new Set(seeds.map(byteText));
    return {
      form: "bytes",
      seeds,
      run: (input) => {
        const keyBytes = input.length < 2 ? 0 : new DataView(input.buffer, input.byteOffset).getUint16(0);
        if (input.length < 2 + keyBytes) return "cut";
        const value = openValue(input.subarray(2, 2 + keyBytes), input.subarray(2 + keyBytes));
        if (value !== undefined && !whole.has(byteText(input))) return "sum-holds"; // the same bytes, cut into another key and value
        return value === undefined ? "damaged" : "ok";
      },
    };
  },
};

/** Values whose sums are right and that are wrong all the same: the deep check says so, and never more than that. */
const databaseContent: FuzzTarget = {
  name: "database.content",
  inSuite: 40,
  open: async () => {
    const { cluster, kv } = await storedChain();
    const { genesis } = cluster;
    const entries = await entriesOf(kv);
    const seeds = entries.map(([key, value]) => new Writer(600).bytes16(key).raw(value).finish());
    return {
      form: "bytes",
      seeds,
      run: async (input) => {
        const keyBytes = input.length < 2 ? 0 : new DataView(input.buffer, input.byteOffset).getUint16(0);
        if (input.length < 2 + keyBytes) return "cut";
        const [key, value] = [input.slice(2, 2 + keyBytes), input.slice(2 + keyBytes)];
        const changed = new MemoryKv();
        await changed.write(
          [...entries, [key, value] as const].map(([k, v]) => ({ kind: "put", key: k, value: v }) as const),
          { sync: true },
        );
        try {
          const report = await checkStored(genesis, changed);
          const executed = await verifyChain(genesis, changed);
          return report.fault?.code ?? executed.fault?.code ?? "ok";
        } catch (error) {
          if (error instanceof UnfitDatabase) return "unfit";
          throw error;
        }
      },
    };
  },
};

const journal: FuzzTarget = {
  name: "database.journal",
  inSuite: 2_000,
  open: () => {
    const salt = new Uint8Array(8).fill(4);
    const records = [utf8("first"), new Uint8Array(300).fill(1), utf8("third")];
    const file = concatBytes(
      encodeJournalHeader(salt, 3),
      encodeJournalRecords(salt, records),
      encodeJournalMark(salt),
    );
    return {
      form: "bytes",
      seeds: [file, file.subarray(0, -12), encodeJournalHeader(salt, 1)],
      words: [encodeJournalMark(salt), encodeJournalRecords(salt, [utf8("x")])],
      run: (input) => {
        try {
          return scanJournal(input).state;
        } catch (error) {
          if (/^journal format \d+ is unknown/.test((error as Error).message)) return "wrong-format";
          throw error;
        }
      },
    };
  },
};

const snapshot: FuzzTarget = {
  name: "snapshot.file",
  inSuite: 500,
  open: async () => {
    const { cluster, kv } = await storedChain();
    const context = contextOf(cluster.genesis);
    const { bytes } = await exported(context, kv);
    return {
      form: "bytes",
      seeds: [bytes],
      words: [utf8("QUORSNAP"), ...[1, 2, 3, 4, 5, 6].map((kind) => Uint8Array.of(kind))],
      run: async (input) => {
        const code = codeOf(await checked(context, input));
        if (code === "ok" && !equalBytes(input, bytes))
          throw new FuzzFailure("another snapshot is taken for the same state");
        return code;
      },
    };
  },
};

/** A section after the head of a file and the sections before it, and a chunk alone against its state root. */
const chunk: FuzzTarget = {
  name: "snapshot.chunk",
  inSuite: 8_500,
  open: async () => {
    const { cluster, kv, head } = await storedChain();
    const context = contextOf(cluster.genesis);
    const { bytes } = await exported(context, kv);
    const sections: { kind: number; payload: Uint8Array }[] = [];
    for (let at = SNAPSHOT_HEAD_BYTES; at < bytes.length; ) {
      const length = new Reader(bytes.subarray(at + 1)).u32();
      sections.push({
        kind: bytes[at]!,
        payload: bytes.slice(at + SECTION_HEAD_BYTES, at + SECTION_HEAD_BYTES + length),
      });
      at += SECTION_HEAD_BYTES + length;
    }
    const chunks = sections.filter(({ kind }) => kind === 5).map(({ payload }) => payload);
    const root = head.summary.stateRoot;
    const deep = encodeStateChunk({
      depth: 9,
      path: sha256(utf8("path")).map((byte, i) => (i === 0 ? byte : i === 1 ? byte & 0x80 : 0)) as never,
      siblings: Array.from({ length: 9 }, (_, i) => sha256(Uint8Array.of(i))),
      entries: [{ key: utf8("key"), value: utf8("value") }],
    });
    return {
      form: "bytes",
      seeds: [...chunks, deep],
      run: (input) => {
        const read = decodeStateChunk(input);
        const code = canonical(input, read, encodeStateChunk);
        return read.ok ? (checkStateChunk(root, read.value) === undefined ? "ok" : "another-root") : code;
      },
    };
  },
};

const sections: FuzzTarget = {
  name: "snapshot.sections",
  inSuite: 1_000,
  open: async () => {
    const { cluster, kv } = await storedChain();
    const context = contextOf(cluster.genesis);
    const { bytes } = await exported(context, kv);
    const seeds: Uint8Array[] = [];
    for (let at = SNAPSHOT_HEAD_BYTES; at < bytes.length; ) {
      const length = new Reader(bytes.subarray(at + 1)).u32();
      seeds.push(
        concatBytes(
          bytes.subarray(at, at + 1),
          bytes.subarray(at + SECTION_HEAD_BYTES, at + SECTION_HEAD_BYTES + length),
        ),
      );
      at += SECTION_HEAD_BYTES + length;
    }
    return {
      form: "bytes",
      seeds,
      run: (input) => {
        const check = new SnapshotCheck(context, input[1] === 7 ? 2 : 1);
        // What stands before it, as far as that is wanted.
        for (const before of seeds.filter((seed) => seed[0]! < (input[0] ?? 0)))
          check.accept(before[0]!, before.subarray(1));
        return codeOf(check.accept(input[0] ?? 0, input.subarray(1)));
      },
    };
  },
};

const blockFile: FuzzTarget = {
  name: "home.block-file",
  inSuite: 120,
  open: async () => {
    const { cluster, kv } = await storedChain();
    const { genesis } = cluster;
    const parts: Uint8Array[] = [];
    good(await exportBlocks(genesis, {}, { kv, write: async (part) => void parts.push(part.slice()) }));
    const hash = computeGenesisHash(genesis);
    const { rules } = selectConsensus(genesis, hash);
    const signatures = new AcceptedSignatures(hash);
    return {
      form: "bytes",
      seeds: [concatBytes(...parts)],
      words: [utf8("QUORBLKS")],
      repair: summed,
      run: async (input) => {
        const chain = await Chain.open(genesis, { kv: new MemoryKv(), rules, signatures });
        return codeOf(await importBlocks(chain, { source: sourceOver(input) }));
      },
    };
  },
};

/** The sums of the head and of each record, as far as there are any. */
function summed(input: Uint8Array): Uint8Array {
  if (input.length < BLOCK_FILE_HEAD_BYTES) return input;
  const own = input.slice();
  const view = new DataView(own.buffer);
  view.setUint32(BLOCK_FILE_HEAD_BYTES - 4, crc32c(own.subarray(0, BLOCK_FILE_HEAD_BYTES - 4)));
  for (let at = BLOCK_FILE_HEAD_BYTES; at + 8 <= own.length; ) {
    const end = at + 8 + view.getUint32(at);
    if (end > own.length) break;
    view.setUint32(at + 4, crc32c(own.subarray(at + 8, end)));
    at = end;
  }
  return own;
}

const backup: FuzzTarget = {
  name: "home.backup",
  inSuite: 60,
  open: async () => {
    const dir = mkdtempSync(join(tmpdir(), "quorate-fuzz-"));
    const path = join(dir, "backup");
    const made = await open(path, "w+");
    const writer = new BackupWriter(made);
    await writer.begin();
    await writer.section(
      KIND.facts,
      utf8('{"genesisHash":"ab","height":3,"headHash":"cd","withKeys":false}'),
    );
    await writer.section(KIND.file, encodeFile("config.toml", utf8("name = 'a'")));
    await writer.section(KIND.entries, encodeEntries([[utf8("key"), utf8("value")]]));
    await writer.end();
    const bytes = new Uint8Array(writer.bytes);
    await made.read(bytes, 0, bytes.length, 0);
    await made.close();
    return {
      form: "bytes",
      seeds: [bytes],
      words: [utf8("quorate-backup/1"), Uint8Array.of(4, 0, 0, 0, 36)],
      repair: (input) => {
        const own = input.slice();
        const view = new DataView(own.buffer);
        for (let at = 16; at + 9 <= own.length; ) {
          const end = at + 5 + view.getUint32(at + 1);
          if (end + 4 > own.length) break;
          view.setUint32(end, crc32c(own.subarray(at, at + 5), own.subarray(at + 5, end)));
          at = end + 4;
        }
        return own;
      },
      run: async (input) => {
        writeFileSync(path, input);
        const file = await open(path, "r");
        try {
          const read = await readSections(file, async ({ kind, payload }) => {
            if (kind === KIND.file)
              canonical(payload, decodeFile(payload), (one) => encodeFile(one.path, one.content));
            if (kind === KIND.entries) canonical(payload, decodeEntries(payload), encodeEntries);
          });
          return codeOf(read);
        } finally {
          await file.close();
        }
      },
      close: () => rmSync(dir, { recursive: true }),
    };
  },
};

/** The genesis names the file by its hash; here it names whatever the file was changed to. */
const moduleFile: FuzzTarget = {
  name: "home.module",
  inSuite: 40,
  open: async () => {
    const { text } = good(
      await bundleText(`
    import { call, cell, defineModule, uint } from "quorate/module";
    export default defineModule(
      { name: "own", state: { n: cell(uint(64)) }, events: {}, faults: {} },
      { add: call({ by: uint(64) }, ({ state }, { by }) => state.n.set((state.n.get() ?? 0n) + by)) },
    );`),
    );
    return {
      form: "text",
      seeds: [utf8(text)],
      words: [
        utf8(BUNDLE_MARK),
        utf8("for(;;){}"),
        utf8("$q_out"),
        utf8("({}).constructor"),
        utf8("throw 0;"),
      ],
      run: (input) => codeOf(loadModule(new TextDecoder().decode(input), 200)),
    };
  },
};

export const LEDGER_TARGETS: readonly FuzzTarget[] = [
  databaseValue,
  databaseContent,
  journal,
  snapshot,
  chunk,
  sections,
  blockFile,
  backup,
  moduleFile,
];
