/** `quorate peers`: connected peers anywhere, the address book and the bans where strangers are let in. */
import { beforeEach, describe, expect, test } from "vitest";
import { NOW, peerIdOf } from "../../p2p/seeded.ts";
import { type Remembering, remembering } from "../../rpc/remembering.ts";
import { serve } from "../../rpc/serve.ts";
import { json, quorate } from "../running.ts";

let url: string;
let known: Remembering;

beforeEach(async () => {
  const served = await serve();
  known = remembering(30);
  served.node.peerMemory = () => known.memory;
  url = served.url;
});

describe("quorate peers", () => {
  test("lists who is connected", async () => {
    const { code, value } = await json("peers", "--rpc", url);
    expect([code, value.peers.length]).toEqual([0, 3]);
    expect((await quorate("peers", "--rpc", url)).stdout).toContain("direction");
  });

  test("shows the address book a page at a time", async () => {
    const { code, stdout } = await quorate("peers", "--book", "--limit", "4", "--rpc", url);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^addresses {2}1 tried, \d+ new; \d+ of them are told to peers\ngroups {5}\d+, the largest: /,
    );
    expect(stdout).toContain("more: --offset 4");
    const rows = stdout.split("\n").filter((line) => line.includes("12D3KooW"));
    expect(rows).toHaveLength(4);
    expect(rows[0]).toContain("tried");
    const { value } = await json("peers", "--book", "--state", "new", "--offset", "1", "--rpc", url);
    expect(value.addresses.length).toBe(Math.min(20, value.total - 1));
    expect(value.addresses.every((one: { state: string }) => one.state === "new")).toBe(true);
  });

  test("bans, lists and forgives", async () => {
    expect((await quorate("peers", "--bans", "--rpc", url)).stdout).toBe("nobody is banned\n");
    const peer = peerIdOf(3);
    const banned = await quorate("peers", "ban", peer, "--rpc", url);
    expect(banned.stdout).toContain(
      `peer ${peer} is banned until ${new Date(NOW + 86_400_000).toISOString()}`,
    );
    expect((await json("peers", "ban", "20.9.1.1", "--rpc", url)).value).toMatchObject({ kind: "host" });
    const { stdout } = await quorate("peers", "--bans", "--rpc", url);
    expect(stdout.match(/banned/g)).toHaveLength(2);
    expect((await json("peers", "--bans", "--limit", "1", "--rpc", url)).value.bans).toHaveLength(1);
    expect((await json("peers", "unban", peer, "--rpc", url)).value).toEqual({ subject: peer, lifted: true });
    const again = await quorate("peers", "unban", peer, "--rpc", url);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining("nothing to forgive") });
  });

  test.each([
    ["--book", "--bans"],
    ["--state", "new"],
    ["--bans", "--offset", "3"],
    ["--limit", "3"],
    ["--book", "--limit", "501"],
    ["--book", "--state", "old"],
    ["ban"],
    ["somebody"],
  ])("refuses wrong words: %s", async (...words) => {
    expect((await quorate("peers", ...words, "--rpc", url)).code).toBe(2);
  });

  test("says what the node refused, and why there is no book", async () => {
    const refused = await quorate("peers", "ban", "nonsense", "--rpc", url);
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining("BAD_SUBJECT") });
    const { url: closed } = await serve();
    for (const words of [["--book"], ["--bans"], ["unban", "20.9.1.1"]]) {
      const { code, stderr } = await quorate("peers", ...words, "--rpc", closed);
      expect([code, stderr]).toEqual([3, expect.stringContaining("NO_ADDRESS_BOOK")]);
    }
  });
});
