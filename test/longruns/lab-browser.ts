/**
 * `npm run lab:browser`: the lab's reports in a real browser. Makes a report of each experiment with few trials (that
 * of --live by a race between real nodes, which needs the build), opens it from disk as a phone, as a wide screen, in
 * the dark and as paper, and fails on an error on the console, a missing picture, a page wider than the screen, or text
 * in a picture that is too small, cut off or covered by other text. Screenshots are left for the eye, the last judge.
 * It needs a Chromium: one on the PATH (chromium, chromium-browser, google-chrome), or --browser FILE.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";

interface View {
  readonly name: string;
  readonly width: number;
  readonly isDark: boolean;
  readonly media: "screen" | "print";
}

/** Paper: A4 with margins of 1 cm, at 96 pixels an inch. */
const VIEWS: readonly View[] = [
  { name: "375", width: 375, isDark: false, media: "screen" },
  { name: "375-dark", width: 375, isDark: true, media: "screen" },
  { name: "1280", width: 1280, isDark: false, media: "screen" },
  { name: "1280-dark", width: 1280, isDark: true, media: "screen" },
  { name: "1920", width: 1920, isDark: false, media: "screen" },
  { name: "1920-dark", width: 1920, isDark: true, media: "screen" },
  { name: "print", width: 718, isDark: false, media: "print" },
];
/** Pixels of one screenshot: longer pages are taken in pieces, which a viewer need not shrink. */
const PIECE_HEIGHT = 1_600;

/** What is made, and how many pictures must stand in it at least. One thread: workers need the build. */
interface Report {
  readonly name: string;
  readonly words: readonly string[];
  readonly pictures: number;
  /** Starts real nodes, which the build runs. */
  readonly isLive?: boolean;
}
const REPLICAS = ["--hashrate", "0.3,0.45", "-z", "1,2,4", "--replicas", "40"];
const REPORTS: readonly Report[] = [
  { name: "attack51", words: ["attack51", "--trials", "200", "--jobs", "1"], pictures: 3 },
  {
    name: "attack51-replicas",
    words: ["attack51", ...REPLICAS, "--trials", "200", "--jobs", "1"],
    pictures: 4,
  },
  {
    name: "attack51-live",
    words: ["attack51", "--live", "--hashrate", "0.6", "-z", "2"],
    pictures: 2,
    isLive: true,
  },
  {
    name: "siege",
    words: ["siege", "--seconds", "3", "--mode", "alliance", "--attack", "none,web-page"],
    pictures: 1,
    isLive: true,
  },
  { name: "selfish", words: ["selfish", "--blocks", "20000", "--jobs", "1"], pictures: 1 },
  { name: "generals", words: ["generals"], pictures: 8 },
  { name: "generals-2", words: ["generals", "--traitors", "2"], pictures: 12 },
  { name: "timewarp", words: ["timewarp", "--interval", "200"], pictures: 1 },
  { name: "eclipse", words: ["eclipse", "--trials", "2", "--days", "1"], pictures: 1 },
  { name: "spam", words: ["spam", "--lengths", "200,500"], pictures: 1 },
  { name: "censor", words: ["censor", "--trials", "20"], pictures: 1 },
  { name: "equivocate", words: ["equivocate"], pictures: 1 },
  { name: "equivocate-beyond", words: ["equivocate", "--beyond"], pictures: 2 },
  { name: "equivocate-twin", words: ["equivocate", "--beyond", "--way", "twin"], pictures: 2 },
  { name: "silent", words: ["silent"], pictures: 4 },
  { name: "silent-7", words: ["silent", "--nodes", "7"], pictures: 5 },
  { name: "partition", words: ["partition", "--groups", "0,1,2/3"], pictures: 1 },
  { name: "partition-halves", words: ["partition"], pictures: 1 },
  { name: "majority", words: ["majority", "--trials", "4", "--races", "200"], pictures: 1 },
];
const ROOT = resolve(import.meta.dirname, "../..");
const SAID_BYTES_MAX = 64 * 1024 * 1024;
const STARTS_MS = 20_000;
const ANSWERS_MS = 20_000;

const { values } = parseArgs({
  options: {
    browser: { type: "string" },
    out: { type: "string", default: "lab-out/browser" },
    /** Only these, separated by commas. */
    only: { type: "string" },
    /** A report that exists, such as that of a long run. */
    file: { type: "string" },
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

  async show(url: string, { width, isDark, media }: View): Promise<void> {
    this.errors.length = 0;
    const isPhone = width < 600;
    const screen = { width, height: 900, deviceScaleFactor: 1, mobile: isPhone };
    await this.ask("Emulation.setDeviceMetricsOverride", screen);
    await this.ask("Emulation.setEmulatedMedia", {
      media,
      features: [{ name: "prefers-color-scheme", value: isDark ? "dark" : "light" }],
    });
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

  /** @param stem of the files' paths: a long page has several */
  async photograph(stem: string, width: number, height: number): Promise<void> {
    const pieces = Math.ceil(height / PIECE_HEIGHT);
    for (let piece = 0; piece < pieces; piece++) {
      const y = piece * PIECE_HEIGHT;
      const clip = { x: 0, y, width, height: Math.min(PIECE_HEIGHT, height - y), scale: 1 };
      const shot = { captureBeyondViewport: true, format: "png", clip };
      const { data } = (await this.ask("Page.captureScreenshot", shot)) as { data: string };
      writeFileSync(`${stem}${pieces === 1 ? "" : `-${piece + 1}`}.png`, Buffer.from(data, "base64"));
    }
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
const LOOK = `(() => {
  const svgs = [...document.querySelectorAll("svg")];
  const boxes = svgs.flatMap((svg) => {
    const frame = svg.getBoundingClientRect();
    return [...svg.querySelectorAll("text")].map((text) => ({ svg, frame, said: text.lastChild?.data ?? "", box: text.getBoundingClientRect() }));
  });
  const covers = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
  return {
    width: document.documentElement.scrollWidth,
    height: document.documentElement.scrollHeight,
    pictures: svgs.filter((svg) => svg.getBoundingClientRect().width > 100).length,
    smallest: Math.min(99, ...[...document.querySelectorAll("svg text:not(.hash)")].map((text) => {
      const { width } = text.ownerSVGElement.getBoundingClientRect();
      return 12 * width / text.ownerSVGElement.viewBox.baseVal.width;
    })),
    covered: boxes.flatMap((one, i) => boxes.slice(i + 1).filter((other) => other.svg === one.svg && covers(one.box, other.box)).map((other) => one.said + " / " + other.said)),
    cut: boxes.filter(({ frame, box }) => box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1).map(({ said }) => said),
  };
})()`;
/** Pixels of text in a picture below which it cannot be read. */
const TEXT_PIXELS_MIN = 8.5;

interface Look {
  readonly width: number;
  readonly height: number;
  readonly pictures: number;
  readonly smallest: number;
  /** Words in a picture on which other words lie. */
  readonly covered: readonly string[];
  /** Words that reach over the edge of their picture. */
  readonly cut: readonly string[];
}

/** A page on disk, and how many pictures it must have. */
interface Shown {
  readonly name: string;
  readonly path: string;
  readonly pictures: number;
}

async function main(): Promise<void> {
  const out = resolve(values.out);
  mkdirSync(out, { recursive: true });
  const browser = findBrowser();
  const pages = values.file === undefined ? makeReports(out) : [savedReport(values.file)];
  const profile = mkdtempSync(join(tmpdir(), "quorate-browser-"));
  const { process: child, port } = await startBrowser(browser, profile);
  let wrong = 0;
  try {
    const tab = await Tab.open(await pageOf(port));
    for (const page of pages) wrong += await lookAt(tab, page, out);
    tab.close();
  } finally {
    child.kill("SIGTERM");
    await new Promise((done) => (child.exitCode === null ? child.once("exit", done) : done(undefined)));
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
  console.log(`screenshots in ${out}`);
  if (wrong > 0) process.exitCode = 1;
}

/** @returns how much is wrong in all views of a page */
async function lookAt(tab: Tab, { name, path, pictures }: Shown, out: string): Promise<number> {
  let wrong = 0;
  for (const view of VIEWS) {
    await tab.show(pathToFileURL(path).href, view);
    const look = await tab.evaluate<Look>(LOOK);
    await tab.photograph(join(out, `${name}-${view.name}`), view.width, look.height);
    const problems = problemsOf(look, view.width, pictures, tab.errors);
    wrong += problems.length;
    const mark = problems.length === 0 ? "✔" : "✖";
    const seen = `${look.pictures} pictures${look.pictures === 0 ? "" : `, text ${look.smallest.toFixed(1)} px`}`;
    console.log(`${mark} ${name} ${view.name}: ${[seen, ...problems].join("; ")}`);
  }
  return wrong;
}

function problemsOf(look: Look, width: number, pictures: number, errors: readonly string[]): string[] {
  return [
    ...(look.width > width ? [`the page is ${look.width} px wide`] : []),
    ...(look.pictures < pictures ? [`${pictures} pictures expected`] : []),
    ...(look.smallest < TEXT_PIXELS_MIN ? [`text of ${look.smallest.toFixed(1)} px`] : []),
    ...(look.covered.length > 0 ? [`on each other: ${look.covered.slice(0, 5).join(", ")}`] : []),
    ...(look.cut.length > 0 ? [`cut off: ${look.cut.slice(0, 5).join(", ")}`] : []),
    ...errors.map((error) => `console: ${error}`),
  ];
}

function makeReports(out: string): Shown[] {
  const only = values.only?.split(",");
  const unknown = only?.find((each) => REPORTS.every(({ name }) => name !== each));
  if (unknown !== undefined)
    complain(`--only ${unknown}: there are ${REPORTS.map(({ name }) => name).join(", ")}`);
  const wanted = REPORTS.filter(({ name }) => only === undefined || only.includes(name));
  const made = wanted.map((report) => ({ ...report, path: makeReport(report, join(out, report.name)) }));
  const [first] = made;
  if (first === undefined) return made;
  return [...made, { name: "index", path: join(dirname(dirname(first.path)), "index.html"), pictures: 0 }];
}

function savedReport(path: string): Shown {
  if (!existsSync(path)) complain(`--file ${path}: no such file`);
  return { name: basename(dirname(resolve(path))), path: resolve(path), pictures: 0 };
}

/** @returns its path */
function makeReport({ words, isLive = false }: Report, dir: string): string {
  const source = [join(ROOT, "node_modules/.bin/tsx"), join(ROOT, "src/cli/main.ts")];
  const [program, ...first] = isLive ? [process.execPath, join(ROOT, "bin/quorate.js")] : source;
  const said = execFileSync(program!, [...first, "lab", ...words, "--out", dir, "--quiet", "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    maxBuffer: SAID_BYTES_MAX,
  });
  return resolve((JSON.parse(said) as { report: string }).report);
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
