/**
 * A reorganisation as the explorer shows it: three miners as real processes, cut in two, a payment on the side that
 * loses; both sides mine, the cut heals, and the page of the loser says what was lost and what came back.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Client } from "../../src/sdk/client.ts";
import { goTo, launch, openPage, seesText, shoot } from "./page.ts";
import { GONE, type RealDevnet, startDevnet } from "./real-devnet.ts";

/** The third miner's side: a third of the hash power. */
const LOSER = 2;
/** Blocks by which the other side is ahead before the cut heals, and that the loser has mined by itself. */
const LEAD = 3;
const WAIT_MS = 100_000;

let devnet: RealDevnet;
let browser: Browser;

beforeAll(async () => {
  devnet = await startDevnet("--consensus", "pow", "--block-time", "1s");
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await devnet?.stop();
});

it("the explorer shows what a reorganisation undid, what came back, and both branches", {
  timeout: 300_000,
}, async () => {
  const { page, errors } = await openPage(browser, addressOf(LOSER), { allowed: GONE });
  const client = (node: number) => new Client(devnet.rpcUrl(node));
  const height = async (node: number) => (await client(node).call("node_status")).height;
  await until(async () => (await height(LOSER)) >= 2);
  await devnet.run("devnet", "partition", "0,1/2");
  const cutAt = await height(LOSER);
  const words = [
    "tx",
    "transfer",
    "--from",
    "carol",
    "--to",
    "bob",
    "--amount",
    "77",
    "--wait",
    "included",
    "--json",
  ];
  const paid = await devnet.run(...words, "--rpc", devnet.rpcUrl(LOSER));
  const [hash = ""] = /0x[0-9a-f]{64}/.exec(paid) ?? [];
  await until(async () => {
    const [won, lost] = [await height(0), await height(LOSER)];
    return lost > cutAt + 1 && won >= lost + LEAD;
  });
  await goTo(page, "network");
  await seesText(page, /different heads/);
  await devnet.run("devnet", "heal");

  await goTo(page, "forks");
  const undone = page
    .locator("li", { hasText: /undone/ })
    .filter({ hasText: "what was lost" })
    .first();
  await undone.waitFor({ timeout: WAIT_MS });
  await undone.getByText("what was lost, and what came back").click();
  await undone.getByText("its reward is lost").first().waitFor();
  const payment = undone.locator(`li:has(a[href="#/transaction/${hash}"])`);
  await payment.waitFor();
  await payment.getByText("pays").waitFor();
  await payment.getByText(/again in block|back in the pool/).waitFor();
  await page.locator(".beside").first().waitFor();
  await payment.getByText(/again in block/).waitFor({ timeout: WAIT_MS });
  await shoot(page, "reorganisation-light-1440");
  // A block that lost says so, and what it holds does not count.
  await page.locator(".beside a").first().click();
  await seesText(page, "This block is not on the active chain");
  expect(errors).toEqual([]);
  await inTheDark(addressOf(LOSER));
  await page.context().close();
});

/** The explorer of one node, beside the others. */
function addressOf(node: number): string {
  const others = [LOSER, 0, 1].map((i) => new URL(devnet.rpcUrl(i)).port);
  return `${devnet.rpcUrl(node)}/explorer?nodes=${others.join(",")}`;
}

/** On a phone, for the eye: nothing scrolls sideways but tables. */
async function inTheDark(url: string): Promise<void> {
  const { page } = await openPage(browser, `${url}#/forks`, {
    colorScheme: "dark",
    width: 375,
    allowed: GONE,
  });
  await page.getByText("what was lost, and what came back").first().click();
  await seesText(page, "its reward is lost");
  expect(await sideways(page)).toBeLessThanOrEqual(0);
  await shoot(page, "reorganisation-dark-375");
  await page.context().close();
}

const sideways = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

/** Asks until it holds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error("it did not come about");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
