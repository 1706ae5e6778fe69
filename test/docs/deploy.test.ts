/**
 * The files of deploy/: each query names a metric that a node has, each flag is one of `start`, the unit is one that
 * systemd takes (where it is installed), and nothing runs as root or restarts what a restart does not mend.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { flagOf } from "../../src/node/home/config.ts";
import { CONFIG_KEYS, type ConfigKey, variableOf } from "../../src/node/home/config-keys.ts";
import { Metrics } from "../../src/node/metrics/metrics.ts";

const ROOT = join(import.meta.dirname, "../..");
const deploy = (path: string) => readFileSync(join(ROOT, "deploy", path), "utf8");

/** What Prometheus itself adds. */
const OF_PROMETHEUS = ["up"];

async function metricNames(): Promise<Set<string>> {
  const page = await new Metrics([], true).render();
  const names = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name, kind]) =>
    kind === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [String(name)],
  );
  const folder = join(ROOT, "src/node/metrics");
  for (const file of readdirSync(folder)) {
    const source = readFileSync(join(folder, file), "utf8");
    for (const [, name] of source.matchAll(/"((?:chain|pbft|pow|mempool|p2p|rpc|sig)_[a-z0-9_]+)"/g))
      names.push(String(name));
  }
  return new Set([...names, ...OF_PROMETHEUS]);
}

/** Each metric of ours is written with a selector. */
function metricsOf(query: string): string[] {
  return [...query.matchAll(/([a-z][a-z0-9_]*)\{/g)].map(([, name]) => String(name));
}

it("the deployment asks only for metrics that a node has, in the dashboard and in the alerts", async () => {
  const names = await metricNames();
  const { panels } = JSON.parse(deploy("grafana/quorate.json")) as {
    panels: { title: string; targets: { expr: string }[] }[];
  };
  const shown = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  const alerts = [...deploy("prometheus/alerts.yaml").matchAll(/^ +expr: (.+)$/gm)].map(([, expr]) =>
    String(expr),
  );
  expect(shown.length).toBeGreaterThan(15);
  expect(alerts.length).toBeGreaterThan(8);
  for (const query of [...shown, ...alerts]) {
    const found = metricsOf(query);
    expect(found.length, query).toBeGreaterThan(0);
    expect(
      found.filter((name) => !names.has(name)),
      query,
    ).toEqual([]);
  }
});

it("the deployment starts nodes with flags and variables that exist", () => {
  const keys = Object.keys(CONFIG_KEYS) as ConfigKey[];
  const flags = new Set(["--dir", ...keys.map(flagOf)]);
  const variables = new Set(keys.map(variableOf));
  for (const file of ["compose.yaml", "kubernetes/quorate.yaml"]) {
    const starts = [...deploy(file).matchAll(/\["start",.*\]/g)].map(([line]) => line);
    expect(starts.length).toBeGreaterThan(0);
    const used = starts.flatMap((line) =>
      [...line.matchAll(/"(--[a-z0-9-]+)"/g)].map(([, flag]) => String(flag)),
    );
    expect(used.filter((flag) => !flags.has(flag))).toEqual([]);
    const set = [...deploy(file).matchAll(/QUORATE_[A-Z_]+/g)].map(([name]) => name);
    expect(set.filter((name) => !variables.has(name))).toEqual([]);
  }
});

it("the deployment runs as nobody's administrator, and starts nothing anew that a restart does not mend", () => {
  const unit = deploy("systemd/quorate.service");
  expect(unit).toMatch(/^User=quorate$/m);
  expect(unit).toMatch(/^NoNewPrivileges=yes$/m);
  expect(unit).toMatch(/^RestartPreventExitStatus=2 78$/m);
  expect(deploy("Dockerfile")).toMatch(/^USER 10001:10001$/m);
  expect(deploy("Dockerfile")).toMatch(/^HEALTHCHECK /m);
  const pods = deploy("kubernetes/quorate.yaml");
  expect(pods).toContain("runAsNonRoot: true");
  const replicas = Number(/^ {2}replicas: (\d+)$/m.exec(pods)?.[1]);
  expect(pods).toContain(`maxUnavailable: ${Math.floor((replicas - 1) / 3)}`);
});

const hasSystemd = spawnSync("systemd-analyze", ["--version"], { stdio: "ignore" }).status === 0;

const CONFINED = [
  ...[
    "UMask=0077",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "AmbientCapabilities=",
    "ProtectSystem=strict",
  ],
  ...["ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes", "PrivateUsers=yes", "ProtectClock=yes"],
  ...["ProtectControlGroups=yes", "ProtectHostname=yes", "ProtectKernelLogs=yes", "ProtectKernelModules=yes"],
  ...["ProtectKernelTunables=yes", "RestrictNamespaces=yes", "RestrictRealtime=yes", "RestrictSUIDSGID=yes"],
];

it("the deployment's unit exposes little, and is one that systemd takes where it is installed", () => {
  const lines = deploy("systemd/quorate.service").split("\n");
  expect(CONFINED.filter((line) => !lines.includes(line))).toEqual([]);
  if (!hasSystemd) return;
  const unit = join(ROOT, "deploy/systemd/quorate.service");
  const verified = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8", timeout: 20_000 });
  expect(`${verified.stdout}${verified.stderr}`).not.toContain("quorate.service");
  const words = ["security", "--offline=true", "--threshold=25", unit];
  const judged = spawnSync("systemd-analyze", words, { encoding: "utf8", timeout: 20_000 });
  // An older systemd judges units only while they run.
  if (!judged.stderr.includes("unrecognized option")) expect(judged.status).toBe(0);
});
