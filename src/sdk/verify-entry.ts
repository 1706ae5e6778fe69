/**
 * Whether the answer of state_query with `prove` proves an entry of a declared module, or that there is none: the
 * certificate over the block, the proof under its state root, and the key and the value as the module's declaration says.
 * It trusts the genesis and the declaration alone: the name in the path and the decoded value of the answer are not read.
 */
import { showHash } from "../base/bytes.ts";
import { accept, refuse, type Verdict } from "../base/fault.ts";
import type { DeclaredCode } from "../chain/modules/define-module.ts";
import type { Json } from "../chain/modules/module.ts";
import { stateFormsOf } from "../chain/modules/module-form.ts";
import { entryKeyFromJson, openValue } from "../chain/modules/module-state.ts";
import { checkStateProof, decodeStateProof } from "../chain/state/state-proof.ts";
import { blockTimeMs } from "../chain/types/block-time.ts";
import { checkFields, field, object } from "../codec/field.ts";
import { openCertifiedHead } from "./certified-head.ts";
import { bytesField, bytesOf } from "./proof-parts.ts";
import { type CertificateSigner, openGenesis, type TrustedGenesis } from "./trusted-genesis.ts";

export interface EntryQuestion {
  /** What state_query with `prove` answered. */
  readonly answer: unknown;
  /** What defineModule made. */
  readonly module: DeclaredCode;
  /** The map or cell. */
  readonly state: string;
  /** As the declaration has it; left out for a cell. */
  readonly key?: unknown;
  /** The text of genesis.json, or what openGenesis made of it. */
  readonly genesis: string | TrustedGenesis;
}

export type EntryAnswer =
  | {
      readonly valid: true;
      /** As JSON; null: there is no such entry. */
      readonly value: Json;
      readonly height: number;
      readonly timeMs: number;
      readonly blockHash: string;
      readonly signers: readonly CertificateSigner[];
    }
  | { readonly valid: false; readonly reason: string };

const answerSchema = object(
  {
    value: field("bytes as 0x-hex, or null", (value) =>
      value === null || (typeof value === "string" && /^0x(?:[0-9a-f]{2})*$/.test(value))
        ? { hex: value }
        : undefined,
    ),
    proof: bytesField,
    finality: object({ header: bytesField, summary: bytesField, seal: bytesField }, { others: "ignored" }),
  },
  { others: "ignored" },
);

/** Never throws for a wrong answer, genesis or declaration. */
export function verifyEntry({ genesis, ...question }: EntryQuestion): EntryAnswer {
  const trusted = typeof genesis === "string" ? openGenesis(genesis) : accept(genesis);
  if (!trusted.ok) return { valid: false, reason: `genesis: ${trusted.fault.detail}` };
  const verdict = check(question, trusted.value);
  return verdict.ok ? { valid: true, ...verdict.value } : { valid: false, reason: verdict.fault.detail };
}

function check(
  { answer, module, state, key }: Omit<EntryQuestion, "genesis">,
  trusted: TrustedGenesis,
): Verdict<Omit<Extract<EntryAnswer, { valid: true }>, "valid">> {
  const form = stateFormsOf(module);
  if (!form.ok) return form;
  const { name, version } = form.value;
  const named = trusted.genesis.modules?.list.find((one) => one.name === name);
  if (named === undefined) return refuse("invalid", `the genesis names no module ${name}`);
  if (named.version !== version) {
    return refuse(
      "invalid",
      `the declaration is ${name} ${version}, the genesis names version ${named.version}`,
    );
  }
  const place = entryKeyFromJson({ id: named.number, form: form.value }, state, key);
  if (!place.ok) return place;
  const read = checkFields(answerSchema, answer);
  if (!read.ok) return refuse("malformed", `answer: ${read.fault.detail}`);
  const certified = openCertifiedHead(read.value.finality, trusted);
  if (!certified.ok) return certified;
  const { head, signers } = certified.value;
  const proof = decodeStateProof(bytesOf(read.value.proof));
  if (!proof.ok) return proof;
  const { hex } = read.value.value;
  const bytes = hex === null ? undefined : bytesOf(hex);
  if (!checkStateProof(head.summary.stateRoot, place.value.key, bytes, proof.value)) {
    const what = bytes === undefined ? "that there is no such entry" : "this entry";
    return refuse("invalid", `the state does not hold ${what}: the proof does not lead to stateRoot`);
  }
  const value = bytes === undefined ? accept<Json>(null) : openValue(place.value.state, bytes);
  if (!value.ok) return value;
  const { height } = head.summary;
  const timeMs = Number(blockTimeMs(head));
  return accept({
    value: value.value,
    height: Number(height),
    timeMs,
    blockHash: showHash(head.hash),
    signers,
  });
}
