/**
 * Counts steps: puts a counter into every function and loop of a module's code, and refuses what cannot be counted or
 * is not the same everywhere. A call that runs out of units, or goes too deep, throws; nothing in a module can catch it,
 * because `try` is refused: a throw undoes the whole call. The names that begin with $q_ are declared by
 * bundle-module.ts.
 */
import { type AnyNode, type Function as FunctionNode, parse } from "acorn";

import { MODULE_GLOBALS } from "./hardened-context.ts";

export interface ModuleRefusal {
  /** The place in the text that was given. Lines count from 1, columns from 0. */
  readonly line: number;
  readonly column: number;
  readonly why: string;
}

export type Instrumented =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly refusals: readonly ModuleRefusal[] };

const STEP = "if(--$q_u<0)$q_o();";
const ENTER = "if(--$q_u<0||++$q_d>$q_m)$q_o();";

const NO_PATTERN = "the time of a regular expression is not counted: use includes, indexOf or charCodeAt";

/** Global names that modules look for by mistake, and what to do instead. */
const ABSENT = new Map(
  Object.entries({
    Date: "a module has no clock: use ctx.timeMs, the time of the block",
    Intl: "texts of a locale differ from node to node",
    RegExp: NO_PATTERN,
    Promise: "a call is synchronous: it cannot wait",
    setTimeout: "a call is synchronous: it cannot wait",
    setInterval: "a call is synchronous: it cannot wait",
    queueMicrotask: "a call is synchronous: it cannot wait",
    fetch: "a module has no network: hand in what it needs as an argument",
    process: "a module has no process",
    require: "a module has no files: quorate module build bundles what it imports",
    Buffer: "use 0x-hex, or Uint8Array",
    performance: "a module has no clock: use ctx.timeMs, the time of the block",
    crypto: "a module has no randomness",
    WeakRef: "when memory is freed differs from node to node",
    FinalizationRegistry: "when memory is freed differs from node to node",
    Proxy: "a module has no proxies",
    Reflect: "use Object",
    Function: "code is not made of texts",
    eval: "code is not made of texts",
    globalThis: "a module's globals are those that docs/modules.md lists",
    structuredClone: "copy the fields that you need",
  }),
);

/** Members that are gone from what a module finds. */
const ABSENT_MEMBERS = new Map(
  Object.entries({
    localeCompare: "it depends on the locale: compare with < and >",
    toLocaleString: "it depends on the locale",
    toLocaleLowerCase: "it depends on the locale",
    toLocaleUpperCase: "it depends on the locale",
    normalize: "versions of Unicode differ",
    matchAll: NO_PATTERN,
  }),
);
const ABSENT_MATH =
  "random pow sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh exp expm1 log log10 log1p log2 cbrt hypot".split(
    " ",
  );

/** Where a text is put in; what is put in at the same place keeps its order. */
interface Insertion {
  readonly at: number;
  readonly text: string;
}

/** @param code a script, as the bundler wrote it */
export function instrument(code: string): Instrumented {
  const walk = new Walk(code);
  walk.visit(parse(code, { ecmaVersion: 2023, sourceType: "script", locations: true }) as AnyNode);
  const refusals = walk.refusals();
  if (refusals.length > 0) return { ok: false, refusals };
  const sorted = walk.insertions
    .map((one, order) => ({ ...one, order }))
    .sort((a, b) => a.at - b.at || a.order - b.order);
  let text = "";
  let from = 0;
  for (const { at, text: put } of sorted) {
    text += code.slice(from, at) + put;
    from = at;
  }
  return { ok: true, text: text + code.slice(from) };
}

class Walk {
  readonly insertions: Insertion[] = [];
  readonly #code: string;
  readonly #refusals: ModuleRefusal[] = [];
  /** Names that are free somewhere, as far as one can see without scopes: told if nothing declares them. */
  readonly #used = new Map<string, AnyNode>();
  readonly #declared = new Set<string>();

  constructor(code: string) {
    this.#code = code;
  }

  refusals(): readonly ModuleRefusal[] {
    for (const [name, node] of this.#used) {
      if (PRESENT.has(name) || this.#declared.has(name)) continue;
      this.#refuse(
        node,
        `${name}: ${ABSENT.get(name) ?? "a module has nothing of this name (docs/modules.md)"}`,
      );
    }
    return this.#refusals.sort((a, b) => a.line - b.line || a.column - b.column);
  }

  visit(node: AnyNode, parent?: AnyNode, key?: string): void {
    this.#judge(node);
    if (node.type === "Identifier") this.#name(node.name, node, parent, key);
    // What is put in front of a node comes before what is put into it, what is put behind it after.
    const after = this.#before(node);
    for (const [name, value] of Object.entries(node)) {
      if (name === "loc") continue;
      for (const child of Array.isArray(value) ? value : [value]) {
        if (child !== null && typeof child === "object" && typeof (child as AnyNode).type === "string") {
          this.visit(child as AnyNode, node, name);
        }
      }
    }
    for (const insertion of after) this.insertions.push(insertion);
  }

  /** What is to be put in at or after the node's end is given back. */
  #before(node: AnyNode): readonly Insertion[] {
    switch (node.type) {
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ArrowFunctionExpression":
        return this.#function(node);
      case "ReturnStatement":
        return this.#return(node.argument ?? undefined, node.end);
      case "ForStatement":
      case "ForInStatement":
      case "ForOfStatement":
      case "WhileStatement":
      case "DoWhileStatement":
        return this.#loop(node.body);
      default:
        return [];
    }
  }

  #function({ body, expression }: FunctionNode): readonly Insertion[] {
    if (body.type === "BlockStatement") {
      this.#put(body.start + 1, ENTER);
      return [{ at: body.end - 1, text: ";$q_d--;" }];
    }
    if (!expression) return [];
    this.#put(body.start, "($q_e(),$q_r((");
    return [{ at: body.end, text: ")))" }];
  }

  #return(argument: AnyNode | undefined, end: number): readonly Insertion[] {
    if (argument !== undefined) {
      this.#put(argument.start, " $q_r((");
      return [{ at: argument.end, text: "))" }];
    }
    return [{ at: this.#code[end - 1] === ";" ? end - 1 : end, text: " $q_r()" }];
  }

  #loop(body: AnyNode): readonly Insertion[] {
    if (body.type === "BlockStatement") {
      this.#put(body.start + 1, STEP);
      return [];
    }
    this.#put(body.start, `{${STEP}`);
    return [{ at: body.end, text: "}" }];
  }

  #judge(node: AnyNode): void {
    const why = reasonAgainst(node);
    if (why !== undefined) this.#refuse(node, why);
  }

  #name(name: string, node: AnyNode, parent: AnyNode | undefined, key: string | undefined): void {
    if (name.startsWith("$q_") && !OWN_NAMES.includes(name))
      this.#refuse(node, `${name}: names that begin with $q_ are taken`);
    const isMember =
      (parent?.type === "MemberExpression" && key === "property" && !parent.computed) ||
      ((parent?.type === "Property" ||
        parent?.type === "MethodDefinition" ||
        parent?.type === "PropertyDefinition") &&
        key === "key" &&
        !parent.computed &&
        !("shorthand" in parent && parent.shorthand));
    const isLabel =
      parent?.type === "LabeledStatement" ||
      parent?.type === "BreakStatement" ||
      parent?.type === "ContinueStatement";
    if (isMember || (isLabel && key === "label")) return;
    if (isDeclaration(parent, key)) this.#declared.add(name);
    else if (!this.#used.has(name)) this.#used.set(name, node);
  }

  #refuse({ loc }: AnyNode, why: string): void {
    const { line, column } = loc?.start ?? { line: 1, column: 0 };
    this.#refusals.push({ line, column, why });
  }

  #put(at: number, text: string): void {
    this.insertions.push({ at, text });
  }
}

/** What the entry of a bundle assigns to (bundle-module.ts). */
const OWN_NAMES = ["$q_out"];
const PRESENT = new Set([
  ...OWN_NAMES,
  ...Object.keys(MODULE_GLOBALS),
  "undefined",
  "NaN",
  "Infinity",
  "arguments",
]);

function isDeclaration(parent: AnyNode | undefined, key: string | undefined): boolean {
  switch (parent?.type) {
    case "VariableDeclarator":
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "ClassDeclaration":
    case "ClassExpression":
      return key === "id" || key === "params";
    case "ArrowFunctionExpression":
      return key === "params";
    case "ArrayPattern":
    case "RestElement":
      return true;
    case "AssignmentPattern":
      return key === "left";
    case "Property":
      return key === "value";
    default:
      return false;
  }
}

function reasonAgainst(node: AnyNode): string | undefined {
  switch (node.type) {
    case "TryStatement":
      return "try: a throw undoes the whole call, so nothing in a module may catch one";
    case "AwaitExpression":
      return "await: a call is synchronous, it cannot wait";
    case "YieldExpression":
      return "generators: their steps cannot be counted; return a list";
    case "ImportExpression":
      return "import(): a module is one file; import at the top";
    case "WithStatement":
    case "DebuggerStatement":
      return `${node.type}: not in a module`;
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      if (node.async) return "async: a call is synchronous, it cannot wait";
      return node.generator ? "generators: their steps cannot be counted; return a list" : undefined;
    case "ForOfStatement":
      return node.await ? "for await: a call is synchronous, it cannot wait" : undefined;
    case "Literal":
      return "regex" in node && node.regex !== undefined ? NO_PATTERN : undefined;
    case "BinaryExpression":
    case "AssignmentExpression":
      return node.operator.startsWith("**")
        ? "**: versions of Node round it differently; multiply instead"
        : undefined;
    case "MemberExpression":
      return memberReason(node);
    default:
      return undefined;
  }
}

function memberReason(node: Extract<AnyNode, { type: "MemberExpression" }>): string | undefined {
  if (node.computed || node.property.type !== "Identifier") return undefined;
  const { name } = node.property;
  const isMath = node.object.type === "Identifier" && node.object.name === "Math";
  if (isMath && name === "random") return "Math.random: a module has no randomness";
  if (isMath && ABSENT_MATH.includes(name)) return `Math.${name}: versions of Node round it differently`;
  const why = ABSENT_MEMBERS.get(name);
  return why === undefined ? undefined : `${name}: ${why}`;
}
