/**
 * How many events a second of a node's processor time reach a reader over a WebSocket, and what the index of events costs
 * a block. The chain has real headers and receipts in a database on disk, which nobody executed; server, stream and
 * index are the shipped ones. Beside them, in the same run, the limits: reading and decoding the same receipts alone, and
 * sending texts of the same length alone. Processor time is this process's, all threads; the reader is another process.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type WebSocket, WebSocketServer } from "ws";
import { asAddress, type Hash, hex0x } from "../../base/bytes.ts";
import { SILENT } from "../../base/log.ts";
import { placedOperations } from "../../chain/block-operations.ts";
import { codeInProcess, createDeclaredModule } from "../../chain/modules/declared-module.ts";
import { address, call, defineModule, event, hash, uint } from "../../chain/modules/define-module.ts";
import { formOf } from "../../chain/modules/module-form.ts";
import { ModuleSet } from "../../chain/modules/module-set.ts";
import { codecOfFields } from "../../chain/modules/value-codec.ts";
import { ChainStore } from "../../chain/store.ts";
import {
  BLANK_SUMMARY,
  type Block,
  type BlockHead,
  bodyRootOf,
  hashHeader,
} from "../../chain/types/block.ts";
import { decodeReceipt, encodeReceipt } from "../../chain/types/receipt.ts";
import { type SignedTransaction, signTransaction } from "../../chain/types/transaction.ts";
import { Writer } from "../../codec/writer.ts";
import { sha256 } from "../../crypto/hash.ts";
import { createSigner } from "../../crypto/keys.ts";
import { systemScheduler } from "../../node/assembly/system.ts";
import { EventIndex } from "../../node/event-index/event-index.ts";
import type { NodeApi } from "../../rpc/api.ts";
import { RpcServer } from "../../rpc/server/server.ts";
import type { Kv } from "../../storage/kv.ts";
import { openLevel } from "../../storage/level.ts";
import type { EventReaderMessage, EventReaderOrder } from "./event-reader-process.ts";
import { forkSibling, type Sibling } from "./sibling.ts";

export interface ReplayOptions {
  readonly events: number;
  /** Events of a block, one a transaction. */
  readonly perBlock: number;
}

export interface ReplayFigures {
  /** Events a second of processor time, each alone. */
  readonly reading: number;
  readonly sending: number;
  /** What both together would leave. */
  readonly limit: number;
  /** Events a second of processor time, from the database to the socket. */
  readonly replay: number;
  /** Events a second that one client gets within its budget of computing. */
  readonly perClient: number;
  readonly bytesPerEvent: number;
  /** Microseconds of processor time that the index takes for a block, and how many events are in it. */
  readonly indexUs: number;
}

const MODULE = 0x40;
const BATCH = 128;
const registry = defineModule(
  { name: "registry", events: { registered: event({ asset: hash, owner: address, price: uint(64) }) } },
  { touch: call({}, () => undefined) },
);
const GENESIS = sha256(new Uint8Array(1)) as Hash;

export async function measureReplay(
  { events, perBlock }: ReplayOptions,
  signal: AbortSignal,
  stage: (text: string) => void,
): Promise<ReplayFigures> {
  const dir = mkdtempSync(join(tmpdir(), "quorate-bench-events-"));
  const kv = await openLevel(join(dir, "db"));
  const reader = forkSibling<EventReaderOrder, EventReaderMessage>("event-reader-process", "the reader");
  try {
    const blocks = Math.max(1, Math.round(events / perBlock));
    stage(`writing ${blocks} blocks of ${perBlock} events`);
    const chain = await writeChain(kv, blocks, perBlock, signal);
    stage("reading receipts alone");
    const reading = perCpuSecond(blocks * perBlock, await cpuOf(async () => readAlone(chain, blocks)));
    stage("replaying over a WebSocket");
    const replayed = await replay(chain, blocks * perBlock, reader);
    stage("sending texts of the same length alone");
    const sending = perCpuSecond(
      blocks * perBlock,
      await sendAlone(replayed.bytes, blocks * perBlock, reader),
    );
    stage("building the index");
    const indexUs = (1e6 * (await cpuOf(() => buildIndex(chain)))) / blocks;
    return {
      reading,
      sending,
      limit: 1 / (1 / reading + 1 / sending),
      replay: perCpuSecond(blocks * perBlock, replayed.cpuSeconds),
      perClient: (blocks * perBlock) / replayed.seconds,
      bytesPerEvent: replayed.bytes / (blocks * perBlock),
      indexUs,
    };
  } finally {
    await reader.kill();
    await kv.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

interface WrittenChain {
  readonly kv: Kv;
  readonly store: ChainStore;
  readonly head: BlockHead;
  readonly modules: ModuleSet;
}

async function writeChain(
  kv: Kv,
  blocks: number,
  perBlock: number,
  signal: AbortSignal,
): Promise<WrittenChain> {
  const form = formOf(registry);
  if (!form.ok) throw new Error(form.fault.detail);
  const limits = { callUnitsMax: 1_000_000, unitsPerFee: 0n };
  const module = createDeclaredModule(MODULE, codeInProcess(registry, form.value), limits);
  const { transactions, receipts } = contents(perBlock);
  let head: BlockHead | undefined;
  for (let height = 0; height <= blocks; height++) {
    signal.throwIfAborted();
    const block = blockOn(head, height === 0 ? [] : transactions);
    await kv.write(placedOperations(block, new Uint8Array(0), height === 0 ? [] : receipts), { sync: false });
    head = block;
  }
  const store = new ChainStore(kv, {
    maxBlockBytes: 16_777_216,
    maxTxBytes: 16_384,
    maxBlockTransactions: perBlock,
  });
  return { kv, store, head: head as BlockHead, modules: new ModuleSet([module]) };
}

function contents(perBlock: number): { transactions: SignedTransaction[]; receipts: Uint8Array[] } {
  const signer = createSigner(sha256(new Uint8Array(2)));
  const transactions: SignedTransaction[] = [];
  const receipts: Uint8Array[] = [];
  const codec = codecOfFields(registry.events.registered.fields);
  for (let index = 0; index < perBlock; index++) {
    const fields = { chainId: 1n, nonce: BigInt(index), fee: 1n, validUntilHeight: 0n };
    const tx = signTransaction({ ...fields, module: MODULE, payload: Uint8Array.of(0) }, signer, GENESIS);
    const asset = hex0x(sha256(Uint8Array.of(index, index >> 8)));
    const writer = new Writer(72);
    codec.write(writer, { asset, owner: hex0x(asAddress(signer.publicKey)), price: 10n ** 12n }, "");
    const event = { module: MODULE, kind: 1, data: writer.finish() };
    receipts.push(
      encodeReceipt({ txid: tx.id, index, status: "success", code: 0, fee: 1n, events: [event] }),
    );
    transactions.push(tx);
  }
  return { transactions, receipts };
}

function blockOn(parent: BlockHead | undefined, transactions: readonly SignedTransaction[]): Block {
  const height = parent === undefined ? 0n : parent.summary.height + 1n;
  const timeMs = 1_767_225_600_000n + 1_000n * height;
  const summary = { ...BLANK_SUMMARY, chainId: 1n, height, timeMs, txCount: transactions.length };
  const previousHash = parent?.hash ?? BLANK_SUMMARY.txRoot;
  const time = Number(timeMs / 1_000n);
  const header = { version: 2, previousHash, bodyRoot: bodyRootOf(summary), time, bits: 0, nonce: 0 };
  return { hash: hashHeader(header), header, summary, transactions };
}

function readAlone({ store }: WrittenChain, blocks: number): void {
  for (let height = 0n; height <= BigInt(blocks); height++) {
    const at = store.hashAt(height);
    if (at === undefined || store.head(at) === undefined) throw new Error(`no block ${height}`);
    for (const bytes of store.receipts(at) ?? []) decodeReceipt(bytes);
  }
}

/** What of a node a replay asks. */
function apiOf({ store, head, modules }: WrittenChain): NodeApi {
  const hashAt = (height: bigint) => store.hashAt(height);
  const api: Partial<NodeApi> = {
    head: () => head,
    finalized: () => head,
    chainMode: () => ({ kind: "final" }),
    modules: () => modules,
    eventIndex: () => undefined,
    readSettled: async (read) => ({ value: await read() }),
    async headAt(height) {
      const at = hashAt(height);
      return at && store.head(at);
    },
    async receiptsAt(height) {
      const at = hashAt(height);
      return at && store.receipts(at);
    },
    heightOf: async (at) => store.head(at)?.summary.height,
    subscribe: () => () => undefined,
  };
  return api as NodeApi;
}

async function replay(
  chain: WrittenChain,
  events: number,
  reader: Sibling<EventReaderOrder, EventReaderMessage>,
) {
  const ports = { api: apiOf(chain), scheduler: systemScheduler, log: SILENT };
  const server = new RpcServer({ port: 0 }, ports);
  await server.start();
  try {
    const params = { topic: "events", filter: { module: "registry" }, from: 0, batch: BATCH, window: 8 };
    const started = performance.now();
    let bytes = 0;
    const cpuSeconds = await cpuOf(async () => {
      reader.send({ kind: "read", url: `${server.url.replace("http", "ws")}/ws`, params, events });
      ({ bytes } = await Promise.race([reader.next("done"), reader.failed]));
    });
    return { cpuSeconds, bytes, seconds: (performance.now() - started) / 1_000 };
  } finally {
    await server.stop();
  }
}

/** Processor seconds for sending so many bytes in batches. */
async function sendAlone(
  bytes: number,
  events: number,
  reader: Sibling<EventReaderOrder, EventReaderMessage>,
): Promise<number> {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const text = JSON.stringify({ items: "x".repeat(Math.round((bytes * BATCH) / events) - 12) });
  const { port } = http.address() as AddressInfo;
  try {
    return await cpuOf(async () => {
      reader.send({ kind: "count", url: `ws://127.0.0.1:${port}`, messages: Math.ceil(events / BATCH) });
      const [socket] = (await once(sockets, "connection")) as [WebSocket];
      for (let sent = 0; sent < events; sent += BATCH) {
        if (socket.bufferedAmount < 128 * 1024) socket.send(text);
        else await new Promise((resolve) => socket.send(text, resolve));
      }
      await Promise.race([reader.next("done"), reader.failed]);
    });
  } finally {
    for (const socket of sockets.clients) socket.terminate();
    http.close();
  }
}

async function buildIndex({ kv, store, head, modules }: WrittenChain): Promise<void> {
  let failure: unknown;
  const index = EventIndex.open({
    kv,
    chain: { store, head },
    modules: () => modules,
    scheduler: systemScheduler,
    log: SILENT,
    failed: (error) => {
      failure = error;
    },
  });
  index.advance();
  while (failure === undefined && index.status().to < head.summary.height)
    await new Promise((resolve) => setTimeout(resolve, 10));
  await index.stop();
  if (failure !== undefined) throw failure;
}

async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function perCpuSecond(count: number, seconds: number): number {
  return count / seconds;
}
