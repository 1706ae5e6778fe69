import { describe, expect, it } from "vitest";
import {
  formatAddress,
  groupOf,
  hostOf,
  mayTravel,
  parseAddress,
  scopeOf,
  speakerGroupOf,
} from "../../../src/p2p/discovery/address-groups.ts";

const scope = (multiaddr: string) => scopeOf(parseAddress(multiaddr)!);
const group = (multiaddr: string) => groupOf(parseAddress(multiaddr)!);

describe("groups of addresses", () => {
  it("puts a /16 of IPv4 and a /32 of IPv6 into one group", () => {
    expect(group("/ip4/8.8.1.1/tcp/1")).toBe(group("/ip4/8.8.200.3/tcp/2"));
    expect(group("/ip4/8.8.1.1/tcp/1")).not.toBe(group("/ip4/8.9.1.1/tcp/1"));
    expect(group("/ip6/2a00:1:2::3/tcp/1")).toBe(group("/ip6/2a00:1:ffff::9/tcp/7"));
    expect(group("/ip6/2a00:1::1/tcp/1")).not.toBe(group("/ip6/2a00:2::1/tcp/1"));
  });

  it("leaves every loopback and private address a group of its own, port included", () => {
    for (const host of ["ip4/127.0.0.1", "ip4/10.1.2.3", "ip4/192.168.0.9", "ip6/::1", "ip6/fd00::1"]) {
      expect(group(`/${host}/tcp/1`)).not.toBe(group(`/${host}/tcp/2`));
      expect(speakerGroupOf(parseAddress(`/${host}/tcp/1`)!)).toBe(
        speakerGroupOf(parseAddress(`/${host}/tcp/2`)!),
      );
    }
  });

  it.each([
    ["loopback", ["/ip4/127.9.9.9/tcp/1", "/ip6/::1/tcp/1"]],
    [
      "private",
      ["/ip4/10.0.0.1/tcp/1", "/ip4/172.31.0.1/tcp/1", "/ip4/100.64.0.1/tcp/1", "/ip6/fc00::1/tcp/1"],
    ],
    ["public", ["/ip4/8.8.8.8/tcp/1", "/ip4/172.32.0.1/tcp/1", "/ip6/2a00::1/tcp/1"]],
    [
      undefined,
      [
        "/ip4/0.0.0.0/tcp/1",
        "/ip4/224.0.0.1/tcp/1",
        "/ip4/255.255.255.255/tcp/1",
        "/ip6/::/tcp/1",
        "/ip6/fe80::1/tcp/1",
        "/ip6/ff02::1/tcp/1",
        "/ip6/2002:808:808::1/tcp/1",
        "/ip6/2001:0:1::1/tcp/1",
        "/ip6/64:ff9b::808:808/tcp/1",
      ],
    ],
  ])("knows how far an address reaches: %s", (expected, addresses) => {
    for (const address of addresses) expect(scope(address), address).toBe(expected);
  });

  it("believes of a near address only who is as near", () => {
    expect(mayTravel("loopback", "public")).toBe(false);
    expect(mayTravel("private", "public")).toBe(false);
    expect(mayTravel("loopback", "private")).toBe(false);
    expect(mayTravel("private", "loopback")).toBe(true);
    expect(mayTravel("public", "public")).toBe(true);
  });

  it("writes every address in one form", () => {
    const forms = {
      "/ip6/2A00:0001:0:0:0:0:0:1/tcp/9": "/ip6/2a00:1::1/tcp/9",
      "/ip6/1:0:0:2:0:0:0:3/tcp/9": "/ip6/1:0:0:2::3/tcp/9",
      "/ip6/1:0:2:3:4:5:6:7/tcp/9": "/ip6/1:0:2:3:4:5:6:7/tcp/9",
      "/ip6/::1/tcp/9": "/ip6/::1/tcp/9",
      "/ip6/2a00::/tcp/9": "/ip6/2a00::/tcp/9",
      "/ip6/::ffff:8.8.4.4/tcp/9": "/ip4/8.8.4.4/tcp/9",
      "/ip4/1.2.3.4/tcp/9/p2p/12D3KooW": "/ip4/1.2.3.4/tcp/9",
    };
    for (const [text, form] of Object.entries(forms)) expect(formatAddress(parseAddress(text)!)).toBe(form);
  });

  it.each([
    "",
    "/ip4/1.2.3/tcp/1",
    "/ip4/1.2.3.256/tcp/1",
    "/ip4/01.2.3.4/tcp/1",
    "/ip4/1.2.3.4/tcp/0",
    "/ip4/1.2.3.4/tcp/65536",
    "/ip4/1.2.3.4/udp/1",
    "/dns4/example.org/tcp/1",
    "/ip6/1::2::3/tcp/1",
    "/ip6/1:2:3:4:5:6:7:8:9/tcp/1",
    "/ip6/1:2:3:4:5:6:7:8::/tcp/1",
    "/ip6/12345::/tcp/1",
    "/ip4/1.2.3.4/tcp/1/p2p/x/p2p-circuit",
  ])("has no group for %s", (text) => expect(parseAddress(text)).toBeUndefined());

  it("bans an IPv4 address or an IPv6 /64, not their neighbours", () => {
    const host = (multiaddr: string) => hostOf(parseAddress(multiaddr)!);
    expect(host("/ip4/8.8.8.8/tcp/1")).toBe(host("/ip4/8.8.8.8/tcp/2"));
    expect(host("/ip4/8.8.8.8/tcp/1")).not.toBe(host("/ip4/8.8.8.9/tcp/1"));
    expect(host("/ip6/2a00:1:2:3::1/tcp/1")).toBe(host("/ip6/2a00:1:2:3:ffff::/tcp/1"));
    expect(host("/ip6/2a00:1:2:3::1/tcp/1")).not.toBe(host("/ip6/2a00:1:2:4::1/tcp/1"));
  });
});
