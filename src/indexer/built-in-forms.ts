/**
 * Events and state of the modules that every chain has, as a declaration would have them: their bytes are those that
 * bank, anchor, gov and the coinbase write (docs/protocol.md), so that tables of them are made like any other.
 */

import type { Address } from "../base/bytes.ts";
import { ZERO_HASH } from "../base/bytes.ts";
import { MEMO_BYTES_MAX } from "../base/limits.ts";
import { anchor } from "../chain/modules/anchor.ts";
import { bank } from "../chain/modules/bank.ts";
import { gov } from "../chain/modules/gov.ts";
import type { TypeForm } from "../chain/modules/value-types.ts";
import { address, hash, height, struct, text, time, uint } from "../chain/modules/value-types.ts";
import { accountKey, anchorByKey, anchorKey, maturingKey } from "../chain/state/state-keys.ts";
import { COINBASE_MODULE } from "../chain/types/transaction.ts";
import type { EventForm, MapForm } from "./declared-tables.ts";

const bool: TypeForm = { kind: "bool" };
const NOBODY = ZERO_HASH as Uint8Array as Address;

export const BUILT_IN_EVENTS: readonly EventForm[] = [
  {
    module: bank.id,
    kind: 1,
    name: "event_bank_transferred",
    event: "transferred",
    fields: { from: address, to: address, amount: uint(64) },
  },
  {
    module: anchor.id,
    kind: 1,
    name: "event_anchor_anchored",
    event: "anchored",
    fields: { digest: hash, sender: address, ordinal: uint(32) },
  },
  {
    module: COINBASE_MODULE,
    kind: 1,
    name: "event_coinbase_minted",
    event: "minted",
    fields: { to: address, amount: uint(64) },
  },
  {
    module: gov.id,
    kind: 1,
    name: "event_gov_proposed",
    event: "proposed",
    fields: { proposal: uint(64), proposer: address },
  },
  {
    module: gov.id,
    kind: 2,
    name: "event_gov_voted",
    event: "voted",
    fields: { proposal: uint(64), account: address, approves: bool },
  },
  {
    module: gov.id,
    kind: 3,
    name: "event_gov_approved",
    event: "approved",
    fields: { proposal: uint(64), lastHeight: height },
  },
  { module: gov.id, kind: 4, name: "event_gov_rejected", event: "rejected", fields: { proposal: uint(64) } },
];

export const BUILT_IN_MAPS: readonly MapForm[] = [
  {
    name: "accounts",
    keyColumn: "address",
    prefix: accountKey(NOBODY).subarray(0, 1),
    key: address,
    value: struct({ balance: uint(64), nonce: uint(64) }),
  },
  {
    name: "state_anchor_first",
    keyColumn: "digest",
    prefix: anchorKey(ZERO_HASH).subarray(0, 1),
    key: hash,
    value: struct({ count: uint(32), sender: address, since: height, time, memo: text(MEMO_BYTES_MAX) }),
  },
  {
    name: "state_anchor_senders",
    keyColumn: "entry_key",
    prefix: anchorByKey(ZERO_HASH, NOBODY).subarray(0, 1),
    key: struct({ digest: hash, sender: address }),
    value: struct({ ordinal: uint(32), since: height, time, memo: text(MEMO_BYTES_MAX) }),
  },
  {
    name: "state_coinbase_maturing",
    keyColumn: "entry_key",
    prefix: maturingKey(0n).subarray(0, 1),
    key: struct({ minedAt: height }),
    value: struct({ to: address, amount: uint(64) }),
  },
];
