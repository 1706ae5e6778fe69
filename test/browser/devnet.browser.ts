/**
 * The explorer on a devnet of real processes, as a newcomer has it: the address that the command prints, its buttons,
 * a partition and its heal, two of four nodes killed, the node's configuration and log, and a page saved to disk.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { goTo, launch, openPage, seesText, shoot } from "./page.ts";
import { GONE, type RealDevnet, startDevnet } from "./real-devnet.ts";

let devnet: RealDevnet;
let dir: string;
let browser: Browser;
/** As the command printed it, with the token. */
let address: string;

beforeAll(async () => {
  devnet = await startDevnet();
  ({ dir, address } = devnet);
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await devnet?.stop();
});

const pay = (...words: string[]) =>
  devnet.run("tx", "transfer", "--from", "alice", "--to", "bob", "--amount", "1", ...words);

const open = () => openPage(browser, address, { allowed: GONE });
const press = (page: Page, name: string | RegExp) => page.getByRole("button", { name }).click();

it("the explorer takes the token out of the address, and shows the node's settings and log to whoever has it", async () => {
  const { page, errors } = await open();
  expect(page.url()).not.toContain("token");
  await goTo(page, "node");
  const setting = page.getByRole("row").filter({ hasText: "rpc.port" });
  await setting.getByText("--rpc-port").waitFor();
  await page.locator("pre.log", { hasText: "listening" }).waitFor();
  const token = readFileSync(join(dir, "net/rpc.token"), "utf8").trim();
  expect(await page.content()).not.toContain(token);
  await shoot(page, "operator-light-1440");
  expect(errors).toEqual([]);
  await page.context().close();
});

it("the explorer asks for the token where the address has none, and refuses what is none", async () => {
  const { page } = await openPage(browser, `${address.split("#")[0]}#/network`, { allowed: GONE });
  await page.getByLabel("the node's token").fill("none");
  await press(page, "Use it");
  await seesText(page, "a token is 64 hex digits");
  await page.getByLabel("the node's token").fill("00".repeat(32));
  await press(page, "Use it");
  await seesText(page, /devnet_status is for callers|token/);
  expect(await page.getByRole("button", { name: "kill node0" }).count()).toBe(0);
  await page.context().close();
});

it("the explorer partitions and heals by its buttons, and shows both", async () => {
  const { page } = await open();
  await goTo(page, "network");
  await page.getByLabel("node2 on the other side").check();
  await page.getByLabel("node3 on the other side").check();
  await press(page, /^Partition/);
  await seesText(page, /PARTITIONED: node2, node3 \/ node0, node1/);
  await page.locator("td.away", { hasText: "apart" }).first().waitFor();
  await page.locator(".badge.bad").first().waitFor();
  await shoot(page, "partition-light-1440");
  await press(page, "Heal");
  await page.waitForFunction(() => document.querySelectorAll("td.away").length === 0);
  await pay();
  await page.context().close();
});

it("the explorer tells a newcomer why the chain stands still when two of four nodes are killed, and goes on with one restarted", async () => {
  const { page } = await open();
  await goTo(page, "network");
  await press(page, "kill node3");
  await page.getByRole("button", { name: "restart node3" }).waitFor();
  await press(page, "kill node2");
  await page.getByRole("button", { name: "restart node2" }).waitFor();
  await goTo(page, "");
  await seesText(page, /1 too few: the chain stands still/);
  const explain = page.locator(".explain.bad");
  await explain.waitFor();
  expect(await explain.textContent()).toMatch(/node2/);
  await shoot(page, "two-killed-light-1440");
  await goTo(page, "network");
  await press(page, "restart node2");
  await page.getByRole("button", { name: "kill node2" }).waitFor();
  await pay("--wait", "final");
  await goTo(page, "");
  await seesText(page, /1 of 1 used/);
  await restoreAll(page);
  await page.context().close();
});

/** Everything as it was, for whoever comes next. */
async function restoreAll(page: Page): Promise<void> {
  await goTo(page, "network");
  await press(page, "restart node3");
  await page.getByRole("button", { name: "kill node3" }).waitFor();
}

it("the explorer verifies a receipt without a node, in a page saved to disk", async () => {
  writeFileSync(join(dir, "contract.txt"), "we agree");
  await devnet.run(
    "anchor",
    "add",
    join(dir, "contract.txt"),
    "--from",
    "alice",
    "--out",
    join(dir, "receipts"),
  );
  const saved = await savePage(`${address.split("?")[0]}`);
  const { page, errors } = await openPage(browser, `${pathToFileURL(saved).href}#/receipt`);
  await seesText(page, /opened from a file, without a node/);
  const files = page.locator("input[type=file]");
  const receipt = join(
    dir,
    "receipts",
    readdirSync(join(dir, "receipts")).find((name) => name.endsWith(".json"))!,
  );
  await files.setInputFiles([receipt, join(dir, "contract.txt"), join(dir, "net/node0/genesis.json")]);
  await seesText(page, "Valid.");
  await seesText(page, /signed by node0/);
  await shoot(page, "saved-light-1440");
  writeFileSync(join(dir, "contract.txt"), "we do not agree");
  await files.setInputFiles([join(dir, "contract.txt")]);
  await seesText(page, "Not valid.");
  expect(errors).toEqual([]);
  await page.context().close();
});

/** As browsers save a complete page: its files beside it, their addresses in the page relative. @returns its path */
async function savePage(url: string): Promise<string> {
  const html = await (await fetch(url)).text();
  mkdirSync(join(dir, "saved_files"), { recursive: true });
  for (const [, name] of html.matchAll(/"\/explorer\/assets\/([^"]+)"/g)) {
    const file = await fetch(`${new URL(url).origin}/explorer/assets/${name}`);
    writeFileSync(join(dir, "saved_files", name!), Buffer.from(await file.arrayBuffer()));
  }
  const path = join(dir, "saved.html");
  writeFileSync(path, html.replaceAll("/explorer/assets/", "./saved_files/"));
  return path;
}
