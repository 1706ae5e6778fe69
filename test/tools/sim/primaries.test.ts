/**
 * What bad primaries cost whole validators on virtual time, with the default timers: one that is down, and one whose
 * proposals come just in time. And what must not happen: that a slow network deposes anybody.
 */
import { describe, expect, it } from "vitest";
import { byteText } from "../../../src/base/bytes.ts";
import type { EngineEvent, EngineSettings } from "../../../src/consensus/engine.ts";
import { Cluster } from "../../../src/tools/sim/cluster.ts";
import type { MisbehaviourMaker } from "../../../src/tools/sim/misbehaviour.ts";
import type { AdversarySpec } from "../../../src/tools/sim/schedule.ts";
import { signatureWorld } from "../../../src/tools/sim/signatures.ts";
import { World } from "../../../src/tools/sim/world.ts";

/** Those of a node (docs/protocol.md, "Timers"). */
const SETTINGS: EngineSettings = {
  statusIntervalMs: 1_000,
  blockTimeMs: 0,
  emptyBlocksMs: undefined,
  requestTimeoutMs: 2_000,
  timeoutMaxMs: 60_000,
  resendIntervalMs: 1_000,
  fairnessTimeoutMs: 20_000,
};
/** Checkpoints are every 4 blocks and the role moves on at each second: 8 blocks a turn, so that few blocks are many turns. */
const SHORT_TURNS = { checkpointInterval: 4, logWindow: 8, rotationInterval: 2 };
/** 32 blocks a turn: what a slow primary costs until it is noticed is compared with its turn. */
const LONG_TURNS = { checkpointInterval: 8, logWindow: 16, rotationInterval: 4 };
const SENDERS = 50;

interface RunOptions {
  readonly n?: number;
  readonly turns?: typeof SHORT_TURNS;
  /** One way, ms. */
  readonly delayMs?: number;
  /** PRE-PREPAREs of validator 1 come so much later, ms; "never": it votes and sends STATUS, but does not propose. */
  readonly lateMs?: number | "never";
}

class Run {
  readonly cluster: Cluster;
  readonly committedAt: number[] = [];
  readonly proposers: number[] = [];
  readonly reasons: string[] = [];
  readonly latencies: number[] = [];
  readonly #world: World;
  readonly #nonces = new Map<number, bigint>();
  readonly #sentAt = new Map<string, number>();

  constructor({ n = 4, turns = SHORT_TURNS, delayMs = 10, lateMs }: RunOptions = {}) {
    const options = { validators: n, accounts: SENDERS, balance: 1_000_000n, consensus: turns };
    this.#world = new World(options, signatureWorld("ideal"));
    const timing = {
      delayMsMin: delayMs / 2,
      delayMsMax: delayMs,
      tail: 0,
      tailMs: 0,
      stepMs: 0.25,
      settledDelayMsMax: delayMs,
    };
    const slow: AdversarySpec = { id: "a0", kind: "slow", validator: 1, atMs: 0, untilMs: 1e12, delayMs: 1 };
    const misbehave: MisbehaviourMaker = () => ({
      outgoing: (to, packet) => {
        if (packet[0] !== 1 || packet[2] !== 1) return [{ to, packet }];
        return lateMs === "never" ? [] : [{ to, packet, delayMs: lateMs! }];
      },
    });
    this.cluster = new Cluster(
      {
        world: this.#world,
        seed: 1,
        settings: SETTINGS,
        syncIntervalMs: 1_000,
        timing,
        gstMs: 0,
        ...(lateMs === undefined ? {} : { adversaries: [slow], misbehave }),
      },
      [
        {
          committed: (node, { block }) => node === 0 && this.#committed(block),
          announced: (node, event) => node === 0 && this.#announced(event),
        },
      ],
    );
  }

  get nowMs(): number {
    return this.cluster.time.nowMs;
  }

  /** Sends a transfer every so often through each of these nodes in turn. */
  async load(durationMs: number, everyMs: number, nodes: readonly number[]): Promise<void> {
    const endMs = this.nowMs + durationMs;
    for (let i = 0; this.nowMs < endMs; i++) {
      const from = i % SENDERS;
      const nonce = this.#nonces.get(from) ?? 0n;
      const transfer = this.#world.transfer(from, (from + 1) % SENDERS, 1n, nonce);
      if (this.cluster.submit(nodes[i % nodes.length]!, transfer)?.ok) {
        this.#nonces.set(from, nonce + 1n);
        this.#sentAt.set(byteText(transfer.hash), this.nowMs);
      }
      await this.cluster.time.run(this.nowMs + everyMs);
    }
  }

  /** Gaps between blocks beyond half a second, of the whole time. */
  stalledShare(fromMs: number): number {
    const times = this.committedAt.filter((at) => at >= fromMs);
    const gaps = times.slice(1).map((at, i) => at - times[i]!);
    const stalled = gaps.filter((gap) => gap > 500).reduce((sum, gap) => sum + gap, 0);
    return stalled / (this.nowMs - fromMs);
  }

  /** The part of the time in which the next block was this validator's. */
  shareOf(validator: number): number {
    const spans = this.committedAt.map((at, i) => at - (this.committedAt[i - 1] ?? 0));
    const own = spans.filter((_, i) => this.proposers[i] === validator);
    return own.reduce((sum, span) => sum + span, 0) / this.nowMs;
  }

  medianLatencyMs(): number {
    const sorted = [...this.latencies].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)]!;
  }

  #committed(block: {
    readonly summary: { readonly proposer: number };
    readonly transactions: readonly { readonly hash: Uint8Array }[];
  }): void {
    this.committedAt.push(this.nowMs);
    this.proposers.push(block.summary.proposer);
    for (const { hash } of block.transactions) {
      const sentAt = this.#sentAt.get(byteText(hash));
      if (sentAt !== undefined) this.latencies.push(this.nowMs - sentAt);
    }
  }

  #announced(event: EngineEvent): void {
    if (event.type === "view-change" && event.reason !== undefined) this.reasons.push(event.reason);
  }
}

describe("a validator that is down", () => {
  it.each([
    [4, [2]],
    [7, [2, 3]],
  ])(
    "of %i costs nothing at its turns once it has been silent for a while",
    async (n, down) => {
      const run = new Run({ n });
      run.cluster.start();
      await run.cluster.time.run(50);
      for (const node of down) run.cluster.crash(node);
      const up = [...Array(n).keys()].filter((node) => !down.includes(node));
      await run.load(24_000, 400, up);
      expect(run.stalledShare(0)).toBeLessThan(0.03);
      expect(run.reasons.filter((reason) => reason === "rotation").length).toBeGreaterThan(2);
      expect(run.proposers.filter((proposer) => down.includes(proposer))).toEqual([]);
    },
    60_000,
  );

  it("has its turns again when it is back", async () => {
    const run = new Run();
    run.cluster.start();
    await run.cluster.time.run(50);
    run.cluster.crash(2);
    await run.load(12_000, 400, [0, 1, 3]);
    run.cluster.start(2);
    await run.load(20_000, 400, [0, 1, 3]);
    expect(run.proposers).toContain(2);
  }, 60_000);
});

describe("a primary whose proposals come 1.8 s late", () => {
  it("holds the role for a fifth of the time at most, and others hardly notice", async () => {
    const run = new Run({ turns: LONG_TURNS, lateMs: 1_800 });
    run.cluster.start();
    await run.cluster.time.run(50);
    await run.load(60_000, 250, [0, 2, 3]);
    expect(run.reasons).toContain("slow");
    expect(run.shareOf(1)).toBeLessThan(0.2);
    expect(run.medianLatencyMs()).toBeLessThan(100);
  }, 60_000);
});

describe("a primary that votes and answers but never proposes", () => {
  it("costs ever fewer timeouts, since a view that failed is held against its primary", async () => {
    // Turns of four blocks: its own comes nine times, and fails four times where it would six times at one turn each.
    const turns = { checkpointInterval: 2, logWindow: 4, rotationInterval: 2 };
    const run = new Run({ turns, lateMs: "never" });
    run.cluster.start();
    await run.cluster.time.run(50);
    await run.load(32_000, 160, [0, 2, 3]);
    expect(run.proposers).not.toContain(1);
    // After each failed turn it is passed over for 1, then 2, 4, 8 and 16 turns.
    const failed = run.reasons.filter((reason) => reason !== "rotation").length;
    expect(failed).toBeGreaterThan(0);
    expect(failed).toBeLessThanOrEqual(4);
    expect(run.reasons.length).toBeGreaterThan(8);
  }, 60_000);
});

describe("a network that is slow for everybody", () => {
  it.each([250, 1_000])("with delays up to %i ms deposes nobody as slow", async (delayMs) => {
    const run = new Run({ delayMs });
    run.cluster.start();
    await run.cluster.time.run(50);
    await run.load(30_000, 400, [0, 1, 2, 3]);
    expect(run.reasons).not.toContain("slow");
    // The timeouts find their length within a few views and stay there.
    expect(run.reasons.filter((reason) => reason !== "rotation").length).toBeLessThan(4);
    expect(run.committedAt.length).toBeGreaterThan(10);
  });
});
