/**
 * The ledger a second time, as naively as it can be: maps that execute transfers and anchors block by block, with a
 * parser of transactions, a Merkle tree and a state tree of its own. The checkers compare every replica with it. It
 * shares nothing with src/chain but SHA-256, and the code of declared modules, which is handed in; what the bytes are is docs/protocol.md.
 */
import { must } from "../../base/assert.ts";
import { byteText, concatBytes, utf8 } from "../../base/bytes.ts";
import { sha256 } from "../../crypto/hash.ts";
import { type ByteText, Cursor, textBytes, u64Bytes } from "./checkers/raw-bytes.ts";
import type { NaiveCall, NaiveOutcome } from "./naive-modules.ts";

export interface NaiveAccount {
  balance: bigint;
  nonce: bigint;
}

/** What a block says besides its transactions. */
export interface NaiveContext {
  readonly height: bigint;
  readonly timeMs: bigint;
  /** 32 bytes: the proposer's account. */
  readonly feeRecipient: Uint8Array;
}

export interface NaiveRules {
  readonly chainId: bigint;
  readonly minFee: bigint;
  readonly genesisHash: Uint8Array;
  readonly verify: (key: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
  /** Runs the code of a declared module on these entries. Undefined when there is no such module, or no such call. */
  readonly callModule?: (
    module: number,
    call: NaiveCall,
    entries: Map<ByteText, Uint8Array>,
  ) => NaiveOutcome | undefined;
}

interface NaiveTransaction {
  readonly id: Uint8Array;
  readonly chainId: bigint;
  readonly from: ByteText;
  readonly nonce: bigint;
  readonly fee: bigint;
  readonly validUntil: bigint;
  readonly module: number;
  readonly payload: Uint8Array;
}

interface Outcome extends NaiveOutcome {
  readonly module: number;
}

const U64_MAX = 2n ** 64n - 1n;
const MEMO_MAX = 128;
/** The least number of a declared module. */
const DECLARED_MIN = 16;

/** A transaction that must not stand in a block. */
export class NaiveRefusal extends Error {
  override readonly name = "NaiveRefusal";
}

export class NaiveLedger {
  readonly accounts = new Map<ByteText, NaiveAccount>();
  /** Digest -> the first anchor and how many there are. */
  readonly anchors = new Map<ByteText, { count: number; first: Uint8Array }>();
  /** Digest and sender -> the anchor. */
  readonly anchorsBy = new Map<ByteText, Uint8Array>();
  /** The entries of declared modules. */
  readonly declared = new Map<ByteText, Uint8Array>();
  /** Ids of all executed transactions. */
  readonly executed = new Map<ByteText, bigint>();
  readonly #rules: NaiveRules;

  constructor(accounts: readonly { address: Uint8Array; balance: bigint }[], rules: NaiveRules) {
    this.#rules = rules;
    for (const { address, balance } of accounts) {
      if (balance > 0n) this.accounts.set(byteText(address), { balance, nonce: 0n });
    }
  }

  /** All balances: no transaction changes it. */
  get supply(): bigint {
    let sum = 0n;
    for (const { balance } of this.accounts.values()) sum += balance;
    return sum;
  }

  /** @returns the receipts. @throws NaiveRefusal when the block is invalid; the ledger is of no use then. */
  execute(envelopes: readonly Uint8Array[], context: NaiveContext): Uint8Array[] {
    return envelopes.map((envelope, index) => this.#run(envelope, index, context));
  }

  #run(envelope: Uint8Array, index: number, context: NaiveContext): Uint8Array {
    const tx = this.#open(envelope);
    const id = byteText(tx.id);
    const before = this.executed.get(id);
    if (before !== undefined) refuse(index, `was executed at height ${before} already`);
    const sender = this.accounts.get(tx.from);
    if (sender === undefined) return refuse(index, "its sender has no account");
    if (tx.chainId !== this.#rules.chainId) refuse(index, `is for chain ${tx.chainId}`);
    if (tx.nonce !== sender.nonce) refuse(index, `has nonce ${tx.nonce}, the account's is ${sender.nonce}`);
    if (tx.fee < this.#rules.minFee || tx.fee > sender.balance) refuse(index, `cannot pay ${tx.fee}`);
    if (tx.validUntil !== 0n && tx.validUntil < context.height) refuse(index, `ended at ${tx.validUntil}`);
    sender.nonce++;
    sender.balance -= tx.fee;
    this.#add(byteText(context.feeRecipient), tx.fee);
    this.executed.set(id, context.height);
    const outcome = this.#call(tx, context, index);
    return receipt(tx, index, outcome);
  }

  #open(envelope: Uint8Array): NaiveTransaction {
    const cursor = new Cursor(envelope);
    if (cursor.u8() !== 1) throw new NaiveRefusal("a transaction of unknown scheme");
    const chainId = cursor.u64();
    const key = cursor.take(32);
    const fields = { nonce: cursor.u64(), fee: cursor.u64(), validUntil: cursor.u64(), module: cursor.u8() };
    const payload = cursor.take(cursor.u16());
    const unsigned = envelope.subarray(0, cursor.at);
    const signature = cursor.take(64);
    if (cursor.left > 0) throw new NaiveRefusal("bytes after a transaction");
    const signed = concatBytes(utf8("quorate/tx/v1"), this.#rules.genesisHash, unsigned);
    if (!this.#rules.verify(key, signed, signature)) throw new NaiveRefusal("a signature is not valid");
    const id = tagged("quorate/txid/v1", unsigned);
    return { id, chainId, from: byteText(key), ...fields, payload };
  }

  #call(tx: NaiveTransaction, context: NaiveContext, index: number): Outcome {
    if (tx.module >= DECLARED_MIN) return this.#callDeclared(tx, context, index);
    const cursor = new Cursor(tx.payload);
    const subject = cursor.take(32);
    const amount = tx.module === 1 ? cursor.u64() : 0n;
    const memo = cursor.take(cursor.u8());
    if (cursor.left > 0 || memo.length > MEMO_MAX) refuse(index, "has another payload than its module's");
    if (tx.module === 1) return this.#transfer(tx, subject, amount);
    if (tx.module === 2) return this.#anchor(tx, subject, memo, context);
    return refuse(index, `calls module ${tx.module}`);
  }

  #callDeclared(
    { module, payload, from, fee, id }: NaiveTransaction,
    { height, timeMs }: NaiveContext,
    index: number,
  ): Outcome {
    const call = { payload, sender: textBytes(from), fee, txid: id, height, timeMs };
    const outcome = this.#rules.callModule?.(module, call, this.declared);
    if (outcome === undefined)
      return refuse(index, `calls module ${module} with a payload that is none of its calls`);
    return { ...outcome, module };
  }

  #transfer({ from }: NaiveTransaction, to: Uint8Array, amount: bigint): Outcome {
    const sender = must(this.accounts.get(from), "who pays was found before");
    const receiver = byteText(to);
    const none = { events: [], module: 1 };
    if (sender.balance < amount) return { ...none, code: 1 };
    const received =
      receiver === from ? sender.balance - amount : (this.accounts.get(receiver)?.balance ?? 0n);
    if (received + amount > U64_MAX) return { ...none, code: 2 };
    sender.balance -= amount;
    this.#add(receiver, amount);
    const data = concatBytes(textBytes(from), to, u64Bytes(amount));
    return { code: 0, module: 1, events: [{ kind: 1, data }] };
  }

  #anchor(
    { from }: NaiveTransaction,
    digest: Uint8Array,
    memo: Uint8Array,
    { height, timeMs }: NaiveContext,
  ): Outcome {
    const place = byteText(digest);
    if (this.anchorsBy.has(place + from)) return { code: 1, module: 2, events: [] };
    const rest = concatBytes(u64Bytes(height), u64Bytes(timeMs), Uint8Array.of(memo.length), memo);
    const held = this.anchors.get(place);
    const ordinal = held?.count ?? 0;
    this.anchors.set(place, {
      count: ordinal + 1,
      first: held?.first ?? concatBytes(textBytes(from), rest),
    });
    this.anchorsBy.set(place + from, concatBytes(u32Bytes(ordinal), rest));
    const data = concatBytes(digest, textBytes(from), u32Bytes(ordinal));
    return { code: 0, module: 2, events: [{ kind: 1, data }] };
  }

  #add(address: ByteText, amount: bigint): void {
    if (amount === 0n) return;
    const account = this.accounts.get(address);
    if (account === undefined) this.accounts.set(address, { balance: amount, nonce: 0n });
    else account.balance += amount;
  }

  /** Every key of the state with its value. */
  *entries(): Generator<readonly [ByteText, Uint8Array]> {
    for (const [address, { balance, nonce }] of this.accounts) {
      if (balance > 0n || nonce > 0n)
        yield [`\x01${address}`, concatBytes(u64Bytes(balance), u64Bytes(nonce))];
    }
    for (const [digest, { count, first }] of this.anchors)
      yield [`\x02${digest}`, concatBytes(u32Bytes(count), first)];
    for (const [place, value] of this.anchorsBy) yield [`\x03${place}`, value];
    yield* this.declared;
  }

  stateRoot(): Uint8Array {
    const leaves = [...this.entries()].map(([key, value]) => this.#leaf(key, value));
    leaves.sort((a, b) => (a.path < b.path ? -1 : 1));
    return subtree(leaves, 0, leaves.length, 0);
  }

  #leaf(key: ByteText, value: Uint8Array): Leaf {
    const path = pathOf(key);
    const hash = sha256(concatBytes(Uint8Array.of(0), path, tagged("quorate/state-value/v1", value)));
    return { path: byteText(path), hash };
  }
}

/** Hashes of keys, of all ledgers: schedules of one shape have the same accounts. */
const paths = new Map<ByteText, Uint8Array>();
/** Beyond it all are forgotten and hashed anew. */
const PATHS_MAX = 10_000;

function pathOf(key: ByteText): Uint8Array {
  let path = paths.get(key);
  if (path === undefined) {
    if (paths.size >= PATHS_MAX) paths.clear();
    path = tagged("quorate/state-key/v1", textBytes(key));
    paths.set(key, path);
  }
  return path;
}

interface Leaf {
  readonly path: ByteText;
  readonly hash: Uint8Array;
}

function leafAt(leaves: readonly Leaf[], index: number): Leaf {
  return must(leaves[index], "the range lies within the leaves");
}

/** The root over leaves[from..to), which share their first `depth` bits. */
function subtree(leaves: readonly Leaf[], from: number, to: number, depth: number): Uint8Array {
  if (to === from) return new Uint8Array(32);
  if (to - from === 1) return leafAt(leaves, from).hash;
  let middle = from;
  while (middle < to && (leafAt(leaves, middle).path.charCodeAt(depth >> 3) >> (7 - (depth % 8))) % 2 === 0)
    middle++;
  const left = subtree(leaves, from, middle, depth + 1);
  const right = subtree(leaves, middle, to, depth + 1);
  return sha256(concatBytes(Uint8Array.of(1), left, right));
}

/** Root of a list: pairs from the left, an odd one moves up. */
export function naiveMerkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  let level = leaves.map((leaf) => sha256(concatBytes(Uint8Array.of(0), leaf)) as Uint8Array);
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = must(level[i], "the loop ends with the level");
      const pair = concatBytes(Uint8Array.of(1), left, level[i + 1] ?? new Uint8Array(0));
      above.push(i + 1 < level.length ? sha256(pair) : left);
    }
    level = above;
  }
  const top = level[0] ?? new Uint8Array(32);
  return sha256(concatBytes(Uint8Array.of(2), u32Bytes(leaves.length), top));
}

function receipt(
  tx: NaiveTransaction,
  index: number,
  { code, module, events: emitted }: Outcome,
): Uint8Array {
  const encoded = emitted.map(({ kind, data }) =>
    concatBytes(Uint8Array.of(module, kind, data.length >> 8, data.length & 0xff), data),
  );
  const events = concatBytes(u32Bytes(encoded.length), ...encoded);
  const status = Uint8Array.of(code === 0 ? 1 : 0, code >> 8, code & 0xff);
  return concatBytes(Uint8Array.of(1), tx.id, u32Bytes(index), status, u64Bytes(tx.fee), events);
}

function tagged(tag: string, bytes: Uint8Array): Uint8Array {
  return sha256(concatBytes(utf8(tag), bytes));
}

export function u32Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function refuse(index: number, detail: string): never {
  throw new NaiveRefusal(`transaction ${index} ${detail}`);
}
