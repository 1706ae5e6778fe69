/**
 * The paths of state_query and what stands under them: account/<address>, anchor/<digest> (the first anchor and
 * how many there are), anchor/<digest>/<sender>. One table entry a path; the keys are chain/state/state-keys.ts's.
 */
import { asAddress, hex0x, parseBytes32, text } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { decodeFirstAnchor, decodeSenderAnchor } from "../../chain/modules/anchor-declaration.ts";
import type { Json } from "../../chain/modules/module.ts";
import { decodeAccount } from "../../chain/state/account.ts";
import { accountKey, anchorByKey, anchorKey } from "../../chain/state/state-keys.ts";
import { showCount } from "./show-numbers.ts";

export interface StatePath {
  readonly key: Uint8Array;
  /** A stored value as JSON. */
  decode(value: Uint8Array): Json;
}

export const STATE_PATHS =
  "account/<address>, anchor/<digest> or anchor/<digest>/<sender>, each as 0x-hex; or of a declared module <module>/<map>/<key>, a key of several fields as <field>/<field>";

export function parseStatePath(path: string): Verdict<StatePath, "BAD_PATH"> {
  const [kind = "", ...rest] = path.split("/");
  const parts = rest.map((part) => (part.startsWith("0x") ? parseBytes32(part) : undefined));
  const [first, second] = parts;
  if (first !== undefined && kind === "account" && parts.length === 1) {
    return accept({ key: accountKey(asAddress(first)), decode: showAccount });
  }
  if (first !== undefined && kind === "anchor" && parts.length === 1) {
    return accept({ key: anchorKey(first), decode: showFirstAnchor });
  }
  if (first !== undefined && second !== undefined && kind === "anchor" && parts.length === 2) {
    return accept({ key: anchorByKey(first, asAddress(second)), decode: showSenderAnchor });
  }
  return refuse("BAD_PATH", `expected ${STATE_PATHS}`);
}

function showAccount(value: Uint8Array) {
  const { balance, nonce } = decodeAccount(value);
  return { balance: balance.toString(), nonce: showCount(nonce) };
}

function showFirstAnchor(value: Uint8Array) {
  const { count, sender, height, timeMs, memo } = decodeFirstAnchor(value);
  return {
    count,
    sender: hex0x(sender),
    height: showCount(height),
    time: showCount(timeMs),
    memo: text(memo),
  };
}

function showSenderAnchor(value: Uint8Array) {
  const { ordinal, height, timeMs, memo } = decodeSenderAnchor(value);
  return { ordinal, height: showCount(height), time: showCount(timeMs), memo: text(memo) };
}
