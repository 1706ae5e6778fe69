/** Goal: another terminal reaches the devnet of a folder, and only there. Method: both ends of a real socket. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  askDevnet,
  controlPath,
  type DevnetControl,
  serveControl,
} from "../../../src/cli/devnet/devnet-control.ts";

let root: string;
const calls: string[] = [];
const control: DevnetControl = {
  nodes: () => [],
  report: () => Promise.resolve({ dir: "d", pid: 1, quorum: 3, voters: [], partition: null, nodes: [] }),
  partition: (groups) => {
    calls.push(`partition ${groups.join("/")}`);
    return control.report();
  },
  act: (index, action) => {
    calls.push(`${action} ${index}`);
    if (index > 3) return Promise.reject(new Error(`no node ${index}: there are 0 to 3`));
    return Promise.resolve({ index, name: `node${index}`, state: "killed" } as never);
  },
  stop: () => {
    calls.push("stop");
    return Promise.resolve();
  },
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "quorate-control-"));
  calls.length = 0;
});
afterEach(() => rmSync(root, { recursive: true }));

test.each(["short", "long".repeat(30)])(
  "orders reach the devnet of a folder with a %s name",
  async (name) => {
    const dir = join(root, name);
    mkdirSync(dir);
    // What a killed devnet left behind does not stop the next.
    writeFileSync(controlPath(dir), "");
    const server = await serveControl(dir, control);
    try {
      expect(await askDevnet(dir, "GET", "/status")).toMatchObject({ quorum: 3 });
      expect(await askDevnet(dir, "POST", "/nodes/2/kill")).toMatchObject({ name: "node2", state: "killed" });
      await expect(askDevnet(dir, "POST", "/nodes/9/pause")).rejects.toThrow("no node 9: there are 0 to 3");
      await expect(askDevnet(dir, "POST", "/nodes/1/explode")).rejects.toThrow("no such order");
      await expect(askDevnet(dir, "GET", "/stop")).rejects.toThrow("no such order");
      await askDevnet(dir, "POST", "/partition/0,1/node%202");
      await askDevnet(dir, "POST", "/heal");
      expect(await askDevnet(dir, "POST", "/stop")).toEqual({ stopped: true });
      expect(calls).toEqual(["kill 2", "pause 9", "partition 0,1/node 2", "partition ", "stop"]);
    } finally {
      await new Promise((done) => server.close(done));
      rmSync(controlPath(dir), { force: true });
    }
  },
);

test("a folder without a devnet says how to start one", async () => {
  await expect(askDevnet(root, "GET", "/status")).rejects.toMatchObject({ exitCode: 4, code: "NO_DEVNET" });
});
