/**
 * The small interface of the state machine (decision 9): a module owns a number, a payload codec, a set of state
 * keys and a deterministic, synchronous `execute`. A typed ModuleFault makes a `failed` receipt with all writes and
 * events of the call undone; any other throw stops the node (a catch-all would turn one machine's memory limit
 * into a consensus split).
 *
 * This folder: what a transaction can do. Modules that every chain has are pairs, NAME-declaration.ts for the bytes and
 * NAME.ts for the execution, listed in registry.ts; declared ones begin with define-module.ts. Not here: building and
 * evaluating a module's file (node/modules).
 */

import type { Address, Hash } from "../../base/bytes.ts";
import type { Verdict } from "../../base/fault.ts";
import type { GenesisLimits } from "../genesis/genesis.ts";
import type { GenesisModules } from "../genesis/genesis-modules.ts";
import type { Account } from "../state/account.ts";
import type { Event } from "../types/receipt.ts";
import type { ModuleForm } from "./module-form.ts";

/** Thrown by `execute` for a call that the rules refuse. `code` is 1..65535, unique in the module. */
export class ModuleFault extends Error {
  override readonly name = "ModuleFault";
  readonly code: number;

  constructor(code: number, detail: string) {
    // Nobody reads where an outcome came from, and to note that costs more than the rest of the call (profiled).
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(detail);
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
  }
}

/** Reads of the state: raw keys, each starting with its module's prefix (chain/state/state-keys.ts). */
export interface StateReader {
  get(key: Uint8Array): Uint8Array | undefined;
  /** What is there, where the key is one of an account: for whoever keeps accounts decoded. */
  account?(key: Uint8Array): Account | undefined;
}

export interface StateWriter extends StateReader {
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  /** As put, of an account that is not empty. */
  putAccount?(key: Uint8Array, account: Account): void;
}

export interface ExecutionContext {
  readonly height: bigint;
  /** The block's time as modules see it, ms (ConsensusRules.executionTimeMs). */
  readonly timeMs: bigint;
  readonly sender: Address;
  /** What the transaction pays. */
  readonly fee: bigint;
  readonly txid: Hash;
  readonly state: StateWriter;
  emit(kind: number, data: Uint8Array): void;
  /** What governance needs of the chain, or undefined where the validators never change. */
  readonly governing?: MembershipContext | undefined;
}

/** The chain as a change of its members sees it. */
export interface MembershipContext {
  readonly genesisHash: Hash;
  /** K, the heights between two checkpoints. */
  readonly checkpointInterval: number;
  /** L, the width of the log window in heights. */
  readonly logWindow: number;
  /** The limits that genesis names. */
  readonly limits: GenesisLimits;
  readonly modules: GenesisModules | undefined;
  /** The hash of an earlier block of the branch. */
  readonly hashAt: (height: bigint) => Hash;
}

/** What JSON can hold. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** JSON-ready description: strings, numbers, 0x-hex, decimal strings for amounts. */
export type Description = Readonly<Record<string, Json>>;

/** An event in JSON: its name, and an object with its fields. */
export interface EventText {
  readonly name: string;
  readonly fields: string;
}

/** What receipts say of a module's calls: for whoever reads them and executes nothing. */
export interface ReceiptReader {
  /** The `module` byte of the transaction envelope. */
  readonly id: number;
  readonly name: string;
  /** Stable upper-case name of a fault code, for receipts ("BANK_INSUFFICIENT_FUNDS"). */
  faultName(code: number): string | undefined;
  describeEvent(event: Event): Description;
  /** The same as JSON text, where a module has a quicker way to it than by its description. */
  eventText?(event: Event): EventText;
}

/** A module without its execution: what its bytes mean. */
export interface ModuleCodec<Call = unknown> extends ReceiptReader {
  /** What the values of a declared module are. A built-in module has no form. */
  readonly form?: ModuleForm;
  /** Decodes the canonical bytes of a payload to a call, and refuses all other bytes. */
  decodeCall(payload: Uint8Array): Verdict<Call>;
  encodeCall(call: Call): Uint8Array;
  describeCall(call: Call): Description;
}

export interface Module<Call = unknown> extends ModuleCodec<Call> {
  /** What the call takes from the sender's balance beyond the fee: the pool adds it up per sender queue. */
  spends(call: Call): bigint;
  /** @throws ModuleFault */
  execute(call: Call, context: ExecutionContext): void;
}
