/**
 * Each checker is shown a run in which its rule is broken: the replicas are honest, the checkers are told a lie about
 * one of them. A checker that says nothing here would say nothing about a real fault either.
 */
import { describe, expect, it } from "vitest";
import { concatBytes } from "../../../src/base/bytes.ts";
import type { SealedBlock } from "../../../src/chain/types/block.ts";
import { assembleBlock } from "../../../src/chain/types/block.ts";
import type { Observer } from "../../../src/tools/sim/observer.ts";
import { transferring, type Watched, watched } from "./watched.ts";

const PREPARE = 2;
const VIEW_AT = 11;
const HASH_AT = 27;

/** The rules that were violated, each once. */
function rules({ checkers }: Watched): string[] {
  return [...new Set(checkers.violations.map(({ checker }) => checker))].sort();
}

async function violations(lie: (truth: Observer) => Observer): Promise<string[]> {
  const run = watched(lie);
  await transferring(run, 5);
  return rules(run);
}

/** Lies once about a PREPARE of node 1, after it was sent. */
function afterPrepare(lie: (truth: Observer, packet: Uint8Array) => void): (truth: Observer) => Observer {
  return (truth) => {
    let lied = false;
    return {
      ...truth,
      sent: (node, to, packet) => {
        truth.sent?.(node, to, packet);
        if (lied || node !== 1 || packet[2] !== PREPARE) return;
        lied = true;
        lie(truth, packet);
      },
    };
  };
}

function changed(packet: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(packet);
  copy[at] = value;
  return copy;
}

/** Of the journal, kind 6: a PREPARE whose body is in the ledger. */
function voteRecord(packet: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(1, 6), packet.subarray(VIEW_AT, HASH_AT + 32), new Uint8Array(128));
}

/** As far as it is read: the message's version, type, epoch and view, an empty V and O, a signature. */
function viewRecord(kind: "view-change" | "new-view", view: number): Uint8Array {
  const isNew = kind === "new-view";
  const head = Uint8Array.of(1, isNew ? 5 : 4, 0, isNew ? 6 : 5);
  const place = concatBytes(new Uint8Array(15), Uint8Array.of(view));
  return concatBytes(head, place, new Uint8Array(8), new Uint8Array(64).fill(9));
}

/** Lies about what node 2 commits. */
function aboutCommit(lie: (sealed: SealedBlock) => SealedBlock): (truth: Observer) => Observer {
  return (truth) => ({
    ...truth,
    committed: (node, sealed, receipts) =>
      truth.committed?.(node, node === 2 ? lie(sealed) : sealed, receipts),
  });
}

describe("the checkers", () => {
  it("find nothing in an honest run with a crash, and see that everything is final", async () => {
    const run = watched();
    run.cluster.start();
    await transferring(run, 4);
    run.cluster.crash(3);
    run.cluster.start(3);
    await run.cluster.time.run(run.cluster.time.nowMs + 2_000);
    expect(run.checkers.unfinished()).toBeUndefined();
    expect(run.checkers.finish({ liveness: true })).toEqual([]);
    expect(run.checkers.finalCount).toBe(4);
  });

  it("votes: a second vote for another digest at one place", async () => {
    const lie = afterPrepare((truth, packet) =>
      truth.sent?.(1, 0, changed(packet, HASH_AT, packet[HASH_AT]! ^ 1)),
    );
    expect(await violations(lie)).toContain("votes");
  });

  it("durability: a vote that leaves before it is on the disk", async () => {
    expect(await violations((truth) => ({ ...truth, journaled: () => undefined }))).toContain("durability");
  });

  it("durability: a journal that has lost a vote at the next start", async () => {
    const run = watched();
    await transferring(run, 1);
    run.checkers.observer.started?.(1, []);
    expect(rules(run)).toEqual(["durability"]);
  });

  describe("durability: a message of view 3, written down before the journal was cut in the same turn", () => {
    /** Leaves node 1 while its journal holds its vote and a record of `view`. */
    async function leaving(type: number, kind: "view-change" | "new-view", view: number): Promise<string[]> {
      let prepare: Uint8Array | undefined;
      const spy: Observer = {
        sent: (node, _to, packet) => {
          if (node === 1 && packet[2] === PREPARE) prepare ??= packet;
        },
      };
      const run = watched((truth) => truth, {}, [spy]);
      await transferring(run, 1);
      const packet = changed(changed(prepare!, VIEW_AT + 7, 3), 2, type);
      run.checkers.observer.journaled?.(1, [voteRecord(packet), viewRecord(kind, view)], true);
      run.checkers.observer.sent?.(1, 0, packet);
      return run.checkers.violations
        .filter(({ checker }) => checker === "durability")
        .map(({ detail }) => detail);
    }

    const NEEDS_NOTHING: readonly [string, number, "view-change" | "new-view"][] = [
      ["a vote, by asking for view 4", PREPARE, "view-change"],
      ["a vote, by entering view 4", PREPARE, "new-view"],
      ["a VIEW-CHANGE, by asking for view 4", 5, "view-change"],
      ["a NEW-VIEW, by asking for view 4", 6, "view-change"],
      ["a NEW-VIEW, by entering view 4", 6, "new-view"],
    ];
    it.each(NEEDS_NOTHING)("is overtaken: %s", async (_, type, kind) => {
      expect(await leaving(type, kind, 4)).toEqual([]);
    });

    const NEEDS_MORE: readonly [string, number, "view-change" | "new-view", number, string][] = [
      ["a vote, by asking for its own view", PREPARE, "view-change", 3, "the NEW-VIEW of 3 is not written"],
      ["a vote, by entering the view below", PREPARE, "new-view", 2, "the NEW-VIEW of 3 is not written"],
      ["a VIEW-CHANGE, by entering a view", 5, "new-view", 4, "VIEW-CHANGE to 3 is not written down"],
      ["a VIEW-CHANGE, by asking for less", 5, "view-change", 2, "VIEW-CHANGE to 3 is not written down"],
      ["a NEW-VIEW, by asking for its view", 6, "view-change", 3, "NEW-VIEW of 3 is not written down"],
    ];
    it.each(NEEDS_MORE)("is not overtaken: %s", async (_, type, kind, view, detail) => {
      expect((await leaving(type, kind, view)).join()).toContain(detail);
    });
  });

  it("no-way-back: a vote in a view that the replica has left", async () => {
    const lie = afterPrepare((truth, packet) => {
      truth.sent?.(1, 0, changed(changed(packet, 2, 5), VIEW_AT + 7, 3)); // VIEW-CHANGE to view 3
    });
    expect(await violations(lie)).toContain("no-way-back");
  });

  it("lock: a vote against a block that a quorum can have committed in an earlier view", async () => {
    let prepare: Uint8Array | undefined;
    const spy: Observer = {
      sent: (node, _to, packet) => {
        if (node === 1 && packet[2] === PREPARE) prepare ??= packet;
      },
    };
    const run = watched((truth) => truth, {}, [spy]);
    await transferring(run, 1);
    expect(rules(run)).toEqual([]);
    const higher = changed(prepare!, VIEW_AT + 7, 4);
    run.checkers.observer.sent?.(1, 0, higher);
    expect(rules(run)).not.toContain("lock");
    run.checkers.observer.sent?.(2, 0, changed(changed(higher, HASH_AT, higher[HASH_AT]! ^ 1), 60, 2));
    expect(rules(run)).toContain("lock");
  });

  it("certificate: a seal with one signature too few", async () => {
    const cut = ({ block, seal }: SealedBlock): SealedBlock => {
      const shorter = seal.slice(0, -66);
      shorter[12] = shorter[12]! - 1;
      return { block, seal: shorter };
    };
    expect(await violations(aboutCommit(cut))).toEqual(["certificate"]);
  });

  it("certificate: a seal that holds one signer twice", async () => {
    const twice = ({ block, seal }: SealedBlock): SealedBlock => {
      const copy = Uint8Array.from(seal);
      copy.set(seal.subarray(13, 13 + 66), 13 + 66);
      return { block, seal: copy };
    };
    expect(await violations(aboutCommit(twice))).toEqual(["certificate"]);
  });

  it("agreement: another block at a height", async () => {
    const other = ({ block, seal }: SealedBlock): SealedBlock => {
      const summary = { ...block.summary, timeMs: block.summary.timeMs + 1n };
      return { block: assembleBlock(block.header, summary, block.transactions), seal };
    };
    expect(await violations(aboutCommit(other))).toContain("agreement");
  });

  it("validity: a block whose state root is not what its transactions give", async () => {
    const wrong = ({ block, seal }: SealedBlock): SealedBlock => {
      const summary = { ...block.summary, stateRoot: block.summary.txRoot };
      return { block: assembleBlock(block.header, summary, block.transactions), seal };
    };
    const lie = (truth: Observer): Observer => ({
      ...truth,
      committed: (node, sealed, receipts) => truth.committed?.(node, wrong(sealed), receipts),
    });
    expect(await violations(lie)).toContain("validity");
  });

  it("ledger: accounts that are not those of the blocks", async () => {
    const run = watched();
    await transferring(run, 1);
    const sealed = run.cluster.replica(0)!.chain.sealedBlockAt(1n)!;
    const fresh = watched();
    fresh.cluster.start();
    await fresh.cluster.time.run(10);
    // Node 0 has not executed it.
    fresh.checkers.observer.committed?.(0, sealed, []);
    expect(rules(fresh)).toEqual([]);
    fresh.checkers.watch({
      time: fresh.cluster.time,
      faulty: new Set(),
      rolledBack: new Set(),
      nodes: fresh.cluster.nodes,
      isCorrect: () => true,
      replica: (id) => {
        const { chain } = fresh.cluster.replica(id)!;
        const silent = { engineStatus: () => undefined };
        return { ...silent, chain: { committed: chain.committed, head: sealed.block } } as never;
      },
    });
    fresh.checkers.observer.committed?.(1, sealed, []);
    expect(rules(fresh)).toContain("ledger");
  });

  it("final: a replica that starts below a height that it had committed", async () => {
    const run = watched();
    await transferring(run, 2);
    const { chain } = run.cluster.replica(3)!;
    run.checkers.observer.stepped?.(
      3,
      {
        kind: "started",
        head: { ...chain.head.summary, hash: chain.head.hash, height: 1n },
        journal: [],
      } as never,
      [],
    );
    expect(rules(run)).toEqual(["final"]);
  });

  it("bounds: watermarks and slots beyond what is allowed", async () => {
    const run = watched();
    await transferring(run, 1);
    const replica = run.cluster.replica(0)!;
    const status = replica.engineStatus()!;
    run.checkers.watch({
      time: run.cluster.time,
      faulty: new Set(),
      rolledBack: new Set(),
      nodes: run.cluster.nodes,
      isCorrect: () => true,
      replica: () =>
        ({
          chain: replica.chain,
          pool: replica.pool,
          engineStatus: () => ({ ...status, lowWatermark: 1n, slots: new Array(25).fill(status.slots[0]) }),
        }) as never,
    });
    run.checkers.observer.committed?.(0, replica.chain.sealedBlockAt(1n)!, []);
    const details = run.checkers.violations.map(({ detail }) => detail).join("\n");
    expect(rules(run)).toEqual(["bounds"]);
    expect(details).toContain("25 slots, at most 24");
    expect(details).toContain("must be multiples of 2");
  });

  it("liveness: a transfer that no quorum can commit", async () => {
    const run = watched();
    run.cluster.network.partition([
      [0, 1],
      [2, 3],
    ]);
    await transferring(run, 1);
    expect(run.checkers.unfinished()).toContain("is not committed");
    expect(run.checkers.finish({ liveness: false })).toEqual([]);
    expect(run.checkers.finish({ liveness: true }).map(({ checker }) => checker)).toEqual(["liveness"]);
  });

  describe("progress after databases are lost is asked for", () => {
    /** What is lost, and what is left unfinished, after `transfers` blocks and the loss of the databases of `nodes`. */
    async function losing(nodes: readonly number[], transfers: number) {
      const run = watched();
      for (const { disk } of run.cluster.nodes) disk.remember();
      await transferring(run, transfers);
      for (const node of nodes) run.cluster.crash(node);
      for (const node of nodes) run.cluster.nodes[node]!.disk.rollBack(Infinity);
      for (const node of nodes) run.cluster.rolledBack.add(node);
      for (const node of nodes) run.cluster.start(node);
      await run.cluster.time.run(run.cluster.time.nowMs + 5_000);
      expect(rules(run)).toEqual([]);
      return { lost: run.checkers.lostHeight, unfinished: run.checkers.unfinished() };
    }

    it("while one database has the blocks", async () => {
      expect(await losing([0, 1, 2], 5)).toEqual({ lost: undefined, unfinished: undefined });
    });

    it("while the journals have them", async () => {
      const { lost } = await losing([0, 1, 2, 3], 1);
      expect(lost).toBeUndefined();
    });

    it("no longer when the last copy of a block below the journals' cuts is gone", async () => {
      expect((await losing([0, 1, 2, 3], 5)).lost).toBe(1n);
    });
  });
});
