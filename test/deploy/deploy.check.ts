/**
 * The files of deploy/ judged by the tools of those who read them: Prometheus's promtool takes the configuration and the
 * alerts and plays alerts.yaml through promtool-alerts.yaml, and kubernetes-validate holds the manifests to the schemas of
 * three versions of Kubernetes, strictly. `npm run check:deploy`, apart from `npm test`: docs/operations.md says how the two
 * are installed.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const ALERTS = join(ROOT, "deploy/prometheus/alerts.yaml");
const PLAYED = join(import.meta.dirname, "promtool-alerts.yaml");
const MANIFESTS = join(ROOT, "deploy/kubernetes/quorate.yaml");
const scratch = mkdtempSync(join(tmpdir(), "quorate-deploy-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Exit code and everything printed. */
function run(command: string, ...words: string[]): { status: number | null; said: string } {
  const { status, stdout, stderr, error } = spawnSync(command, words, { encoding: "utf8", timeout: 30_000 });
  if (error !== undefined) throw new Error(`${command} cannot be run (${error.message}): docs/operations.md`);
  return { status, said: `${stdout}${stderr}` };
}

it("Prometheus takes the scrape configuration with its alerts", () => {
  const checked = run("promtool", "check", "config", join(ROOT, "deploy/prometheus/prometheus.yaml"));
  expect(checked.status, checked.said).toBe(0);
  expect(checked.said).toMatch(/SUCCESS: \d+ rules found/);
});

it("each alert is raised by what it is for, and by nothing less", () => {
  const played = readFileSync(PLAYED, "utf8");
  const alerts = [...readFileSync(ALERTS, "utf8").matchAll(/- alert: (\w+)/g)].map(([, name]) =>
    String(name),
  );
  expect(alerts.length).toBeGreaterThan(8);
  for (const alert of alerts) {
    const cases = [
      ...played.matchAll(new RegExp(`alertname: ${alert}$(?:\\n +exp_alerts: (\\[\\])?)?`, "gm")),
    ];
    expect(cases.filter(([, quiet]) => quiet === "[]").length, `${alert} kept quiet`).toBeGreaterThan(0);
    expect(cases.filter(([, quiet]) => quiet === undefined).length, `${alert} raised`).toBeGreaterThan(0);
  }
  const tested = run("promtool", "test", "rules", PLAYED);
  expect(tested.status, tested.said).toBe(0);
});

it.each(["1.28", "1.31", "1.37"])(
  "the manifests are what the schemas of Kubernetes %s say, strictly",
  (version) => {
    const checked = run("kubernetes-validate", "--strict", "-k", version, MANIFESTS);
    expect(checked.status, checked.said).toBe(0);
    expect(checked.said.match(/passed/g)).toHaveLength(4);
  },
);

it("a manifest with a number written as a word, or with a key that there is not, is refused", () => {
  for (const [good, bad] of [
    ["replicas: 4", "replicas: four"],
    ["serviceName: quorate", "serviceNames: quorate"],
  ] as const) {
    const spoilt = join(scratch, "spoilt.yaml");
    const text = readFileSync(MANIFESTS, "utf8");
    expect(text).toContain(good);
    writeFileSync(spoilt, text.replace(good, bad));
    expect(run("kubernetes-validate", "--strict", "-k", "1.37", spoilt).status, bad).not.toBe(0);
  }
});
