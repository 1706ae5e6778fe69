/** Addresses that resolvers read as something else than they look like are refused where they are read. */
import { expect, it } from "vitest";
import { isDialAddress, isHost } from "../../../src/node/home/host-name.ts";
import { parsePeerAddress } from "../../../src/node/home/peers-file.ts";

it("a host is an address in full or a name whose last label has a letter", () => {
  for (const good of [
    "0.0.0.0",
    "::",
    "fe80::1",
    "localhost",
    "node0.example.org",
    "a_b.c",
    "10.0.0.1",
    "x1",
  ])
    expect(isHost(good), good).toBe(true);
  for (const bad of [
    "",
    "18545",
    "127.1",
    "1.2.3.4.5",
    "256.0.0.1",
    "010.0.0.1",
    "0x7f",
    "h:1",
    "a..b",
    "-a",
    "a b",
  ])
    expect(isHost(bad), bad).toBe(false);
});

it("an address to dial has an address of its kind and a port that there is", () => {
  for (const good of [
    "/ip4/10.0.0.1/tcp/30300",
    "/ip6/::1/tcp/1",
    "/dns/node0.example/tcp/65535",
    "/dns4/a/tcp/80",
  ])
    expect(isDialAddress(good), good).toBe(true);
  for (const bad of [
    ...[
      "/ip4/10.0.1/tcp/30300",
      "/ip4/::1/tcp/1",
      "/ip6/10.0.0.1/tcp/1",
      "/dns/127.1/tcp/1",
      "/ip4/10.0.0.1/tcp/0",
    ],
    ...[
      "/ip4/10.0.0.1/tcp/65536",
      "/ip4/10.0.0.1/tcp/030300",
      "/ip4/10.0.0.1/udp/1",
      "/ip4/10.0.0.1/tcp/1/ws",
    ],
  ])
    expect(isDialAddress(bad), bad).toBe(false);
  const id = `12D3KooW${"A".repeat(44)}`;
  expect(parsePeerAddress(`/ip4/10.0.0.1/tcp/30300/p2p/${id}`)).toMatchObject({ ok: true });
  expect(parsePeerAddress(`/ip4/10.0.0.1/tcp/99999/p2p/${id}`)).toMatchObject({ ok: false });
});
