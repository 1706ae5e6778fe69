/** A browser for tests of the explorer: pages whose every error is kept, and ways to go to and wait for things. */
import { type Browser, chromium, type Page } from "playwright-core";
import { CHROMIUM } from "./chromium.ts";

export interface OpenedPage {
  readonly page: Page;
  readonly errors: string[];
}

export const launch = (args: readonly string[] = []): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", ...args] });

export interface View {
  readonly colorScheme?: "light" | "dark";
  readonly width?: number;
  /** What the console may say, such as that a node that was killed gives no answer. */
  readonly allowed?: RegExp;
}

/** @param url whole, with the page's fragment */
export async function openPage(
  browser: Browser,
  url: string,
  { colorScheme = "light", width = 1440, allowed }: View = {},
): Promise<OpenedPage> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const errors: string[] = [];
  const keep = (text: string) => {
    if (allowed?.test(text) !== true) errors.push(text);
  };
  page.on("pageerror", (error) => keep(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") keep(message.text());
  });
  await page.goto(url);
  await page.getByRole("heading", { level: 1 }).waitFor();
  return { page, errors };
}

export async function goTo(page: Page, name: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#/${name}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  // Until what the page asked for is there.
  await page.waitForFunction(() => !document.querySelector("main")?.textContent?.includes("asking the node"));
}

export const seesText = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor();

/** For the eye: into the folder that SHOTS names, if it does. */
export async function shoot(page: Page, name: string): Promise<void> {
  if (process.env.SHOTS !== undefined)
    await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true });
}
