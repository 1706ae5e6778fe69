/**
 * A wallet: one Ed25519 key that builds signed transactions. It knows no node: chain id, genesis hash and nonce are
 * handed in (Client.chain, Client.nextNonce). Runs in Node and in browsers. Source: docs/protocol.md, "Transaction".
 */
import {
  type Address,
  asAddress,
  asHash,
  type Hash,
  hex0x,
  parseBytes32,
  parseShownHash,
  utf8,
} from "../base/bytes.ts";
import { MEMO_BYTES_MAX } from "../base/limits.ts";
import { anchorDeclaration } from "../chain/modules/anchor-declaration.ts";
import { bankDeclaration } from "../chain/modules/bank-declaration.ts";
import type { CallFields, CallOf } from "../chain/modules/define-module.ts";
import { type GovCall, govDeclaration } from "../chain/modules/gov-declaration.ts";
import type { Module } from "../chain/modules/module.ts";
import { fixedFormOf, formOf, type ModuleForm } from "../chain/modules/module-form.ts";
import { callFromJson, encodeCall } from "../chain/modules/module-state.ts";
import type { FieldsOf } from "../chain/modules/value-types.ts";
import { MODULE_NUMBER_MIN } from "../chain/types/module-version.ts";
import { type SignedTransaction, signTransaction } from "../chain/types/transaction.ts";
import { createSigner, SEED_BYTES, type Signer } from "../crypto/keys.ts";

/** The chain that a transaction is for. */
export interface ChainRef {
  readonly chainId: bigint;
  /** Raw order, or as people see it (reversed, 0x-hex). */
  readonly genesisHash: Hash | string;
  /** The numbers of its declared modules by their names. */
  readonly modules?: ReadonlyMap<string, number>;
}

interface Order {
  readonly chain: ChainRef;
  readonly nonce: bigint | number;
  /** The fee, which is 0 by default. */
  readonly fee?: bigint;
  /** A fee above it is not signed. By default it is FEE_UNSAID_MAX, or the amount if that is more. */
  readonly maxFee?: bigint;
  /** The last height at which it may be included. With 0, which is the default, it never expires. */
  readonly validUntilHeight?: bigint;
  /** A note of at most 128 bytes of UTF-8. */
  readonly memo?: string;
}

export interface TransferOrder extends Order {
  readonly to: Uint8Array | string;
  readonly amount: bigint;
}

export interface AnchorOrder extends Order {
  /** SHA-256 of the document: 32 bytes. */
  readonly digest: Uint8Array | string;
}

export interface GovernOrder extends Omit<Order, "memo"> {
  readonly call: GovCall;
}

/** A fee above this and above the amount is signed only when a caller says so: a thousand times the usual 1. */
export const FEE_UNSAID_MAX = 1_000n;

/** A fee above `maxFee`: nothing was signed. */
export class FeeTooHighError extends RangeError {
  readonly fee: bigint;
  readonly maxFee: bigint;

  constructor(fee: bigint, maxFee: bigint) {
    super(`fee: ${fee} is above maxFee ${maxFee}; if that is meant, set maxFee. Nothing was signed`);
    this.name = "FeeTooHighError";
    this.fee = fee;
    this.maxFee = maxFee;
  }
}

const U64_MAX = (1n << 64n) - 1n;

/** No chain reaches these heights: at a block each millisecond it would take 140,000 years. */
export const NEVER_REACHED_HEIGHT = 1n << 52n;

/**
 * A `validUntilHeight` of 2^52 and 52 random bits: the transaction never expires, and no other order for the same nonce
 * has equal bytes. Signatures are deterministic, so without it two processes that pay the same amount at the same time
 * make one transaction, and neither can tell whose it is. Below 2^53: exact as a JSON number.
 */
export function distinctExpiry(): bigint {
  const [high = 0, low = 0] = globalThis.crypto.getRandomValues(new Uint32Array(2));
  return NEVER_REACHED_HEIGHT + ((BigInt(high & 0xf_ffff) << 32n) | BigInt(low));
}

export class Wallet {
  /** The address has 32 bytes, which print as hex: in texts, in JSON and in Node's console. */
  readonly address: Address;
  readonly #signer: Signer;

  private constructor(signer: Signer) {
    this.#signer = signer;
    this.address = printedAsHex(signer.publicKey);
  }

  /** @param seed holds 32 secret bytes. @throws RangeError on another length. */
  static fromSeed(seed: Uint8Array): Wallet {
    return new Wallet(createSigner(seed));
  }

  /** Makes a new key from the platform's randomness. The seed is the only copy of the secret. */
  static generate(): { readonly wallet: Wallet; readonly seed: Uint8Array } {
    const seed = globalThis.crypto.getRandomValues(new Uint8Array(SEED_BYTES));
    return { wallet: Wallet.fromSeed(seed), seed };
  }

  /** The address as 0x-hex. */
  get addressHex(): `0x${string}` {
    return hex0x(this.address);
  }

  /** @throws RangeError for a value that no transaction can carry. */
  transfer(order: TransferOrder): SignedTransaction {
    checkU64(order.amount, "amount");
    const to = asAddress(bytes32(order.to, "to"));
    const { amount } = order;
    checkFee(order, amount);
    return this.#sign(bankDeclaration, { to, amount, memo: memoBytes(order.memo) }, order);
  }

  /** @throws RangeError for a value that no transaction can carry. */
  anchor(order: AnchorOrder): SignedTransaction {
    const digest = asHash(bytes32(order.digest, "digest"));
    checkFee(order, 0n);
    return this.#sign(anchorDeclaration, { digest, memo: memoBytes(order.memo) }, order);
  }

  /** A proposal of a validator's account, or its vote. @throws RangeError for a value that no transaction can carry. */
  govern(order: GovernOrder): SignedTransaction {
    checkFee(order, 0n);
    return this.#sign(govDeclaration, order.call, order);
  }

  /**
   * A call of a declared module, or of one that every chain has (`bank` and others of quorate/built-in).
   * @param called such as `registry.transfer`, where `registry` is what defineModule made
   * @throws RangeError for arguments that the call does not take, and for a chain without the module
   */
  call<F extends CallFields>(
    { module, call }: CallOf<F>,
    args: FieldsOf<F>,
    order: Omit<Order, "memo">,
  ): SignedTransaction {
    if (module.fixed !== undefined)
      return this.#callOf(module.fixed.number, fixedFormOf(module), { call, args }, order);
    const form = formOf(module);
    if (!form.ok) throw new RangeError(form.fault.detail);
    return this.callByForm(form.value, call, args, order);
  }

  /** The same where only a module's form is known, such as state_getModules tells it. @throws RangeError */
  callByForm(form: ModuleForm, call: string, args: unknown, order: Omit<Order, "memo">): SignedTransaction {
    const id = order.chain.modules?.get(form.name);
    if (id === undefined) throw new RangeError(`module ${form.name}: this chain has none of this name`);
    // By a node's word of its number a call must not become a payment.
    if (id < MODULE_NUMBER_MIN)
      throw new RangeError(
        `module ${form.name}: number ${id}, declared ones have ${MODULE_NUMBER_MIN} and above`,
      );
    return this.#callOf(id, form, { call, args }, order);
  }

  #callOf(
    id: number,
    form: ModuleForm,
    { call, args }: { readonly call: string; readonly args: unknown },
    order: Omit<Order, "memo">,
  ): SignedTransaction {
    const made = callFromJson(form, call, args);
    if (!made.ok) throw new RangeError(made.fault.detail);
    checkFee(order, 0n);
    return this.#sign({ id, encodeCall: (one) => encodeCall(form, one) }, made.value, order);
  }

  #sign<Call>(
    module: Pick<Module<Call>, "id" | "encodeCall">,
    call: Call,
    order: Omit<Order, "memo">,
  ): SignedTransaction {
    const { chain, fee = 0n, validUntilHeight = 0n } = order;
    const nonce = BigInt(order.nonce);
    checkU64(nonce, "nonce");
    checkU64(fee, "fee");
    checkU64(validUntilHeight, "validUntilHeight");
    const fields = { chainId: chain.chainId, nonce, fee, validUntilHeight };
    const payload = module.encodeCall(call);
    return signTransaction({ ...fields, module: module.id, payload }, this.#signer, genesisHashOf(chain));
  }
}

/** A copy whose texts are 0x-hex; the bytes are as those of any other array. */
function printedAsHex(address: Address): Address {
  const copy = address.slice();
  const hex = () => hex0x(copy);
  for (const name of ["toString", "toJSON", Symbol.for("nodejs.util.inspect.custom")]) {
    Object.defineProperty(copy, name, { value: hex });
  }
  return copy as Address;
}

function checkFee({ fee = 0n, maxFee }: Order, amount: bigint): void {
  const most = maxFee ?? (amount > FEE_UNSAID_MAX ? amount : FEE_UNSAID_MAX);
  checkU64(fee, "fee");
  if (fee > most) throw new FeeTooHighError(fee, most);
}

function genesisHashOf({ genesisHash }: ChainRef): Hash {
  if (typeof genesisHash !== "string") return asHash(genesisHash);
  const hash = parseShownHash(genesisHash);
  if (hash === undefined)
    throw new RangeError(`genesisHash: 0x and 64 hex digits expected, got "${genesisHash}"`);
  return hash;
}

function bytes32(value: Uint8Array | string, name: string): Uint8Array {
  const bytes = typeof value === "string" ? parseBytes32(value) : value;
  if (bytes?.length === 32) return bytes;
  throw new RangeError(
    `${name}: 32 bytes expected, got ${typeof value === "string" ? `"${value}"` : bytes?.length}`,
  );
}

function memoBytes(memo = ""): Uint8Array {
  // UTF-8 has no form for half of a surrogate pair: it would become another character.
  if (/\p{Surrogate}/u.test(memo)) throw new RangeError("memo: half of a surrogate pair, which is no text");
  const bytes = utf8(memo);
  if (bytes.length > MEMO_BYTES_MAX) {
    throw new RangeError(`memo: ${bytes.length} bytes of UTF-8, at most ${MEMO_BYTES_MAX}`);
  }
  return bytes;
}

function checkU64(value: bigint, name: string): void {
  if (value < 0n || value > U64_MAX) throw new RangeError(`${name}: ${value} is not within 0..2^64-1`);
}
