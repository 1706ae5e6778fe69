/**
 * What a snapshot must say to be believed, section by section, by whoever holds the genesis alone: the newest blocks
 * with their seals, or all headers of a mined chain, and under the state root of the last block every entry of the
 * state. Pure; it holds one chunk's size and position, never the state. Source: docs/protocol.md, "Snapshot".
 */
import { assert, must } from "../../base/assert.ts";
import { equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import { accept, type Fault, fault, refuse, type Verdict } from "../../base/fault.ts";
import type { Genesis } from "../genesis/genesis.ts";
import type { Certificates, StableCheckpoint } from "../rules.ts";
import { isAccountKey } from "../state/state-keys.ts";
import type { BlockHead } from "../types/block.ts";
import { receiptsRootOf } from "../types/receipt.ts";
import { endsEpoch, type ValidatorSet } from "../types/validator-set.ts";
import type { ReaderFault } from "./reader-fault.ts";
import { type EpochBreak, type EpochEnd, SnapshotEpochs } from "./snapshot-epochs.ts";
import {
  decodeSnapshotBlock,
  decodeSnapshotChain,
  decodeSnapshotEnd,
  firstSnapshotBlock,
  SECTION,
  type SnapshotBlock,
  type SnapshotChain,
  type SnapshotEnd,
  type SnapshotFormat,
} from "./snapshot-format.ts";
import { type AssumedProof, type HeadAndWork, type MinedProof, SnapshotHeaders } from "./snapshot-headers.ts";
import {
  checkStateChunk,
  decodeStateChunk,
  entryBytes,
  fitsChunk,
  PATHS_END,
  type StateChunk,
  showPath,
  spanOf,
} from "./state-chunk.ts";

/** What a snapshot of a chain whose blocks are certified is held to. */
export interface CertifiedProof {
  readonly kind: "certified";
  readonly certificates: Certificates;
  /** How many of the newest blocks an engine wants at its start. */
  readonly recentHeads: number;
  /** Breaks of trust that the reader accepts: ids of transitions, 0x-hex. */
  readonly accepted: readonly string[];
}

export interface SnapshotContext<Proof = CertifiedProof | MinedProof> {
  readonly genesis: Genesis;
  readonly genesisHash: Hash;
  readonly proof: Proof;
}

/** A section that was found right. */
export type CheckedSection =
  | { readonly kind: "chain"; readonly chain: SnapshotChain }
  | { readonly kind: "headers"; readonly heads: readonly HeadAndWork[] }
  /** The set is that of the next epoch, whose names are not known. */
  | { readonly kind: "epoch"; readonly end: EpochEnd; readonly next: ValidatorSet }
  | { readonly kind: "transition"; readonly end: EpochBreak; readonly next: ValidatorSet }
  | { readonly kind: "checkpoint"; readonly height: bigint; readonly certificate: Uint8Array }
  | { readonly kind: "block"; readonly block: SnapshotBlock }
  | { readonly kind: "state"; readonly chunk: StateChunk }
  | { readonly kind: "end" };

export interface SnapshotFacts extends SnapshotEnd {
  readonly height: bigint;
  readonly headHash: Hash;
  readonly stateRoot: Hash;
  /** The epoch of the block after the head. */
  readonly epoch: bigint;
  /** The height of the stable checkpoint whose certificate it has. */
  readonly checkpoint: bigint | undefined;
  readonly firstBlock: bigint;
  /** Where blocks are mined: the state is right if the chain below it is valid, which work suggests and nothing proves. */
  readonly assumed: AssumedProof | undefined;
}

export type SnapshotFault =
  | "malformed"
  | "wrong-genesis"
  | "wrong-epoch"
  | "wrong-checkpoint"
  | "wrong-headers"
  | ReaderFault
  | "wrong-block"
  | "wrong-certificate"
  | "wrong-chunk";

export class SnapshotCheck {
  readonly #context: SnapshotContext;
  #chain: SnapshotChain | undefined;
  readonly #format: SnapshotFormat;
  readonly #epochs: SnapshotEpochs;
  /** The headers, where blocks are mined. */
  #headers: SnapshotHeaders | undefined;
  #checkpoint: StableCheckpoint | undefined;
  #firstBlock = 0n;
  #last: BlockHead | undefined;
  #chunks = 0;
  #entries = 0n;
  #accounts = 0n;
  /** The path at which the next chunk must begin. */
  #next = 0n;
  #before: { readonly chunk: StateChunk; readonly bytes: number } | undefined;
  #ended = false;

  /** @param format what the head of the file says */
  constructor(context: SnapshotContext, format: SnapshotFormat) {
    this.#context = context;
    this.#format = format;
    this.#epochs = new SnapshotEpochs(context.genesis);
  }

  /** The height of the certificate that was accepted. */
  get checkpoint(): bigint | undefined {
    return this.#checkpoint?.height;
  }

  /** The block whose state follows, once everything before the state was accepted. */
  get provedHead(): BlockHead | undefined {
    return this.#isAtHead() ? this.#last : undefined;
  }

  /** What was accepted so far. */
  counts(): SnapshotEnd {
    return { chunks: this.#chunks, entries: this.#entries, accounts: this.#accounts };
  }

  /** What the sections said, or undefined until the last one was accepted. */
  facts(): SnapshotFacts | undefined {
    if (!this.#ended) return undefined;
    const { hash, summary } = this.#head();
    return {
      height: summary.height,
      headHash: hash,
      stateRoot: summary.stateRoot,
      epoch: this.#epochs.newest,
      checkpoint: this.#checkpoint?.height,
      firstBlock: this.#firstBlock,
      assumed: this.#headers?.proved,
      ...this.counts(),
    };
  }

  /** Takes the next section. After a fault nothing more may be given to it. */
  accept(kind: number, payload: Uint8Array): Verdict<CheckedSection, SnapshotFault> {
    switch (kind) {
      case SECTION.chain:
        return this.#chain === undefined ? this.#acceptChain(payload) : outOfPlace(kind);
      case SECTION.headers:
        return this.#headers !== undefined && this.#last === undefined
          ? this.#acceptHeaders(payload, this.#headers)
          : outOfPlace(kind);
      case SECTION.epoch:
        return this.#isBeforeCheckpoint() && this.#chain !== undefined
          ? this.#acceptEpoch(payload, this.#chain)
          : outOfPlace(kind);
      case SECTION.transition:
        return this.#isBeforeCheckpoint() && this.#chain !== undefined
          ? this.#acceptBreak(payload, this.#chain)
          : outOfPlace(kind);
      case SECTION.checkpoint:
        return this.#isBeforeCheckpoint() && this.#chain !== undefined
          ? this.#acceptCheckpoint(payload, this.#chain)
          : outOfPlace(kind);
      case SECTION.block:
        return this.#chain !== undefined && this.#chunks === 0
          ? this.#acceptBlock(payload, this.#chain)
          : outOfPlace(kind);
      case SECTION.state:
        return this.#isAtHead() ? this.#acceptChunk(payload) : outOfPlace(kind);
      case SECTION.end:
        return this.#isAtHead() ? this.#acceptEnd(payload) : outOfPlace(kind);
      default:
        return refuse("malformed", `a section of kind ${kind}, which no format has`);
    }
  }

  #head(): BlockHead {
    return must(this.#last, "state and end come after the blocks");
  }

  /** Whether sections of epochs and the certificate may stand here, which a mined chain does not have. */
  #isBeforeCheckpoint(): boolean {
    return this.#headers === undefined && this.#checkpoint === undefined && this.#last === undefined;
  }

  #isAtHead(): boolean {
    return this.#last !== undefined && this.#last.summary.height === this.#chain?.height;
  }

  #acceptChain(payload: Uint8Array): Verdict<CheckedSection, SnapshotFault> {
    const decoded = decodeSnapshotChain(payload);
    if (!decoded.ok) return decoded;
    const { genesisHash, height } = decoded.value;
    if (!equalBytes(genesisHash, this.#context.genesisHash)) {
      const detail = `the snapshot is of the chain with genesis ${showHash(genesisHash)}, the genesis file is of ${showHash(this.#context.genesisHash)}`;
      return refuse("wrong-genesis", detail);
    }
    if (height === 0n)
      return refuse("malformed", "a snapshot of block 0, which the genesis file says all of");
    const { proof } = this.#context;
    if ((proof.kind === "mined") !== (this.#format === 3))
      return refuse("malformed", `format ${this.#format}, which snapshots of this chain do not have`);
    if (proof.kind === "mined") this.#headers = new SnapshotHeaders(proof, decoded.value);
    this.#chain = decoded.value;
    return accept({ kind: "chain", chain: decoded.value });
  }

  #acceptHeaders(payload: Uint8Array, headers: SnapshotHeaders): Verdict<CheckedSection, SnapshotFault> {
    const accepted = headers.accept(payload);
    return accepted.ok ? accept({ kind: "headers", heads: accepted.value }) : accepted;
  }

  #acceptEpoch(payload: Uint8Array, chain: SnapshotChain): Verdict<CheckedSection, SnapshotFault> {
    if (this.#format === 1) return refuse("malformed", "a section of an epoch, which format 1 does not have");
    const taken = this.#epochs.takeEnd(payload, chain.height, this.#certified());
    return taken.ok ? accept({ kind: "epoch", ...taken.value }) : taken;
  }

  #acceptBreak(payload: Uint8Array, chain: SnapshotChain): Verdict<CheckedSection, SnapshotFault> {
    if (this.#format !== 4) return refuse("malformed", "a transition, which formats 1 and 2 do not have");
    const { genesisHash } = this.#context;
    const taken = this.#epochs.takeBreak(payload, chain.height, { genesisHash, ...this.#certified() });
    return taken.ok ? accept({ kind: "transition", ...taken.value }) : taken;
  }

  #acceptCheckpoint(certificate: Uint8Array, chain: SnapshotChain): Verdict<CheckedSection, SnapshotFault> {
    const opened = this.#certified().certificates.openCheckpoint((at) => this.#epochs.setAt(at), certificate);
    if (!opened.ok) return refuse("wrong-checkpoint", `checkpoint certificate: ${opened.fault.detail}`);
    const { height } = opened.value;
    if (height > chain.height) {
      return refuse(
        "wrong-checkpoint",
        `the checkpoint at height ${height} is above the head, ${chain.height}`,
      );
    }
    this.#checkpoint = opened.value;
    return accept({ kind: "checkpoint", height, certificate });
  }

  #acceptBlock(payload: Uint8Array, chain: SnapshotChain): Verdict<CheckedSection, SnapshotFault> {
    const decoded = decodeSnapshotBlock(payload, this.#context.genesis.limits);
    if (!decoded.ok) return decoded;
    const { block, seal, receipts } = decoded.value;
    const wrong =
      this.#headers === undefined
        ? this.#checkCertified(block, seal, chain)
        : this.#checkMined(block, seal, { chain, headers: this.#headers });
    if (wrong !== undefined) return { ok: false, fault: wrong };
    const { height, receiptsRoot } = block.summary;
    if (
      receipts.length !== block.transactions.length ||
      !equalBytes(receiptsRootOf(receipts), receiptsRoot)
    ) {
      return refuse("wrong-block", `the receipts of block ${height} are not the ones that it commits to`);
    }
    if (this.#last === undefined) this.#firstBlock = height;
    this.#last = block;
    return accept({ kind: "block", block: decoded.value });
  }

  #certified(): CertifiedProof {
    const { proof } = this.#context;
    assert(proof.kind === "certified", "what is certified is looked for where blocks are");
    return proof;
  }

  #checkCertified(
    block: BlockHead,
    seal: Uint8Array,
    chain: SnapshotChain,
  ): Fault<SnapshotFault> | undefined {
    const wrong =
      this.#checkPlace(block, chain) ?? this.#checkEpoch(block, seal) ?? this.#checkAtCheckpoint(block);
    if (wrong !== undefined) return wrong;
    const { height, epoch } = block.summary;
    const set = must(this.#epochs.setOf(epoch), "the epoch was looked for");
    const badSeal = this.#certified().certificates.verifySeal(set, block, seal);
    return badSeal && fault("wrong-certificate", `the certificate of block ${height}: ${badSeal.detail}`);
  }

  /** The one block of a mined chain's snapshot is that of the header that was proved, and deep enough. */
  #checkMined(
    { hash, summary: { height } }: BlockHead,
    seal: Uint8Array,
    { chain, headers }: { readonly chain: SnapshotChain; readonly headers: SnapshotHeaders },
  ): Fault<SnapshotFault> | undefined {
    if (this.#last !== undefined) return fault("malformed", "a second block, where a mined chain has one");
    if (height !== chain.height || !equalBytes(hash, chain.headHash))
      return fault("wrong-block", `block ${height} is not the one that was announced`);
    if (seal.length > 0) return fault("malformed", "a seal, which a mined block does not have");
    return headers.checkDepth();
  }

  #checkPlace({ hash, header, summary }: BlockHead, chain: SnapshotChain): Fault<SnapshotFault> | undefined {
    const { height } = summary;
    const { recentHeads } = this.#certified();
    const first = firstSnapshotBlock(chain.height, this.#checkpoint?.height, recentHeads);
    const due = this.#last === undefined ? first : this.#last.summary.height + 1n;
    if (height !== due || height > chain.height) {
      return fault("wrong-block", `block ${height} where block ${due} of ${chain.height} must stand`);
    }
    if (this.#last !== undefined && !equalBytes(header.previousHash, this.#last.hash)) {
      return fault("wrong-block", `block ${height} does not follow block ${height - 1n}`);
    }
    if (height === chain.height && !equalBytes(hash, chain.headHash)) {
      return fault("wrong-block", `the head is ${showHash(hash)}, announced was ${showHash(chain.headHash)}`);
    }
    return undefined;
  }

  /** The sets that lead to a block are there, no more of them than the head needs, and they agree with the blocks. */
  #checkEpoch({ hash, summary }: BlockHead, seal: Uint8Array): Fault<SnapshotFault> | undefined {
    const { height, epoch } = summary;
    const { newest } = this.#epochs;
    const format = this.#epochs.hasBreaks ? 4 : newest > 0n ? 2 : 1;
    if (this.#format !== format) return fault("malformed", `the sections of format ${format}`);
    const after = epoch + (endsEpoch(summary) ? 1n : 0n);
    if (epoch > newest || (height === this.#chain?.height && after !== newest)) {
      return fault("wrong-epoch", `block ${height} is of epoch ${epoch}, the sets lead to epoch ${newest}`);
    }
    const end = this.#epochs.endAt(height);
    if (end === undefined || (equalBytes(end.hash, hash) && equalBytes(end.seal, seal))) return undefined;
    return fault("wrong-epoch", `block ${height} is not the one that ends epoch ${epoch}`);
  }

  /** The certificate and the blocks must tell one story. */
  #checkAtCheckpoint({ hash, header, summary }: BlockHead): Fault<SnapshotFault> | undefined {
    const checkpoint = this.#checkpoint;
    if (checkpoint === undefined) return undefined;
    const own = summary.height === checkpoint.height ? hash : undefined;
    const named = summary.height === checkpoint.height + 1n ? header.previousHash : own;
    const isOther = named !== undefined && !equalBytes(named, checkpoint.hash);
    if (isOther || (own !== undefined && !equalBytes(summary.stateRoot, checkpoint.stateRoot))) {
      return fault("wrong-checkpoint", `the certificate of height ${checkpoint.height} is of another block`);
    }
    return undefined;
  }

  #acceptChunk(payload: Uint8Array): Verdict<CheckedSection, SnapshotFault> {
    const number = this.#chunks + 1;
    const bad = (what: string) => refuse("wrong-chunk", `state chunk ${number}: ${what}`);
    const decoded = decodeStateChunk(payload);
    if (!decoded.ok) return bad(decoded.fault.detail);
    const chunk = decoded.value;
    const { from, to } = spanOf(chunk);
    if (from !== this.#next) {
      return bad(
        `begins at path ${showPath(from)} where ${showPath(this.#next)} is due: one is missing, or out of order`,
      );
    }
    const wrong = checkStateChunk(this.#head().summary.stateRoot, chunk) ?? this.#checkSize(chunk);
    if (wrong !== undefined) return bad(wrong);
    this.#chunks = number;
    this.#next = to;
    this.#entries += BigInt(chunk.entries.length);
    this.#accounts += BigInt(chunk.entries.filter(({ key }) => isAccountKey(key)).length);
    return accept({ kind: "state", chunk });
  }

  /** One state has one form: a subtree is one chunk if it fits into one. */
  #checkSize(chunk: StateChunk): string | undefined {
    const { depth, entries } = chunk;
    const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    const before = this.#before;
    this.#before = { chunk, bytes };
    if (!fitsChunk(bytes, entries.length))
      return `${bytes} bytes of ${entries.length} entries are too much for one`;
    if (before === undefined || before.chunk.depth !== depth) return undefined;
    const isRight = depth > 0 && (spanOf(chunk).from >> BigInt(256 - depth)) % 2n === 1n;
    const both = before.chunk.entries.length + entries.length;
    return isRight && fitsChunk(before.bytes + bytes, both) ? "and the one before have to be one" : undefined;
  }

  #acceptEnd(payload: Uint8Array): Verdict<CheckedSection, SnapshotFault> {
    if (this.#next !== PATHS_END) {
      return refuse(
        "wrong-chunk",
        `the state ends after chunk ${this.#chunks}, at path ${showPath(this.#next)}`,
      );
    }
    const decoded = decodeSnapshotEnd(payload);
    if (!decoded.ok) return decoded;
    const { chunks, entries, accounts } = decoded.value;
    if (chunks !== this.#chunks || entries !== this.#entries || accounts !== this.#accounts) {
      const says = `the end says ${chunks} chunks, ${entries} entries, ${accounts} accounts`;
      return refuse("malformed", `${says}; read were ${this.#chunks}, ${this.#entries}, ${this.#accounts}`);
    }
    this.#ended = true;
    return accept({ kind: "end" });
  }
}

function outOfPlace(kind: number): { readonly ok: false; readonly fault: Fault<"malformed"> } {
  return refuse("malformed", `a section of kind ${kind} is out of place`);
}
