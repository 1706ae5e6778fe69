/** Snapshots of clusters, as bytes in memory. */
import { byteText, concatBytes, type Hash } from "../../../src/base/bytes.ts";
import type { Verdict } from "../../../src/base/fault.ts";
import { SILENT } from "../../../src/base/log.ts";
import type { Genesis } from "../../../src/chain/genesis/genesis.ts";
import type { Certificates } from "../../../src/chain/rules.ts";
import type { CertifiedProof, SnapshotContext } from "../../../src/chain/snapshot/snapshot-check.ts";
import type { BlockHead } from "../../../src/chain/types/block.ts";
import type { ValidatorSet } from "../../../src/chain/types/validator-set.ts";
import { type ExportedSnapshot, exportSnapshot } from "../../../src/node/snapshot/export-snapshot.ts";
import { fetchSnapshot } from "../../../src/node/snapshot/fetch-snapshot.ts";
import type { FetchStore } from "../../../src/node/snapshot/fetch-store.ts";
import { type ReadSnapshot, readSnapshot, sourceOver } from "../../../src/node/snapshot/read-snapshot.ts";
import { snapshotContext } from "../../../src/node/snapshot/snapshot-context.ts";
import { decodeSnapshotQuestion, encodeSnapshotAnswer } from "../../../src/p2p/sync/snapshot-wire.ts";
import type { Kv } from "../../../src/storage/kv.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { VirtualTime } from "../../../src/tools/sim/time.ts";
import { Cluster, type ClusterOptions } from "../cluster.ts";

/** The judge of a genesis, which verifies no certificate twice: a test reads one file many times. */
export function contextOf(genesis: Genesis): SnapshotContext<CertifiedProof> {
  const { proof, ...context } = snapshotContext(genesis, { depth: 1, now: () => 0 });
  if (proof.kind !== "certified") throw new Error("blocks of this chain are mined");
  const { verifySeal, openCheckpoint } = proof.certificates;
  const certificates: Certificates = {
    verifySeal: remembered(
      (set: ValidatorSet, head: BlockHead, seal: Uint8Array) =>
        byteText(concatBytes(set.hash, head.hash, seal)),
      verifySeal,
    ),
    openCheckpoint: remembered(
      (_: unknown, certificate: Uint8Array) => byteText(certificate),
      openCheckpoint,
    ),
  };
  return { ...context, proof: { ...proof, certificates } };
}

function remembered<A extends unknown[], R>(
  idOf: (...of: A) => string,
  ask: (...of: A) => R,
): (...of: A) => R {
  const known = new Map<string, { readonly answer: R }>();
  return (...of) => {
    const id = idOf(...of);
    const answer = known.get(id) ?? { answer: ask(...of) };
    known.set(id, answer);
    return answer.answer;
  };
}

export async function exported(
  context: SnapshotContext,
  kv: Kv,
): Promise<{ readonly bytes: Uint8Array; readonly facts: Verdict<ExportedSnapshot> }> {
  const parts: Uint8Array[] = [];
  const write = async (bytes: Uint8Array) => void parts.push(bytes.slice());
  const facts = await exportSnapshot(context, { kv, scratch: new MemoryKv(), write });
  return { bytes: concatBytes(...parts), facts };
}

export function checked(context: SnapshotContext, bytes: Uint8Array): Promise<Verdict<ReadSnapshot>> {
  return readSnapshot(context, { source: sourceOver(bytes) });
}

/** A cluster that has made so many blocks, a checkpoint at each second one; still running. */
export async function clusterAt(height: number, options: ClusterOptions): Promise<Cluster> {
  const consensus = { checkpointInterval: 2, logWindow: 4 };
  const cluster = new Cluster({ consensus, ...options });
  await cluster.start(...Array.from({ length: options.validators ?? 4 }, (_, i) => i));
  await grow(cluster, height);
  return cluster;
}

/** Lets the validators make blocks up to this height, one transfer each. */
export async function grow(cluster: Cluster, height: number): Promise<void> {
  const [one] = cluster.replicas.values();
  const to = cluster.people[1]!.publicKey;
  for (let at = Number(one!.chain.head.summary.height); at < height; at++) {
    one!.submit(cluster.transfer(0, BigInt(at), to).bytes);
    const isDone = () => cluster.heights().every((found) => found > BigInt(at));
    if (!(await cluster.until(isDone))) throw new Error(`no block ${at + 1}: ${cluster.heights()}`);
  }
}

/** What a node that begins with a snapshot makes of one that its only peer offers, and what it says of the peer. */
export async function offered(
  context: SnapshotContext,
  bytes: Uint8Array,
  { hash, height }: { readonly hash: Hash; readonly height: bigint },
) {
  const time = new VirtualTime();
  const faults: string[] = [];
  let fetched: unknown;
  void fetchSnapshot(
    { above: 0n, waitMs: 1 },
    {
      context,
      store: { head: async () => undefined } as FetchStore,
      scheduler: { now: () => time.nowMs, after: (ms, run) => time.after(ms, run) },
      log: SILENT,
      peers: () => ["honest"],
      reportFault: (_, detail) => void faults.push(detail),
      async request(_, asked) {
        const question = decodeSnapshotQuestion(asked);
        if (question.ok && question.value.kind === "head") {
          const { offset } = question.value;
          const piece = bytes.subarray(offset, offset + 1_000);
          return encodeSnapshotAnswer({ kind: "head", bytes: bytes.length, piece });
        }
        const offer = { height, headHash: hash, chunks: 1, bytes: BigInt(bytes.length) };
        return encodeSnapshotAnswer({ kind: "list", offers: [offer] });
      },
    },
  ).then((found) => {
    fetched = found;
  });
  await time.run(time.nowMs + 60_000, () => fetched !== undefined);
  return { fetched, faults };
}
