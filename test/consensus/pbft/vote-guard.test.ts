/** The guard of a signer: what it allows for an honest node, and what it refuses whoever asks. */
import { describe, expect, it } from "vitest";
import { asHash, utf8 } from "../../../src/base/bytes.ts";
import { guardRecordsOf } from "../../../src/consensus/pbft/guarded-journal.ts";
import { type PbftBody, signingBytes, type VoteType } from "../../../src/consensus/pbft/messages.ts";
import { type GuardWrite, VoteGuard } from "../../../src/consensus/pbft/vote-guard.ts";
import { Cluster } from "./cluster.ts";
import { createFixture } from "./fixture.ts";
import type { Host } from "./host.ts";

const GENESIS = asHash(new Uint8Array(32).fill(7));
const [A, B] = [1, 2].map((byte) => asHash(new Uint8Array(32).fill(byte))) as [never, never];

const bytesOf = (body: object) => signingBytes(GENESIS, { from: 1, epoch: 0n, ...body } as PbftBody);
const vote = (type: VoteType, view: bigint, height: bigint, hash: Uint8Array, epoch = 0n) =>
  bytesOf({ type, view, height, hash, epoch });
const viewChange = (view: bigint, stableCheckpoint = 0n) =>
  bytesOf({ type: "view-change", view, stableCheckpoint, checkpoint: new Uint8Array(0), certified: [] });
const newView = (view: bigint, height?: bigint) =>
  bytesOf({
    type: "new-view",
    view,
    viewChanges: [],
    carried: height === undefined ? [] : [{ height, hash: A, signature: new Uint8Array(64) }],
  });
const NEW_VIEW = { type: "new-view", view: 1n, viewChanges: [], carried: [] };
const status = (stableCheckpoint: bigint) =>
  bytesOf({
    type: "status",
    view: 0n,
    mode: "normal",
    lowWatermark: stableCheckpoint,
    stableCheckpoint,
    lastCommitted: stableCheckpoint,
    viewChangeTarget: 0n,
    slots: [],
  });

/** A guard with its disk. */
class Guarded {
  disk: Uint8Array[];
  guard: VoteGuard;

  constructor(records: readonly Uint8Array[] = []) {
    this.disk = [...records];
    this.guard = new VoteGuard(GENESIS, records);
  }

  ask(message: Uint8Array): string {
    const allowed = this.guard.allow(message);
    if (!allowed.ok) return allowed.fault.code;
    this.#write(allowed.value);
    return allowed.value.kind;
  }

  again(): Guarded {
    return new Guarded(this.disk);
  }

  #write(write: GuardWrite): void {
    if (write.kind === "append") this.disk.push(write.record);
    if (write.kind === "replace") this.disk = [...write.records];
  }
}

describe("what a guard refuses, before and after a restart", () => {
  const cases: readonly [string, readonly Uint8Array[], Uint8Array][] = [
    ["a second PRE-PREPARE", [vote("pre-prepare", 0n, 1n, A)], vote("pre-prepare", 0n, 1n, B)],
    ["a second PREPARE", [vote("prepare", 0n, 1n, A)], vote("prepare", 0n, 1n, B)],
    ["a PREPARE beside a PRE-PREPARE", [vote("pre-prepare", 0n, 1n, A)], vote("prepare", 0n, 1n, B)],
    ["a PREPARE of the own proposal", [vote("pre-prepare", 0n, 1n, A)], vote("prepare", 0n, 1n, A)],
    ["a COMMIT for another block than prepared", [vote("prepare", 0n, 1n, A)], vote("commit", 0n, 1n, B)],
    ["a second COMMIT", [vote("commit", 0n, 1n, A)], vote("commit", 0n, 1n, B)],
    ["a vote below a view that was left", [viewChange(1n)], vote("prepare", 0n, 1n, A)],
    ["a vote below a view that was voted in", [vote("prepare", 2n, 1n, A)], vote("prepare", 1n, 1n, A)],
    ["a second VIEW-CHANGE for one view", [viewChange(1n)], viewChange(1n, 4n)],
    ["a VIEW-CHANGE to a lower view", [viewChange(2n)], viewChange(1n)],
    ["a VIEW-CHANGE to the view it votes in", [vote("prepare", 1n, 1n, A)], viewChange(1n)],
    ["a second NEW-VIEW", [viewChange(1n), newView(1n)], newView(1n, 1n)],
    ["a NEW-VIEW that it never asked for", [], newView(1n)],
    ["a vote at a height that is stable", [status(8n)], vote("prepare", 0n, 8n, A)],
    ["a vote of an epoch that is over", [vote("prepare", 0n, 40n, A, 1n)], vote("prepare", 0n, 1n, A)],
    ["a NEW-VIEW that begins an epoch", [], bytesOf({ ...NEW_VIEW, epoch: 1n })],
    ["a vote at the height of block 0", [], vote("prepare", 0n, 0n, A, 1n)],
    ["a view forgotten with its votes", [vote("prepare", 3n, 4n, A), status(4n)], vote("prepare", 2n, 5n, A)],
  ];
  for (const [name, before, refused] of cases) {
    it(name, () => {
      const guarded = new Guarded();
      for (const message of before) expect(guarded.ask(message)).not.toMatch(/SIGNER/);
      expect(guarded.ask(refused)).toBe("SIGNER_CONFLICT");
      expect(guarded.again().ask(refused)).toBe("SIGNER_CONFLICT");
      for (const message of before)
        expect(guarded.again().guard.allow(message).ok || before.length > 1).toBe(true);
    });
  }

  it("anything that is no message of this chain's consensus", () => {
    const guarded = new Guarded();
    const foreign = signingBytes(asHash(new Uint8Array(32)), { type: "fetch", from: 0, epoch: 0n, hash: A });
    for (const message of [
      utf8("quorate/tx/v1 pay everybody"),
      new Uint8Array(0),
      foreign,
      vote("prepare", 0n, 1n, A).slice(0, -1),
    ])
      expect(guarded.ask(message)).toBe("SIGNER_REFUSED");
    expect(guarded.disk).toEqual([]);
  });
});

it("the same message is signed again without a record, and what binds nobody without any", () => {
  const guarded = new Guarded();
  for (const message of [vote("prepare", 0n, 1n, A), viewChange(1n), newView(1n, 1n)]) {
    expect(guarded.ask(message)).toBe("append");
    expect(guarded.ask(message)).toBe("none");
  }
  const written = guarded.disk.length;
  expect(guarded.ask(bytesOf({ type: "fetch", hash: A }))).toBe("none");
  expect(
    guarded.ask(bytesOf({ type: "checkpoint", height: 4n, hash: A, stateRoot: A, nextValidatorsHash: A })),
  ).toBe("none");
  expect(guarded.disk).toHaveLength(written);
});

it("votes at and below a stable checkpoint, and of earlier epochs, are forgotten", () => {
  const guarded = new Guarded();
  for (let height = 1n; height <= 8n; height++) guarded.ask(vote("prepare", 0n, height, A));
  expect(guarded.ask(status(6n))).toBe("replace");
  expect(guarded.again().guard).toMatchObject({ votes: 2, cut: 6n });
  expect(guarded.ask(vote("prepare", 0n, 20n, A, 1n))).toBe("replace");
  expect(guarded.again().guard).toMatchObject({ votes: 1, cut: 0n, epoch: 1n });
});

it("a chain that changes views for ever fills no disk", () => {
  const guarded = new Guarded();
  for (let view = 1n; view <= 1_050n; view++) guarded.ask(viewChange(view));
  expect(guarded.disk.length).toBeLessThan(60);
  expect(guarded.again().ask(viewChange(1_050n, 3n))).toBe("SIGNER_CONFLICT");
});

it("a node that asks for votes without end is refused", () => {
  const { guard } = new Guarded();
  for (let height = 1n; height <= 20_000n; height++) guard.allow(vote("prepare", 0n, height, A));
  expect(guard.allow(vote("prepare", 0n, 20_001n, A))).toMatchObject({ fault: { code: "SIGNER_REFUSED" } });
  expect(guard.allow(vote("prepare", 0n, 20_000n, A)).ok).toBe(true);
});

/** A replica whose key is at a signer with a disk of its own. */
class SignedHost {
  guarded: Guarded;
  /** The signer dies at this durable write: before it, or after it and before the answer. */
  diesAt = Number.POSITIVE_INFINITY;
  keepsWrite = false;
  writes = 0;
  refusals = 0;

  constructor(host: Host, sign: (message: Uint8Array) => Uint8Array, genesisHash: typeof GENESIS) {
    const create = (records: readonly Uint8Array[]) => {
      const guarded = new Guarded(records);
      guarded.guard = new VoteGuard(genesisHash, records);
      return guarded;
    };
    this.guarded = create([]);
    host.key = (message) => {
      const before = [...this.guarded.disk];
      const answer = this.guarded.ask(message);
      if (/SIGNER/.test(answer)) return this.#refused(answer);
      const dies = answer !== "none" && ++this.writes === this.diesAt;
      // Whoever dies has only its disk.
      if (dies) this.guarded = create(this.keepsWrite ? this.guarded.disk : before);
      return dies ? "lost" : sign(message);
    };
  }

  /** Only of what was recorded and never answered: a primary begins anew and proposes another block. */
  #refused(answer: string): undefined {
    if (!this.keepsWrite || this.writes < this.diesAt)
      throw new Error(`an honest node was refused: ${answer}`);
    this.refusals++;
    return undefined;
  }
}

function runWithSigner(
  replica: number,
  diesAt: number,
  keepsWrite: boolean,
  changesViews: boolean,
): SignedHost {
  const fixture = createFixture(4, {
    checkpointInterval: 2,
    rotationInterval: changesViews ? 1 : 0,
    pipelineDepth: 1,
  });
  const settings = { statusIntervalMs: 200, requestTimeoutMs: 300, resendIntervalMs: 200 };
  const cluster = new Cluster(fixture, { seed: 5, targetHeight: 3n, settings });
  if (changesViews) cluster.passes = (message) => message.type !== "commit" || message.view > 0n;
  const host = cluster.hosts[replica]!;
  const signed = new SignedHost(
    host,
    (message) => fixture.signers[replica]!.sign(message),
    fixture.genesisHash,
  );
  Object.assign(signed, { diesAt, keepsWrite });
  // It is back soon, and the node with it.
  Object.assign(cluster, { lost: (lost: Host) => cluster.after(50, () => lost.start()) });
  cluster.start();
  const done = cluster.run(() => cluster.reached(3n) && host.engine !== undefined, 60_000);
  if (!done) throw new Error(`stuck after the signer of ${replica} died at write ${diesAt}`);
  return signed;
}

describe("a signer that dies at each of its durable writes", () => {
  for (const changesViews of [false, true]) {
    it(`harms nothing and comes back, ${changesViews ? "while views change" : "in the first view"}`, {
      timeout: 30_000,
    }, () => {
      for (const replica of changesViews ? [1] : [0, 1]) {
        const { writes } = runWithSigner(replica, Number.POSITIVE_INFINITY, false, changesViews);
        expect(writes).toBeGreaterThan(5);
        for (let at = 1; at <= writes; at++) {
          for (const keepsWrite of [false, true]) runWithSigner(replica, at, keepsWrite, changesViews);
        }
      }
    });
  }
});

it("a journal that moves to a signer binds it to all that the key has voted", () => {
  const fixture = createFixture(4, { checkpointInterval: 2 });
  const cluster = new Cluster(fixture, { seed: 3, targetHeight: 3n }).start();
  expect(cluster.run(() => cluster.reached(3n))).toBe(true);
  const { journal } = cluster.hosts[1]!.disk;
  const guard = new VoteGuard(fixture.genesisHash, guardRecordsOf(journal));
  expect(guard.votes).toBeGreaterThan(1);
  const other = { from: 1, epoch: 0n, view: 0n, height: 3n, hash: B } as const;
  const asked = signingBytes(fixture.genesisHash, { type: "commit", ...other });
  expect(guard.allow(asked)).toMatchObject({ ok: false, fault: { code: "SIGNER_CONFLICT" } });
});
