/** The explorer's files: served from memory by exact names, cached, under a strict policy, within the server's budgets. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  EXPLORER_BYTES_MAX,
  EXPLORER_FILES_MAX,
  ExplorerFiles,
} from "../../../src/rpc/server/explorer-files.ts";
import { rawRequest, serve } from "../serve.ts";

let folder: string;
const PAGE = "<!doctype html><title>page</title>";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-explorer-"));
  mkdirSync(join(folder, "assets"));
  writeFileSync(join(folder, "index.html"), PAGE);
  writeFileSync(join(folder, "assets/index-abc.js"), "void 0;".repeat(100));
  writeFileSync(join(folder, "secret.key"), "not of a type that is served");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const text = (body: Uint8Array) => new TextDecoder().decode(body);

describe("the files of the explorer", () => {
  it("are found by their exact names, of known types, and by no other path", () => {
    const files = new ExplorerFiles([], folder);
    for (const path of ["/explorer", "/explorer/"]) expect(text(files.answer(path, "", {}).body)).toBe(PAGE);
    expect(files.answer("/explorer/assets/index-abc.js", "", {})).toMatchObject({ status: 200 });
    for (const path of [
      "secret.key",
      "../index.html",
      "%2e%2e/x",
      "assets",
      "assets/../index.html",
      "constructor",
    ]) {
      expect(files.answer(`/explorer/${path}`, "", {}), path).toMatchObject({ status: 404 });
    }
  });

  it("are asked for anew by their tag where names stay, and never again where names hold the hash", () => {
    const files = new ExplorerFiles([], folder);
    const page = files.answer("/explorer", "", {});
    expect(page.headers["cache-control"]).toBe("no-cache");
    const etag = page.headers.etag!;
    expect(files.answer("/explorer", "", { "if-none-match": `"x", W/${etag}` })).toMatchObject({
      status: 304,
    });
    expect(files.answer("/explorer", "", { "if-none-match": '"x"' })).toMatchObject({ status: 200 });
    const script = files.answer("/explorer/assets/index-abc.js", "", {});
    expect(script.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
  });

  it("come as gzip to whoever takes it", () => {
    const files = new ExplorerFiles([], folder);
    const zipped = files.answer("/explorer", "", { "accept-encoding": "br, gzip" });
    expect(zipped.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(zipped.body).toString()).toBe(PAGE);
    for (const coding of ["identity", "gzip;q=0", "br"]) {
      const plain = files.answer("/explorer", "", { "accept-encoding": coding });
      expect(plain.headers["content-encoding"], coding).toBeUndefined();
    }
  });

  it("may not run anything inline, evaluated or from elsewhere, nor stand in a frame", () => {
    const policy = (origins: string[]) =>
      new ExplorerFiles(origins, folder).answer("/explorer", "", {}).headers["content-security-policy"]!;
    expect(policy([])).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(policy(["https://node.example", "wss://node.example"])).toContain(
      "connect-src 'self' https://node.example wss://node.example;",
    );
  });

  it("are bounded, and where nothing is built the answer says what to do", () => {
    const many = mkdtempSync(join(tmpdir(), "quorate-explorer-"));
    expect(text(new ExplorerFiles([], many).answer("/explorer", "", {}).body)).toMatch(/npm run build/);
    for (let i = 0; i <= EXPLORER_FILES_MAX; i++) writeFileSync(join(many, `${i}.js`), "");
    expect(() => new ExplorerFiles([], many).answer("/explorer", "", {})).toThrow(String(EXPLORER_BYTES_MAX));
    rmSync(many, { recursive: true });
  });
});

describe("the RPC server", () => {
  it("sends a browser at / to the explorer, and nobody else", async () => {
    const { url } = await serve();
    const asBrowser = { headers: { accept: "text/html,application/xhtml+xml" }, redirect: "manual" } as const;
    const sent = await fetch(`${url}/?nodes=1,2`, asBrowser);
    expect([sent.status, sent.headers.get("location")]).toEqual([302, "/explorer?nodes=1,2"]);
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(url, { method: "POST", headers: asBrowser.headers })).status).toBe(415);
  });

  it("serves the explorer to GET and HEAD alone, under the same checks of the Host", async () => {
    const { url, server } = await serve();
    const page = await fetch(`${url}/explorer`);
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    const head = await fetch(`${url}/explorer`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([page.status, ""]);
    expect((await fetch(`${url}/explorer`, { method: "POST" })).status).toBe(404);
    expect((await fetch(`${url}/explorer`, { method: "DELETE" })).status).toBe(405);
    const rebound = await rawRequest(url, {
      path: "/explorer",
      headers: { host: `evil.example:${server.port}` },
    });
    expect(rebound.status).toBe(403);
  });

  it("lets pages of the explorer ask nodes of this machine on dev chains, and named origins anywhere", async () => {
    const sourcesOf = async (options: Parameters<typeof serve>[0]) => {
      const { url } = await serve(options);
      return /connect-src ([^;]*)/.exec(
        (await fetch(`${url}/explorer`)).headers.get("content-security-policy") ?? "",
      )?.[1];
    };
    expect(await sourcesOf({ allowsLocalPages: true })).toBe(
      "'self' http://127.0.0.1:* ws://127.0.0.1:* http://localhost:* ws://localhost:*",
    );
    const allowedOrigins = ["*", "https://a.example:1", "https://x.example; script-src *"];
    expect(await sourcesOf({ allowedOrigins })).toBe("'self' https://a.example:1 wss://a.example:1");
  });
});
