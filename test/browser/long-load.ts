/**
 * `npm run load:browser -- --minutes 10 --rate 1000`: the explorer's overview open in Chromium beside four real validators
 * while transfers come. Each second the page counts its frames, its longest frame, its long tasks, its heap and its elements;
 * the figures end as one page with charts (`--out`, explorer-load.html) and as JSON on standard output. Exit code 1 when an
 * error stood on the console, the page stood still, or the heap does not stay level.
 *
 * It needs the build (`npm run build`), and Chromium at /usr/bin/chromium or where CHROMIUM says.
 */
import { existsSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { must } from "../../src/base/assert.ts";
import { asHash, type Hash, parseHex } from "../../src/base/bytes.ts";
import { Client } from "../../src/sdk/client.ts";
import { RemoteLoad } from "../../src/tools/bench/load-remote.ts";
import { median, percentile } from "../../src/tools/bench/statistics.ts";
import { factTable, figure, madeBy, renderFrame } from "../../src/tools/lab/report/page.ts";
import { lineChart, type Point } from "../../src/tools/lab/report/svg.ts";
import { CHROMIUM, isChromium, needed } from "./chromium.ts";
import { goTo, launch, openPage } from "./page.ts";
import { type RealDevnet, startDevnet } from "./real-devnet.ts";

const { values } = optionsOf(process.argv.slice(2));
const [minutes, rate] = [Number(values.minutes), Number(values.rate)];
if (!(minutes > 0 && minutes <= 240 && Number.isInteger(rate) && rate >= 1 && rate <= 100_000)) {
  console.error(
    "--minutes is above 0 and at most 240, --rate a whole number from 1 to 100000 transfers a second",
  );
  process.exit(2);
}
if (!isChromium()) {
  console.error(needed("load:browser"));
  process.exit(2);
}
if (!existsSync("dist/explorer-page")) {
  console.error("the explorer is not built: npm run build");
  process.exit(2);
}

/** One second as the page saw it. */
interface Second {
  readonly atSeconds: number;
  readonly framesPerSecond: number;
  readonly longestFrameMs: number;
  readonly longTasks: number;
  readonly longTaskMs: number;
  readonly heapMb: number;
  readonly elements: number;
  /** Transfers final since the start. */
  readonly committed: number;
}

const NODES = 4;
const ACCOUNTS = 400;
/** Page, first connections and caches settle before anything is counted. */
const WARM_UP_MS = 10_000;
const LOOK_MS = 1_000;
/** What is alive after a collection may grow by so much: lists fill up to their bounds. */
const HEAP_GROWTH_MB_MAX = 10;
/** The page stands still where a frame takes longer. */
const FRAME_MS_MAX = 2_000;

const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

function optionsOf(args: string[]) {
  try {
    const options = {
      minutes: { type: "string", default: "10" },
      rate: { type: "string", default: "1000" },
      out: { type: "string", default: "explorer-load.html" },
    } as const;
    return parseArgs({ args, options });
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}

async function seedsOf({ run }: RealDevnet): Promise<Uint8Array[]> {
  const { accounts } = JSON.parse(/^\{.*$/m.exec(await run("devnet", "accounts", "--json"))?.[0] ?? "{}");
  return accounts.map(({ secret }: { secret: string }) =>
    must(parseHex(secret), "the devnet prints its secrets"),
  );
}

const hashOf = (hash: string | Hash): Hash =>
  typeof hash === "string" ? asHash(must(parseHex(hash), "a node answers with hex")) : hash;

/** Counts in the page from now on. */
function startCounting(page: Page): Promise<void> {
  return page.evaluate(() => {
    const seen = { frames: 0, longestFrameMs: 0, longTasks: 0, longTaskMs: 0, frameAt: performance.now() };
    const frame = () => {
      const now = performance.now();
      seen.frames++;
      seen.longestFrameMs = Math.max(seen.longestFrameMs, now - seen.frameAt);
      seen.frameAt = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        seen.longTasks++;
        seen.longTaskMs += duration;
      }
    }).observe({ type: "longtask", buffered: false });
    Object.assign(window, { seen, takenAt: performance.now() });
  });
}

/** What is alive: the heap after a collection, MB. */
async function settledHeapMb(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return round(usedSize / 1e6);
}

/** What was counted since it was last asked for. */
function takeCounted(page: Page) {
  return page.evaluate(() => {
    const kept = window as unknown as {
      seen: { frames: number; longestFrameMs: number; longTasks: number; longTaskMs: number };
      takenAt: number;
    };
    const { memory } = performance as unknown as { memory: { usedJSHeapSize: number } };
    const now = performance.now();
    const { frames, longestFrameMs, longTasks, longTaskMs } = kept.seen;
    const framesPerSecond = (1_000 * frames) / (now - kept.takenAt);
    Object.assign(kept.seen, { frames: 0, longestFrameMs: 0, longTasks: 0, longTaskMs: 0 });
    kept.takenAt = now;
    const [heapMb, elements] = [memory.usedJSHeapSize / 1e6, document.querySelectorAll("*").length];
    return { framesPerSecond, longestFrameMs, longTasks, longTaskMs, heapMb, elements };
  });
}

let committed = 0;
const load = new RemoteLoad((progress) => {
  committed = progress.committed;
});
const net = await startDevnet("--accounts", `${ACCOUNTS}`, "--balance", "1000000000");
const browser = await launch(["--enable-precise-memory-info"]);
const seconds: Second[] = [];
let errors: readonly string[] = [];
const heap = { begin: 0, end: 0 };

async function measure(): Promise<void> {
  const rpcUrls = Array.from({ length: NODES }, (_, node) => net.rpcUrl(node));
  const chain = await new Client(rpcUrls[0] ?? "").chain();
  await load.prepare({
    ...{
      nodes: NODES,
      rpcUrls,
      seeds: await seedsOf(net),
      chainId: BigInt(chain.chainId),
      genesisHash: hashOf(chain.genesisHash),
    },
    ...{ batch: Math.min(50, Math.ceil(rate / 20)), outstandingMax: 10_000, rate, presigned: ACCOUNTS },
  });
  const opened = await openPage(browser, `${net.rpcUrl(0)}/explorer`);
  ({ errors } = opened);
  const { page } = opened;
  load.start();
  await wait(WARM_UP_MS);
  // tsx wraps functions by this to keep their names.
  await page.evaluate("globalThis.__name = (named) => named");
  heap.begin = await settledHeapMb(page);
  await startCounting(page);
  const started = performance.now();
  const before = committed;
  while (performance.now() - started < minutes * 60_000) {
    await wait(LOOK_MS);
    const counted = await takeCounted(page);
    const atSeconds = (performance.now() - started) / 1_000;
    seconds.push({ atSeconds, ...counted, committed: committed - before });
    if (seconds.length % 10 === 0) console.error(describe(seconds.slice(-10)));
  }
  heap.end = await settledHeapMb(page);
  // It still answers: another page, checked.
  await goTo(page, "blocks");
  await page.locator("main tbody tr").first().waitFor();
}

/** Some seconds in one line. */
function describe(some: readonly Second[]): string {
  const last = some.at(-1);
  const worst = Math.max(...some.map(({ longestFrameMs }) => longestFrameMs));
  const frames = median(some.map(({ framesPerSecond }) => framesPerSecond));
  return `${last?.atSeconds.toFixed(0)} s: ${last?.committed} transfers, ${frames.toFixed(0)} frames a second, the longest ${worst.toFixed(0)} ms, heap ${last?.heapMb.toFixed(1)} MB`;
}

const numbers = (of: (second: Second) => number) => seconds.map(of).sort((a, b) => a - b);

function summary() {
  const last = seconds.at(-1);
  const [frames, longest] = [numbers((each) => each.framesPerSecond), numbers((each) => each.longestFrameMs)];
  return {
    ...madeBy(),
    minutes,
    cores: availableParallelism(),
    transfers: last?.committed ?? 0,
    transfersPerSecond: Math.round((last?.committed ?? 0) / (last?.atSeconds ?? 1)),
    framesPerSecond: {
      median: Math.round(median(frames)),
      worstTwentieth: Math.round(percentile(frames, 0.05)),
    },
    longestFrameMs: { median: Math.round(median(longest)), worst: Math.round(longest.at(-1) ?? 0) },
    longTasks: seconds.reduce((sum, { longTasks }) => sum + longTasks, 0),
    longTaskMs: Math.round(seconds.reduce((sum, { longTaskMs }) => sum + longTaskMs, 0)),
    heapMb: { ...heap, highest: round(numbers((each) => each.heapMb).at(-1) ?? 0) },
    elements: Math.max(...seconds.map(({ elements }) => elements)),
  };
}

const round = (value: number) => Math.round(value * 10) / 10;

function problems({ heapMb, longestFrameMs }: ReturnType<typeof summary>): string[] {
  return [
    ...errors.map((text) => `on the console: ${text}`),
    ...(heapMb.end > heapMb.begin + HEAP_GROWTH_MB_MAX
      ? [`the heap grew from ${heapMb.begin} to ${heapMb.end} MB`]
      : []),
    ...(longestFrameMs.worst > FRAME_MS_MAX ? [`the page stood still for ${longestFrameMs.worst} ms`] : []),
  ];
}

function pageOf(found: ReturnType<typeof summary>): string {
  const points = (of: (second: Second) => number): Point[] =>
    seconds.map((each) => ({ x: each.atSeconds, y: of(each) }));
  const drawn = (title: string, yLabel: string, of: (second: Second) => number) =>
    figure(
      lineChart({
        ...{ title, yLabel, xLabel: "seconds of load" },
        description: `${yLabel} in each second of the load`,
        series: [{ name: yLabel, kind: "joined", color: 0, points: points(of) }],
      }),
      title,
    );
  const sections = [
    drawn("Frames drawn", "frames a second", (each) => each.framesPerSecond),
    drawn("The longest frame of each second", "ms", (each) => each.longestFrameMs),
    drawn("Tasks above 50 ms", "ms a second", (each) => each.longTaskMs),
    drawn("JavaScript heap", "MB", (each) => each.heapMb),
    drawn("Transfers final since the start", "transfers", (each) => each.committed),
  ];
  const { framesPerSecond, longestFrameMs, heapMb } = found;
  const facts = [
    [
      "program",
      `quorate ${found.version}${found.commit === undefined ? "" : `, commit ${found.commit.slice(0, 12)}`}`,
    ],
    ["machine", `${found.cores} cores for four validators, the sender and Chromium together`],
    ["load", `${found.transfers} transfers in ${minutes} min, ${found.transfersPerSecond} a second`],
    [
      "frames a second",
      `${framesPerSecond.median} in the median, ${framesPerSecond.worstTwentieth} in the worst twentieth`,
    ],
    [
      "longest frame of a second",
      `${longestFrameMs.median} ms in the median, ${longestFrameMs.worst} ms at worst`,
    ],
    ["tasks above 50 ms", `${found.longTasks}, together ${found.longTaskMs} ms`],
    [
      "heap",
      `${heapMb.begin} MB alive at the start, ${heapMb.end} MB at the end, ${heapMb.highest} MB at most with garbage`,
    ],
    ["elements of the page", `${found.elements} at most`],
  ] as const;
  const body = `<h1>The explorer under load</h1>
<p class="verdict">The overview, open in a browser while ${found.transfersPerSecond} transfers a second become final.</p>
<div class="sections"><section class="is-wide"><h2>Figures</h2>${factTable("Over the whole load", facts)}</section>
${sections.map((each) => `<section>${each}</section>`).join("\n")}</div>`;
  return renderFrame("The explorer under load", body, { generator: found.version });
}

let failed = true;
try {
  await Promise.race([measure(), load.failed]);
  const found = summary();
  writeFileSync(values.out, pageOf(found));
  const wrong = problems(found);
  console.log(JSON.stringify({ ...found, problems: wrong }));
  console.error(`charts in ${values.out} (browser: ${CHROMIUM})`);
  failed = wrong.length > 0;
} finally {
  await browser.close();
  await load.kill();
  await net.stop();
}
process.exitCode = failed ? 1 : 0;
