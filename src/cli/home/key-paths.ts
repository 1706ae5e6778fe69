/**
 * The paths of account keys, <dir>/keys/<name>.json. They stand apart from `quorate keys`, so that to pay loads no
 * libp2p.
 */
import { join } from "node:path";
import { badInput } from "../exit.ts";

const KEY_NAME = /^[A-Za-z0-9._-]{1,64}$/;

export function keysDir(dir: string): string {
  return join(dir, "keys");
}

/** keys/coinbase.json: the key that a home's mined blocks pay, where it was made with the home. */
export const COINBASE_KEY = "coinbase";

/** keys/operator.json: the account that votes for this home's validator, where validators may change. */
export const OPERATOR_KEY = "operator";

export function keyPath(dir: string, name: string): string {
  if (!KEY_NAME.test(name)) {
    throw badInput(`expected a key name of 1 to 64 letters, digits, ".", "-" or "_", found "${name}"`);
  }
  return join(keysDir(dir), `${name}.json`);
}
