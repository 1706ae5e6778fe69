/** What the operator of a home is told, and what never leaves it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { must } from "../../../src/base/assert.ts";
import { LOG_TAIL_BYTES_MAX, OperatorHome } from "../../../src/node/api/operator-home.ts";
import { ChangingLevels, parseLogLevels } from "../../../src/node/home/log-levels.ts";

const dir = mkdtempSync(join(tmpdir(), "quorate-operator-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const token = "ab".repeat(32);
const levels = new ChangingLevels(must(parseLogLevels("info"), "it is a level"));

it("the operator's view tells settings with their origins, without credentials", () => {
  const origins = [
    { key: "rpc.port", value: 18545, origin: "config.toml" },
    { key: "rpc.cors_origins", value: ["https://me:secret@example.org"], origin: "QUORATE_RPC_CORS_ORIGINS" },
    { key: "some.password", value: "hush", origin: "default" },
  ] as never;
  expect(new OperatorHome({ origins, logFile: undefined, levels, token }).settings()).toEqual([
    { key: "rpc.port", value: 18545, origin: "config.toml" },
    {
      key: "rpc.cors_origins",
      value: ["https://[redacted]@example.org"],
      origin: "QUORATE_RPC_CORS_ORIGINS",
    },
    { key: "some.password", value: "[redacted]", origin: "default" },
  ]);
});

it("the operator's view tells the last whole lines of a log of any size, and never the token", async () => {
  const logFile = join(dir, "node.log");
  const last = `refused Bearer ${token.toUpperCase()} and ${token}`;
  writeFileSync(logFile, `${"x".repeat(LOG_TAIL_BYTES_MAX)}\nsecond last\n${last}\n`);
  const home = new OperatorHome({ origins: [], logFile, levels, token });
  expect(await home.logTail(500)).toEqual({
    file: logFile,
    lines: ["second last", "refused Bearer [redacted] and [redacted]"],
  });
  expect((await home.logTail(1)).lines).toHaveLength(1);
});

it("the operator's view tells no line where there is no log, or it was moved away", async () => {
  const home = (logFile: string | undefined) => new OperatorHome({ origins: [], logFile, levels, token });
  expect(await home(undefined).logTail(5)).toEqual({ file: undefined, lines: [] });
  expect((await home(join(dir, "gone.log")).logTail(5)).lines).toEqual([]);
});
