/** A snapshot fetched from several peers at once: real files behind each, questions and answers as bytes in memory. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { equalBytes, type Hash, ZERO_HASH } from "../../../src/base/bytes.ts";
import { SILENT } from "../../../src/base/log.ts";
import type { Scheduler } from "../../../src/base/scheduler.ts";
import type { SnapshotContext } from "../../../src/chain/snapshot/snapshot-check.ts";
import {
  decodeStateChunk,
  encodeStateChunk,
  type StateChunk,
} from "../../../src/chain/snapshot/state-chunk.ts";
import {
  hashStateKey,
  hashStateLeaf,
  hashStateNode,
  hashStateValue,
  pathBit,
} from "../../../src/chain/state/state-proof.ts";
import { fetchSnapshot } from "../../../src/node/snapshot/fetch-snapshot.ts";
import { FetchStore } from "../../../src/node/snapshot/fetch-store.ts";
import { KeptSnapshots } from "../../../src/node/snapshot/kept-snapshots.ts";
import {
  decodeSnapshotAnswer,
  decodeSnapshotQuestion,
  encodeSnapshotAnswer,
  type SnapshotQuestion,
} from "../../../src/p2p/sync/snapshot-wire.ts";
import { checked, clusterAt, contextOf, exported } from "./snapshots.ts";

let dir: string;
let context: SnapshotContext;
let kept: KeptSnapshots;
let file: Uint8Array;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "quorate-fetch-"));
  const cluster = await clusterAt(2, { validators: 1, bystanders: 5_000 });
  await cluster.stop();
  context = contextOf(cluster.genesis);
  file = (await exported(context, cluster.kv(0))).bytes;
  const at = join(dir, "served");
  mkdirSync(at);
  writeFileSync(join(at, "2.snapshot"), file);
  kept = await KeptSnapshots.open(at, cluster.genesis.limits);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let runs = 0;
let store: FetchStore;
beforeEach(() => {
  store = new FetchStore(join(dir, `fetch${runs++}`));
});

/** Time passes as fast as others have their turn. */
function hurriedTime(): Scheduler {
  let nowMs = 0;
  return {
    now: () => nowMs,
    after(delayMs, task) {
      const timer = setImmediate(() => {
        nowMs += delayMs;
        task();
      });
      return () => clearImmediate(timer);
    },
  };
}

type Answering = (question: SnapshotQuestion, honest: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/** Fetches from peers that answer honestly, or as they are told to. */
function fetchFrom(
  peers: Readonly<Record<string, Answering | "honest">>,
  {
    signal,
    scheduler = hurriedTime(),
  }: { readonly signal?: AbortSignal; readonly scheduler?: Scheduler } = {},
) {
  const faults: [string, string][] = [];
  const asked: string[] = [];
  const run = fetchSnapshot(
    { above: 0n, waitMs: 2_000 },
    {
      context,
      store,
      scheduler,
      log: SILENT,
      signal,
      peers: () => Object.keys(peers),
      reportFault: (peerId, detail) => faults.push([peerId, detail]),
      async request(peerId, bytes) {
        const question = decodeSnapshotQuestion(bytes);
        if (!question.ok) throw new Error(question.fault.detail);
        if (question.value.kind === "chunk") asked.push(peerId);
        const honest = await kept.answer(bytes)!;
        const answer = peers[peerId]!;
        return answer === "honest" ? honest : answer(question.value, honest);
      },
    },
  );
  return { run, faults, asked };
}

/** Changes the chunk in an answer. */
const withChunk =
  (change: (chunk: StateChunk, path: Hash) => StateChunk): Answering =>
  (question, honest) => {
    if (question.kind !== "chunk") return honest;
    const answer = decodeSnapshotAnswer("chunk", honest);
    const chunk = answer.ok ? decodeStateChunk(answer.value.chunk) : answer;
    if (!chunk.ok) throw new Error(chunk.fault.detail);
    return encodeSnapshotAnswer({
      kind: "chunk",
      chunk: encodeStateChunk(change(chunk.value, question.path)),
    });
  };

/** Another balance for the first account. */
const forging = withChunk((chunk) => ({
  ...chunk,
  entries: chunk.entries.map((entry, i) =>
    i === 0 ? { ...entry, value: entry.value.map((byte) => byte ^ 1) } : entry,
  ),
}));

describe("a snapshot fetched from peers", () => {
  it("comes from all of them at once, and is the file that each of them has", async () => {
    const { run, faults, asked } = fetchFrom({ a: "honest", b: "honest", c: "honest" });
    const fetched = await run;
    expect(fetched).toMatchObject({ ok: true, value: { height: 2n, resumed: 0 } });
    expect(new Set(asked)).toEqual(new Set(["a", "b", "c"]));
    expect(asked).toHaveLength(kept.newest!.chunks);
    expect(faults).toEqual([]);
    expect(equalBytes(readFileSync(store.whole), file)).toBe(true);
    expect(await checked(context, readFileSync(store.whole))).toMatchObject({ ok: true });
  });

  it("keeps nothing of a peer that lies in every chunk: it is named, dropped, and the others go on", async () => {
    const { run, faults, asked } = fetchFrom({ a: "honest", liar: forging, c: "honest", d: "honest" });
    const fetched = await run;
    expect(fetched.ok && [...fetched.value.liars.keys()]).toEqual(["liar"]);
    expect(faults).toEqual([
      ["liar", expect.stringMatching(/the chunk at path [0-9a-f]{64}: its \d+ entries lead to/)],
    ]);
    expect(fetched.ok && fetched.value.givers.has("liar")).toBe(false);
    // What was under way when the first lie was found.
    expect(asked.filter((peer) => peer === "liar").length).toBeLessThanOrEqual(2);
    expect(equalBytes(readFileSync(store.whole), file)).toBe(true);
  });

  it("is not split finer by a peer than the state is, though every part would prove itself", async () => {
    const half = withChunk((chunk, path) => halfOf(chunk, path));
    const { run, faults } = fetchFrom({ a: "honest", splitter: half });
    expect(await run).toMatchObject({ ok: true });
    expect(faults).toEqual([["splitter", expect.stringContaining("finer than it is")]]);
    expect(equalBytes(readFileSync(store.whole), file)).toBe(true);
  });

  it("goes on after a kill with what is kept, and takes nothing of it that was changed", async () => {
    const killed = new AbortController();
    let given = 0;
    const slowly: Answering = (question, honest) => {
      if (question.kind !== "chunk" || ++given < 3) return honest;
      killed.abort();
      return new Promise(() => undefined);
    };
    expect(await fetchFrom({ a: slowly }, { signal: killed.signal }).run).toMatchObject({
      fault: { code: "stopped" },
    });
    await vi.waitFor(() => expect(store.chunks()).toHaveLength(2));
    const before = store.chunks();
    await store.keepChunk(before[0]!, new Uint8Array(100));
    const { run, asked } = fetchFrom({ b: "honest" });
    const fetched = await run;
    expect(fetched.ok && fetched.value.resumed).toBe(1);
    expect(asked).toHaveLength(kept.newest!.chunks - 1);
    expect(equalBytes(readFileSync(store.whole), file)).toBe(true);
  });

  it("is not begun from a peer whose certificate does not hold, and one that claims a great height is found out", async () => {
    const claiming: Answering = (question, honest) => {
      if (question.kind !== "list") return honest;
      const headHash = new Uint8Array(32).fill(7) as Hash;
      return encodeSnapshotAnswer({
        kind: "list",
        offers: [{ height: 10n ** 9n, headHash, chunks: 1, bytes: 1n }],
      });
    };
    const forgingHead: Answering = (question, honest) => {
      const answer = question.kind === "head" ? decodeSnapshotAnswer("head", honest) : undefined;
      if (answer?.ok !== true) return honest;
      const piece = answer.value.piece.slice();
      piece[piece.length - 40]! ^= 1;
      return encodeSnapshotAnswer({ ...answer.value, piece });
    };
    const { run, faults } = fetchFrom({ claims: claiming, forges: forgingHead, honest: "honest" });
    expect(await run).toMatchObject({ ok: true, value: { height: 2n } });
    expect(faults.map(([peer]) => peer)).toEqual(["forges"]);
  });

  it("waits for no peer that is slow over what stands before the state, in whatever pieces it sends it", async () => {
    const inPieces =
      (bytes: number, delayMs: number): Answering =>
      async (question, honest) => {
        if (question.kind !== "head") return honest;
        headAsked++;
        await new Promise<void>((resolve) => scheduler.after(delayMs, resolve));
        const answer = decodeSnapshotAnswer("head", honest);
        if (!answer.ok) throw new Error(answer.fault.detail);
        return encodeSnapshotAnswer({ ...answer.value, piece: answer.value.piece.slice(0, bytes) });
      };
    let headAsked = 0;
    const scheduler = hurriedTime();
    const slowly = fetchFrom({ drip: inPieces(1, 4_000), b: "honest" }, { scheduler });
    expect(await slowly.run).toMatchObject({ ok: true });
    expect(headAsked).toBeLessThanOrEqual(4);
    expect(slowly.faults).toEqual([]);
    store = new FetchStore(join(dir, `fetch${runs++}`));
    const quickly = fetchFrom({ small: inPieces(1, 0) }, { scheduler });
    expect(await quickly.run).toMatchObject({ ok: true });
    expect(equalBytes(readFileSync(store.whole), file)).toBe(true);
  });

  it("does without peers that do not answer, and says so when nobody offers one", async () => {
    const silent: Answering = () => Promise.reject(new Error("busy"));
    expect(await fetchFrom({ silent, b: "honest" }).run).toMatchObject({ ok: true });
    const none = fetchFrom({ silent });
    expect(await none.run).toMatchObject({
      fault: { code: "no-snapshot", detail: "1 peers are connected, 0 answered, none has one" },
    });
    expect(none.faults).toEqual([]);
  });
});

/** The half of a chunk in which a path lies, with the root of the other half among its siblings. */
function halfOf(chunk: StateChunk, path: Hash): StateChunk {
  const { depth, entries, siblings } = chunk;
  const side = pathBit(path, depth);
  const isIn = (key: Uint8Array) => pathBit(hashStateKey(key), depth) === side;
  const other = entries.filter(({ key }) => !isIn(key));
  return {
    depth: depth + 1,
    path: own(path, depth + 1),
    siblings: [...siblings, subtreeRoot(other, depth + 1)],
    entries: entries.filter(({ key }) => isIn(key)),
  };
}

function own(path: Hash, depth: number): Hash {
  const bits = new Uint8Array(32) as Hash;
  for (let bit = 0; bit < depth; bit++) if (pathBit(path, bit) === 1) bits[bit >>> 3]! |= 0x80 >>> (bit & 7);
  return bits;
}

function subtreeRoot(entries: StateChunk["entries"], depth: number): Hash {
  const [first] = entries;
  if (first === undefined) return ZERO_HASH;
  if (entries.length === 1) return hashStateLeaf(hashStateKey(first.key), hashStateValue(first.value));
  const side = (bit: number) => entries.filter(({ key }) => pathBit(hashStateKey(key), depth) === bit);
  return hashStateNode(subtreeRoot(side(0), depth + 1), subtreeRoot(side(1), depth + 1));
}
