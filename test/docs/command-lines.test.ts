/**
 * Goal: a command line that a reader copies from the documents is understood. Method: each `quorate ...` and `npm run ...`
 * of the documents, and each one that the program itself advises, against the program's own table of commands and
 * options; nothing is run. Words in capitals, `...` and `<...>` stand for what the reader fills in.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command, Option } from "commander";
import { beforeAll, expect, it } from "vitest";
import { buildProgram } from "../../src/cli/program.ts";

const ROOT = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const filesIn = (folder: string, end: RegExp) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => end.test(name))
    .map((name) => join(folder, name));

const DOCUMENTS = [
  ...["README.md", "SECURITY.md", "CONTRIBUTING.md", "genesis/README.md"],
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
  ...filesIn("examples", /\.md$/),
];

interface Line {
  readonly where: string;
  readonly words: readonly string[];
  /** A whole line to be copied, so that nothing may be missing; in a sentence a command may stand without its arguments. */
  readonly isWhole: boolean;
}

let program: Command;
beforeAll(async () => {
  program = await buildProgram([]);
}, 60_000);

it("the command line understands every command line of the documents", () => {
  const lines = DOCUMENTS.flatMap((path) => linesOf(path, read(path)));
  expect(lines.length).toBeGreaterThan(250);
  expect(lines.flatMap(problems)).toEqual([]);
});

it("the command line understands every command line that the program advises", () => {
  const lines = filesIn("src", /\.tsx?$/).flatMap((path) => advisedBy(path, read(path)));
  expect(lines.length).toBeGreaterThan(100);
  expect(lines.flatMap(problems)).toEqual([]);
});

it("the program puts every path that it advises between quotes where a shell needs them", () => {
  const PATH_OPTION = /--(?:dir|devnet|out|file|genesis|home) \$\{(?!shellWord\()[^}]*\}/;
  const bare = filesIn("src", /\.ts$/).flatMap((path) =>
    read(path)
      .split("\n")
      .filter((line) => /quorate [a-z]/.test(line) && PATH_OPTION.test(line))
      .map((line) => `${path}: ${line.trim()}`),
  );
  // The folders of a new network are named node0, node1, ...
  expect(bare).toEqual([
    expect.stringContaining("src/cli/home/testnet.ts: `Copy each folder to its machine"),
  ]);
});

it.each([
  ["quorate stauts", 'there is no command "stauts"'],
  ["quorate devnet kil 0", '"quorate devnet" takes no "kil"'],
  ["npx quorate status --bogus", '"quorate status" has no option --bogus'],
  ["npm start -- --block-time never", "--block-time never: "],
  ["quorate keys new --encrypt", '"quorate keys new" wants name'],
  ["npm run nothing", 'there is no script "nothing"'],
  ["npm run fuzz -- --bogus 3", "test/longruns/fuzz.ts has no option --bogus"],
  ["npm start --consensus pow", '"--consensus" does not reach the script'],
])("the test of command lines finds the mistake in %s", (line, problem) => {
  expect(linesOf("x.md", `\`\`\`\n${line}\n\`\`\``).flatMap(problems)).toEqual([
    expect.stringContaining(problem),
  ]);
});

// --- reading -------------------------------------------------------------------------------------------------

const PROGRAM =
  /^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:npx quorate|node bin\/quorate\.js|quorate|npm start|npm run)(?= |$)/;

/** The lines of fenced blocks, and what stands between backticks elsewhere. */
function linesOf(path: string, text: string): Line[] {
  const lines: Line[] = [];
  const prose: string[] = [];
  let fence: string | undefined;
  for (const line of text.split("\n")) {
    const mark = /^\s*```(\w*)/.exec(line);
    if (mark !== null) fence = fence === undefined ? mark[1] : undefined;
    else if (fence === undefined) prose.push(line);
    else if (fence !== "ts") lines.push(...lineFrom(path, line, true));
  }
  const inline = [...prose.join("\n").matchAll(/`([^`]+)`/g)].map(([, code = ""]) =>
    code.replace(/\s+/g, " "),
  );
  return [...lines, ...inline.flatMap((code) => lineFrom(path, code, false))];
}

/**
 * In backticks in comments, or in what is printed; there a sentence may go on behind the command's words. A "quorate node"
 * is no command but a node.
 */
function advisedBy(path: string, text: string): Line[] {
  const joined = text.replace(/\n *(?:\*|\/\/) ?/g, " ");
  const advised = [
    ...joined.matchAll(/(?:\\?`|: |"|\(|\n {2,})((?:npx )?quorate (?!node )[a-z][^`"\n;,)(\\]*)/g),
  ];
  return advised
    .map(([, line = ""]) => line.replace(/\$\{[^}]*\}?/g, "...").replace(/(?<!\.)\.(?!\.)( .*)?$/, ""))
    .flatMap((line) => lineFrom(path, line, false))
    .map((line) => ({ ...line, words: [...line.words, "..."] }));
}

function lineFrom(path: string, text: string, isWhole: boolean): Line[] {
  const line = text.trim();
  const start = PROGRAM.exec(line)?.[0];
  if (start === undefined) return [];
  const command = line
    .slice(start.length)
    .replace(/(^|\s)#.*$/, "")
    .replace(/\s{3,}[a-z].*$/, "")
    .split(/ (?:[|;>]|&&) ?|[;|]$/)[0];
  const words = [...(command ?? "").replace(/[[\]]/g, " ").matchAll(/"[^"]*"|'[^']*'|\S+/g)].map(
    ([word]) => word,
  );
  const of = start.endsWith("start") ? ["npm", "start"] : start.endsWith("run") ? ["npm", "run"] : [];
  return [{ where: `${path}: ${line}`, words: [...of, ...words], isWhole }];
}

// --- checking ------------------------------------------------------------------------------------------------

/** What a reader replaces by words of their own. */
const isOpen = (word: string) => /[A-Z…]|\.\.\.|^<|^\d+x/.test(word);

function problems({ where, words, isWhole }: Line): string[] {
  const found = words[0] === "npm" ? scriptProblem(words.slice(1)) : commandProblem(words, isWhole);
  return found === undefined ? [] : [`${where} -- ${found}`];
}

const SCRIPTS: Readonly<Record<string, string>> = JSON.parse(read("package.json")).scripts;
/** Of the package that `quorate module new` writes. */
const OF_A_MODULE = ["devnet", "client", "build", "test"];

function scriptProblem([kind, ...words]: readonly string[]): string | undefined {
  const [name = "", dashes, ...rest] = kind === "start" ? ["start", ...words] : words;
  const script = SCRIPTS[name];
  if (script === undefined) return OF_A_MODULE.includes(name) ? undefined : `there is no script "${name}"`;
  if (dashes === undefined || isOpen(dashes)) return undefined;
  if (dashes !== "--") return `"${dashes}" does not reach the script without -- before it`;
  const own = /bin\/quorate\.js (.*)$/.exec(script)?.[1];
  if (own !== undefined) return commandProblem([...own.split(" "), ...rest], false);
  const file = /tsx (\S+)/.exec(script)?.[1];
  if (file === undefined) return undefined;
  const source = read(file);
  const unknown = rest
    .filter((word) => word.startsWith("--"))
    .map((word) => word.slice(2).replace(/=.*/, ""))
    .filter((option) => !source.includes(option));
  return unknown.length === 0 ? undefined : `${file} has no option --${unknown.join(", --")}`;
}

function commandProblem(words: readonly string[], isWhole: boolean): string | undefined {
  let command = program;
  let at = 0;
  for (; at < words.length; at++) {
    const next = command.commands.find((each) => [each.name(), ...each.aliases()].includes(words[at]!));
    if (next === undefined) break;
    command = next;
  }
  const word = words[at];
  const isGroup = command.commands.length > 0;
  if (isGroup && command === program && word !== undefined && !word.startsWith("-") && !isOpen(word))
    return `there is no command "${word}"`;
  return restProblem(command, words.slice(at), isWhole);
}

function restProblem(command: Command, words: readonly string[], isWhole: boolean): string | undefined {
  const given: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (!word.startsWith("-") || isOpen(word.slice(0, 3))) {
      given.push(word);
      continue;
    }
    const [flag = "", attached] = word.split("=");
    if (["--help", "-h", "--version", "-V"].includes(flag)) return undefined;
    const option = optionOf(command, flag);
    if (option === undefined && takesFieldsOfModule(command)) {
      i++;
      continue;
    }
    if (option === undefined) return `"${nameOf(command)}" has no option ${flag}`;
    const next = words[i + 1];
    const takes = option.required || (option.optional && next !== undefined && !next.startsWith("-"));
    const value = attached ?? (takes ? words[++i] : undefined);
    if (option.required && value === undefined && isWhole) return `${flag} wants a value`;
    const wrong = value === undefined || isOpen(value) ? undefined : valueProblem(option, value);
    if (wrong !== undefined) return `${flag} ${value}: ${wrong}`;
  }
  return argumentProblem(command, given, isWhole);
}

/** Its options are the fields of a call that a module declares. */
const takesFieldsOfModule = (command: Command) => nameOf(command) === "quorate tx call";

function optionOf(command: Command | null, flag: string): Option | undefined {
  for (let at = command; at !== null; at = at.parent) {
    const option = at.options.find((each) => each.long === flag || each.short === flag);
    if (option !== undefined) return option.hidden ? undefined : option;
  }
  return undefined;
}

function valueProblem(option: Option, value: string): string | undefined {
  try {
    option.parseArg?.(value.replace(/^["'](.*)["']$/, "$1"), option.defaultValue as never);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function argumentProblem(command: Command, given: readonly string[], isWhole: boolean): string | undefined {
  const declared = command.registeredArguments;
  if (declared.some(({ variadic }) => variadic) || given.some(isOpen)) return undefined;
  if (given.length > declared.length) return `"${nameOf(command)}" takes no "${given[declared.length]}"`;
  const needed = declared.filter(({ required }) => required);
  if (isWhole && given.length < needed.length)
    return `"${nameOf(command)}" wants ${needed[given.length]!.name()}`;
  return undefined;
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}
