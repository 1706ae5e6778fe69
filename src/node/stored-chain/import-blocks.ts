/**
 * Reads a block file into a chain: each block passes the rules that one from a peer passes (form, certificate or work,
 * signatures, execution, state root). What the chain has already is compared and passed over, so an import that was
 * broken off is repeated and goes on where it ended.
 */
import { equalBytes, showHash } from "../../base/bytes.ts";
import { accept, type Fault, fault, refuse, type Verdict } from "../../base/fault.ts";
import {
  BLOCK_FILE_HEAD_BYTES,
  BLOCK_RECORD_HEAD_BYTES,
  type BlockFileHead,
  type BlockFileHeadFault,
  decodeBlockFileHead,
  readBlockRecordHead,
} from "../../chain/block-file.ts";
import { type Chain, SafetyViolation } from "../../chain/chain.ts";
import { decodeSealedBlock, type SealedBlock, sealedBlockBytesMax } from "../../chain/types/block.ts";
import { crc32c } from "../../storage/crc32c.ts";

export interface ByteSource {
  /** The next `length` bytes. There are fewer at the end only. */
  read(length: number): Promise<Uint8Array>;
}

export interface ImportBlocksPorts {
  readonly source: ByteSource;
  /** Called after each block of the file. */
  readonly progress?: (done: number, total: number) => void;
}

export interface ImportedBlocks {
  /** The heights that the file has. */
  readonly from: bigint;
  readonly to: bigint;
  /** Taken in now, and here before. */
  readonly imported: number;
  readonly known: number;
  readonly transactions: number;
  /** The height of the chain now. */
  readonly height: bigint;
}

export type ImportBlocksFault =
  | BlockFileHeadFault
  | "wrong-genesis"
  | "gap"
  | "truncated"
  | "wrong-sum"
  | "too-large"
  | "not-a-chain"
  | "invalid-block"
  | "early"
  | "conflict";

/**
 * Blocks before a fault are in the chain and durable.
 * @throws Error when a disk fails
 */
export async function importBlocks(
  chain: Chain,
  { source, progress }: ImportBlocksPorts,
): Promise<Verdict<ImportedBlocks, ImportBlocksFault>> {
  const head = decodeBlockFileHead(await source.read(BLOCK_FILE_HEAD_BYTES));
  if (!head.ok) return head;
  const { first, last } = head.value;
  const misfit = checkFits(chain, head.value);
  if (misfit !== undefined) return { ok: false, fault: misfit };
  const counts = { imported: 0, known: 0, transactions: 0 };
  for (let height = first; height <= last; height++) {
    const sealed = await readRecord(source, height, chain);
    if (!sealed.ok) return sealed;
    const taken = await take(chain, sealed.value, height);
    if (!taken.ok) return taken;
    counts[taken.value]++;
    if (taken.value === "imported") counts.transactions += sealed.value.block.transactions.length;
    progress?.(Number(height - first) + 1, Number(last - first) + 1);
  }
  if ((await source.read(1)).length > 0)
    return refuse("malformed", `bytes follow block ${last}, which is the last one by the head of the file`);
  return accept({ from: first, to: last, ...counts, height: chain.head.summary.height });
}

function checkFits(
  chain: Chain,
  { genesisHash, first }: BlockFileHead,
): Fault<ImportBlocksFault> | undefined {
  if (!equalBytes(genesisHash, chain.genesisHash)) {
    const detail = `the file is another chain's: its genesis is ${showHash(genesisHash)}, this home's ${showHash(chain.genesisHash)}`;
    return fault("wrong-genesis", detail);
  }
  const { height } = chain.head.summary;
  if (first <= height + 1n) return undefined;
  const detail = `the file begins with block ${first} and the chain here ends with block ${height}: import the blocks between them first`;
  return fault("gap", detail);
}

async function readRecord(
  source: ByteSource,
  height: bigint,
  { genesis: { limits } }: Chain,
): Promise<Verdict<SealedBlock, ImportBlocksFault>> {
  const truncated = () =>
    refuse(
      "truncated",
      `the file ends within block ${height}: it was not copied whole. The blocks before it are imported`,
    );
  const head = await source.read(BLOCK_RECORD_HEAD_BYTES);
  if (head.length < BLOCK_RECORD_HEAD_BYTES) return truncated();
  const { length, sum } = readBlockRecordHead(head);
  const bytesMax = sealedBlockBytesMax(limits);
  if (length > bytesMax)
    return refuse(
      "too-large",
      `block ${height}: ${length} bytes, a block of this chain has at most ${bytesMax}`,
    );
  const bytes = await source.read(length);
  if (bytes.length < length) return truncated();
  if (crc32c(bytes) !== sum)
    return refuse("wrong-sum", `block ${height}: its bytes were changed, the sum is wrong`);
  const decoded = decodeSealedBlock(bytes, limits);
  if (!decoded.ok) return refuse("invalid-block", `block ${height}: ${decoded.fault.detail}`);
  const found = decoded.value.block.summary.height;
  if (found === height) return decoded;
  return refuse("not-a-chain", `a block of height ${found} stands where block ${height} belongs`);
}

async function take(
  chain: Chain,
  sealed: SealedBlock,
  height: bigint,
): Promise<Verdict<"imported" | "known", ImportBlocksFault>> {
  let result: Awaited<ReturnType<Chain["importBlock"]>>;
  try {
    result = await chain.importBlock(sealed);
  } catch (error) {
    if (error instanceof SafetyViolation) return refuse("conflict", error.message);
    throw error;
  }
  switch (result.kind) {
    case "imported":
    case "known":
      return accept(result.kind);
    case "invalid":
      return refuse("invalid-block", `block ${height}: ${result.fault.code}: ${result.fault.detail}`);
    case "early":
      return refuse(
        "early",
        `block ${height} is of a time that has not come yet: look at this machine's clock`,
      );
    default:
      return refuse("not-a-chain", `block ${height} does not follow the block before it`);
  }
}
