/** JSON-RPC about strangers: the address book and the bans of an open network, and their absence elsewhere. */
import { beforeEach, describe, expect, it } from "vitest";
import { ADDRESSES_LISTED_MAX } from "../../src/base/limits.ts";
import { BAN_MS } from "../../src/p2p/discovery/bans.ts";
import { METHOD_TABLE } from "../../src/rpc/methods/method-table.ts";
import { NOW, peerIdOf, publicAddress } from "../p2p/seeded.ts";
import { OWN_PEER, type Remembering, remembering, TRUSTED_PEER } from "./remembering.ts";
import { rawRequest, rpc, serve } from "./serve.ts";

let url: string;
let known: Remembering;

beforeEach(async () => {
  const served = await serve();
  known = remembering(30);
  served.node.peerMemory = () => known.memory;
  url = served.url;
});

/** The result, held to the schema. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many methods
async function call(method: string, params: object = {}): Promise<any> {
  const { result, error } = await rpc(url, method, params);
  expect(error).toBeUndefined();
  return METHOD_TABLE.get(method)!.result.parse(result);
}

const codeOf = async (method: string, params: object = {}) => {
  const { error } = await rpc(url, method, params);
  return [error.code, error.data.code];
};

describe("the address book", () => {
  it("is told by counts and bounded pages that together hold every address once", async () => {
    const seen: string[] = [];
    let offset: number | null = 0;
    while (offset !== null) {
      const page = await call("net_addressBook", { offset, limit: 7 });
      expect(page).toMatchObject({ new: known.book.counts.new, tried: 1, total: known.book.counts.new + 1 });
      expect(page.addresses.length).toBeLessThanOrEqual(7);
      seen.push(...page.addresses.map(({ peerId }: { peerId: string }) => peerId));
      offset = page.nextOffset;
    }
    expect(seen.sort()).toEqual([...known.book.entries()].map(({ peerId }) => peerId).sort());
  });

  it("says of each address how it stands", async () => {
    const { addresses, total } = await call("net_addressBook", { state: "tried" });
    expect(total).toBe(1);
    expect(addresses[0]).toMatchObject({
      peerId: peerIdOf(0),
      addr: publicAddress(0),
      group: "20.0.0.0/16",
      state: "tried",
      decent: true,
      lastSeenMs: NOW,
      lastSuccessMs: NOW,
      failedDials: 0,
    });
    const fresh = await call("net_addressBook", { state: "new", limit: 1 });
    expect(fresh.addresses[0]).toMatchObject({
      state: "new",
      lastTriedMs: null,
      lastSuccessMs: null,
      score: 1,
    });
  });

  it("gives no page beyond its bound", async () => {
    expect(await codeOf("net_addressBook", { limit: ADDRESSES_LISTED_MAX + 1 })).toEqual([
      -32602,
      "INVALID_PARAMS",
    ]);
    expect(await call("net_addressBook", { offset: 5_000 })).toMatchObject({
      addresses: [],
      nextOffset: null,
    });
  });
});

describe("bans", () => {
  it("are made, listed and lifted by the operator", async () => {
    const peer = peerIdOf(5);
    expect(await call("net_ban", { subject: peer })).toMatchObject({
      kind: "peer",
      subject: peer,
      bannedUntilMs: NOW + BAN_MS,
    });
    known.bans.report("someone", publicAddress(7), "rumor", NOW);
    await call("net_ban", { subject: "20.9.1.1" });
    const bans = await call("net_getBans");
    expect(
      bans.map((ban: { subject: string; bannedUntilMs: number | null }) => [
        ban.subject,
        ban.bannedUntilMs !== null,
      ]),
    ).toEqual([
      [peer, true],
      ["20.9.1.1", true],
      ["someone", false],
      ["20.7.1.1", false],
    ]);
    expect(bans[2]).toMatchObject({ score: 20, lastFaultMs: NOW });
    expect(known.bans.isBanned(peer, publicAddress(1), NOW)).toBe(true);
    expect(await call("net_unban", { subject: peer })).toEqual({ lifted: true });
    expect(await call("net_unban", { subject: peer })).toEqual({ lifted: false });
    expect(known.bans.isBanned(peer, publicAddress(1), NOW)).toBe(false);
    expect(await call("net_getBans", { limit: 1 })).toHaveLength(1);
  });

  it.each([
    ["nonsense", "BAD_SUBJECT"],
    ["127.0.0.1", "NEVER_BANNED"],
    [OWN_PEER, "NEVER_BANNED"],
    [TRUSTED_PEER, "NEVER_BANNED"],
  ])("are refused for %s", async (subject, code) => {
    expect(await codeOf("net_ban", { subject })).toEqual([-32000, code]);
    expect(await call("net_getBans")).toEqual([]);
  });

  it("of nonsense cannot be lifted", async () => {
    expect(await codeOf("net_unban", { subject: "nonsense" })).toEqual([-32000, "BAD_SUBJECT"]);
  });
});

const METHODS = ["net_addressBook", "net_getBans", "net_ban", "net_unban"];

it.each(METHODS)("%s is for callers on the node's machine alone, and never answered by GET", async (name) => {
  const params = name.endsWith("ban") ? { subject: "20.9.1.1" } : {};
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: name, params });
  const headers = { "content-type": "application/json", "x-forwarded-for": "20.1.1.1" };
  const { text } = await rawRequest(url, { method: "POST", headers, body });
  expect(JSON.parse(text).error.data.code).toBe("AUTH_REQUIRED");
  const got = await rawRequest(url, { path: `/${name}?subject=20.9.1.1` });
  expect(got.text).not.toContain("result");
  expect(known.bans.records(NOW)).toEqual([]);
});

it.each(METHODS)("%s says so on a node that connects to known peers alone", async (name) => {
  const { url: closed } = await serve();
  const params = name.endsWith("ban") ? { subject: "20.9.1.1" } : {};
  const { error } = await rpc(closed, name, params);
  expect([error.code, error.data.code]).toEqual([-32004, "NO_ADDRESS_BOOK"]);
  expect(error.message).toContain("known peers alone");
});
