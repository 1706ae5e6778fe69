/** The token of admin methods on disk: found by its URL, readable by its user alone, gone with its node. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import {
  findRpcToken,
  makeRpcToken,
  publishRpcToken,
  RPC_TOKEN_FILE,
  readRpcToken,
} from "../../../src/node/home/rpc-token.ts";

let temporary: string;
let home: string;
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), "quorate-token-"));
  vi.stubEnv("TMPDIR", temporary);
  home = join(temporary, "home");
  mkdirSync(home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(temporary, { recursive: true, force: true });
});

const folder = () => join(temporary, `quorate-${process.getuid?.() ?? "user"}`);
const publish = (host: string, token: string) => publishRpcToken({ homeDir: home, host, port: 7 }, token);

it("the token of a node is found by commands of its user, by nobody else, and goes with the node", () => {
  const token = makeRpcToken();
  expect(token).toMatch(/^[0-9a-f]{64}$/);
  const remove = publish("127.0.0.1", token);
  const file = join(home, RPC_TOKEN_FILE);
  expect(readRpcToken(home)).toBe(token);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(folder()).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(folder())) expect(statSync(join(folder(), name)).mode & 0o777).toBe(0o600);
  expect(findRpcToken("http://127.0.0.1:7")).toBe(token);
  remove();
  expect(findRpcToken("http://127.0.0.1:7")).toBeUndefined();
  expect(() => statSync(file)).toThrow();
});

it("the token is sent only to the address where the node listens, not to another program on the same port", () => {
  const remove = publish("127.0.0.1", "t");
  for (const url of [
    "127.0.0.2:7",
    "[::1]:7",
    "localhost:7",
    "10.0.0.2:7",
    "127.0.0.1.example:7",
    "127.0.0.1:8",
  ])
    expect(findRpcToken(`http://${url}`), url).toBeUndefined();
  remove();
  publish("0.0.0.0", "four")();
  const all = publish("::", "all");
  for (const url of ["127.0.0.1:7", "127.0.0.2:7", "[::1]:7"])
    expect(findRpcToken(`http://${url}`), url).toBe("all");
  expect(findRpcToken("http://localhost:7")).toBeUndefined();
  all();
});

it("a node that stops leaves the token of one that was started after it", () => {
  const remove = publish("127.0.0.1", "old");
  publish("127.0.0.1", "new");
  remove();
  expect(readRpcToken(home)).toBe("new");
  expect(findRpcToken("http://127.0.0.1:7")).toBe("new");
});

it("in a shared temporary folder no link or file of somebody else's is written to, and the node starts all the same", () => {
  const elsewhere = join(temporary, "elsewhere");
  const traps: (() => void)[] = [
    () => symlinkSync(join(temporary, "nowhere"), folder()),
    () => {
      mkdirSync(elsewhere);
      symlinkSync(elsewhere, folder());
    },
    () => writeFileSync(folder(), ""),
  ];
  for (const set of traps) {
    set();
    const remove = publish("127.0.0.1", "t");
    expect(readRpcToken(home)).toBe("t");
    expect(findRpcToken("http://127.0.0.1:7")).toBeUndefined();
    remove();
    rmSync(folder(), { recursive: true, force: true });
  }
  expect(readdirSync(elsewhere)).toEqual([]);
});

it("a link at the place of the token is replaced, not followed, and an own folder that others may enter is closed", () => {
  const victim = join(temporary, "victim");
  writeFileSync(victim, "precious", { mode: 0o644 });
  symlinkSync(victim, join(home, RPC_TOKEN_FILE));
  mkdirSync(folder());
  chmodSync(folder(), 0o755);
  publish("127.0.0.1", "t");
  expect(readFileSync(victim, "utf8")).toBe("precious");
  expect(statSync(join(home, RPC_TOKEN_FILE)).mode & 0o777).toBe(0o600);
  expect(findRpcToken("http://127.0.0.1:7")).toBe("t");
});
