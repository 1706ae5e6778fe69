/**
 * The explorer in a real browser against a live chain: every page opens in both themes without an error and without
 * anything serious for a screen reader; a dead primary and too few validators are seen; the text of others stays text.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { devnet } from "../../src/testing/virtual-devnet.ts";
import { goTo, launch, openPage, seesText, shoot } from "./page.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const HOSTILE = "<img src=x onerror=window.hit=1>\u202e";
const PAGES = [
  "",
  "consensus",
  "blocks",
  "transactions",
  "pool",
  "anchors",
  "receipt",
  "state",
  "validators",
  "network",
  "node",
  "lab",
  "api",
  "checks",
];

const startChain = () => devnet({ validators: 4 });

let browser: Browser;
let net: Awaited<ReturnType<typeof startChain>>;
let url: string;

beforeAll(async () => {
  browser = await launch();
  net = await startChain();
  // Node 1: node 0, the first primary, will die.
  url = await net.serve(1);
  await pay();
});

afterAll(async () => {
  await browser?.close();
  await net?.stop();
});

const pay = async (memo = "") => {
  return net.final(net.transfer({ from: "alice", to: "bob", amount: 5n, memo, node: 1 }));
};

/** A page whose every error fails the test. */
const open = (colorScheme: "light" | "dark" = "light", width = 1440) =>
  openPage(browser, `${url}/explorer`, { colorScheme, width });

describe("the explorer in a browser", () => {
  it.each([
    ["light", 1440],
    ["dark", 375],
    ["dark", 2560],
  ] as const)(
    "opens every page without an error or a serious fault of access (%s, %i px)",
    async (theme, width) => {
      const { page, errors } = await open(theme, width);
      const { id } = await pay("memo");
      for (const name of [...PAGES, "block/1", `transaction/${id}`, `account/${net.accounts[0]!.address}`]) {
        await goTo(page, name);
        const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(sideways, `${name} scrolls sideways`).toBeLessThanOrEqual(0);
        await shoot(page, `${name.replace(/\W.*/, "") || "overview"}-${theme}-${width}`);
        expect(await seriousFaults(page), name).toEqual([]);
      }
      expect(errors).toEqual([]);
      await page.context().close();
    },
  );

  it("shows a payment as it comes, checked, with hostile text inert", async () => {
    const { page, errors } = await open();
    const { id, height } = await pay(HOSTILE);
    await page.locator(`a[href="#/transaction/${id}"]`).first().waitFor();
    await goTo(page, `transaction/${id}`);
    await seesText(page, "<img src=x onerror=window.hit=1>\\u{202e}");
    expect(await page.evaluate(() => "hit" in window)).toBe(false);
    await page.locator("h1 .mark.holds").waitFor();
    await goTo(page, `block/${height}`);
    await seesText(page, /validators signed its hash/);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  it("says under a heading what is wrong with an address that it cannot show", async () => {
    const { page } = await open();
    await goTo(page, "block/abc");
    await page.locator("h1", { hasText: "Block" }).waitFor();
    await seesText(page, /expected a height, a block hash/);
    await goTo(page, "transaction/0x1");
    await page.locator("h1", { hasText: "Transaction" }).waitFor();
    await seesText(page, "a transaction's hash is 0x and 64 hex digits");
    await page.context().close();
  });

  it("lets a student move the attacker's share, and opens a run of the lab", async () => {
    const { page, errors } = await open();
    await goTo(page, "lab");
    await seesText(page, "Measurement and theory agree.");
    await page.getByLabel("attacker's share of the hash power").fill("45");
    await page.locator(".slider b", { hasText: "45 %" }).waitFor();
    await seesText(page, "Measurement and theory agree.");
    await seesText(page, "(in a worker)");
    const results = {
      experiment: "attack51",
      isMatch: true,
      cells: [{ share: 0.2, confirmations: 1, rate: 0.1 }],
    };
    await page.locator("input[type=file]").setInputFiles({
      name: "results.json",
      mimeType: "application/json",
      buffer: Buffer.from(JSON.stringify(results)),
    });
    await seesText(page, "attack51: what it found");
    await seesText(page, "as predicted");
    expect(errors).toEqual([]);
    await page.context().close();
  });

  it("shows that a dead primary is replaced, and why the chain stands still without a quorum", async () => {
    const { page } = await open();
    await goTo(page, "consensus");
    net.crash(0);
    const { id } = await pay();
    await goTo(page, "validators");
    await page.locator(".badge.bad", { hasText: "away" }).first().waitFor();
    await goTo(page, "");
    await seesText(page, /1 of 1 used/);
    await page.locator(`a[href="#/transaction/${id}"]`).first().waitFor();
    net.crash(3);
    await seesText(page, /1 too few: the chain stands still/);
    await page.locator(".explain.bad").waitFor();
    await page.context().close();
  });
});

async function seriousFaults(page: Page): Promise<string[]> {
  // Outside the page's policy, as a reader's own tools are.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe: tool } = window as unknown as {
      axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { target: unknown }[] }[] }> };
    };
    const { violations } = await tool.run();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ target }) => String(target))}`);
  });
}
