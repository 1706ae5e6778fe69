/** Values as the explorer shows them, and the addresses inside its page. */
import { expect, it } from "vitest";
import { summarizeCall } from "../../src/explorer/model/calls.ts";
import {
  shorten,
  showAge,
  showAmount,
  showBytes,
  showDuration,
  showExpiry,
  showHashRate,
  showRate,
} from "../../src/explorer/model/format.ts";
import { parseMetrics, sampleOf } from "../../src/explorer/model/metric-text.ts";
import { href, parseNodes, parseQuery, parseRoute } from "../../src/explorer/model/routes.ts";
import { addHead, toleranceOf, trafficOf } from "../../src/explorer/model/traffic.ts";

it("the explorer groups amounts as text, to the last digit", () => {
  expect(showAmount("18446744073709551615").replace(/\u202f/g, " ")).toBe("18 446 744 073 709 551 615");
  expect(showAmount("0")).toBe("0");
  expect(showAmount("1e9")).toBe("1e9");
  expect(showAmount("\u202e7")).toBe("\\u{202e}7");
});

it("the explorer cuts hashes in the middle and shows ages, durations, bytes and rates in words", () => {
  expect(shorten(`0x${"ab".repeat(32)}`)).toBe("0xababa…babab");
  expect(shorten("0x12")).toBe("0x12");
  expect([0, 999, 1_234, 59_999, 61_000, 3_660_000, 90_000_000].map(showDuration)).toEqual([
    "0 ms",
    "999 ms",
    "1.23 s",
    "59 s",
    "1 min 1 s",
    "1 h 1 min",
    "1 d 1 h",
  ]);
  expect([0, 12_000, 300_000, 7_200_000, 200_000_000, -3_000].map(showAge)).toEqual([
    "now",
    "12 s ago",
    "5 min ago",
    "2 h ago",
    "2 d ago",
    "in 3 s",
  ]);
  expect([12, 1_234, 5_600_000].map(showBytes)).toEqual(["12 B", "1.2 kB", "5.6 MB"]);
  expect([0, 0.44, 12.3].map(showRate)).toEqual(["0", "0.4", "12"]);
  expect([12, 300_000, 1.5e9].map(showHashRate)).toEqual(["12 H/s", "300 kH/s", "1.5 GH/s"]);
});

it("the explorer knows its pages, and takes any fragment", () => {
  expect(parseRoute("#/block/5")).toEqual({ page: "block", argument: "5" });
  expect(parseRoute(href("account", "0x1f"))).toEqual({ page: "account", argument: "0x1f" });
  for (const none of ["", "#", "#/", "#//", "#/?x"]) expect(parseRoute(none).page).toBe("overview");
  for (const odd of ["#/nonsense", "#/__proto__/x", "#/constructor", "#/%"])
    expect(parseRoute(odd).page).toBeUndefined();
  expect(parseRoute("#/block/%E0%A4%A").argument).toBe("%E0%A4%A");
});

it("the explorer reads nodes from ports, hosts and URLs, and nothing else", () => {
  const origin = "http://127.0.0.1:18545";
  expect(parseNodes("?nodes=18545,18546,host:1,https://b.example,javascript:alert(1),", origin)).toEqual([
    origin,
    "http://127.0.0.1:18546",
    "http://host:1",
    "https://b.example",
  ]);
  expect(parseNodes("?x=1", origin)).toBeUndefined();
  expect(parseNodes("?nodes=18545", "null")).toEqual([origin]);
  expect(parseNodes(`?nodes=${Array.from({ length: 99 }, (_, i) => i + 1)}`, origin)).toHaveLength(16);
});

it("the explorer tells heights from hashes in what is looked for", () => {
  expect(parseQuery(" 1,234 ")).toEqual({ kind: "height", value: "1234" });
  expect(parseQuery("AB".repeat(32))).toEqual({ kind: "hash", value: `0x${"ab".repeat(32)}` });
  expect(parseQuery("alice").kind).toBe("none");
});

it("the explorer keeps the newest heads, and lets a reorganisation take some back", () => {
  const head = (height: number, time = 0) => ({ height, time, txCount: height });
  const three = [1, 2, 3].reduce(
    (heads, height) => addHead(heads, head(height)),
    [] as readonly ReturnType<typeof head>[],
  );
  expect(addHead(three, head(2, 7))).toEqual([head(2, 7), head(1)]);
});

it("the explorer counts transactions by the second of their block", () => {
  const now = 1_000_000;
  const heads = [
    { height: 3, time: now - 500, txCount: 10 },
    { height: 2, time: now - 2_500, txCount: 5 },
    { height: 1, time: now - 70_000, txCount: 99 },
    { height: 0, time: now, txCount: 99 },
  ];
  const { perSecond, transactionsPerSecond, intervalMs } = trafficOf(heads, now);
  expect(perSecond.slice(-3)).toEqual([5, 0, 10]);
  expect([transactionsPerSecond, intervalMs]).toEqual([6, 2_000]);
  expect(trafficOf([], now)).toMatchObject({ transactionsPerSecond: 0, intervalMs: undefined });
});

it("the explorer says how many more validators may fail", () => {
  const four = { n: 4, f: 1, quorum: 3 };
  expect([4, 3, 2].map((online) => toleranceOf(online, four).left)).toEqual([1, 0, -1]);
  expect(toleranceOf(6, { n: 6, f: 1, quorum: 4 }).left).toBe(2);
});

it("the explorer reads the node's metrics", () => {
  const metrics = parseMetrics(
    '# HELP a_b What it is\n# TYPE a_b histogram\na_b_bucket{le="1"} 2\na_b_sum 1.5\na_b_count 3\nodd line\n',
  );
  expect(metrics).toMatchObject([{ name: "a_b", type: "histogram", help: "What it is" }]);
  expect([sampleOf(metrics, "a_b_sum"), sampleOf(metrics, "c")]).toEqual([1.5, undefined]);
});

it("the explorer says what a transaction calls, of modules it does not know the name", () => {
  expect(summarizeCall("bank", { type: "transfer", to: "0x1", amount: "5" })).toEqual({
    verb: "pays",
    amount: "5",
    target: { page: "account", hash: "0x1" },
  });
  expect(summarizeCall("anchor", { type: "anchor", digest: "0x2" }).target).toEqual({
    page: "anchors",
    hash: "0x2",
  });
  expect(summarizeCall("module-9", null)).toEqual({ verb: "calls module-9" });
  expect(summarizeCall("gov", { type: "pro\npose" }).verb).toBe("gov: pro\\npose");
});

it("the explorer shows an expiry that is chance as never", () => {
  expect(["0", 0, "7314848448462875", 2 ** 52].map(showExpiry)).toEqual(Array(4).fill("never"));
  expect([12, "1200"].map(showExpiry)).toEqual([
    "after height 12",
    expect.stringMatching(/^after height 1.200$/),
  ]);
});
