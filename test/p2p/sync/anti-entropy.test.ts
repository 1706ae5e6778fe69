import { describe, expect, it } from "vitest";
import { asHash, type Hash, hex, parseHex, utf8 } from "../../../src/base/bytes.ts";
import { POOL_REFUSALS_MAX } from "../../../src/base/limits.ts";
import { SILENT } from "../../../src/base/log.ts";
import { Writer } from "../../../src/codec/writer.ts";
import { sha256 } from "../../../src/crypto/hash.ts";
import {
  ANTI_ENTROPY,
  AntiEntropy,
  type AntiEntropySettings,
  ringAfter,
} from "../../../src/p2p/sync/anti-entropy.ts";
import type { ImportOutcome } from "../../../src/p2p/sync/catch-up.ts";
import type { AdmittedTransaction } from "../../../src/p2p/sync/pool-repair.ts";
import { decodeQuestion, encodeAnswer } from "../../../src/p2p/sync/repair-wire.ts";
import { checksumOf } from "../../../src/p2p/sync/settled-pool.ts";
import { ShortHashes } from "../../../src/p2p/sync/short-hash.ts";
import { VirtualTime } from "../virtual-time.ts";

type Answer = (from: string, question: Uint8Array) => Promise<Uint8Array>;

/** Block `height` of the fake chain: 8 bytes of height, then as many bytes as it takes to fill `size`. */
function blockBytes(height: bigint, size = 300): Uint8Array {
  return new Writer(size)
    .u64(height)
    .raw(new Uint8Array(size - 8))
    .finish();
}

function hashAt(height: bigint): Hash {
  return sha256(blockBytes(height));
}

/** A node of a fake chain: a block is valid when it is the one after the head. */
class FakeNode {
  readonly repair: AntiEntropy;
  readonly pool = new Map<string, Uint8Array>();
  readonly faults: string[] = [];
  readonly questions: { to: string; kind: number }[] = [];
  height: bigint;
  /** The lowest block that it has not pruned. */
  lowest = 1n;
  blockSize = 300;
  imported = 0;
  believed: bigint | undefined;
  chosen: readonly string[] = [];

  readonly id: string;

  constructor(world: World, id: string, height: bigint, settings: Partial<AntiEntropySettings> = {}) {
    this.id = id;
    this.height = height;
    this.repair = new AntiEntropy(
      { ...ANTI_ENTROPY, ...settings },
      {
        scheduler: world.time,
        logger: SILENT,
        selfId: id,
        mode: { kind: "final" },
        jitter: () => 0.5,
        peers: () => [...world.answers.keys()].filter((other) => other !== id),
        request: (to, question) => {
          this.questions.push({ to, kind: question[0]! });
          return world.request(id, to, question);
        },
        reportFault: (peerId, detail) => this.faults.push(`${peerId}: ${detail}`),
        noteHeight: () => undefined,
        believedHeight: () => this.believed,
        chosen: () => new Set(this.chosen),
        ledger: {
          lowestBody: () => this.lowest,
          head: () => ({ height: this.height, hash: hashAt(this.height) }),
          serveBlocks: async (from, bytesMax) => this.#serve(from, bytesMax),
          importBlock: async (bytes) => this.#import(bytes),
        },
        pool: {
          hashes: (_, feeMin) =>
            [...this.pool]
              .filter(([, envelope]) => this.feeOf(envelope) >= feeMin)
              .map(([key]) => asHash(parseHex(key)!)),
          fetch: (hash) => this.pool.get(hex(hash)),
          held: () => [...this.pool.keys()].map((key) => asHash(parseHex(key)!)),
          entryPrice: () => this.price,
          admit: async (envelope) => this.#admit(envelope),
        },
      },
    );
    world.answers.set(id, (from, question) => this.repair.answer(from, question));
    this.repair.start();
  }

  /** What the pool says to an envelope; unless told otherwise it takes everything. */
  judge: (envelope: Uint8Array) => AdmittedTransaction = () => "held";
  feeOf: (envelope: Uint8Array) => bigint = () => 0n;
  price = 0n;
  pulled = 0;

  #admit(envelope: Uint8Array): AdmittedTransaction {
    this.pulled++;
    const admitted = this.judge(envelope);
    if (admitted === "held") this.add(envelope);
    return admitted;
  }

  add(envelope: Uint8Array): void {
    this.pool.set(hex(sha256(envelope)), envelope);
  }

  #serve(from: bigint, bytesMax: number): Uint8Array[] {
    const blocks: Uint8Array[] = [];
    let bytes = 0;
    for (let height = from; from >= this.lowest && height <= this.height; height++) {
      bytes += this.blockSize;
      if (blocks.length > 0 && bytes > bytesMax) break;
      blocks.push(blockBytes(height, this.blockSize));
    }
    return blocks;
  }

  #import(bytes: Uint8Array): ImportOutcome {
    const height = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
    if (height <= this.height) return "known";
    if (height > 1_000_000n) return "invalid";
    if (height !== this.height + 1n) return "orphan";
    this.height = height;
    this.imported++;
    return "imported";
  }
}

class World {
  readonly time = new VirtualTime();
  readonly answers = new Map<string, Answer>();
  requests = 0;
  latencyMs = 10;

  request(from: string, to: string, question: Uint8Array): Promise<Uint8Array> {
    this.requests++;
    return new Promise((resolve, reject) => {
      this.time.after(this.latencyMs, () => {
        const answer = this.answers.get(to);
        if (answer === undefined) reject(new Error("gone"));
        else answer(from, question).then(resolve, reject);
      });
    });
  }
}

/** A peer that tells a height and answers every question for blocks by `serve`. */
function liar(world: World, id: string, height: bigint, serve: Answer): void {
  world.answers.set(id, async (from, question) => {
    if (question[0] !== 1) return serve(from, question);
    return encodeAnswer({
      kind: "compare",
      digest: { height, headHash: hashAt(height), poolCount: 0, poolChecksum: new Uint8Array(32) },
    });
  });
}

const NO_BLOCKS = encodeAnswer({ kind: "blocks", blocks: [] });

describe("anti-entropy of blocks", () => {
  it("brings a late node level over many bounded batches", async () => {
    const world = new World();
    const ahead = new FakeNode(world, "a", 5_000n);
    ahead.blockSize = 3_000;
    const late = new FakeNode(world, "b", 0n);
    await world.time.pass(3_000);
    expect(late.height).toBe(5_000n);
    expect(late.repair.progress()).toBeUndefined();
    // 15 MB at 1 MiB an answer.
    expect(late.questions.filter(({ kind }) => kind === 2).length).toBe(15);
  });

  it("asks nothing of a peer that said at the handshake that it lacks the next block", async () => {
    const world = new World();
    const pruned = new FakeNode(world, "a", 50n);
    pruned.lowest = 40n;
    const whole = new FakeNode(world, "c", 50n);
    const late = new FakeNode(world, "b", 0n);
    late.repair.peerConnected("a", 40n);
    late.repair.peerConnected("c", 1n);
    await world.time.pass(5_000);
    expect(late.height).toBe(50n);
    expect(late.questions.some(({ to, kind }) => to === "a" && kind === 2)).toBe(false);
    expect([pruned.faults, whole.faults, late.faults]).toEqual([[], [], []]);
  });

  it("passes over a peer that has pruned the next block, does not blame it, and takes it from one that has it", async () => {
    const world = new World();
    const pruned = new FakeNode(world, "a", 50n);
    pruned.lowest = 40n;
    const late = new FakeNode(world, "b", 0n);
    await world.time.pass(20_000);
    expect([late.height, late.faults]).toEqual([0n, []]);
    expect(late.repair.lowestOffered()).toBe(40n);
    const asked = late.questions.filter(({ kind }) => kind === 2).length;
    expect(asked).toBe(1);
    new FakeNode(world, "c", 45n);
    await world.time.pass(5_000);
    expect(late.height).toBe(50n);
    expect(late.repair.lowestOffered()).toBeUndefined();
  });

  it("tells its progress while it is behind", async () => {
    const world = new World();
    new FakeNode(world, "a", 5_000n);
    const late = new FakeNode(world, "b", 0n);
    world.latencyMs = 200;
    await world.time.pass(1_500);
    const progress = late.repair.progress();
    expect(progress).toMatchObject({ target: 5_000n });
    expect(progress!.current < 5_000n).toBe(true);
  });

  it("spreads a block to all within n-1 rounds of the ring", async () => {
    const world = new World();
    const nodes = ["a", "b", "c", "d", "e"].map((id) => new FakeNode(world, id, id === "c" ? 1n : 0n));
    await world.time.pass(4 * 1_000 + 500);
    expect(nodes.map(({ height }) => height)).toEqual([1n, 1n, 1n, 1n, 1n]);
  });

  it("pulls at once when a peer connects, even with the periodic rounds off", async () => {
    const world = new World();
    new FakeNode(world, "a", 7n, { intervalMs: 0 });
    const late = new FakeNode(world, "b", 0n, { intervalMs: 0 });
    await world.time.pass(10_000);
    expect(late.height).toBe(0n);
    late.repair.peerConnected("a");
    await world.time.pass(100);
    expect(late.height).toBe(7n);
  });

  it("pulls at once when a peer announces a higher head", async () => {
    const world = new World();
    new FakeNode(world, "a", 7n, { intervalMs: 0 });
    const late = new FakeNode(world, "b", 6n, { intervalMs: 0 });
    late.repair.announced("a", 7n, hashAt(7n));
    await world.time.pass(100);
    expect(late.height).toBe(7n);
  });

  it("searches all peers when consensus says that others are ahead, though nobody claimed it", async () => {
    const world = new World();
    new FakeNode(world, "a", 0n, { intervalMs: 0 });
    const late = new FakeNode(world, "b", 0n, { intervalMs: 0 });
    new FakeNode(world, "c", 0n, { intervalMs: 0 });
    new FakeNode(world, "d", 9n, { intervalMs: 0 });
    late.repair.syncNow(9n);
    await world.time.pass(200);
    expect(late.height).toBe(9n);
    expect(late.faults).toEqual([]);
  });

  it("does not flood the peers when consensus asks for a height that nobody has", async () => {
    const world = new World();
    new FakeNode(world, "a", 0n, { intervalMs: 0 });
    const late = new FakeNode(world, "b", 0n, { intervalMs: 0 });
    for (let i = 0; i < 1_000; i++) {
      late.repair.syncNow(50n);
      await world.time.pass(1);
    }
    expect(world.requests).toBeLessThanOrEqual(6);
    await world.time.pass(300);
    expect(late.repair.progress()).toBeUndefined();
  });

  it("does not chase a height that does not materialise, and is not kept from honest peers by it", async () => {
    const world = new World();
    let asked = 0;
    liar(world, "a", 999_999n, async (from) => {
      if (from === "b") asked++;
      return NO_BLOCKS;
    });
    new FakeNode(world, "c", 40n);
    const late = new FakeNode(world, "b", 0n);
    await world.time.pass(4_000);
    expect(late.height).toBe(40n);
    await world.time.pass(60_000);
    // 1, 2, 4, 8, 16, 32 s of distrust; and at most every 30 s what it keeps.
    expect(asked).toBeLessThanOrEqual(10);
    expect(late.repair.progress()).toBeUndefined();
  });

  it("does not say that it is behind because a peer claims so, except while it asks for the first time", async () => {
    const world = new World();
    liar(world, "a", 2n ** 64n - 1n, () => new Promise(() => undefined));
    const late = new FakeNode(world, "b", 0n);
    await world.time.pass(2_000);
    expect(late.repair.progress()).toMatchObject({ target: 2n ** 64n - 1n, targetVerified: false });
    await world.time.pass(5_000);
    let behind = 0;
    for (let i = 0; i < 200; i++) {
      await world.time.pass(100);
      if (late.repair.progress() !== undefined) behind++;
    }
    expect(late.questions.filter(({ kind }) => kind === 2).length).toBeGreaterThan(1);
    expect(behind).toBe(0);
  });

  it("says how far it is behind of what it has reason to believe, whatever a peer claims", async () => {
    const world = new World();
    liar(world, "a", 2n ** 64n - 1n, () => new Promise(() => undefined));
    const late = new FakeNode(world, "b", 0n);
    late.believed = 40n;
    await world.time.pass(2_000);
    expect(late.repair.progress()).toMatchObject({ target: 40n, targetVerified: true });
  });

  it("does not take its own progress for a peer's: a liar and a made-up hint end the search all the same", async () => {
    const world = new World();
    let asked = 0;
    liar(world, "a", 999_999n, async (from) => {
      if (from === "b") asked++;
      return NO_BLOCKS;
    });
    const busy = new FakeNode(world, "b", 1n, { intervalMs: 0 });
    busy.repair.peerConnected("a");
    busy.repair.syncNow(999_999n);
    for (let i = 0; i < 500; i++) {
      busy.height++; // its own engine commits
      await world.time.pass(5);
    }
    expect(asked).toBeLessThanOrEqual(3);
    expect(busy.repair.progress()).toBeUndefined();
  });

  it("goes on when the clock is set back, with searches and with peers it did not believe", async () => {
    const world = new World();
    liar(world, "a", 50n, async () => NO_BLOCKS);
    const late = new FakeNode(world, "b", 0n);
    late.repair.syncNow(1n);
    await world.time.pass(2_000);
    const now = world.time.now.bind(world.time);
    world.time.now = () => now() - 3_600_000;
    world.answers.delete("a");
    const asked = late.questions.filter(({ kind }) => kind === 2).length;
    new FakeNode(world, "a", 50n, { intervalMs: 0 });
    late.repair.syncNow(50n);
    await world.time.pass(2_000);
    expect(late.questions.filter(({ kind }) => kind === 2).length).toBeGreaterThan(asked);
    expect(late.height).toBe(50n);
  });

  it("reports a peer that serves invalid blocks and takes them from another", async () => {
    const world = new World();
    liar(world, "c", 50n, async () => encodeAnswer({ kind: "blocks", blocks: [blockBytes(2_000_000n)] }));
    new FakeNode(world, "d", 50n, { intervalMs: 0 });
    const late = new FakeNode(world, "b", 0n);
    await world.time.pass(5_000);
    expect(late.height).toBe(50n);
    expect(late.faults.length).toBe(1);
    expect(late.faults[0]).toContain("c: served an invalid block");
  });

  it("reports a peer whose answer does not decode", async () => {
    const world = new World();
    liar(world, "c", 50n, async () => utf8("nonsense"));
    new FakeNode(world, "d", 50n, { intervalMs: 0 });
    const late = new FakeNode(world, "b", 0n);
    await world.time.pass(5_000);
    expect(late.height).toBe(50n);
    expect(late.faults[0]).toContain("c: answer to blocks");
  });

  it("passes over a peer that never answers", async () => {
    const world = new World();
    liar(world, "c", 50n, () => new Promise(() => undefined));
    new FakeNode(world, "d", 50n, { intervalMs: 0 });
    const late = new FakeNode(world, "b", 0n);
    await world.time.pass(9_000);
    expect(late.height).toBe(50n);
  });

  it("waits for no silent peer while another could be asked, and asks those first that it chose", async () => {
    for (const chosen of [[], ["z"]]) {
      const world = new World();
      for (const id of ["c", "d", "e"]) liar(world, id, 60n, () => new Promise(() => undefined));
      const late = new FakeNode(world, "b", 0n, { intervalMs: 0 });
      late.chosen = chosen;
      new FakeNode(world, "z", 50n, { intervalMs: 0 });
      for (const id of ["c", "d", "e", "z"]) late.repair.peerConnected(id);
      late.repair.syncNow(50n);
      await world.time.pass(chosen.length > 0 ? 1_300 : 3_500);
      expect(late.height).toBe(50n);
      await world.time.pass(30_000);
      expect(late.faults).toEqual([]);
    }
  });

  it("leaves a slow peer for a quick one", async () => {
    const world = new World();
    const servers = { slow: 0, quick: 0 };
    const server = new FakeNode(world, "z", 20_000n);
    const serve = world.answers.get("z")!;
    server.repair.stop();
    world.answers.delete("z");
    for (const [id, name, delayMs] of [
      ["c", "slow", 3_000],
      ["d", "quick", 1],
    ] as const) {
      world.answers.set(id, async (from, question) => {
        if (question[0] === 2) {
          servers[name]++;
          await new Promise<void>((resolve) => world.time.after(delayMs, resolve));
        }
        return serve(from, question);
      });
    }
    const late = new FakeNode(world, "b", 0n);
    await world.time.pass(10_000);
    expect(late.height).toBe(20_000n);
    expect(servers.slow).toBeLessThanOrEqual(1);
  });

  it("gives a peer that reconnects another chance", async () => {
    const world = new World();
    liar(world, "a", 5n, () => Promise.reject(new Error("down")));
    const late = new FakeNode(world, "b", 0n, { intervalMs: 0 });
    late.repair.peerConnected("a");
    await world.time.pass(100);
    late.repair.peerDisconnected("a");
    new FakeNode(world, "a", 5n, { intervalMs: 0 });
    late.repair.peerConnected("a");
    await world.time.pass(100);
    expect(late.height).toBe(5n);
  });

  it("stops: no timer is left and nothing is asked any more", async () => {
    const world = new World();
    const [a, b] = [new FakeNode(world, "a", 100n), new FakeNode(world, "b", 0n)];
    await world.time.pass(900);
    a.repair.stop();
    b.repair.stop();
    b.repair.syncNow(100n);
    await world.time.pass(10_000);
    const asked = world.requests;
    await world.time.pass(10_000);
    expect(world.requests).toBe(asked);
    expect(world.time.pending).toBe(0);
  });
});

describe("anti-entropy of pools", () => {
  const envelopes = Array.from({ length: 300 }, (_, i) => utf8(`transaction ${i}`));

  it("pulls exactly the transactions that are missing", async () => {
    const world = new World();
    const [a, b] = [new FakeNode(world, "a", 3n), new FakeNode(world, "b", 3n)];
    for (const [i, envelope] of envelopes.entries()) {
      if (i % 10 !== 0) a.add(envelope);
      if (i % 10 !== 1) b.add(envelope);
    }
    await world.time.pass(2_500);
    expect(a.pool.size).toBe(300);
    expect(b.pool.size).toBe(300);
  });

  it("asks for no hashes while the checksums agree", async () => {
    const world = new World();
    const [a, b] = [new FakeNode(world, "a", 3n), new FakeNode(world, "b", 3n)];
    for (const envelope of envelopes) a.add(envelope);
    for (const envelope of [...envelopes].reverse()) b.add(envelope);
    await world.time.pass(5_000);
    expect(new Set([...a.questions, ...b.questions].map(({ kind }) => kind))).toEqual(new Set([1]));
  });

  it("does not compare pools between different heads", async () => {
    const world = new World();
    const ahead = new FakeNode(world, "a", 3n);
    ahead.add(envelopes[0]!);
    liar(world, "c", 9n, async () => NO_BLOCKS);
    ahead.repair.peerConnected("c");
    await world.time.pass(500);
    expect(ahead.questions.every(({ kind }) => kind <= 2 || kind === 8)).toBe(true);
  });

  it("reports a peer that sends transactions nobody asked for", async () => {
    const world = new World();
    const node = new FakeNode(world, "b", 3n);
    world.answers.set("a", async (_, question) => {
      if (question[0] === 1) {
        const digest = {
          height: 3n,
          headHash: hashAt(3n),
          poolCount: 1,
          poolChecksum: new Uint8Array(32).fill(1),
        };
        return encodeAnswer({ kind: "compare", digest });
      }
      if (question[0] === 3) return encodeAnswer({ kind: "pool", shortHashes: [1n] });
      return encodeAnswer({ kind: "transactions", envelopes: [utf8("unasked")] });
    });
    await world.time.pass(1_200);
    expect(node.pool.size).toBe(0);
    expect(node.faults).toEqual(["a: sent a transaction that was not asked for"]);
  });

  it("levels a pool larger than one request over several rounds", async () => {
    const world = new World();
    const [a, b] = [new FakeNode(world, "a", 3n), new FakeNode(world, "b", 3n)];
    for (let i = 0; i < 4_500; i++) a.add(utf8(`many ${i}`));
    await world.time.pass(3_500);
    expect(b.pool.size).toBe(4_500);
  });
});

describe("pools that differ for ever", () => {
  const NEVER: Uint8Array[] = Array.from({ length: 5_000 }, (_, i) => utf8(`too cheap ${i}`));

  function refusing(world: World): { rich: FakeNode; full: FakeNode } {
    const [rich, full] = [new FakeNode(world, "a", 3n), new FakeNode(world, "b", 3n)];
    for (const envelope of NEVER) rich.add(envelope);
    full.judge = (envelope) => (hex(envelope).startsWith(hex(utf8("too cheap"))) ? "refused" : "held");
    return { rich, full };
  }

  it("do not pull again and again what was refused, which starved what stands behind it", async () => {
    const world = new World();
    const { rich, full } = refusing(world);
    rich.add(utf8("the one behind them"));
    await world.time.pass(10_000);
    expect([...full.pool.values()]).toEqual([utf8("the one behind them")]);
    expect(full.pulled).toBe(5_001);
  });

  it("ask again after a minute, and after seconds for what only came too early", async () => {
    const world = new World();
    const { full, rich } = refusing(world);
    rich.add(utf8("too early"));
    const judge = full.judge;
    let early = 0;
    full.judge = (envelope) => {
      if (hex(envelope) !== hex(utf8("too early"))) return judge(envelope);
      return ++early === 1 ? "refused-early" : "held";
    };
    await world.time.pass(15_000);
    expect([early, full.pool.size]).toEqual([2, 1]);
    full.judge = () => "held";
    await world.time.pass(70_000);
    expect(full.pool.size).toBe(5_001);
  });

  it("compare only what pays the price of entry of the one that asks", async () => {
    const world = new World();
    const [a, b] = [new FakeNode(world, "a", 3n), new FakeNode(world, "b", 3n)];
    for (const node of [a, b]) {
      node.feeOf = (envelope) => BigInt(/fee (\d+)/.exec(new TextDecoder().decode(envelope))![1]!);
      node.price = 6n;
      for (let i = 0; i < 50; i++) node.add(utf8(`fee 5 of ${node.id} ${i}`));
    }
    await world.time.pass(10_000);
    expect(new Set([...a.questions, ...b.questions].map(({ kind }) => kind))).toEqual(new Set([1]));
    a.add(utf8("fee 6"));
    await world.time.pass(2_500);
    expect([b.pulled, b.pool.size]).toEqual([1, 51]);
  });

  it("remember no more refusals than their bound", async () => {
    const world = new World();
    const full = new FakeNode(world, "b", 3n);
    full.judge = () => "refused";
    let advertised = 0;
    world.answers.set("a", async (_, question) => {
      const digest = {
        height: 3n,
        headHash: hashAt(3n),
        poolCount: 1,
        poolChecksum: new Uint8Array(32).fill(1),
      };
      if (question[0] === 1) return encodeAnswer({ kind: "compare", digest });
      const envelopes = Array.from({ length: 4_096 }, (_, i) => utf8(`${advertised + i}`));
      if (question[0] === 4) advertised += 4_096;
      if (question[0] === 4) return encodeAnswer({ kind: "transactions", envelopes });
      const names = new ShortHashes(saltOf(question));
      const shortHashes = envelopes.map((bytes) => names.of(sha256(bytes)));
      return encodeAnswer({ kind: "pool", shortHashes });
    });
    await world.time.pass(8_000);
    expect(full.pulled).toBeGreaterThan(POOL_REFUSALS_MAX);
    expect(full.repair.refusalsRemembered).toBe(POOL_REFUSALS_MAX);
  });
});

describe("transactions with one short hash", () => {
  it("are all sent and all taken, and are nobody's fault", async () => {
    const world = new World();
    const full = new FakeNode(world, "b", 3n);
    const twins = [utf8("first"), utf8("second")];
    world.answers.set("a", async (_, question) => {
      const digest = {
        height: 3n,
        headHash: hashAt(3n),
        poolCount: 2,
        poolChecksum: new Uint8Array(32).fill(1),
      };
      if (question[0] === 1) return encodeAnswer({ kind: "compare", digest });
      const shortHashes = [new ShortHashes(saltOf(question)).of(sha256(twins[0]!))];
      if (question[0] === 3) return encodeAnswer({ kind: "pool", shortHashes });
      // The same one twice stands for two that share their short hash.
      return encodeAnswer({ kind: "transactions", envelopes: [twins[0]!, twins[0]!] });
    });
    await world.time.pass(1_200);
    expect(full.faults).toEqual([]);
    expect(full.pool.size).toBe(1);
  });

  it("are others for each salt, and spread over all 64 bits", () => {
    const hashes = Array.from({ length: 2_000 }, (_, i) => sha256(utf8(`${i}`)));
    const named = (salt: bigint) => hashes.map(new ShortHashes(salt).of);
    const [one, other] = [named(1n), named(2n)];
    expect(new Set([...one, ...other]).size).toBe(4_000);
    const halves = one.flatMap((name) => [name >> 32n, name & 0xffffffffn]);
    expect(new Set(halves).size).toBeGreaterThan(3_990);
    // Equal in their first 8 bytes, as an attacker can make them in 2^32 trials.
    const twin = new Uint8Array([...hashes[0]!.subarray(0, 8), ...hashes[1]!.subarray(8)]);
    expect(new ShortHashes(1n).of(twin)).not.toBe(one[0]);
  });

  it("have the bytes of docs/protocol.md", () => {
    const hash = Uint8Array.from({ length: 32 }, (_, i) => i);
    expect(new ShortHashes(0x0102030405060708n).of(hash).toString(16)).toBe("7c595b3e4297221");
  });
});

describe("the ring of peers", () => {
  it("starts after a node and leaves it out", () => {
    expect(ringAfter("c", ["e", "a", "b", "d", "c"])).toEqual(["d", "e", "a", "b"]);
    expect(ringAfter("z", ["b", "a"])).toEqual(["a", "b"]);
    expect(ringAfter("a", ["a"])).toEqual([]);
  });

  it("has a checksum that does not depend on the order", () => {
    const hashes = [1, 2, 3].map((byte) => asHash(new Uint8Array(32).fill(byte)));
    expect(checksumOf(hashes)).toEqual(checksumOf([...hashes].reverse()));
  });
});

function saltOf(question: Uint8Array): bigint {
  const decoded = decodeQuestion(question);
  if (!decoded.ok || !("salt" in decoded.value)) throw new Error("a question with a salt");
  return decoded.value.salt;
}
