/**
 * What continuous integration sees of the explorer where Chromium is there (`npm run check:browser`): it opens on a chain
 * that moves, what it shows is checked in the browser, and a node that forges a certificate is found out.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { devnet } from "../../src/testing/virtual-devnet.ts";
import { type Lie, serveLies } from "./lying-proxy.ts";
import { goTo, launch, openPage, seesText } from "./page.ts";

const startChain = () => devnet({ validators: 4 });

let browser: Browser;
let net: Awaited<ReturnType<typeof startChain>>;
let url: string;
/** What the node that the page asks tells instead. */
let lie: Lie = (_method, result) => result;
let close: () => void;

beforeAll(async () => {
  [browser, net] = await Promise.all([launch(), startChain()]);
  const proxy = await serveLies(await net.serve(0), (method, result) => lie(method, result));
  ({ url, close } = proxy);
});
afterAll(async () => {
  close?.();
  await browser?.close();
  await net?.stop();
});

const pay = () => net.final(net.transfer({ from: "alice", to: "bob", amount: 5n, node: 0 }));

it("the explorer opens on a live chain, shows a payment as it comes, and checks its block", async () => {
  const { page, errors } = await openPage(browser, `${url}/explorer`);
  const { id, height } = await pay();
  await page.locator(`a[href="#/transaction/${id}"]`).first().waitFor();
  await goTo(page, `block/${height}`);
  await page.locator("h1 .mark.holds").waitFor();
  await seesText(page, /validators signed its hash/);
  expect(errors).toEqual([]);
  await page.context().close();
});

it("the explorer says in red that a certificate is forged, on every page from then on", async () => {
  const { height } = await pay();
  lie = (method, result) => {
    const shown = result as { seal?: string } | null;
    if (method !== "chain_getFinalityProof" || shown?.seal === undefined) return result;
    const last = shown.seal.endsWith("00") ? "01" : "00";
    return { ...shown, seal: shown.seal.slice(0, -2) + last };
  };
  const { page } = await openPage(browser, `${url}/explorer`);
  await goTo(page, `block/${height}`);
  await page.locator("h1 .mark.fails").waitFor();
  await page.getByRole("alert").filter({ hasText: "Do not believe this node" }).waitFor();
  await goTo(page, "state");
  await page.getByRole("alert").filter({ hasText: "certificate" }).first().waitFor();
  lie = (_method, result) => result;
  await page.context().close();
});
