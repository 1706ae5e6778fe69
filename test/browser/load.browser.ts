/**
 * Ten thousand transactions while the page watches: what the page holds stays bounded, and frames go on. LOAD says another
 * number of transactions; the figures are printed, for docs/explorer.md.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { devnet } from "../../src/testing/virtual-devnet.ts";
import { goTo, launch, openPage } from "./page.ts";

const LOAD = Number(process.env.LOAD ?? 10_000);
/** Sent before blocks are waited for. */
const PIECE = 500;

const startChain = () => devnet({ validators: 4 });
let browser: Browser;
let net: Awaited<ReturnType<typeof startChain>>;

beforeAll(async () => {
  net = await startChain();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await net?.stop();
});

it(`the explorer stays bounded and draws frames while ${LOAD} transactions come`, {
  timeout: 900_000,
}, async () => {
  const { page, errors } = await openPage(browser, `${await net.serve(0)}/explorer`);
  // Kept in a variable of the page: how many frames, and the longest time between two.
  await page.evaluate(() => {
    const seen = { frames: 0, longestMs: 0, lastMs: performance.now() };
    Object.assign(window, { seen });
    const frame = () => {
      const now = performance.now();
      seen.frames++;
      seen.longestMs = Math.max(seen.longestMs, now - seen.lastMs);
      seen.lastMs = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const measure = () =>
    page.evaluate(() => {
      const { seen } = window as unknown as { seen: { frames: number; longestMs: number } };
      const { memory } = performance as unknown as { memory: { usedJSHeapSize: number } };
      const nodes = document.querySelectorAll("*").length;
      return { ...seen, nodes, heapMb: memory.usedJSHeapSize / 1e6, atMs: performance.now() };
    });
  const before = await measure();
  for (let sent = 0; sent < LOAD; sent += PIECE) {
    const ids = Array.from({ length: Math.min(PIECE, LOAD - sent) }, () =>
      net.transfer({ from: "alice", to: "bob", amount: 1n, node: 0 }),
    );
    await net.final(ids.at(-1)!);
  }
  const after = await measure();
  const seconds = (after.atMs - before.atMs) / 1_000;
  const figures = {
    seconds: Math.round(seconds),
    transactionsPerSecond: Math.round(LOAD / seconds),
    framesPerSecond: Math.round((after.frames - before.frames) / seconds),
    longestFrameMs: Math.round(after.longestMs),
    heapMb: [Math.round(before.heapMb), Math.round(after.heapMb)],
    nodes: [before.nodes, after.nodes],
  };
  console.log(JSON.stringify(figures));
  expect(after.nodes).toBeLessThan(5_000);
  await page
    .locator(`a[href="#/block/${net.height(0)}"]`)
    .first()
    .waitFor();
  await goTo(page, `block/${net.height(0)}`);
  await page.locator("h1 .mark.holds").waitFor();
  expect(await page.locator("main tbody tr").count()).toBeLessThan(300);
  expect(errors).toEqual([]);
  await page.context().close();
});
