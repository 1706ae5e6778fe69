/**
 * The errors of the interface: which number each `data.code` has, in one table. JSON-RPC's own codes are
 * -32700..-32600, those of EIP-1474 -32000..-32006, ours -32010 and below. A code of the table is a promise to
 * clients: never renumbered, never reused. Source: JSON-RPC 2.0 §5.1, EIP-1474, docs/rpc.md "Errors".
 */
import type { Fault } from "../base/fault.ts";

const INVALID_INPUT = -32000;
const NOT_FOUND = -32001;
const UNAVAILABLE = -32002;
const TX_REJECTED = -32003;
const NOT_SUPPORTED = -32004;
const LIMIT_EXCEEDED = -32005;

/** Every code that has a number of its own; TX_* not listed here is -32003. */
export const ERROR_NUMBERS = {
  PARSE_ERROR: -32700,
  INVALID_REQUEST: -32600,
  METHOD_NOT_FOUND: -32601,
  INVALID_PARAMS: -32602,
  INTERNAL: -32603,
  BAD_HEX: INVALID_INPUT,
  BAD_HASH: INVALID_INPUT,
  BAD_ADDRESS: INVALID_INPUT,
  BAD_PATH: INVALID_INPUT,
  NO_COINBASE: INVALID_INPUT,
  MINER_THREADS: INVALID_INPUT,
  BAD_SUBJECT: INVALID_INPUT,
  BAD_GOV_CALL: INVALID_INPUT,
  NEVER_BANNED: INVALID_INPUT,
  BAD_INVITATION: INVALID_INPUT,
  BAD_PEERS_FILE: INVALID_INPUT,
  INVITATION_EXPIRED: INVALID_INPUT,
  INVITATION_USED: INVALID_INPUT,
  TX_MALFORMED: INVALID_INPUT,
  BLOCK_NOT_FOUND: NOT_FOUND,
  SUBSCRIPTION_NOT_FOUND: NOT_FOUND,
  CURSOR_NOT_FOUND: NOT_FOUND,
  SYNCING: UNAVAILABLE,
  PRUNED: UNAVAILABLE,
  CURSOR_AHEAD: UNAVAILABLE,
  NOT_VALIDATOR: UNAVAILABLE,
  STOPPING: UNAVAILABLE,
  NO_MINER: UNAVAILABLE,
  TOO_EARLY: UNAVAILABLE,
  OWN_BLOCK_REFUSED: UNAVAILABLE,
  TX_REJECTED,
  NEEDS_WEBSOCKET: NOT_SUPPORTED,
  WRONG_CONSENSUS: NOT_SUPPORTED,
  TOO_HARD: NOT_SUPPORTED,
  NO_ADDRESS_BOOK: NOT_SUPPORTED,
  NO_EPOCHS: NOT_SUPPORTED,
  NO_HOME: NOT_SUPPORTED,
  NO_DEVNET: NOT_SUPPORTED,
  MEMPOOL_FULL: LIMIT_EXCEEDED,
  BATCH_TOO_LARGE: LIMIT_EXCEEDED,
  RATE_LIMIT: LIMIT_EXCEEDED,
  ANSWER_TOO_LARGE: LIMIT_EXCEEDED,
  MINER_BUSY: LIMIT_EXCEEDED,
  TOO_MANY_WAITS: LIMIT_EXCEEDED,
  TOO_MANY_SUBSCRIPTIONS: LIMIT_EXCEEDED,
  VERSION_NOT_SUPPORTED: -32006,
  WAIT_TIMEOUT: -32010,
  AUTH_REQUIRED: -32011,
} as const satisfies Record<string, number>;

export type ErrorCode = keyof typeof ERROR_NUMBERS;

/** The sentence of the specification for its own codes. A message of ours goes behind a colon or into data.detail. */
export const SPEC_MESSAGES: Readonly<Partial<Record<ErrorCode, string>>> = {
  PARSE_ERROR: "Parse error",
  INVALID_REQUEST: "Invalid Request",
  METHOD_NOT_FOUND: "Method not found",
  INVALID_PARAMS: "Invalid params",
  INTERNAL: "Internal error",
};

export type ErrorData = Readonly<Record<string, unknown>>;

/** The refusal of a call: thrown by a method, caught by the dispatcher alone. `message` is for people. */
export class CallError extends Error {
  override readonly name = "CallError";
  readonly code: string;
  readonly number: number;
  readonly data: ErrorData;

  /** @param code a code of the table, or a node's own TX_* code, whose number is -32003. */
  constructor(code: string, message: string, data: ErrorData = {}) {
    super(message);
    this.code = code;
    this.number = (ERROR_NUMBERS as Readonly<Record<string, number>>)[code] ?? TX_REJECTED;
    this.data = data;
  }
}

/** A fault found at an entry point of the node as a refusal: `data.code` is the fault's own code. */
export function refusalOf(fault: Fault, data: ErrorData = {}): CallError {
  return new CallError(OTHER_CODES[fault.code] ?? fault.code, fault.detail, data);
}

/** Fault codes of lower floors, as clients see them. */
const OTHER_CODES: Readonly<Record<string, string>> = {
  malformed: "TX_MALFORMED",
  "too-large": "TX_TOO_LARGE",
  "unknown-block": "BLOCK_NOT_FOUND",
  genesis: "INVALID_PARAMS",
};
