/**
 * Goal: a reader who sees a file's name alone is not misled. Method: no two files of src share a name, but where the
 * folder says whose side of one thing it is: the command, the RPC method, the checker, the page (docs/adr/0038-01).
 */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, it } from "vitest";

const SRC = join(import.meta.dirname, "../../src");

/** Folders whose files are named after what they are a side of. */
const SIDES: readonly RegExp[] = [
  /^cli\/[^/]+\//, // the command of that name
  /^rpc\/methods\//, // the methods of that namespace
  /^node\/(?:api\/|settled-reads)/, // what implements the port of that name in rpc/
  /^tools\/sim\/(?:checkers|adversaries)\//, // who checks, and who breaks, the rule of that name
  /^tools\/lab\/(?:pbft|pow)\//, // the attack of that name
  /^explorer\/(?:pages|parts|live)\//, // what the page shows of it
  /^consensus\/(?:pbft|pow)\/(?:engine|rules)\.ts$/, // what implements the ports in consensus/ and chain/
  /^explorer(?:-lab)?\/main\.tsx$/, // the entry of a page
];

it("the code has no two source files of one name, but where the folder says whose side of it each is", () => {
  const byName = new Map<string, string[]>();
  for (const path of readdirSync(SRC, { recursive: true, encoding: "utf8" })) {
    if (!/\.tsx?$/.test(path) || SIDES.some((side) => side.test(path))) continue;
    const name = basename(path).replace(/\.tsx?$/, "");
    byName.set(name, [...(byName.get(name) ?? []), path]);
  }
  expect([...byName.values()].filter((paths) => paths.length > 1)).toEqual([]);
});
