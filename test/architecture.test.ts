/**
 * The house rules as a test: imports go down the floors or stay in their folder without a circle, never sideways;
 * packages and node: modules only in adapter files; no clock, randomness or async in protocol code; sizes.
 * docs/architecture.md says why. An exception is a line here, with its reason.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript-api";
import { describe, expect, it } from "vitest";

const src = join(dirname(fileURLToPath(import.meta.url)), "../src");
/** Prints files without their comments. */
const PRINTER = ts.createPrinter({ removeComments: true });
/** An import, or an export of what another file has. */
const IMPORTS = /^(?:import|export)\b(?:[\w$\s{},*]*\bfrom)? "[^"]+";/gm;

const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  codec: 1,
  crypto: 1,
  storage: 1,
  chain: 2,
  mempool: 3,
  consensus: 3,
  p2p: 4,
  rpc: 4,
  sdk: 5,
  explorer: 6,
  node: 6,
  "tools/sim": 7,
  "tools/bench": 8,
  "tools/lab": 8,
  "explorer-lab": 9,
  testing: 8,
  indexer: 8,
  cli: 9,
};

/**
 * The floors inside the big folders, lowest first; folders on one line may not import each other's values. `.` is the
 * folder itself. Types may point upwards: a port is written by whoever uses it.
 */
const INNER_FLOORS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  chain: [
    ["types"],
    ["state"],
    ["governance"],
    ["modules"],
    ["genesis", "execution"],
    ["snapshot"],
    ["forks", "."],
  ],
  p2p: [["transport"], ["discovery", "gossip", "sync"], ["."]],
  rpc: [
    ["."],
    ["schemas", "budgets"],
    ["jsonrpc"],
    ["answers", "explain"],
    ["websocket"],
    ["methods"],
    ["server"],
  ],
  node: [
    ["modules"],
    ["home", "metrics", "mining"],
    ["votes", "ingress", "snapshot", "event-index", "stored-chain"],
    ["signer"],
    ["assembly", "."],
    ["api"],
  ],
};

/** The composition root of a node stands above its folder. */
const ROOTS = ["node/node.ts", "node/inspect.ts", "node/guarded-node.ts"];

/** The ledger's writer stands one floor above the pure ledger: neither consensus nor the pool may import it. */
const UPPER_CHAIN = [
  "chain/chain.ts",
  "chain/store.ts",
  "chain/forks/branches.ts",
  "chain/forks/block-tree-store.ts",
];

/** Within one floor: codec serves crypto and the storage keys, crypto serves nobody sideways. */
const ALLOWED_SIDEWAYS = ["crypto>codec", "storage>codec"];

/** Files that may import packages or node: modules: the adapters. Folders bench, cli and node are edges as a whole. */
const ADAPTERS = [
  /^crypto\/(hash|keys|signature-kernel)\.ts$/,
  /^storage\/(level|level-checks|journal-file|durable-file|free-space)\.ts$/,
  /^(codec\/field|chain\/genesis\/genesis-file(-formats)?)\.ts$/, // zod: fields of JSON files
  /^p2p\//,
  /^rpc\//,
  /^node\//,
  /^sdk\//,
  /^explorer(-lab)?\//,
  /^indexer\//,
  /^tools\/bench\//,
  /^cli\//,
];

/** Files that may name the standard streams: the command line's printer, and the log, which escapes its lines itself. */
const PRINTERS = ["cli/terminal.ts", "node/assembly/system.ts"];

/** Files of cli/ that write line ends: into streams, files and HTTP requests, never into a line that is printed. */
const LINE_ENDS = [
  "cli/terminal.ts",
  "cli/output.ts", // the places in a stack, and the one text of an error in JSON
  "cli/program.ts", // where commander puts its hint
  "cli/lab/siege-rpc.ts",
  "cli/devnet/devnet-plan.ts",
  "cli/tx/receipt-folder.ts",
  "cli/lab/lab-equivocate.ts",
  "cli/lab/lab-files.ts",
  "cli/bench/bench-all.ts",
  "cli/bench/suite-page.ts",
];

/** Exports that only tests use: the one writes docs/rpc.md. */
const FOR_TESTS = ["rpc/jsonrpc/markdown.ts renderMethods"];

/** Protocol code: pure. */
const PURE = [/^base\//, /^codec\//, /^crypto\//, /^chain\//, /^consensus\//, /^mempool\//];
const BANNED =
  /\b(Date\.now|new Date|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|queueMicrotask)\b/;
const ASYNC = /\b(async|await|Promise)\b/;

/** Folders where no `!` hides a value that may be missing: there `must` (base/assert.ts) says why it is there. */
const NO_NON_NULL = [
  "base",
  "codec",
  "crypto",
  "storage",
  "chain",
  "mempool",
  "consensus",
  "p2p",
  "rpc",
  "sdk",
  "node",
  "testing",
  "indexer",
  "cli",
  "tools",
];

/** Words that this project once had for itself; the right-hand side of docs/adr/0018 says what they are called now. */
const RETIRED_WORDS =
  /\b(\w*(HeadDoor|BranchDoor|Votebook|votebook|Shelves|shelves|Federation|federation|Conspiracy|conspiracy|Arbiter|arbiter|Arbitrat|arbitrates?\b|arbitration|Nuisance|HeadTelling)\w*|doors?|lanes?|isDoomed|condemn(s|ed)?|standIn|GateFault|MessageGate|MinedStage|Casting|moveTowards|sealLetter|openLetter|ReturnedTransactions|[A-Z_]*ARBITRAT[A-Z_]*|[A-Z_]+_LETTER)\b/g;
/** The same for names alone: in a sentence these are plain English. */
const RETIRED_NAMES =
  /#(told|heard|tell|news)\b|\b(const|let|function|readonly) (told|heard|tell|news)\b|\.(told|heard|tell|news)\b|\b(tell[A-Z]\w*|\w+(Told|Heard|News)\w*|(Told|Heard|News)[A-Z]\w*|Allowances)\b/g;

interface SourceFile {
  readonly path: string;
  readonly code: string;
  /** Code without comments. */
  readonly bare: string;
  readonly imports: readonly string[];
  readonly ast: ts.SourceFile;
}

const files = readSources();

describe("the architecture", () => {
  it("lets imports go down or stay in their folder, never sideways or up", () => {
    const wrong = files.flatMap(({ path, imports }) =>
      imports
        .filter((target) => target.startsWith("."))
        .map((target) => resolveImport(path, target))
        .filter((target) => !mayImport(path, target))
        .map((target) => `${path} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it("lets values inside a big folder come from lower rooms only", () => {
    const wrong = files.flatMap(({ path, imports, ast }) =>
      imports
        .filter((target) => target.startsWith(".") && isValueImport(ast, target))
        .map((target) => resolveImport(path, target))
        .filter((target) => !mayImportInside(path, target))
        .map((target) => `${path} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it("lets commands that only ask and pay load no libp2p, which takes longer than all the rest", () => {
    const imported = new Map(files.map(({ path, ast, imports }) => [path, valueImports(path, ast, imports)]));
    const loaded = (from: string, seen: Set<string>): Set<string> => {
      if (seen.has(from)) return seen;
      seen.add(from);
      for (const target of imported.get(from) ?? []) loaded(target, seen);
      return seen;
    };
    const asking = ["cli/tx/tx.ts", "cli/tx/anchor.ts", "cli/chain/query.ts", "cli/chain/explain.ts"];
    const reached = asking.flatMap((command) => [...loaded(command, new Set())]);
    expect(reached).toContain("sdk/client.ts");
    expect(reached.filter((path) => path.startsWith("p2p/"))).toEqual([]);
  });

  it("has no circle of imports", () => {
    const edges = new Map(
      files.map(({ path, imports, ast }) => [
        path,
        imports.filter((t) => t.startsWith(".") && isValueImport(ast, t)).map((t) => resolveImport(path, t)),
      ]),
    );
    expect([...edges.keys()].flatMap((start) => findCircle(edges, start) ?? [])).toEqual([]);
  });

  it("keeps packages and node: modules in adapter files", () => {
    const wrong = files
      .filter(({ path }) => !ADAPTERS.some((adapter) => adapter.test(path)))
      .flatMap(({ path, imports }) =>
        imports.filter((target) => !target.startsWith(".")).map((t) => `${path}: ${t}`),
      );
    expect(wrong).toEqual([]);
  });

  it("makes folders level by level: Node's recursive mkdir never returns below /proc from Node 22 on", () => {
    const recursive = /\bmkdir(Sync)?\([^;]*recursive: true/;
    expect(files.filter(({ bare }) => recursive.test(bare)).map(({ path }) => path)).toEqual([]);
  });

  it("keeps clock, randomness and async out of protocol code", () => {
    const pure = files.filter(({ path }) => PURE.some((folder) => folder.test(path)));
    expect(pure.filter(({ bare }) => BANNED.test(bare)).map(({ path }) => path)).toEqual([]);
    const sync = pure.filter(({ path }) => !UPPER_CHAIN.includes(path));
    expect(sync.filter(({ bare }) => ASYNC.test(bare)).map(({ path }) => path)).toEqual([]);
  });

  it("keeps files at 400 lines and functions at 70 lines at most", () => {
    expect(files.filter(({ code }) => code.split("\n").length > 401).map(({ path }) => path)).toEqual([]);
    expect(
      files.flatMap(({ path, ast }) => longFunctions(ast, 70).map((name) => `${path}: ${name}`)),
    ).toEqual([]);
  });

  it("prints through one module, which escapes the text of others", () => {
    const prints =
      /\bprocess\s*(\.|\?\.)\s*std(out|err)\b|\bprocess\s*\[|\bconsole\b|\/dev\/(tty|std)|\bwriteSync\(\s*[12]\b/;
    const wrong = files.filter(({ path, bare }) => !PRINTERS.includes(path) && prints.test(bare));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it("puts no line end into a line of the command line's words: several lines are a list", () => {
    const wrong = files
      .filter(({ path }) => path.startsWith("cli/") && !LINE_ENDS.includes(path))
      .flatMap(({ path, ast }) => lineEndsIn(ast).map((line) => `${path}:${line}`));
    expect(wrong).toEqual([]);
  });

  it("opens every file with a comment that says what it is for", () => {
    const silent = files.filter(({ code }) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(code));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it("says in comments what a thing is, without the name below, and what undefined or 0 means in words", () => {
    const hanging = /\/\*\* (Of|By|As|With|Without|Also|Since|Until|Per) [^.;:,\n]*\.? \*\//g;
    const signs = /^ *(\/\*)?\*.*; (undefined|null|none|\d+n?|""|left out|false|true)(:| =) /gm;
    const wrong = files.flatMap(({ path, code }) =>
      [...code.matchAll(hanging), ...code.matchAll(signs)].map(([words]) => `${path}: ${words.trim()}`),
    );
    expect(wrong).toEqual([]);
  });

  it("says in one file of each folder what lives there and what does not", () => {
    const opening = ({ code }: SourceFile) => code.slice(0, code.indexOf("*/")).replaceAll("\n *", "");
    const opens = files.filter((file) => /This folder: .* Not here: /s.test(opening(file)));
    const folders = new Set(files.map(({ path }) => dirname(path)));
    expect(opens.map(({ path }) => dirname(path)).sort()).toEqual([...folders].sort());
  });

  it("names files and folders in kebab-case", () => {
    const wrong = files.filter(
      ({ path }) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*(\.d)?\.tsx?$/.test(path),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it("says why a value is there, by an assertion, where a type allows that it is missing", () => {
    const strict = files.filter(({ path }) => NO_NON_NULL.some((folder) => path.startsWith(`${folder}/`)));
    expect(strict.flatMap(({ path, ast }) => nonNullsIn(ast).map((line) => `${path}:${line}`))).toEqual([]);
  });

  it("uses the field's words, none of its own (docs/glossary.md)", () => {
    const wrong = [...files, ...tests()].flatMap(({ path, code }) =>
      [...code.matchAll(RETIRED_WORDS), ...code.matchAll(RETIRED_NAMES)].map(([word]) => `${path}: ${word}`),
    );
    expect(wrong).toEqual([]);
  });

  it("gives a test outside of a group a name with a subject, and none a name that goes on from the one before", () => {
    const headless =
      /^it(\.each\([^\n]*\))?\("(is|are|has|does|gives|takes|keeps|says|refuses|tells|makes|finds|shows|asks|holds|passes|lets|knows|judges|serves|sends|leaves|starts|stops|goes|forgets|drops|waits|accepts)\b[^"]*/gm;
    const goesOn = /\bit\("(and|then|nor|works|they)\b[^"]*/g;
    const wrong = tests().flatMap(({ path, code }) =>
      [...code.matchAll(headless), ...code.matchAll(goesOn)].map(([name]) => `${path}: ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it("calls no party, and no machine, he", () => {
    const wrong = files.flatMap(({ path, code }) =>
      [...code.matchAll(/\b(he|his|him|himself)\b/gi)].map(([word]) => `${path}: ${word}`),
    );
    expect(wrong).toEqual([]);
  });

  it("exports only values that another file than a test imports, or a program that uses the package", () => {
    const wanted = new Set([...entryPoints(), ...importedNames(["src", "bench", "examples"])]);
    const tested = new Set(importedNames(["test"]));
    const unused = files.flatMap(({ path, ast, bare }) => {
      if (wanted.has(`${path} *`)) return [];
      // A test may look at a part of what its own file uses.
      const isUsedHere = (name: string) => bare.split(new RegExp(`\\b${name}\\b`)).length > 2;
      return exportedValues(ast)
        .filter((name) => !wanted.has(`${path} ${name}`))
        .filter((name) => !tested.has(`${path} ${name}`) || !isUsedHere(name))
        .map((name) => `${path} ${name}`);
    });
    expect(unused.filter((name) => !FOR_TESTS.includes(name))).toEqual([]);
  });

  it("calls no file by a name that says nothing", () => {
    const empty = /(^|\/)(index|utils?|helpers?|common|managers?|services?)\.tsx?$/;
    expect(files.filter(({ path }) => empty.test(path)).map(({ path }) => path)).toEqual([]);
  });
});

function readSources(): SourceFile[] {
  const names = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.tsx?$/.test(name),
  );
  return names.sort().map((path) => {
    const code = readFileSync(join(src, path), "utf8");
    const ast = ts.createSourceFile(path, code, ts.ScriptTarget.ES2023, true);
    return { path, code, bare: PRINTER.printFile(ast), imports: importsOf(ast), ast };
  });
}

function tests(): Pick<SourceFile, "path" | "code">[] {
  const folder = join(src, "../test");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && name !== "architecture.test.ts")
    .map((name) => ({ path: `test/${name}`, code: readFileSync(join(folder, name), "utf8") }));
}

function importsOf(ast: ts.SourceFile): string[] {
  return ast.statements.flatMap((statement) => {
    const specifier =
      ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)
        ? statement.moduleSpecifier
        : undefined;
    return specifier !== undefined && ts.isStringLiteral(specifier) ? [specifier.text] : [];
  });
}

/** Type imports vanish; only value imports make circles. */
function isValueImport(ast: ts.SourceFile, target: string): boolean {
  return ast.statements.some((statement) => {
    if (!ts.isImportDeclaration(statement)) return false;
    if (!ts.isStringLiteral(statement.moduleSpecifier) || statement.moduleSpecifier.text !== target)
      return false;
    const clause = statement.importClause;
    if (clause?.phaseModifier === ts.SyntaxKind.TypeKeyword) return false;
    const named = clause?.namedBindings;
    if (clause?.name === undefined && named !== undefined && ts.isNamedImports(named)) {
      return named.elements.some((element) => !element.isTypeOnly);
    }
    return true;
  });
}

function resolveImport(from: string, target: string): string {
  return relative(src, join(src, dirname(from), target));
}

function mayImport(from: string, to: string): boolean {
  const [fromFolder, toFolder] = [folderOf(from), folderOf(to)];
  if (UPPER_CHAIN.includes(to) && (fromFolder === "consensus" || fromFolder === "mempool")) return false;
  if (fromFolder === toFolder || ALLOWED_SIDEWAYS.includes(`${fromFolder}>${toFolder}`)) return true;
  return (FLOORS[toFolder] ?? 99) < (FLOORS[fromFolder] ?? -1);
}

/** The folder that has a floor: the first, of tools the second. */
function folderOf(path: string): string {
  return path
    .split("/")
    .slice(0, path.startsWith("tools/") ? 2 : 1)
    .join("/");
}

/** Whether a value may be imported from another room of the same big folder. */
function mayImportInside(from: string, to: string): boolean {
  const floors = INNER_FLOORS[folderOf(from)];
  if (floors === undefined || folderOf(from) !== folderOf(to) || ROOTS.includes(from)) return true;
  const [fromRoom, toRoom] = [roomOf(from), roomOf(to)];
  if (fromRoom === toRoom) return true;
  const floor = (room: string): number => floors.findIndex((rooms) => rooms.includes(room));
  if (floor(fromRoom) < 0 || floor(toRoom) < 0) return false;
  return (
    floor(toRoom) < floor(fromRoom) || (floor(toRoom) === floor(fromRoom) && [fromRoom, toRoom].includes("."))
  );
}

function roomOf(path: string): string {
  const rooms = path.split("/");
  return rooms.length > 2 ? rooms[1]! : ".";
}

/** The files whose values a file imports when it is loaded. */
function valueImports(path: string, ast: ts.SourceFile, imports: readonly string[]): readonly string[] {
  return imports
    .filter((target) => target.startsWith(".") && isValueImport(ast, target))
    .map((target) => resolveImport(path, target));
}

function findCircle(edges: ReadonlyMap<string, readonly string[]>, start: string): string | undefined {
  const seen = new Set<string>();
  const walk = (path: string, trail: readonly string[]): string | undefined => {
    for (const next of edges.get(path) ?? []) {
      if (next === start) return [...trail, next].join(" -> ");
      if (seen.has(next)) continue;
      seen.add(next);
      const circle = walk(next, [...trail, next]);
      if (circle !== undefined) return circle;
    }
    return undefined;
  };
  return walk(start, [start]);
}

/** Lines with a text that holds a line end, unless it is looked for, or a page by itself (of help). */
function lineEndsIn(ast: ts.SourceFile): number[] {
  const found: number[] = [];
  const visit = (node: ts.Node): void => {
    const isText =
      ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
    const call = ts.isCallExpression(node.parent ?? node) ? (node.parent as ts.CallExpression) : undefined;
    const isSought = call !== undefined && /\.(split|includes|indexOf)$/.test(call.expression.getText());
    const isPage = ts.isNoSubstitutionTemplateLiteral(node) && ts.isVariableDeclaration(node.parent);
    if (isText && node.text.includes("\n") && !isSought && !isPage) {
      found.push(ast.getLineAndCharacterOfPosition(node.getStart()).line + 1);
    }
    ts.forEachChild(node, visit);
  };
  visit(ast);
  return found;
}

/** Lines with a `!` behind a value. */
function nonNullsIn(ast: ts.SourceFile): number[] {
  const found: number[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isNonNullExpression(node)) found.push(ast.getLineAndCharacterOfPosition(node.end).line + 1);
    ts.forEachChild(node, visit);
  };
  visit(ast);
  return found;
}

/** "path *" for each file that the package offers by name. */
function entryPoints(): string[] {
  const { exports, browser } = JSON.parse(readFileSync(join(src, "../package.json"), "utf8")) as {
    exports: Record<string, string | { default: string }>;
    /** What a bundler takes instead of a file. */
    browser: Record<string, string>;
  };
  const offered = Object.values(exports).flatMap((entry) =>
    typeof entry === "string" ? [] : [entry.default],
  );
  return [...offered, ...Object.values(browser)].map(
    (path) => `${path.replace(/^\.\/(dist|src)\/|\.(js|ts)$/g, "")}.ts *`,
  );
}

/** "path name" for each name that is imported from a file of src, "path *" where all are. */
function importedNames(names: readonly string[]): string[] {
  const folders = names.map((folder) => join(src, "..", folder));
  const paths = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => /\.tsx?$/.test(name))
      .map((name) => join(folder, name)),
  );
  return paths.flatMap((path) => {
    const text = readFileSync(path, "utf8");
    // Only what names files is parsed: whole programs took half of this file's time.
    const imports = (text.match(IMPORTS) ?? []).join("\n");
    const ast = ts.createSourceFile(path, imports, ts.ScriptTarget.ES2023);
    const target = (specifier: string): string => relative(src, join(dirname(path), specifier));
    const dynamic = [...text.matchAll(/import\("(\.[^"]+)"\)/g)].map(([, file]) => `${target(file!)} *`);
    return [...dynamic, ...ast.statements.flatMap((statement) => namesOf(statement, target))];
  });
}

function namesOf(statement: ts.Statement, target: (specifier: string) => string): string[] {
  if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
  const { moduleSpecifier } = statement;
  if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return [];
  const bindings = ts.isImportDeclaration(statement)
    ? statement.importClause?.namedBindings
    : statement.exportClause;
  const names =
    bindings !== undefined && (ts.isNamedImports(bindings) || ts.isNamedExports(bindings))
      ? bindings.elements.map(({ propertyName, name }) => (propertyName ?? name).text)
      : ["*"];
  return names.map((name) => `${target(moduleSpecifier.text)} ${name}`);
}

function exportedValues(ast: ts.SourceFile): string[] {
  return ast.statements.flatMap((statement) => {
    const isExported =
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    if (!isExported || ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement))
      return [];
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.map(({ name }) => name.getText(ast));
    }
    return ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)
      ? [statement.name?.text ?? ""]
      : [];
  });
}

function longFunctions(ast: ts.SourceFile, linesMax: number): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
      const first = ast.getLineAndCharacterOfPosition(node.getStart()).line;
      const last = ast.getLineAndCharacterOfPosition(node.end).line;
      const lines = last - first + 1;
      if (lines > linesMax) found.push(`${node.name?.getText() ?? "anonymous"} has ${lines} lines`);
    }
    ts.forEachChild(node, visit);
  };
  visit(ast);
  return found;
}
