/**
 * What state_query with `prove` answered, held to the genesis: the certificate over the block, and the proof of the key's
 * value, or of its absence, under the state root. In Node or a browser.
 */
import { accept, refuse, type Verdict } from "../base/fault.ts";
import { checkStateProof, decodeStateProof } from "../chain/state/state-proof.ts";
import { checkFields, field, object } from "../codec/field.ts";
import { type FinalHead, openCertifiedHead } from "./final-head.ts";
import { bytesField, bytesOf } from "./proof-parts.ts";
import type { TrustedGenesis } from "./trusted-genesis.ts";

/** Stored bytes as hex, or null where there are none. */
export const storedField = field("bytes as 0x-hex, or null", (value) =>
  value === null || (typeof value === "string" && /^0x(?:[0-9a-f]{2})*$/.test(value))
    ? { hex: value }
    : undefined,
);

const answerSchema = object(
  {
    value: storedField,
    proof: bytesField,
    finality: object({ header: bytesField, summary: bytesField, seal: bytesField }, { others: "ignored" }),
  },
  { others: "ignored" },
);

export interface ProvedState extends FinalHead {
  /** Undefined: the state holds nothing under the key. */
  readonly bytes: Uint8Array | undefined;
}

/** @param key of the state, which the caller made: that of the answer is not read. Never throws for a wrong answer. */
export function proveState(answer: unknown, key: Uint8Array, trusted: TrustedGenesis): Verdict<ProvedState> {
  const read = checkFields(answerSchema, answer);
  if (!read.ok) return refuse("malformed", `answer: ${read.fault.detail}`);
  const certified = openCertifiedHead(read.value.finality, trusted);
  if (!certified.ok) return certified;
  const proof = decodeStateProof(bytesOf(read.value.proof));
  if (!proof.ok) return proof;
  const bytes = storedBytes(read.value.value);
  if (!checkStateProof(certified.value.head.summary.stateRoot, key, bytes, proof.value)) {
    const what = bytes === undefined ? "that there is no such entry" : "this entry";
    return refuse("invalid", `the state does not hold ${what}: the proof does not lead to stateRoot`);
  }
  return accept({ ...certified.value, bytes });
}

/** @param stored as {@link storedField} has read it */
export function storedBytes({ hex }: { readonly hex: string | null }): Uint8Array | undefined {
  return hex === null ? undefined : bytesOf(hex);
}
