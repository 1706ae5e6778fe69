/**
 * The mining kernel: finds the nonce of a header, four double hashes at a time. Adapter of kernel/*.ts, which
 * `npm run build` compiles to WebAssembly in dist; it knows bytes and targets, no blocks, threads or time. A kernel
 * has one header at a time and scans synchronously: the caller chooses ranges that are short enough.
 * Source: pow.md 2.1.
 */
import { readFileSync } from "node:fs";
import { assert } from "../../base/assert.ts";
import { HEADER_BYTES } from "../../chain/types/block.ts";

/** Nonces of a header: u32. */
export const NONCES = 2 ** 32;

const TARGET_BYTES = 32;
/** The same from src/node and from dist/node. */
const FILE = new URL("../../../dist/node/mining/mining-kernel.wasm", import.meta.url);

/** What kernel/scan.ts exports. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly headerAt: { readonly value: number };
  readonly targetAt: { readonly value: number };
  prepare(): void;
  scan(from: number, count: number): bigint;
}

// Its types come with those of browsers only.
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object) => { readonly exports: object };
  };
};

export class MiningKernel {
  readonly #exports: Exports;

  /** Reads and compiles the kernel. @throws Error when it was not built */
  constructor() {
    const module = new WebAssembly.Module(readKernel());
    const instance = new WebAssembly.Instance(module);
    this.#exports = instance.exports as Exports;
  }

  /**
   * Takes a header and the target of its hash, computes what no nonce changes.
   * @param header 80 bytes; the nonce in it is ignored
   * @param target 0 up to 2^256 - 1
   */
  prepare(header: Uint8Array, target: bigint): void {
    assert(header.length === HEADER_BYTES, `a header has ${HEADER_BYTES} bytes, got ${header.length}`);
    assert(target >= 0n && target >> 256n === 0n, "a target has 256 bits");
    const { memory, headerAt, targetAt, prepare } = this.#exports;
    const bytes = new Uint8Array(memory.buffer);
    bytes.set(header, headerAt.value);
    for (let i = 0; i < TARGET_BYTES; i++) {
      bytes[targetAt.value + i] = Number((target >> BigInt(8 * i)) & 0xffn);
    }
    prepare();
  }

  /**
   * The first nonce from `from` on that makes the hash of the prepared header at most its target; undefined when
   * none of `count` does, or none up to 2^32 - 1, where the range is cut off.
   * @param from u32 @param count u32
   */
  scan(from: number, count: number): number | undefined {
    const found = this.#exports.scan(from, count);
    return found < 0n ? undefined : Number(found);
  }
}

function readKernel(): Uint8Array {
  try {
    return readFileSync(FILE);
  } catch (cause) {
    throw new Error(`the mining kernel is missing (${FILE.pathname}): run \`npm run build\``, { cause });
  }
}
