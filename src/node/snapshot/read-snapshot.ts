/**
 * Reads a snapshot from its first byte to its last and checks it against the genesis: nothing else is needed, no
 * node and no network. One section is in memory at a time. Who wants to keep it is handed each section after its check.
 */
import { must } from "../../base/assert.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import {
  type CheckedSection,
  SnapshotCheck,
  type SnapshotContext,
  type SnapshotFacts,
  type SnapshotFault,
} from "../../chain/snapshot/snapshot-check.ts";
import {
  readSnapshotHead,
  SECTION_HEAD_BYTES,
  SNAPSHOT_HEAD_BYTES,
  SNAPSHOT_SECTION_BYTES_MAX,
} from "../../chain/snapshot/snapshot-format.ts";

export interface SnapshotSource {
  /** The next `length` bytes. There are fewer at the end only. */
  read(length: number): Promise<Uint8Array>;
}

export interface ReadPorts {
  readonly source: SnapshotSource;
  readonly keep?: (section: CheckedSection) => Promise<void>;
  /** Called after each section with the bytes read. */
  readonly progress?: (bytes: number) => void;
}

export interface ReadSnapshot extends SnapshotFacts {
  readonly bytes: number;
}

export type ReadFault = SnapshotFault | "not-a-snapshot" | "wrong-format" | "truncated";

/** @throws Error when the disk fails. */
export async function readSnapshot(
  context: SnapshotContext,
  { source, keep, progress }: ReadPorts,
): Promise<Verdict<ReadSnapshot, ReadFault>> {
  const head = readSnapshotHead(await source.read(SNAPSHOT_HEAD_BYTES));
  if (!head.ok) return head;
  const check = new SnapshotCheck(context, head.value);
  let bytes = SNAPSHOT_HEAD_BYTES;
  while (check.facts() === undefined) {
    const section = await readSection(source, bytes);
    if (!section.ok) return section;
    const { kind, payload } = section.value;
    const checked = check.accept(kind, payload);
    if (!checked.ok) {
      const { code, detail } = checked.fault;
      return refuse(code, `${detail} (section at byte ${bytes})`);
    }
    await keep?.(checked.value);
    bytes += SECTION_HEAD_BYTES + payload.length;
    progress?.(bytes);
  }
  const rest = await source.read(1);
  if (rest.length > 0)
    return refuse("malformed", `bytes follow the end of the snapshot, from byte ${bytes} on`);
  return { ok: true, value: { ...must(check.facts(), "a snapshot that ended has its facts"), bytes } };
}

/** @param at where it begins, for words about it */
export async function readSection(
  source: SnapshotSource,
  at: number,
): Promise<Verdict<{ readonly kind: number; readonly payload: Uint8Array }, ReadFault>> {
  const head = await source.read(SECTION_HEAD_BYTES);
  if (head.length < SECTION_HEAD_BYTES) return truncated(at + head.length);
  const length = new DataView(head.buffer, head.byteOffset).getUint32(1);
  if (length > SNAPSHOT_SECTION_BYTES_MAX) {
    const detail = `a section of ${length} bytes at byte ${at}, at most ${SNAPSHOT_SECTION_BYTES_MAX} are read`;
    return refuse("malformed", detail);
  }
  const payload = await source.read(length);
  if (payload.length < length) return truncated(at + SECTION_HEAD_BYTES + payload.length);
  return { ok: true, value: { kind: must(head[0], "the head of a section begins with its kind"), payload } };
}

function truncated(bytes: number): Verdict<never, "truncated"> {
  return refuse("truncated", `the snapshot ends in the middle, at byte ${bytes}: it was not copied whole`);
}

/** Bytes in memory, from the first on. */
export function sourceOver(bytes: Uint8Array): SnapshotSource {
  let at = 0;
  return {
    async read(length) {
      const part = bytes.slice(at, at + length);
      at += part.length;
      return part;
    },
  };
}
