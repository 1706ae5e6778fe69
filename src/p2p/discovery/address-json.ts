/**
 * The address book, its anchors and the bans as the text of addresses.json, and back. Version 1; what does not fit
 * it is refused whole: the file is written by this program alone and holds nothing that cannot be learned again. It
 * knows no disk.
 */
import { hex, parseBytes32 } from "../../base/bytes.ts";
import { accept, type Verdict } from "../../base/fault.ts";
import {
  ANCHORS_MAX,
  BAN_RECORDS_MAX,
  BUCKET_PLACES,
  NEW_BUCKETS,
  TRIED_BUCKETS,
} from "../../base/limits.ts";
import { checkJson, choiceField, field, list, object, textField } from "../../codec/field.ts";
import { AddressBook } from "./address-book.ts";
import { parseAddress } from "./address-groups.ts";
import { Bans } from "./bans.ts";

const ADDRESSES_MAX = (NEW_BUCKETS + TRIED_BUCKETS) * BUCKET_PLACES;

/** Milliseconds since the Unix epoch, or a count. */
const natural = field("an integer of at least 0", (value) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined,
);
const peer = {
  peerId: textField("a peer id", /^[0-9A-Za-z]{1,64}$/),
  multiaddr: field("an address such as /ip4/10.0.0.1/tcp/30300", (value) =>
    typeof value === "string" && parseAddress(value) !== undefined ? value : undefined,
  ),
};

const schema = object({
  version: choiceField("1"),
  salt: field("32 bytes of hex", (value) => (typeof value === "string" ? parseBytes32(value) : undefined)),
  anchors: list(object(peer), ANCHORS_MAX),
  addresses: list(
    object({
      ...peer,
      sourceGroup: textField("a group", /^[0-9a-f]{4,32}$/),
      lastSeenMs: natural,
      lastTriedMs: natural,
      lastSuccessMs: natural,
      attempts: natural,
      isTried: field("true or false", (value) => (typeof value === "boolean" ? value : undefined)),
    }),
    ADDRESSES_MAX,
  ),
  bans: list(
    object({
      subject: textField("a peer or a host", /^(?:peer|host):[0-9A-Za-z]{1,64}$/),
      score: field("a number of at least 0", (value) =>
        typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined,
      ),
      atMs: natural,
      bannedUntilMs: natural,
    }),
    BAN_RECORDS_MAX,
  ),
});

/** What a node of an open network remembers of others. */
export interface PeerMemory {
  readonly book: AddressBook;
  readonly bans: Bans;
}

export function formatPeerMemory({ book, bans }: PeerMemory, nowMs: number): string {
  const lines = (items: readonly unknown[]) => items.map((item) => `\n${JSON.stringify(item)}`).join(",");
  const addresses = [...book.entries()].map((entry) => ({
    peerId: entry.peerId,
    multiaddr: entry.multiaddr,
    sourceGroup: entry.sourceGroup,
    lastSeenMs: Math.max(0, entry.lastSeenMs),
    lastTriedMs: entry.lastTriedMs,
    lastSuccessMs: entry.lastSuccessMs,
    attempts: entry.attempts,
    isTried: entry.isTried,
  }));
  const head = `"version":"1","salt":"${hex(book.salt)}","anchors":[${lines(book.anchors)}]`;
  return `{${head},"addresses":[${lines(addresses)}],"bans":[${lines(bans.records(nowMs))}]}\n`;
}

export function parsePeerMemory(text: string, nowMs: number): Verdict<PeerMemory, "malformed"> {
  const parsed = checkJson(schema, text);
  if (!parsed.ok) return parsed;
  const { salt, anchors, addresses, bans: records } = parsed.value;
  const book = new AddressBook({ salt });
  for (const address of addresses) book.restore(address, nowMs);
  book.setAnchors(anchors);
  const bans = new Bans();
  bans.restore(records, nowMs);
  return accept({ book, bans });
}
