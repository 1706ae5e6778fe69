/** What a node refuses, as its operator and its enemies meet it: one clear line, an exit code, and life goes on. */
import { spawn } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { COMMAND, Devnet, freePorts, quorate, until } from "../processes.ts";

const devnet = new Devnet(inject("devnet"));

/** Starts a node that is meant to run, and ends it after `use`. */
async function withNode(
  args: readonly string[],
  use: (output: () => string) => Promise<void>,
): Promise<void> {
  const child = spawn(process.execPath, [COMMAND, "start", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    await use(() => output);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

/** A home with an identity of its own, its genesis and peers taken from the devnet's node0. */
async function strangerHome(name: string): Promise<string> {
  const home = join(devnet.dir, name);
  expect(await quorate("init", "--dir", home)).toMatchObject({ code: 0 });
  cpSync(join(devnet.dir, "node0", "genesis.json"), join(home, "genesis.json"));
  const id = (
    JSON.parse(readFileSync(join(devnet.dir, "node1", "peers.json"), "utf8")) as { name: string }[]
  ).filter((peer) => peer.name === "node0");
  writeFileSync(join(home, "peers.json"), JSON.stringify(id));
  return home;
}

async function healthy(): Promise<void> {
  for (const i of [0, 1, 2, 3]) {
    const response = await fetch(`${devnet.rpcUrl(i)}/health`);
    expect(response.status).toBe(200);
  }
}

describe("the command as it is built", () => {
  it("has every file that the list of all commands needs", async () => {
    expect(await quorate("--help")).toMatchObject({ code: 0, stdout: expect.stringContaining("devnet") });
  });
});

describe("a running devnet", () => {
  it("refuses a node outside its allowlist, and says so", async () => {
    const home = await strangerHome("stranger");
    const ports = await freePorts(2);
    const args = [
      "--dir",
      home,
      "--mode",
      "full",
      "--rpc-port",
      String(ports),
      "--p2p-port",
      String(ports + 1),
    ];
    await withNode(args, async () => {
      await until(
        async () => /not (on|in) the allowlist|refused/.test(devnet.log(0)),
        "refusal in the log of node0",
      );
      const { result } = (await (
        await fetch(`http://127.0.0.1:${ports}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "net_peers", params: {} }),
        })
      ).json()) as { result: unknown[] };
      expect(result).toEqual([]);
    });
    await healthy();
  });

  it("survives garbage on its p2p and RPC ports", async () => {
    const garbage = [
      Buffer.alloc(100_000, 0xff),
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      Buffer.from("\x13/multistream/1.0.0\n"),
    ];
    for (const bytes of garbage) {
      await Promise.all(
        [devnet.p2pPort(0), Number(new URL(devnet.rpcUrl(0)).port)].map((port) => throwAt(port, bytes)),
      );
    }
    for (const body of ["", "{", "[]", "[1,2]", '{"jsonrpc":"2.0"}', "\u0000", "9".repeat(2_000_000)]) {
      const response = await fetch(devnet.rpcUrl(0), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      }).catch(() => undefined);
      expect(response === undefined || response.status < 500).toBe(true);
    }
    await healthy();
  });
});

describe("starting a node says in one line what to do when", () => {
  it("its home is in use", async () => {
    const outcome = await quorate("start", "--dir", join(devnet.dir, "node0"));
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toMatch(/held by the running process \d+/);
    expect(outcome.stderr).not.toMatch(/\n\s+at /);
  });

  it("its port is taken", async () => {
    const home = await strangerHome("neighbour");
    const taken = new URL(devnet.rpcUrl(0)).port;
    const outcome = await quorate(
      "start",
      "--dir",
      home,
      "--mode",
      "full",
      "--rpc-port",
      taken,
      "--p2p-port",
      "0",
    );
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toContain(taken);
    expect(outcome.stderr).not.toMatch(/\n\s+at /);
  });

  it("its genesis is another than its database's", async () => {
    const home = await strangerHome("convert");
    const args = ["--dir", home, "--mode", "full", "--rpc-port", "0", "--p2p-port", "0"];
    await withNode(args, async (output) => {
      await until(async () => output().includes("listening"), "started");
    });
    const path = join(home, "genesis.json");
    writeFileSync(path, readFileSync(path, "utf8").replace(/"chainId": *\d+/, '"chainId": 4242'));
    const outcome = await quorate(
      "start",
      "--dir",
      home,
      "--mode",
      "full",
      "--rpc-port",
      "0",
      "--p2p-port",
      "0",
    );
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toMatch(/genesis\.json: the database belongs to another chain/);
  });

  it("its genesis or configuration is malformed", async () => {
    const home = await strangerHome("typist");
    writeFileSync(join(home, "config.toml"), "[rpc]\nprot = 1\n");
    expect((await quorate("start", "--dir", home)).stderr).toMatch(/rpc\.prot.*did you mean.*rpc\.port/);
    writeFileSync(join(home, "genesis.json"), "{ not json");
    const outcome = await quorate("start", "--dir", home);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr.trim().split("\n")).toHaveLength(1);
  });
});

function throwAt(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.end(bytes));
    socket.setTimeout(2_000, () => socket.destroy());
    socket.on("error", () => undefined);
    socket.on("data", () => undefined);
    socket.once("close", () => resolve());
  });
}
