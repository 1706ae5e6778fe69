/** Goal: what convicts a validator is kept, once, and passed on once; a flood of it costs little. Method: a store
 * over memory, evidence signed by the fixture's validators. */
import { describe, expect, it } from "vitest";
import { asHash } from "../../../src/base/bytes.ts";
import { EVIDENCE_CHECKS_PER_SECOND, EVIDENCE_PER_VALIDATOR_MAX } from "../../../src/base/limits.ts";
import { SILENT } from "../../../src/base/log.ts";
import { encodeEvidence } from "../../../src/consensus/pbft/evidence.ts";
import { signingBytes, type VoteBody } from "../../../src/consensus/pbft/messages.ts";
import { EvidenceStore } from "../../../src/node/votes/evidence-store.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { createFixture } from "../../consensus/pbft/fixture.ts";
import { VirtualTime } from "../../p2p/virtual-time.ts";

const fixture = createFixture(4);

function signed(from: number, height: bigint, digit: number, signer = from) {
  const hash = asHash(new Uint8Array(32).fill(digit));
  const body: VoteBody = { type: "commit", from, epoch: 0n, view: 0n, height, hash };
  return { ...body, signature: fixture.signers[signer]!.sign(signingBytes(fixture.genesisHash, body)) };
}

const evidenceOf = (from: number, height: bigint, digits = [1, 2], signer = from) =>
  encodeEvidence(signed(from, height, digits[0]!, signer), signed(from, height, digits[1]!, signer));

class World {
  readonly time = new VirtualTime();
  readonly published: Uint8Array[] = [];
  readonly failures: unknown[] = [];
  opened = 0;
  kv = new MemoryKv();

  open(): Promise<EvidenceStore> {
    return EvidenceStore.open({
      kv: this.kv,
      consensus: {
        openEvidence: (bytes, wants) => {
          this.opened++;
          return fixture.consensus.openEvidence(bytes, wants);
        },
      },
      scheduler: this.time,
      log: SILENT,
      publish: (bytes) => this.published.push(bytes),
      fatal: (error) => this.failures.push(error),
    });
  }
}

describe("the evidence store", () => {
  it("tells everyone what its engine found, once", async () => {
    const world = new World();
    const store = await world.open();
    store.report(evidenceOf(2, 5n));
    store.report(evidenceOf(2, 5n, [3, 4]));
    await store.settled();
    expect(world.published).toEqual([evidenceOf(2, 5n)]);
    expect(store.list(10)).toMatchObject([{ evidence: { author: 2, height: 5n }, bytes: evidenceOf(2, 5n) }]);
  });

  it("passes on what is new to it and holds, and nothing else", async () => {
    const store = await new World().open();
    expect(store.judge("peer", evidenceOf(2, 5n))).toBe("accept");
    expect(store.judge("peer", evidenceOf(2, 5n))).toBe("ignore");
    expect(store.judge("peer", evidenceOf(2, 5n, [3, 4]))).toBe("ignore");
    expect(store.judge("peer", evidenceOf(2, 5n, [1, 1]))).toBe("reject");
    expect(store.judge("peer", evidenceOf(2, 6n, [1, 2], 3))).toBe("reject");
    expect(store.judge("peer", Uint8Array.of(1, 2, 3))).toBe("reject");
    expect([...store.counts()]).toEqual([[2, 1]]);
  });

  it("still has it after the power was lost, the newest first", async () => {
    const world = new World();
    const store = await world.open();
    store.judge("peer", evidenceOf(2, 5n));
    await world.time.pass(1_000);
    store.judge("peer", evidenceOf(1, 3n));
    await store.settled();
    world.kv = world.kv.crash();
    const reopened = await world.open();
    expect(reopened.list(10).map(({ evidence }) => evidence.author)).toEqual([1, 2]);
    expect(reopened.list(1)).toHaveLength(1);
    expect(reopened.list(10)).toEqual(store.list(10));
    expect(reopened.judge("peer", evidenceOf(2, 5n))).toBe("ignore");
  });

  it("keeps so many of one validator and still listens to others", async () => {
    const world = new World();
    const store = await world.open();
    for (let height = 1n; height <= EVIDENCE_PER_VALIDATOR_MAX; height++) {
      expect(store.judge("peer", evidenceOf(2, height))).toBe("accept");
      await world.time.pass(1_000);
    }
    expect(store.judge("peer", evidenceOf(2, 99n))).toBe("ignore");
    expect(store.judge("peer", evidenceOf(3, 99n))).toBe("accept");
    store.report(evidenceOf(2, 99n));
    expect(world.published).toEqual([]);
    expect(store.counts().get(2)).toBe(EVIDENCE_PER_VALIDATOR_MAX);
  });

  it("looks at so much of one peer in a second and not at more", async () => {
    const world = new World();
    const store = await world.open();
    for (let i = 0; i < 10 * EVIDENCE_CHECKS_PER_SECOND; i++) store.judge("flooder", Uint8Array.of(1));
    expect(world.opened).toBe(EVIDENCE_CHECKS_PER_SECOND);
    expect(store.judge("flooder", evidenceOf(2, 5n))).toBe("ignore");
    expect(store.judge("another", evidenceOf(2, 5n))).toBe("accept");
    await world.time.pass(1_000);
    expect(store.judge("flooder", evidenceOf(2, 6n))).toBe("accept");
  });

  it("stops the node when the disk fails", async () => {
    const world = new World();
    const store = await world.open();
    world.kv.write = () => Promise.reject(new Error("disk full"));
    store.report(evidenceOf(2, 5n));
    await store.settled();
    expect(world.failures).toEqual([new Error("disk full")]);
  });
});
