/**
 * The state of a header check as JSON, written by one `headers check --json` and read by the next: what Bitcoin's
 * rules look back at, in a form that can also be typed from a block explorer. Whoever hands it in vouches for it.
 * Its fields: docs/protocol.md, "Proof of work".
 */
import { type Hash, parseShownHash, showHash } from "../../base/bytes.ts";
import type { Verdict } from "../../base/fault.ts";
import { showBits } from "../../chain/types/target.ts";
import { checkFields, field, integerField, list, object, parseJson } from "../../codec/field.ts";
import type { HeaderState } from "../../consensus/pow/header-state.ts";

const timeField = integerField(0, 0xffffffff);

const schema = object({
  height: integerField(1, Number.MAX_SAFE_INTEGER),
  previousHash: field<Hash>("a block hash as shown: 64 hex digits, byte-reversed", (value) =>
    typeof value === "string" ? parseShownHash(value) : undefined,
  ),
  bits: field("8 hex digits of compact bits", (value) =>
    typeof value === "string" && /^(0x)?[0-9a-f]{8}$/i.test(value) ? Number.parseInt(value, 16) : undefined,
  ),
  times: list(timeField),
  periodStartTime: timeField,
  chainwork: field("work as 0x and hex digits", (value) =>
    typeof value === "string" && /^0x[0-9a-f]{1,64}$/i.test(value) ? BigInt(value) : undefined,
  ),
});

/** @param json the state itself, or the whole answer of an earlier check, which holds it */
export function parseHeaderState(json: string): Verdict<HeaderState, "malformed"> {
  const file = parseJson(json);
  if (!file.ok) return file;
  const answer = (file.value ?? {}) as { readonly state?: unknown };
  const state = checkFields(schema, answer.state ?? file.value);
  if (!state.ok) return state;
  const { height, previousHash, bits, times, periodStartTime, chainwork } = state.value;
  return {
    ok: true,
    value: {
      height: BigInt(height),
      previousHash,
      chainwork,
      // Bitcoin's rules read the times of the older blocks, and the bits of the last alone.
      recent: times.map((time) => ({ time, bits })),
      reference: { time: periodStartTime, bits, parentTime: periodStartTime },
    },
  };
}

export function formatHeaderState({ height, previousHash, chainwork, recent, reference }: HeaderState) {
  return {
    height: Number(height),
    previousHash: showHash(previousHash),
    bits: showBits(recent.at(-1)?.bits ?? 0),
    times: recent.map(({ time }) => time),
    periodStartTime: reference?.time,
    chainwork: `0x${chainwork.toString(16)}`,
  };
}
