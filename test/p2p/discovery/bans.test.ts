import { describe, expect, it } from "vitest";
import { BAN_RECORDS_MAX } from "../../../src/base/limits.ts";
import { parseSubject, showSubject } from "../../../src/p2p/discovery/ban-subject.ts";
import { BAN_MS, Bans } from "../../../src/p2p/discovery/bans.ts";
import { MINUTE, NOW, peerIdOf, publicAddress } from "../seeded.ts";

const AT = publicAddress(1);

describe("bans", () => {
  it("banishes a peer and its host for a day when its faults add up to a hundred", () => {
    const bans = new Bans();
    expect(bans.report("p", AT, "repair", NOW)).toBe(false);
    expect(bans.isBanned("p", AT, NOW)).toBe(false);
    expect(bans.report("p", AT, "repair", NOW + 1)).toBe(false);
    expect(bans.report("p", AT, "rumor", NOW + 2)).toBe(true);
    expect(bans.isBanned("another id", AT, NOW + 2)).toBe(true);
    expect(bans.isBanned("p", publicAddress(2), NOW + 2)).toBe(true);
    expect(bans.isBanned("another id", publicAddress(2), NOW + 2)).toBe(false);
    expect(bans.isBanned("p", AT, NOW + 2 + BAN_MS)).toBe(false);
  });

  it("adds up the faults of one host under changing identities", () => {
    const bans = new Bans();
    const verdicts = [1, 2, 3, 4, 5].map((i) => bans.report(`p${i}`, AT, "rumor", NOW));
    expect(verdicts).toEqual([false, false, false, false, true]);
  });

  it("forgives a point a minute", () => {
    const bans = new Bans();
    for (let i = 0; i < 20; i++) expect(bans.report("p", AT, "rumor", NOW + i * 20 * MINUTE)).toBe(false);
    expect(bans.records(NOW + 20 * 20 * MINUTE)).toEqual([]);
  });

  it("never bans a loopback or private address, nor the id that came from there", () => {
    const bans = new Bans();
    for (const host of ["ip4/127.0.0.1", "ip4/10.0.0.1", "ip6/::1", "ip6/fd00::1", "dns4/node.example"]) {
      for (let i = 0; i < 10; i++) expect(bans.report("p", `/${host}/tcp/1`, "repair", NOW)).toBe(false);
      expect(bans.isBanned("p", `/${host}/tcp/1`, NOW)).toBe(false);
    }
    expect(bans.isBanned("p", AT, NOW)).toBe(false);
  });

  it("is bounded, and a flood of small faults does not free who is banned", () => {
    const bans = new Bans();
    for (let i = 0; i < 3; i++) bans.report("bad", AT, "repair", NOW);
    for (let i = 0; i < 2_600; i++) bans.report(`p${i}`, publicAddress(i + 2), "rumor", NOW);
    expect(bans.records(NOW).length).toBeLessThanOrEqual(BAN_RECORDS_MAX);
    expect(bans.isBanned("bad", AT, NOW)).toBe(true);
  });
});

describe("the operator's word", () => {
  const LOCAL = "/ip4/127.0.0.1/tcp/1";

  it("bans a peer for a day wherever it calls from, and its host not", () => {
    const bans = new Bans();
    const record = bans.ban("peer:p", NOW);
    expect(record.bannedUntilMs).toBe(NOW + BAN_MS);
    expect([AT, LOCAL].map((at) => bans.isBanned("p", at, NOW))).toEqual([true, true]);
    expect(bans.isBanned("q", AT, NOW)).toBe(false);
    expect(bans.isBanned("p", AT, NOW + BAN_MS)).toBe(false);
  });

  it("lifts a ban with the score that led to it", () => {
    const bans = new Bans();
    for (let i = 0; i < 2; i++) bans.report("p", AT, "repair", NOW);
    const [host] = bans.records(NOW).filter(({ subject }) => subject.startsWith("host:"));
    expect(bans.lift("peer:p")).toBe(true);
    expect(bans.isBanned("p", AT, NOW)).toBe(true);
    expect(bans.lift(host!.subject)).toBe(true);
    expect(bans.isBanned("p", AT, NOW)).toBe(false);
    expect(bans.report("p", AT, "repair", NOW)).toBe(false);
    expect(bans.lift("peer:q")).toBe(false);
  });

  it("has room although all records are taken", () => {
    const bans = new Bans();
    const records = Array.from({ length: BAN_RECORDS_MAX }, (_, i) => `peer:p${i}`);
    bans.restore(
      records.map((subject) => ({ subject, score: 20, atMs: NOW, bannedUntilMs: 0 })),
      NOW,
    );
    bans.ban("peer:x", NOW);
    expect(bans.records(NOW).length).toBeLessThanOrEqual(BAN_RECORDS_MAX);
    expect(bans.isBanned("x", AT, NOW)).toBe(true);
  });
});

describe("on whom a ban falls", () => {
  it.each([
    [peerIdOf(3), `peer:${peerIdOf(3)}`, peerIdOf(3)],
    ["20.1.2.3", "host:14010203", "20.1.2.3"],
    ["/ip4/20.1.2.3/tcp/30300", "host:14010203", "20.1.2.3"],
    ["2a00:1:2:3:4::5", "host:2a00000100020003", "2a00:1:2:3::/64"],
    ["2a00:1:2:3::/64", "host:2a00000100020003", "2a00:1:2:3::/64"],
  ])("is read from %s", (text, subject, shown) => {
    expect(parseSubject(text)).toEqual({ ok: true, value: subject });
    expect(showSubject(subject).text).toBe(shown);
  });

  it.each(["", "bob", "20.1.2", "20.1.2.3/16", "224.0.0.1", "/dns4/example.org/tcp/1", "12D3KooW"])(
    "is not read from %j",
    (text) => {
      expect(parseSubject(text)).toMatchObject({ ok: false, fault: { code: "BAD_SUBJECT" } });
    },
  );

  it.each(["127.0.0.1", "192.168.1.1", "fd00::1", "::1"])("is never one's own machine: %s", (text) => {
    expect(parseSubject(text)).toMatchObject({ ok: false, fault: { code: "NEVER_BANNED" } });
  });
});
