import { describe, expect, it } from "vitest";
import { BAN_RECORDS_MAX } from "../../src/base/limits.ts";
import { BAN_MS, Bans } from "../../src/p2p/bans.ts";
import { MINUTE, NOW, publicAddress } from "./seeded.ts";

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
