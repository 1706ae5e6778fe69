/** Admin methods and the token of the node that they order. */
import { expect, it } from "vitest";
import { ADMIN_METHODS } from "../../src/rpc/admin-methods.ts";
import { METHOD_TABLE } from "../../src/rpc/methods/method-table.ts";
import { Client } from "../../src/sdk/client.ts";

it("the client's list of admin methods is that of the table", () => {
  const admin = [...METHOD_TABLE.values()].filter(({ kind }) => kind === "admin");
  expect(admin.map(({ name }) => name).sort()).toEqual([...ADMIN_METHODS].sort());
});

it("the client sends a token with an order to the first node, and never with a question, alone or in a batch", async () => {
  const seen: (string | null)[] = [];
  const fetcher = (async (
    url: string,
    { headers, body }: { headers: Record<string, string>; body: string },
  ) => {
    seen.push(`${url} ${headers.authorization ?? "-"}`);
    const calls = [JSON.parse(body)].flat() as { id: number }[];
    const answers = calls.map(({ id }) => ({ jsonrpc: "2.0", id, result: null }));
    return new Response(JSON.stringify(body.startsWith("[") ? answers : answers[0]));
  }) as unknown as typeof fetch;
  const token = () => "t0ken";
  const client = new Client(["http://a", "http://b"], { fetch: fetcher, token });
  await client.call("node_status");
  await client.call("net_ban", { subject: "20.1.2.3" });
  await client.batch([{ method: "node_status" }]);
  await client.batch([{ method: "node_status" }, { method: "net_getBans" }]);
  expect(seen).toEqual(["http://a/ -", "http://a/ Bearer t0ken", "http://a/ -", "http://a/ Bearer t0ken"]);
});
