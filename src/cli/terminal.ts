/**
 * Where everything that this program prints leaves it: standard output and standard error, and what is drawn over
 * itself on a terminal. Text goes through `render`, so a value of others is escaped here at the latest; nothing else
 * in src writes to these streams (test/architecture.test.ts), the node's log aside, which escapes its lines itself.
 */
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { printableJson } from "../base/printable.ts";
import { explainDisk } from "../storage/disk-fault.ts";
import { CliError, EXIT } from "./exit.ts";
import { cut, displayWidth, fold, render, type Text } from "./styled-text.ts";

export type StreamName = "stdout" | "stderr";

/** Prints one line or several. @param done when the words have left this process */
export function print(name: StreamName, text: Text, done?: () => void): void {
  const lines = typeof text === "string" ? [text] : text;
  const isTerminal = isTerminalOf(name);
  const written = lines.map((line) => `${render(line, isTerminal)}\n`).join("");
  if (done === undefined) process[name].write(written);
  else process[name].write(written, done);
}

/** Text of our own that knows its lines, such as the help. */
export function printPage(name: StreamName, page: string): void {
  print(name, page.replace(/\n$/, "").split("\n"));
}

/** JSON, laid out or on one line: the same value whatever is in it, and nothing that a terminal obeys. */
export function printJson(json: string): void {
  process.stdout.write(`${printableJson(json)}\n`);
}

export function isTerminalOf(name: StreamName): boolean {
  return process[name].isTTY === true;
}

/** Columns to fit into: those of the terminal, or no limit. */
export function columnsOf(name: StreamName): number {
  const { columns } = process[name];
  return isTerminalOf(name) && columns > 0 ? columns : Number.POSITIVE_INFINITY;
}

/** The stream for progress bars, which draw by themselves: their words are ours and their values are numbers. */
export function drawingStream(): NodeJS.WriteStream {
  return process.stderr;
}

/**
 * What happens when nobody takes the words: a reader that went away (quorate ... | head) ends a command without an
 * error, a full device with one. Standard error is for words beside the result: it is never a reason to end.
 */
export function endWithReader(): void {
  process.stderr.on("error", () => undefined);
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    print("stderr", [`✖ standard output takes no more: ${explainDisk(error) ?? error.message}`]);
    process.exit(EXIT.disk);
  });
}

/** Lets a command run on when nobody takes its words: they are lost, and standard error is told so once. */
export function outliveReader(): void {
  process.stdout.removeAllListeners("error");
  process.stdout.once("error", (error) => {
    const why = explainDisk(error) ?? "its reader is gone";
    print("stderr", [`! standard output takes no more: ${why}. The node goes on without it`]);
    process.stdout.on("error", () => undefined);
  });
}

/** Lines that are drawn over their own last drawing. Longer ones than the terminal is wide are folded. */
export class Drawing {
  readonly #name: StreamName;
  #lines = 0;

  constructor(name: StreamName) {
    this.#name = name;
  }

  draw(lines: readonly string[]): void {
    const columns = columnsOf(this.#name);
    const folded = lines.flatMap((line) => (displayWidth(line) <= columns ? [line] : fold(line, columns)));
    this.erase();
    print(this.#name, folded);
    this.#lines = folded.length;
  }

  /** Takes the drawing off the screen before other words are printed. */
  erase(): void {
    if (this.#lines > 0) process[this.#name].write(`\u001b[${this.#lines}A\u001b[0J`);
    this.#lines = 0;
  }
}

/** One line without a line end, cut to the terminal, that the next one replaces. */
export class StatusLine {
  #drawn = false;

  show(text: string): void {
    const line = render(cut(text, columnsOf("stderr") - 1), true);
    process.stderr.write(`${ERASE_LINE}${line}`);
    this.#drawn = true;
  }

  clear(): void {
    if (this.#drawn) process.stderr.write(ERASE_LINE);
    this.#drawn = false;
  }
}

const ERASE_LINE = "\r\u001b[2K";

/** A question whose answer is not shown. Undefined: nobody is there to answer. @throws CliError when it is broken off */
export async function askSecret(question: string): Promise<string | undefined> {
  const input = process.stdin;
  if (!input.isTTY) return undefined;
  print("stderr", question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: silent, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      const broken = () => reject(new CliError(EXIT.badInput, "INTERRUPTED", "nothing was answered"));
      lines.once("line", resolve).once("SIGINT", broken).once("close", broken);
    });
  } finally {
    lines.close();
  }
}
