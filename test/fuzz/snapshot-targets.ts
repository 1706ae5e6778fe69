/**
 * Fuzz targets: snapshots that no quorum of the genesis proves alone. Format 3, of a mined chain, whose headers have work and
 * nothing else; format 4, which leads through a break of trust that its reader accepts by name.
 */
import { concatBytes, equalBytes, hex0x, utf8 } from "../../src/base/bytes.ts";
import { SnapshotCheck, type SnapshotContext } from "../../src/chain/snapshot/snapshot-check.ts";
import {
  SECTION_HEAD_BYTES,
  SNAPSHOT_HEAD_BYTES,
  type SnapshotFormat,
} from "../../src/chain/snapshot/snapshot-format.ts";
import { Reader } from "../../src/codec/reader.ts";
import { snapshotContext } from "../../src/node/snapshot/snapshot-context.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { EpochNet } from "../../src/tools/sim/epochs/epoch-net.ts";
import { genesis, mineOn, openMinedChain } from "../chain/pow-fixtures.ts";
import { breakTrust } from "../node/snapshot/broken-chain.ts";
import { checked, contextOf, exported } from "../node/snapshot/snapshots.ts";
import { codeOf, FuzzFailure, type FuzzTarget } from "./target.ts";

/** A snapshot, and who takes it. */
interface Example {
  readonly format: SnapshotFormat;
  readonly context: SnapshotContext;
  readonly bytes: Uint8Array;
}

async function mined(): Promise<Example> {
  const now = () => Number(genesis.timeMs) + 100 * 600_000;
  const context = snapshotContext(genesis, { depth: 2, now });
  const kv = new MemoryKv();
  const chain = await openMinedChain({ kv });
  for (let height = 1; height <= 5; height++) await chain.importBlock(mineOn(chain, []));
  return { format: 3, context, bytes: (await exported(context, kv)).bytes };
}

/** Two of four validators are gone for good, and the two that are left name themselves and a third. */
async function broken(): Promise<Example> {
  const net = new EpochNet({ seed: 3, nodes: 5, members: 4 });
  try {
    const { id, head } = await breakTrust(net, 2n);
    if (!(await net.until(() => net.height(0) >= head.summary.height + 3n, 60_000)))
      throw new Error(`no block behind the transition: ${net.height(0)}`);
    const { proof, ...rest } = contextOf(net.world.genesis);
    const context = { ...rest, proof: { ...proof, accepted: [hex0x(id)] } };
    return { format: 4, context, bytes: (await exported(context, net.cluster.node(0).disk.copy().kv)).bytes };
  } finally {
    await net.cluster.stop();
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Kind and payload of each section, in their order. */
function sectionsOf(bytes: Uint8Array): readonly Uint8Array[] {
  const sections: Uint8Array[] = [];
  for (let at = SNAPSHOT_HEAD_BYTES; at < bytes.length; ) {
    const from = at + SECTION_HEAD_BYTES;
    const to = from + new Reader(bytes.subarray(at + 1)).u32();
    sections.push(concatBytes(bytes.subarray(at, at + 1), bytes.subarray(from, to)));
    at = to;
  }
  return sections;
}

function file(name: string, inSuite: number, made: () => Promise<Example>): FuzzTarget {
  return {
    name,
    inSuite,
    open: async () => {
      const { context, bytes } = await made();
      const right = await checked(context, bytes);
      if (!right.ok) throw new Error(right.fault.detail);
      return {
        form: "bytes",
        seeds: [bytes],
        words: [utf8("QUORSNAP"), ...[1, 2, 3, 4, 5, 6, 7, 8].map((kind) => Uint8Array.of(kind))],
        run: async (input) => {
          const read = await checked(context, input);
          // The headers on top are anybody's to mine: they change what the state rests on, and never the state.
          if (read.ok && !equalBytes(read.value.headHash, right.value.headHash))
            throw new FuzzFailure("another snapshot is taken for the same chain");
          if (read.ok && !equalBytes(read.value.stateRoot, right.value.stateRoot))
            throw new FuzzFailure("another state is taken for the same block");
          return codeOf(read);
        },
      };
    },
  };
}

/** A section after the sections before it, as far as they are wanted. */
function sections(name: string, inSuite: number, made: () => Promise<Example>): FuzzTarget {
  return {
    name,
    inSuite,
    open: async () => {
      const { context, format, bytes } = await made();
      const seeds = sectionsOf(bytes);
      return {
        form: "bytes",
        seeds,
        run: (input) => {
          const check = new SnapshotCheck(context, format);
          const kind = input[0] ?? 0;
          for (const before of seeds) {
            if (before[0] === kind) break;
            check.accept(before[0] ?? 0, before.subarray(1));
          }
          return codeOf(check.accept(kind, input.subarray(1)));
        },
      };
    },
  };
}

const [minedOnce, brokenOnce] = [once(mined), once(broken)];

export const SNAPSHOT_TARGETS: readonly FuzzTarget[] = [
  file("snapshot.mined-file", 4_500, minedOnce),
  sections("snapshot.mined-sections", 4_000, minedOnce),
  file("snapshot.break-file", 200, brokenOnce),
  sections("snapshot.break-sections", 1_300, brokenOnce),
];
