/**
 * A run of 80-byte headers, checked one after the other in constant memory: links, bits, proof of work, times,
 * cumulative work. It starts at block 0 or after a state that another check ended with, and stops at the first fault.
 * It accepts any version (Bitcoin's changed often), and never asks how far a time lies ahead of some clock.
 * Source: pow.md 2.1 to 2.5; docs/protocol.md, "Proof of work".
 */
import { assert } from "../../base/assert.ts";
import { equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import { accept, type Fault, fault, type Verdict } from "../../base/fault.ts";
import type { PowParameters } from "../../chain/genesis/pow-parameters.ts";
import { HEADER_BYTES, type Header, NO_PARENT, readHeader } from "../../chain/types/block.ts";
import { checkProofOfWork, showBits, workOf } from "../../chain/types/target.ts";
import { decode } from "../../codec/reader.ts";
import { sha256d } from "../../crypto/hash.ts";
import { BITCOIN } from "./bitcoin.ts";
import { checkHeader, type HeaderCode } from "./check-header.ts";
import { checkHeaderState, type HeaderState } from "./header-state.ts";
import { Lookback } from "./lookback.ts";
import { retargetsAt } from "./retarget.ts";

export type ChainCode = HeaderCode | "broken-link" | "wrong-start-bits" | "malformed" | "bad-state";

/** The first wrong header of a run. */
export interface HeaderFault extends Fault<ChainCode> {
  readonly height: bigint;
}

/** Reads exactly 80 bytes. The hashes in the header share their memory. */
export function decodeHeader(bytes: Uint8Array): Verdict<Header, "malformed"> {
  return decode(bytes, "header", readHeader);
}

export class HeaderChain {
  readonly #parameters: PowParameters;
  readonly #past: Lookback;
  #hash: Hash;
  #chainwork: bigint;
  #count = 0;
  #retargets = 0;
  #fault: HeaderFault | undefined;
  /** The work of a block with the bits of the last one: a division saved where bits stay. */
  #work = { bits: -1, each: 0n };

  /** @param state has passed checkHeaderState; without it the run starts at block 0. */
  constructor(parameters: PowParameters, state?: HeaderState) {
    this.#parameters = parameters;
    this.#past =
      state === undefined
        ? new Lookback(parameters)
        : Lookback.before(parameters, state.height, state.recent, state.reference);
    this.#hash = state?.previousHash ?? NO_PARENT;
    this.#chainwork = state?.chainwork ?? 0n;
  }

  /** The number of headers accepted so far. */
  get count(): number {
    return this.#count;
  }

  /** The height of the last block; it is -1 before block 0. */
  get height(): bigint {
    return this.#past.height;
  }

  /** The hash of the last block; it is 32 zero bytes before block 0. */
  get hash(): Hash {
    return this.#hash;
  }

  get chainwork(): bigint {
    return this.#chainwork;
  }

  /** Headers accepted at which the rule computed new bits (that may equal the old). */
  get retargets(): number {
    return this.#retargets;
  }

  get fault(): HeaderFault | undefined {
    return this.#fault;
  }

  /** The state from which a later check goes on. It may be asked for only after at least one block. */
  get state(): HeaderState {
    assert(this.height >= 0n, "no state before block 0");
    return {
      height: this.height + 1n,
      previousHash: this.#hash,
      chainwork: this.#chainwork,
      recent: this.#past.recent,
      reference: this.#past.reference,
    };
  }

  /** The next header, 80 bytes. After a fault the chain takes no more: it answers with the first one. */
  add(bytes: Uint8Array): HeaderFault | undefined {
    if (this.#fault !== undefined) return this.#fault;
    const height = this.height + 1n;
    const header = decodeHeader(bytes);
    if (!header.ok) return this.#refuse(header.fault, height);
    const hash = sha256d(bytes);
    const wrong = this.#check(header.value, hash, height);
    if (wrong !== undefined) return this.#refuse(wrong, height);
    this.#accept(header.value, hash, height);
    return undefined;
  }

  #refuse(wrong: Fault<ChainCode>, height: bigint): HeaderFault {
    this.#fault = { ...wrong, height };
    return this.#fault;
  }

  #check(header: Header, hash: Hash, height: bigint): Fault<ChainCode> | undefined {
    if (!equalBytes(header.previousHash, this.#hash)) {
      return fault(
        "broken-link",
        `previous hash ${showHash(header.previousHash)}, the block before is ${showHash(this.#hash)}`,
      );
    }
    if (height > 0n) return checkHeader(header, hash, this.#parameters, this.#past);
    const { startBits, powLimitBits } = this.#parameters;
    if (header.bits !== startBits) {
      return fault("wrong-start-bits", `bits ${showBits(header.bits)}, block 0 has ${showBits(startBits)}`);
    }
    return checkProofOfWork(hash, header.bits, powLimitBits);
  }

  #accept({ time, bits }: Header, hash: Hash, height: bigint): void {
    if (bits !== this.#work.bits) this.#work = { bits, each: workOf(bits) };
    this.#chainwork += this.#work.each;
    this.#past.add({ time, bits });
    this.#hash = hash;
    this.#count += 1;
    if (retargetsAt(this.#parameters, height)) this.#retargets += 1;
  }
}

/** What a run of headers came to: a chain that says height, hash, work and where to go on, or the first fault. */
export type HeadersVerdict =
  | { readonly ok: true; readonly value: HeaderChain }
  | { readonly ok: false; readonly fault: HeaderFault };

/**
 * Checks concatenated headers.
 * @param bytes a multiple of 80; what is left over is a malformed header
 * @param state where to begin; without it at block 0. A wrong one is the fault "bad-state" at its height
 */
export function checkHeaders(
  bytes: Uint8Array,
  parameters: PowParameters = BITCOIN,
  state?: HeaderState,
): HeadersVerdict {
  const wrong = state === undefined ? undefined : checkHeaderState(parameters, state);
  if (state !== undefined && wrong !== undefined) {
    return { ok: false, fault: { ...wrong, height: state.height } };
  }
  const chain = new HeaderChain(parameters, state);
  for (let at = 0; at < bytes.length; at += HEADER_BYTES) {
    const found = chain.add(bytes.subarray(at, at + HEADER_BYTES));
    if (found !== undefined) return { ok: false, fault: found };
  }
  return accept(chain);
}
