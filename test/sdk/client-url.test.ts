/**
 * The URL of a node as a program gives it to a Client. Goal: what cannot be the URL of a node is refused when the client
 * is made, with what is expected, and without showing a password.
 */
import { describe, expect, it } from "vitest";
import { Client } from "../../src/sdk/client.ts";

const made = (url: unknown) => () => new Client(url as string);

describe("new Client(url)", () => {
  it.each([
    ["", '"": expected the URL of a node, such as "http://127.0.0.1:18545"'],
    ["   ", "expected the URL of a node"],
    [" http://127.0.0.1:18545", "spaces"],
    ["http://127.0.0.1:18545\n", "spaces"],
    ["127.0.0.1:18545", 'is "http://127.0.0.1:18545" meant?'],
    ["localhost:18545", 'is "http://localhost:18545" meant?'],
    ["node.example.org", 'is "http://node.example.org" meant?'],
    ["18545", 'is "http://127.0.0.1:18545" meant?'],
    [
      "ws://127.0.0.1:18545/ws",
      'ws: subscriptions find it by themselves; is "http://127.0.0.1:18545" meant?',
    ],
    ["wss://node.example.org", 'is "https://node.example.org" meant?'],
    ["ftp://node.example.org", 'expected the scheme "http" or "https", found "ftp"'],
    ["file:///etc/passwd", 'found "file"'],
    ["http://", "expected the URL of a node"],
    ["http://127.0.0.1:99999", "expected the URL of a node"],
    ["http://127.0.0.1:18545/?key=1", "a query or a fragment"],
    ["http://127.0.0.1:18545/#a", "a query or a fragment"],
  ])("refuses %j", (url, why) => {
    expect(made(url)).toThrow(RangeError);
    expect(made(url)).toThrow(why);
    expect(made(["http://127.0.0.1:1", url])).toThrow(why);
  });

  it.each([undefined, null, 18545, new URL("http://127.0.0.1:1"), [undefined]])(
    "refuses %j, which is no text",
    (url) => {
      expect(made(url)).toThrow(/expected the URL of a node/);
    },
  );

  it("shows no credentials of what it refuses", () => {
    for (const url of [
      "ftp://me:secret@host",
      "http://me:secret@host:99999",
      "http://me:secret@h/?a",
      "me:secret@host",
    ]) {
      expect(made(url)).toThrow(RangeError);
      expect(made(url)).not.toThrow("secret");
    }
  });

  it("takes a path, a slash at the end, IPv6, credentials and another case", () => {
    expect(new Client("http://127.0.0.1:18545/").url).toBe("http://127.0.0.1:18545");
    expect(new Client("HTTPS://node.example.org/rpc//").url).toBe("HTTPS://node.example.org/rpc");
    expect(new Client("http://[::1]:18545").url).toBe("http://[::1]:18545");
    expect(new Client("https://me:secret@node.example.org").url).toBe("https://node.example.org");
  });
});
