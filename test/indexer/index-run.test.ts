/** What ends `quorate index --follow` and what it tries again, without any database. */
import { expect, it } from "vitest";
import { runIndex } from "../../src/indexer/index-run.ts";
import { sqlStateOf } from "../../src/indexer/sql-database.ts";
import { Client } from "../../src/sdk/client.ts";

/** As node: and pg throw them. */
function errorOf(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

// Found by killing a server while lines of COPY were on their way: EPIPE has five capitals, as codes of PostgreSQL do.
it("the index takes a broken pipe for a connection that was lost, not for an answer of the database", async () => {
  const stop = new AbortController();
  const tried: string[] = [];
  await runIndex({
    open: () => Promise.reject(errorOf("EPIPE", "write EPIPE")),
    schema: "quorate",
    client: new Client("http://127.0.0.1:9", { fetch: () => Promise.reject(new TypeError("fetch failed")) }),
    folder: "/nonexistent",
    follow: true,
    signal: stop.signal,
    retrying(kind, { message }) {
      tried.push(`${kind}: ${message}`);
      stop.abort();
    },
  });
  expect(tried).toEqual(["database: write EPIPE"]);
});

it.each(["57P01", "0A000", "XX000", "P0001", "28P01"])(
  "the index knows %s as a code of the database",
  (code) => {
    expect(sqlStateOf(errorOf(code, "said by the server"))).toBe(code);
  },
);

it.each(["EPIPE", "EBUSY", "EROFS", "EPERM", "ECONNRESET"])(
  "the index knows %s as one of the system",
  (code) => {
    expect(sqlStateOf(errorOf(code, `write ${code}`))).toBeUndefined();
  },
);
