/**
 * Whether the answer of state_query with `prove` proves an entry of a declared module, or that there is none: the
 * certificate over the block, the proof under its state root, and the key and the value as the module's declaration says.
 * It trusts the genesis and the declaration alone: the name in the path and the decoded value of the answer are not read.
 */
import { showHash } from "../base/bytes.ts";
import { accept, type Verdict } from "../base/fault.ts";
import type { DeclaredCode } from "../chain/modules/define-module.ts";
import type { Json } from "../chain/modules/module.ts";
import { stateFormsOf } from "../chain/modules/module-form.ts";
import { entryKeyFromJson, openValue } from "../chain/modules/module-state.ts";
import { blockTimeMs } from "../chain/types/block-time.ts";
import { proveState } from "./state-answer.ts";
import { numberOf } from "./state-question.ts";
import { type CertificateSigner, openGenesis, type TrustedGenesis } from "./trusted-genesis.ts";

export interface EntryQuestion {
  /** What state_query with `prove` answered. */
  readonly answer: unknown;
  /** What defineModule made, or a module of quorate/built-in. */
  readonly module: DeclaredCode;
  /** The map or cell. */
  readonly state: string;
  /** The key as the declaration has it. A cell has none. */
  readonly key?: unknown;
  /** The text of genesis.json, or what openGenesis made of it. */
  readonly genesis: string | TrustedGenesis;
}

export type EntryAnswer =
  | {
      readonly valid: true;
      /** The value as JSON, which is null when there is no such entry. */
      readonly value: Json;
      readonly height: number;
      readonly timeMs: number;
      readonly blockHash: string;
      readonly signers: readonly CertificateSigner[];
    }
  | { readonly valid: false; readonly reason: string };

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
  const number =
    module.fixed === undefined
      ? numberOf(trusted.genesis.modules?.list ?? [], form.value, "the genesis")
      : accept(module.fixed.number);
  if (!number.ok) return number;
  const place = entryKeyFromJson({ id: number.value, form: form.value }, state, key);
  if (!place.ok) return place;
  const proved = proveState(answer, place.value.key, trusted);
  if (!proved.ok) return proved;
  const { head, signers, bytes } = proved.value;
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
