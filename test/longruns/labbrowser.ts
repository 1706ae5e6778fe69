/**
 * `npm run lab:browser`: the lab's reports in a real browser. Makes a report of each experiment with few trials, opens
 * it from disk at the width of a phone and of a wide screen, and fails on an error on the console, a missing picture or a
 * page wider than the screen. Screenshots are left in lab-out/browser for the eye, which is the last judge.
 * It needs a Chromium: one on the PATH (chromium, chromium-browser, google-chrome), or --browser FILE.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";

const WIDTHS = [375, 1440];
/** What is made, and how many pictures must stand in it at least. One thread: workers need the build. */
const REPORTS: readonly {
  readonly name: string;
  readonly words: readonly string[];
  readonly pictures: number;
}[] = [
  { name: "attack51", words: ["attack51", "--trials", "200", "--jobs", "1"], pictures: 3 },
  { name: "selfish", words: ["selfish", "--blocks", "20000", "--jobs", "1"], pictures: 1 },
  { name: "generals", words: ["generals"], pictures: 0 },
  { name: "equivocate", words: ["equivocate"], pictures: 1 },
  { name: "equivocate-beyond", words: ["equivocate", "--beyond"], pictures: 1 },
  { name: "silent", words: ["silent"], pictures: 4 },
  { name: "partition", words: ["partition", "--groups", "0,1,2/3"], pictures: 1 },
  { name: "majority", words: ["majority", "--trials", "4", "--races", "200"], pictures: 1 },
];
const ROOT = resolve(import.meta.dirname, "../..");
const STARTS_MS = 20_000;
const ANSWERS_MS = 20_000;

const { values } = parseArgs({
  options: {
    browser: { type: "string" },
    out: { type: "string", default: "lab-out/browser" },
    /** Only these, separated by commas. */
    only: { type: "string" },
    dark: { type: "boolean", default: false },
  },
});

/** One page of the browser, over its DevTools protocol. */
class Tab {
  readonly errors: string[] = [];
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: { result?: unknown; error?: { message: string } }) => void>();
  #serial = 0;
  #loaded: () => void = () => undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => this.#hear(JSON.parse(String(data))));
  }

  static async open(url: string): Promise<Tab> {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    await new Promise((done, failed) => socket.once("open", done).once("error", failed));
    const tab = new Tab(socket);
    for (const domain of ["Page", "Runtime", "Log"]) await tab.ask(`${domain}.enable`);
    return tab;
  }

  async ask(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#serial;
    const answer = new Promise<{ result?: unknown; error?: { message: string } }>((done) =>
      this.#waiting.set(id, done),
    );
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await within(answer, ANSWERS_MS, method);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  async show(url: string, width: number): Promise<void> {
    this.errors.length = 0;
    const isPhone = width < 600;
    const screen = { width, height: 900, deviceScaleFactor: 1, mobile: isPhone };
    await this.ask("Emulation.setDeviceMetricsOverride", screen);
    if (values.dark) {
      await this.ask("Emulation.setEmulatedMedia", {
        features: [{ name: "prefers-color-scheme", value: "dark" }],
      });
    }
    const loaded = new Promise<void>((done) => {
      this.#loaded = done;
    });
    await this.ask("Page.navigate", { url });
    await within(loaded, ANSWERS_MS, `loading ${url}`);
  }

  async evaluate<T>(expression: string): Promise<T> {
    const answer = (await this.ask("Runtime.evaluate", { expression, returnByValue: true })) as {
      result: { value: T };
    };
    return answer.result.value;
  }

  async photograph(path: string): Promise<void> {
    const { data } = (await this.ask("Page.captureScreenshot", {
      captureBeyondViewport: true,
      format: "png",
    })) as {
      data: string;
    };
    writeFileSync(path, Buffer.from(data, "base64"));
  }

  close(): void {
    this.#socket.close();
  }

  #hear(message: { id?: number; method?: string; params?: Record<string, unknown>; result?: unknown }): void {
    if (message.id !== undefined) {
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    }
    if (message.method === "Page.loadEventFired") this.#loaded();
    const { params } = message;
    if (message.method === "Runtime.exceptionThrown") this.errors.push(JSON.stringify(params));
    if (message.method === "Runtime.consoleAPICalled" && ["error", "warning"].includes(String(params?.type)))
      this.errors.push(JSON.stringify(params?.args));
    if (message.method === "Log.entryAdded") {
      const entry = params?.entry as { level: string; text: string };
      if (["error", "warning"].includes(entry.level)) this.errors.push(entry.text);
    }
  }
}

/** What the page says of itself. Scrollable boxes may be wider than the screen, the page may not. */
const LOOK = `(() => ({
  width: document.documentElement.scrollWidth,
  pictures: [...document.querySelectorAll("svg")].filter((svg) => svg.getBoundingClientRect().width > 100).length,
  smallest: Math.min(99, ...[...document.querySelectorAll("svg text:not(.hash)")].map((text) => {
    const { width } = text.ownerSVGElement.getBoundingClientRect();
    return 12 * width / text.ownerSVGElement.viewBox.baseVal.width;
  })),
}))()`;
/** Pixels of text in a picture below which it cannot be read. */
const TEXT_PIXELS_MIN = 8.5;

interface Look {
  readonly width: number;
  readonly pictures: number;
  readonly smallest: number;
}

async function main(): Promise<void> {
  const out = resolve(values.out);
  mkdirSync(out, { recursive: true });
  const browser = findBrowser();
  const only = values.only?.split(",");
  const reports = REPORTS.filter(({ name }) => only === undefined || only.includes(name));
  for (const report of reports) makeReport(report.words, join(out, report.name));
  const profile = mkdtempSync(join(tmpdir(), "quorate-browser-"));
  const { process: child, port } = await startBrowser(browser, profile);
  let wrong = 0;
  try {
    const tab = await Tab.open(await pageOf(port));
    for (const { name, pictures } of reports) {
      for (const width of WIDTHS) {
        await tab.show(pathToFileURL(join(out, name, "report.html")).href, width);
        const look = await tab.evaluate<Look>(LOOK);
        await tab.photograph(join(out, `${name}-${width}.png`));
        const problems = problemsOf(look, width, pictures, tab.errors);
        wrong += problems.length;
        const seen = `${look.pictures} pictures, text ${look.smallest.toFixed(1)} px`;
        console.log(
          `${problems.length === 0 ? "✔" : "✖"} ${name} at ${width} px: ${[seen, ...problems].join("; ")}`,
        );
      }
    }
    tab.close();
  } finally {
    child.kill("SIGTERM");
    await new Promise((done) => (child.exitCode === null ? child.once("exit", done) : done(undefined)));
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
  console.log(`screenshots in ${out}`);
  if (wrong > 0) process.exitCode = 1;
}

function problemsOf(look: Look, width: number, pictures: number, errors: readonly string[]): string[] {
  return [
    ...(look.width > width ? [`the page is ${look.width} px wide`] : []),
    ...(look.pictures < pictures ? [`${pictures} pictures expected`] : []),
    ...(look.smallest < TEXT_PIXELS_MIN ? [`text of ${look.smallest.toFixed(1)} px`] : []),
    ...errors.map((error) => `console: ${error}`),
  ];
}

function makeReport(words: readonly string[], dir: string): void {
  const tsx = join(ROOT, "node_modules/.bin/tsx");
  execFileSync(tsx, [join(ROOT, "src/cli/main.ts"), "lab", ...words, "--out", dir, "--quiet"], {
    stdio: "ignore",
  });
}

function findBrowser(): string {
  if (values.browser !== undefined) {
    if (existsSync(values.browser)) return values.browser;
    return complain(`--browser ${values.browser}: no such file`);
  }
  const folders = (process.env.PATH ?? "").split(delimiter);
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    const found = folders.map((folder) => join(folder, name)).find(existsSync);
    if (found !== undefined) return found;
  }
  return complain("needs a Chromium: on Debian `apt-get install chromium`, else --browser FILE");
}

function complain(message: string): never {
  console.error(`lab:browser: ${message}`);
  process.exit(2);
}

async function startBrowser(path: string, profile: string): Promise<{ process: ChildProcess; port: string }> {
  // Chromium's sandbox cannot be had by root; the pages are our own.
  const flags = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const child = spawn(
    path,
    [
      "--headless",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
      "--no-first-run",
      ...flags,
      "about:blank",
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const port = new Promise<string>((done, failed) => {
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += chunk;
      const found = /DevTools listening on ws:\/\/[^:]+:(\d+)/.exec(said);
      if (found !== null) done(found[1]!);
    });
    child.once("exit", (code) =>
      failed(new Error(`the browser ended with code ${code}: ${said.slice(-500)}`)),
    );
  });
  return { process: child, port: await within(port, STARTS_MS, "starting the browser") };
}

async function pageOf(port: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/json/list`);
  const targets = (await answer.json()) as { type: string; webSocketDebuggerUrl: string }[];
  const page = targets.find(({ type }) => type === "page");
  if (page === undefined) throw new Error("the browser has no page");
  return page.webSocketDebuggerUrl;
}

async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, failed) => {
    timer = setTimeout(() => failed(new Error(`${what}: no answer after ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

await main();
