/**
 * Fetches a snapshot from several peers at once. What stands before the state comes from one of them and proves itself
 * by the genesis; then every chunk is asked for by a path, checked under the state root that was proved, and only then
 * kept. Who sends something wrong is named and asked no more; what is kept outlives a kill.
 */
import { asHash, equalBytes, type Hash } from "../../base/bytes.ts";
import { type Fault, refuse, type Verdict } from "../../base/fault.ts";
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import { liesWithReader } from "../../chain/snapshot/reader-fault.ts";
import { SnapshotCheck, type SnapshotContext } from "../../chain/snapshot/snapshot-check.ts";
import { readSnapshotHead, SNAPSHOT_HEAD_BYTES } from "../../chain/snapshot/snapshot-format.ts";
import type { HeadAndWork } from "../../chain/snapshot/snapshot-headers.ts";
import {
  checkStateChunk,
  decodeStateChunk,
  entryBytes,
  fitsChunk,
  type StateChunk,
  spanOf,
} from "../../chain/snapshot/state-chunk.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import { decodeSnapshotAnswer, encodeSnapshotQuestion } from "../../p2p/sync/snapshot-wire.ts";
import { ChunkMap } from "./chunk-map.ts";
import type { FetchStore } from "./fetch-store.ts";
import { heavierBranch } from "./heavier-branch.ts";
import { PeerSource } from "./peer-source.ts";
import { readSection, type SnapshotSource, sourceOver } from "./read-snapshot.ts";
import { type OfferedSnapshot, SnapshotSources, type SourcePorts } from "./snapshot-sources.ts";

/** How long peers are waited for that offer a snapshot, ms. */
export const OFFERS_WAIT_MS = 30_000;
/** How long others have to come after the first offer, ms. */
const OTHERS_WAIT_MS = 2_000;
/** While nobody offers what is being fetched, ms: then another snapshot is looked for. */
const SOURCES_WAIT_MS = 60_000;
const LIST_EVERY_MS = 5_000;
const TICK_MS = 100;

export interface FetchPorts extends Omit<SourcePorts, "now"> {
  readonly context: SnapshotContext;
  readonly store: FetchStore;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** Ends the fetch; what is kept stays. */
  readonly signal?: AbortSignal | undefined;
}

export interface FetchSettings {
  /** Snapshots below this height are left alone. With 0 none is. */
  readonly above: bigint;
  readonly waitMs: number;
}

export interface FetchedSnapshot {
  readonly height: bigint;
  /** How many chunks each peer gave. */
  readonly givers: ReadonlyMap<string, number>;
  /** The peers that lied, and what about. */
  readonly liars: ReadonlyMap<string, string>;
  /** Chunks that were here when the fetch began. */
  readonly resumed: number;
}

/**
 * Fetches until the store has a whole file. Faults: `no-snapshot`, nobody offers one; `no-sources`, nobody offers the one
 * that was begun any more; `stopped`.
 * @throws Error when the disk fails.
 */
export async function fetchSnapshot(
  settings: FetchSettings,
  ports: FetchPorts,
): Promise<Verdict<FetchedSnapshot, "no-snapshot" | "no-sources" | "stopped">> {
  return new SnapshotFetch(ports).run(settings);
}

class SnapshotFetch {
  readonly #ports: FetchPorts;
  readonly #sources: SnapshotSources;
  readonly #givers = new Map<string, number>();
  #map = new ChunkMap();
  #disk: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  /** Why the last snapshot was left alone that may be right. */
  #left: string | undefined;

  constructor(ports: FetchPorts) {
    this.#ports = ports;
    this.#sources = new SnapshotSources({
      peers: () => ports.peers(),
      request: (peerId, question) => ports.request(peerId, question),
      reportFault: (peerId, detail) => ports.reportFault(peerId, detail),
      now: () => ports.scheduler.now(),
    });
  }

  async run({
    above,
    waitMs,
  }: FetchSettings): Promise<Verdict<FetchedSnapshot, "no-snapshot" | "no-sources" | "stopped">> {
    await this.#awaitOffers(above, waitMs);
    if (this.#isStopped()) return stopped();
    const begun = await this.#heldHead();
    for (const candidate of this.#inOrder(begun, above)) {
      const head = await this.#headOf(candidate, begun);
      if (this.#isStopped()) return stopped();
      if (head === undefined) continue;
      const resumed = await this.#resume(head);
      const { height } = head.summary;
      this.#log("fetching", { height, peers: candidate.peers.length, chunks: candidate.chunks, resumed });
      const isWhole = await this.#fetchState(head, candidate.chunks);
      await this.#settled();
      if (isWhole) {
        await this.#ports.store.assemble(this.#map.counts());
        const { liars } = this.#sources;
        return { ok: true, value: { height, givers: this.#givers, liars, resumed } };
      }
      if (this.#isStopped()) return stopped();
      return refuse("no-sources", `nobody offers the snapshot of height ${height} any more: start again`);
    }
    const { present, answered, liars } = this.#sources;
    const lied = liars.size === 0 ? "" : `; ${liars.size} were dropped for what they sent`;
    const none = this.#left === undefined ? "none has one" : `none has one that is taken here: ${this.#left}`;
    return refuse("no-snapshot", `${present} peers are connected, ${answered} answered, ${none}${lied}`);
  }

  /** Peers come one after the other; a lone first one is not taken at once. */
  async #awaitOffers(above: bigint, waitMs: number): Promise<void> {
    const { scheduler } = this.#ports;
    const startMs = scheduler.now();
    let firstMs: number | undefined;
    while (!this.#isStopped()) {
      await this.#sources.list();
      const nowMs = scheduler.now();
      if (this.#sources.candidates().some(({ height }) => height >= above)) firstMs ??= nowMs;
      if (firstMs !== undefined && nowMs - firstMs >= OTHERS_WAIT_MS) return;
      if (nowMs - startMs >= waitMs) return;
      await this.#wait(TICK_MS * 5);
    }
  }

  /** What was begun goes before anything else, as long as it is offered. */
  #inOrder(begun: BlockHead | undefined, above: bigint): readonly OfferedSnapshot[] {
    const all = this.#sources.candidates().filter(({ height }) => height >= above);
    const isBegun = ({ headHash }: OfferedSnapshot) =>
      begun !== undefined && equalBytes(headHash, begun.hash);
    return [...all.filter(isBegun), ...all.filter((candidate) => !isBegun(candidate))];
  }

  async #heldHead(): Promise<BlockHead | undefined> {
    const bytes = await this.#ports.store.head();
    return bytes && (await provedHead(this.#ports.context, sourceOver(bytes)))?.head;
  }

  /** Takes the head from the first of its peers that has one which proves itself. */
  async #headOf(candidate: OfferedSnapshot, begun: BlockHead | undefined): Promise<BlockHead | undefined> {
    if (begun !== undefined && equalBytes(begun.hash, candidate.headHash)) return begun;
    for (const peerId of candidate.peers) {
      if (this.#isStopped()) return undefined;
      const source = new PeerSource(peerId, candidate.headHash, this.#sources);
      const proved = await provedHead(this.#ports.context, source, (fault) => {
        if (fault.code === "break-of-trust") this.#left = `${fault.detail} (its file: --transition FILE)`;
        else if (liesWithReader(fault)) this.#left = fault.detail;
        else if (!source.isSilent) this.#sources.lied(peerId, fault.detail);
      });
      if (proved === undefined) continue;
      const { head, bytes } = proved;
      if (!equalBytes(head.hash, candidate.headHash) || head.summary.height !== candidate.height) {
        this.#sources.lied(
          peerId,
          `its snapshot of height ${candidate.height} is of height ${head.summary.height}`,
        );
        continue;
      }
      if (await this.#isLighter(proved)) return undefined;
      this.#ports.store.clear();
      await this.#ports.store.keepHead(bytes);
      return head;
    }
    return undefined;
  }

  /** Whether a peer has a heavier chain, of a mined one, that leaves this out. */
  async #isLighter({ head, headers }: ProvedHead): Promise<boolean> {
    const { peers, request, scheduler, context } = this.#ports;
    if (context.proof.kind !== "mined") return false;
    const { height } = head.summary;
    const heavier = await heavierBranch(headers, height, { proof: context.proof, peers, request, scheduler });
    if (heavier === undefined) return false;
    this.#log("not taken: a peer has a chain with more work without it", { height, ...heavier });
    this.#left = `a peer has a chain with more work without block ${height}`;
    return true;
  }

  /** Takes up the chunks that are there. @returns how many */
  async #resume({ summary }: BlockHead): Promise<number> {
    const { store } = this.#ports;
    this.#map = new ChunkMap();
    for (const from of store.chunks()) {
      const decoded = decodeStateChunk(await store.chunk(from));
      const isGood =
        decoded.ok &&
        spanOf(decoded.value).from === from &&
        checkStateChunk(summary.stateRoot, decoded.value) === undefined &&
        this.#map.place(decoded.value, undefined).isKept;
      if (!isGood) await store.dropChunk(from);
      await this.#wait(0);
    }
    return this.#map.count;
  }

  /** @returns whether all of it is there */
  async #fetchState({ hash, summary }: BlockHead, chunks: number): Promise<boolean> {
    const { scheduler } = this.#ports;
    const asked = new Set<bigint>();
    let queue = this.#map.slots(chunks);
    let [listedMs, sourceMs, loggedMs] = [scheduler.now(), scheduler.now(), scheduler.now()];
    while (!this.#map.isWhole) {
      if (this.#isStopped() || this.#failure !== undefined) return false;
      if (queue.length === 0) queue = this.#map.gaps().filter((position) => !asked.has(position));
      for (const peerId of this.#sources.ready(hash)) {
        const position = nextOf(queue, (at) => !asked.has(at) && !this.#map.covers(at));
        if (position === undefined) break;
        asked.add(position);
        void this.#fetchChunk(peerId, { headHash: hash, stateRoot: summary.stateRoot, position }).finally(
          () => asked.delete(position),
        );
      }
      const nowMs = scheduler.now();
      if (asked.size > 0) sourceMs = nowMs;
      if (nowMs - sourceMs > SOURCES_WAIT_MS) return false;
      if (nowMs - listedMs > LIST_EVERY_MS) {
        listedMs = nowMs;
        void this.#sources.list();
      }
      if (nowMs - loggedMs > LIST_EVERY_MS) {
        loggedMs = nowMs;
        this.#log("fetched", { chunks: this.#map.count, percent: Math.floor(100 * this.#map.part) });
      }
      await this.#wait(this.#sources.ready(hash).length > 0 && queue.length > 0 ? 1 : 10);
    }
    return true;
  }

  async #fetchChunk(peerId: string, { headHash, stateRoot, position }: Wanted): Promise<void> {
    const path = asHash(pathOf(position));
    const bytes = await this.#sources.ask(peerId, encodeSnapshotQuestion({ kind: "chunk", headHash, path }));
    if (bytes === undefined || this.#sources.liars.has(peerId)) return;
    const answer = decodeSnapshotAnswer("chunk", bytes);
    if (!answer.ok) return this.#sources.lied(peerId, answer.fault.detail);
    const { chunk: payload } = answer.value;
    if (payload.length === 0) return this.#sources.gone(peerId);
    const decoded = decodeStateChunk(payload);
    const wrong = decoded.ok ? misfit(decoded.value, stateRoot, position) : decoded.fault.detail;
    if (!decoded.ok || wrong !== undefined) {
      return this.#sources.lied(peerId, `the chunk at path ${pathText(position)}: ${wrong}`);
    }
    const { isKept, dropped, liars } = this.#map.place(decoded.value, peerId);
    for (const liar of liars) this.#sources.lied(liar, "it splits the state finer than it is");
    const { store } = this.#ports;
    this.#onDisk(async () => {
      for (const from of dropped) await store.dropChunk(from);
      if (isKept) await store.keepChunk(spanOf(decoded.value).from, payload);
    });
    if (isKept) this.#givers.set(peerId, (this.#givers.get(peerId) ?? 0) + 1);
  }

  /** One after the other, in the order in which the map was changed. */
  #onDisk(work: () => Promise<void>): void {
    this.#disk = this.#disk.then(work).catch((error: unknown) => {
      this.#failure ??= { error };
    });
  }

  /** Resolves when the disk has what the map has. @throws Error when the disk failed. */
  async #settled(): Promise<void> {
    await this.#disk;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #isStopped(): boolean {
    return this.#ports.signal?.aborted === true;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#ports.scheduler.after(ms, resolve));
  }

  #log(message: string, fields: Readonly<Record<string, bigint | number | string>>): void {
    this.#ports.log.log("info", "snapshot", message, fields);
  }
}

interface Wanted {
  readonly headHash: Hash;
  readonly stateRoot: Hash;
  readonly position: bigint;
}

function stopped(): Verdict<never, "stopped"> {
  return refuse("stopped", "stopped while a snapshot was fetched; the next start goes on with it");
}

function misfit(chunk: StateChunk, stateRoot: Hash, position: bigint): string | undefined {
  const { from, to } = spanOf(chunk);
  if (position < from || position >= to) return "it lies on another path than was asked for";
  const bytes = chunk.entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  if (!fitsChunk(bytes, chunk.entries.length)) return `${bytes} bytes are too much for one`;
  return checkStateChunk(stateRoot, chunk);
}

interface ProvedHead {
  readonly head: BlockHead;
  /** All headers of a mined chain. Empty where blocks are final. */
  readonly headers: readonly HeadAndWork[];
  readonly bytes: Uint8Array;
}

/** What stands before the state, read and checked section by section. */
async function provedHead(
  context: SnapshotContext,
  source: SnapshotSource,
  refused: (fault: Fault) => void = () => undefined,
): Promise<ProvedHead | undefined> {
  const headers: HeadAndWork[] = [];
  const parts: Uint8Array[] = [await source.read(SNAPSHOT_HEAD_BYTES)];
  const [first] = parts;
  const format = readSnapshotHead(first ?? new Uint8Array(0));
  if (!format.ok) return refused(format.fault) ?? undefined;
  const check = new SnapshotCheck(context, format.value);
  const recorded: SnapshotSource = {
    async read(length) {
      const bytes = await source.read(length);
      parts.push(bytes);
      return bytes;
    },
  };
  while (check.provedHead === undefined) {
    const section = await readSection(recorded, 0);
    if (!section.ok) return refused(section.fault) ?? undefined;
    const checked = check.accept(section.value.kind, section.value.payload);
    if (!checked.ok) return refused(checked.fault) ?? undefined;
    if (checked.value.kind === "headers") headers.push(...checked.value.heads);
  }
  return { head: check.provedHead, headers, bytes: Uint8Array.from(Buffer.concat(parts)) };
}

function nextOf(queue: bigint[], isWanted: (position: bigint) => boolean): bigint | undefined {
  for (;;) {
    const next = queue.shift();
    if (next === undefined || isWanted(next)) return next;
  }
}

function pathOf(position: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(pathText(position), "hex"));
}

function pathText(position: bigint): string {
  return position.toString(16).padStart(64, "0");
}
