/** What is printed of the interface: rpc.discover and docs/rpc.md, both from the table. */
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { renderMethods } from "../../src/rpc/jsonrpc/markdown.ts";
import { describeMethods } from "../../src/rpc/jsonrpc/openrpc.ts";
import { METHOD_TABLE } from "../../src/rpc/methods/method-table.ts";

const FILE = new URL("../../docs/rpc.md", import.meta.url);

describe("rpc.discover", () => {
  const document = describeMethods(METHOD_TABLE, "1.2.3");

  it("is an OpenRPC 1.3 document of every method and nothing else", () => {
    expect(document).toMatchObject({ openrpc: "1.3.2", info: { version: "1.2.3" } });
    expect(document.methods.map(({ name }) => name)).toEqual([...METHOD_TABLE.keys()]);
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });

  it("describes each param once, required ones first, with a schema", () => {
    for (const method of document.methods as {
      name: string;
      params: { name: string; required: boolean; schema: object }[];
    }[]) {
      const names = method.params.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      const required = method.params.map((param) => param.required);
      // By-position params can only leave out the last ones.
      expect(required, method.name).toEqual([...required].sort((a, b) => Number(b) - Number(a)));
      for (const { schema } of method.params) expect(Object.keys(schema).length).toBeGreaterThan(0);
    }
  });

  it("gives hex its pattern and blocks their forms", () => {
    const params = (name: string) =>
      (document.methods.find((method) => method.name === name) as { params: { schema: object }[] }).params;
    expect(params("account_get")[0]!.schema).toMatchObject({
      type: "string",
      pattern: "^0x[0-9a-fA-F]{64}$",
    });
    expect(params("chain_getBlock")[0]!.schema).toMatchObject({ type: ["number", "string"] });
    expect(params("tx_send")[1]!.schema).toMatchObject({ default: "accepted" });
  });
});

it("docs/rpc.md is what the table says (UPDATE=1 writes it)", () => {
  const text = renderMethods(METHOD_TABLE);
  if (process.env.UPDATE === "1") writeFileSync(FILE, text);
  expect(readFileSync(FILE, "utf8")).toBe(text);
});
