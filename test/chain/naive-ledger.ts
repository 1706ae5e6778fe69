/**
 * What a mined block does to the ledger, naively: the maps of tools/sim/naive-ledger.ts with coinbases that wait. Shares
 * no arithmetic with src/chain; the bytes are docs/protocol.md's.
 */
import { byteText, concatBytes, utf8 } from "../../src/base/bytes.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { u64Bytes } from "../../src/tools/sim/checkers/raw-bytes.ts";
import { NaiveLedger, NaiveRefusal, type NaiveRules, u32Bytes } from "../../src/tools/sim/naive-ledger.ts";

export interface NaiveSchedule {
  readonly subsidy: bigint;
  readonly halvingInterval: number;
  readonly maturity: number;
}

/** Where fees go until the block's end; no key of anybody. */
const FEES = new Uint8Array(32).fill(0xfe);

export class NaiveMinedLedger extends NaiveLedger {
  /** Height -> to 32 | value u64. */
  readonly maturing = new Map<bigint, Uint8Array>();
  /** Coinbase values so far. */
  minted = 0n;
  /** Fees taken so far: they are gone, but for what coinbases took. */
  paid = 0n;
  readonly #accounts: ConstructorParameters<typeof NaiveLedger>[0];
  readonly #rules: NaiveRules;
  readonly #schedule: NaiveSchedule;

  constructor(
    accounts: readonly { address: Uint8Array; balance: bigint }[],
    rules: NaiveRules,
    schedule: NaiveSchedule,
  ) {
    super(accounts, rules);
    this.#accounts = accounts;
    this.#rules = rules;
    this.#schedule = schedule;
  }

  copy(): NaiveMinedLedger {
    const copy = new NaiveMinedLedger(this.#accounts, this.#rules, this.#schedule);
    copy.accounts.clear();
    for (const [address, account] of this.accounts) copy.accounts.set(address, { ...account });
    for (const [key, value] of this.anchors) copy.anchors.set(key, { ...value });
    for (const [key, value] of this.anchorsBy) copy.anchorsBy.set(key, value);
    for (const [key, value] of this.executed) copy.executed.set(key, value);
    for (const [key, value] of this.maturing) copy.maturing.set(key, value);
    copy.minted = this.minted;
    copy.paid = this.paid;
    return copy;
  }

  mature(height: bigint): void {
    const due = height - BigInt(this.#schedule.maturity);
    const entry = this.maturing.get(due);
    if (entry === undefined) return;
    this.maturing.delete(due);
    this.#credit(entry.slice(0, 32), readU64(entry, 32));
  }

  /** Runs one block. @returns its receipts. @throws NaiveRefusal when it is invalid. */
  mine(envelopes: readonly Uint8Array[], height: bigint, timeMs: bigint): Uint8Array[] {
    const [coinbase, ...rest] = envelopes;
    if (coinbase === undefined || coinbase[0] !== 0 || coinbase.length !== 49)
      throw new NaiveRefusal("no coinbase");
    if (readU64(coinbase, 1) !== height) throw new NaiveRefusal("a coinbase of another height");
    this.mature(height);
    const receipts = this.execute(rest, { height, timeMs, feeRecipient: FEES }).map(shiftIndex);
    const fees = this.accounts.get(byteText(FEES))?.balance ?? 0n;
    this.accounts.delete(byteText(FEES));
    const value = readU64(coinbase, 41);
    const halvings = height / BigInt(this.#schedule.halvingInterval);
    if (value > this.#schedule.subsidy / 2n ** halvings + fees) throw new NaiveRefusal("mints too much");
    if (value > 0n) this.maturing.set(height, coinbase.slice(9));
    this.minted += value;
    this.paid += fees;
    return [coinbaseReceipt(coinbase), ...receipts];
  }

  override *entries(): Generator<readonly [string, Uint8Array]> {
    yield* super.entries();
    for (const [height, value] of this.maturing) yield [`\x04${byteText(u64Bytes(height))}`, value];
  }

  /** Spendable and maturing. */
  get whole(): bigint {
    let sum = this.supply;
    for (const entry of this.maturing.values()) sum += readU64(entry, 32);
    return sum;
  }

  #credit(address: Uint8Array, amount: bigint): void {
    const account = this.accounts.get(byteText(address));
    if (account === undefined) this.accounts.set(byteText(address), { balance: amount, nonce: 0n });
    else account.balance += amount;
  }
}

/** Expected hashes for a target given as bits, by 2.3: 2^256 / (target + 1). */
export function naiveWork(bits: number): bigint {
  const target = BigInt(bits % 2 ** 23) * 256n ** BigInt(Math.floor(bits / 2 ** 24) - 3);
  return 2n ** 256n / (target + 1n);
}

export function readU64(bytes: Uint8Array, at: number): bigint {
  let value = 0n;
  for (let i = 0; i < 8; i++) value = value * 256n + BigInt(bytes[at + i]!);
  return value;
}

/** The coinbase stands before the transactions. */
function shiftIndex(receipt: Uint8Array): Uint8Array {
  const shifted = receipt.slice();
  const index = new DataView(shifted.buffer);
  index.setUint32(33, index.getUint32(33) + 1);
  return shifted;
}

function coinbaseReceipt(coinbase: Uint8Array): Uint8Array {
  const txid = sha256(concatBytes(utf8("quorate/txid/v1"), coinbase));
  const event = concatBytes(Uint8Array.of(0, 1, 0, 40), coinbase.slice(9));
  const status = Uint8Array.of(1, 0, 0);
  return concatBytes(Uint8Array.of(1), txid, u32Bytes(0), status, u64Bytes(0n), u32Bytes(1), event);
}
