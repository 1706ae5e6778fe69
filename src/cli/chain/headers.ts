/**
 * `quorate headers check`: Bitcoin's rules over a file of concatenated 80-byte headers, read piece by piece, from
 * block 0 or from a state. It says what the chain comes to, or which header breaks which rule. It needs no node.
 */
import { type FileHandle, open } from "node:fs/promises";
import { type Command, Option } from "commander";
import { must } from "../../base/assert.ts";
import { showHash } from "../../base/bytes.ts";
import { HEADER_BYTES } from "../../chain/types/block.ts";
import { showBits } from "../../chain/types/target.ts";
import { BITCOIN } from "../../consensus/pow/bitcoin.ts";
import { HeaderChain } from "../../consensus/pow/header-chain.ts";
import { checkHeaderState, type HeaderState } from "../../consensus/pow/header-state.ts";
import { readTextFile } from "../../node/home/text-file.ts";
import { integer } from "../arguments.ts";
import { startBar } from "../bar.ts";
import { group, leaf } from "../command.ts";
import { badInput, EXIT, Finished, faultError, valueOrThrow } from "../exit.ts";
import { type Output, showDuration } from "../output.ts";
import { formatHeaderState, parseHeaderState } from "./header-state.ts";

interface CheckOptions {
  readonly profile: keyof typeof PROFILES;
  readonly fromHeight?: number;
  readonly state?: string;
}

/** The rules that headers can be checked by. A chain of ours is checked with its bodies (`quorate verify`). */
const PROFILES = { bitcoin: BITCOIN };
/** Headers read at once: 640 KiB. */
const PIECE_HEADERS = 8_192;

export function addHeaders(program: Command): void {
  leaf<CheckOptions>(
    group(program, "headers", "check files of block headers"),
    "check <file>",
    "check concatenated 80-byte headers of Bitcoin: links, proof of work, times, retargets, cumulative work",
    (command) =>
      command
        .addOption(
          new Option("--profile <name>", "the chain whose rules hold")
            .choices(Object.keys(PROFILES))
            .default("bitcoin"),
        )
        .option("--state <file>", "begin where an earlier check ended: its --json output (default: block 0)")
        .option(
          "--from-height <n>",
          "height of the first header; refused when the state is for another",
          integer(0, Number.MAX_SAFE_INTEGER),
        ),
    ({ out, options, args: [path] }) => check(out, path, options),
  );
}

async function check(out: Output, path: string, options: CheckOptions): Promise<void> {
  const chain = new HeaderChain(PROFILES[options.profile], startState(options));
  const file = await open(path).catch((error: Error) => {
    throw badInput(`${path}: cannot be read: ${error.message}`);
  });
  const started = performance.now();
  try {
    const total = await countHeaders(path, file);
    const bar = startBar(out, total, "checking {bar} {value}/{total} headers  {duration_formatted}");
    try {
      await addAll(chain, path, file, total, (done) => bar?.update(done));
    } finally {
      bar?.stop();
    }
  } finally {
    await file.close();
  }
  report(out, chain, performance.now() - started);
}

function startState({ profile, state: path, fromHeight }: CheckOptions): HeaderState | undefined {
  if (path === undefined) {
    if (fromHeight === undefined || fromHeight === 0) return undefined;
    throw badInput(`--from-height ${fromHeight} needs --state: what the rules look back at before it`);
  }
  const state = readState(path);
  const wrong = checkHeaderState(PROFILES[profile], state);
  if (wrong !== undefined) throw faultError({ ...wrong, detail: `${path}: ${wrong.detail}` });
  if (fromHeight !== undefined && BigInt(fromHeight) !== state.height) {
    throw badInput(`--from-height ${fromHeight}, but ${path} is the state for height ${state.height}`);
  }
  return state;
}

function readState(path: string): HeaderState {
  let json: string;
  try {
    json = valueOrThrow(readTextFile(path));
  } catch (error) {
    throw badInput(`${path}: cannot be read: ${(error as Error).message}`);
  }
  const state = parseHeaderState(json);
  return valueOrThrow(
    state.ok ? state : { ok: false, fault: { ...state.fault, detail: `${path}: ${state.fault.detail}` } },
  );
}

async function countHeaders(path: string, file: FileHandle): Promise<number> {
  const stat = await file.stat();
  if (!stat.isFile()) throw badInput(`${path}: not a regular file`);
  if (stat.size === 0) throw badInput(`${path}: empty; expected headers of ${HEADER_BYTES} bytes each`);
  const over = stat.size % HEADER_BYTES;
  if (over === 0) return stat.size / HEADER_BYTES;
  throw badInput(
    `${path}: ${stat.size} bytes are no multiple of ${HEADER_BYTES}: ${over} left over; is it cut, or not headers?`,
  );
}

/** Up to the first fault, which the chain keeps. */
async function addAll(
  chain: HeaderChain,
  path: string,
  file: FileHandle,
  total: number,
  onProgress: (done: number) => void,
): Promise<void> {
  const piece = new Uint8Array(PIECE_HEADERS * HEADER_BYTES);
  for (let done = 0; done < total; ) {
    const count = Math.min(PIECE_HEADERS, total - done);
    await fill(piece.subarray(0, count * HEADER_BYTES), path, file, done * HEADER_BYTES);
    for (let i = 0; i < count; i++) {
      if (chain.add(piece.subarray(i * HEADER_BYTES, (i + 1) * HEADER_BYTES)) !== undefined) return;
    }
    done += count;
    onProgress(done);
  }
}

async function fill(piece: Uint8Array, path: string, file: FileHandle, position: number): Promise<void> {
  for (let at = 0; at < piece.length; ) {
    const { bytesRead } = await file.read(piece, at, piece.length - at, position + at);
    if (bytesRead === 0) throw badInput(`${path}: became shorter while it was read`);
    at += bytesRead;
  }
}

function report(out: Output, chain: HeaderChain, tookMs: number): void {
  const { count, height, fault } = chain;
  const headersPerSecond = Math.round((count * 1_000) / tookMs);
  const speed = { tookMs: Math.round(tookMs), headersPerSecond };
  if (fault !== undefined) {
    out.result(
      {
        valid: false,
        headers: count,
        height: Number(fault.height),
        reason: fault.code,
        detail: fault.detail,
        ...speed,
      },
      [
        `${out.cross} NOT valid at height ${fault.height}: ${fault.code}: ${fault.detail}`,
        `  ${count} headers before it are valid`,
      ],
    );
    throw new Finished(EXIT.failedCheck);
  }
  const state = formatHeaderState(chain.state);
  const value = {
    valid: true,
    headers: count,
    height: Number(height),
    tip: showHash(chain.hash),
    chainwork: state.chainwork,
    chainworkDecimal: chain.chainwork,
    retargets: chain.retargets,
    ...speed,
    state,
  };
  const [first, ...facts] = describe(chain, tookMs, headersPerSecond);
  out.result(value, [`${out.tick} valid   ${first}`, ...facts]);
}

function describe(chain: HeaderChain, tookMs: number, headersPerSecond: number): readonly string[] {
  const { count, height, hash, chainwork, retargets } = chain;
  const bits = showBits(must(chain.state.recent.at(-1), "a chain that is described has a block").bits);
  return [
    `${count} headers up to height ${height}   in ${showDuration(tookMs)}, ${headersPerSecond} headers/s`,
    `  tip        ${showHash(hash)}`,
    `  work       0x${chainwork.toString(16)} = ${chainwork} hashes`,
    `  retargets  ${retargets}   bits ${bits}`,
  ];
}
