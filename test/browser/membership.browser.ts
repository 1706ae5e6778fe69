/**
 * A membership change as the explorer shows it: a devnet of real processes whose validators may change, a spare that is
 * voted in. A vote that waits is shown while it waits; the epoch, the seats and the proposers' names follow.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { goTo, launch, openPage, seesText, shoot } from "./page.ts";
import { GONE, type RealDevnet, startDevnet } from "./real-devnet.ts";

let devnet: RealDevnet;
let browser: Browser;

beforeAll(async () => {
  devnet = await startDevnet("--epoch-length", "32", "--spares", "1");
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await devnet?.stop();
});

it("the explorer follows a spare that is voted in: the open vote, the next epoch, its seat, and who proposed what before", {
  timeout: 300_000,
}, async () => {
  const { page, errors } = await openPage(browser, devnet.address, { allowed: GONE });
  await goTo(page, "consensus");
  await seesText(page, "no vote is open");
  // One seat of four proposes: its own vote is not enough, so that this waits.
  const set = ["set", "rotationInterval", "8", "--note", "calmer <b>nights</b>", "--from", "operator0"];
  await devnet.run("gov", "propose", ...set);
  const ballot = page.locator(".asked", { hasText: "set rotationInterval" });
  await ballot.getByText("open", { exact: true }).waitFor();
  await ballot.getByText(/1 of 3 needed, for it: node0/).waitFor();
  await ballot.getByText("calmer <b>nights</b>").waitFor();
  await shoot(page, "open-vote-light-1440");

  const before = await proposerOf(page, 1);
  const added = devnet.run("devnet", "add", "node4");
  await goTo(page, "consensus");
  await seesText(page, "joins: node4");
  await added;
  // The page follows by itself: five vote, and the newcomer among them.
  await page.locator("table.matrix th[scope=row]", { hasText: "node4" }).waitFor();
  await seesText(page, "4 of 5");
  // On a slow machine the first epoch with the newcomer may be over by now.
  await page.getByRole("heading", { name: /^Epoch [1-9]/ }).waitFor();
  await until(page, () => document.querySelectorAll("table.matrix tr:last-child td.commit").length > 0);
  // The primary of a view is another one in each epoch: the crown stands where the proposal came from.
  const proposed = page.locator("table.matrix tbody tr", { has: page.locator("td.pre-prepare") });
  await proposed.locator("th", { hasText: "♛" }).first().waitFor();
  expect(await page.locator("td.pre-prepare + td.vote .quiet").count()).toBe(0);
  await shoot(page, "epoch-light-1440");
  await goTo(page, "validators");
  await seesText(page, "5 of 5 in reach");
  await page.locator(".asked", { hasText: "add node4" }).getByText("approved", { exact: true }).waitFor();
  await shoot(page, "membership-light-1440");
  // An index means another validator now, and what was proposed before is still by whoever proposed it.
  expect(await proposerOf(page, 1)).toBe(before);
  expect(errors).toEqual([]);
  await page.context().close();

  await devnet.run("devnet", "remove", "node0");
  const phone = await openPage(browser, `${devnet.address.split("#")[0]}#/validators`, {
    ...{ colorScheme: "dark", width: 375, allowed: GONE },
  });
  await seesText(phone.page, "4 of 4 in reach");
  expect(await phone.page.locator("tbody tr").first().textContent()).not.toContain("node0");
  expect(
    await phone.page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
  ).toBeLessThanOrEqual(0);
  await shoot(phone.page, "membership-dark-375");
  expect(await proposerOf(phone.page, 1)).toBe(before);
  expect(phone.errors).toEqual([]);
  await phone.page.context().close();
});

const until = (page: Page, holds: () => boolean) =>
  page.waitForFunction(holds, undefined, { timeout: 60_000 });

/** As the block's page says it. */
async function proposerOf(page: Page, height: number): Promise<string | null> {
  await goTo(page, `block/${height}`);
  return page.locator(".facts > div", { hasText: "proposer" }).locator("dd").textContent();
}
