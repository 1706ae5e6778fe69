/** Goal: the devnet's table calls no node running that takes no part. Method: reports by hand. */
import { expect, it } from "vitest";
import type { DevnetReport, NodeReport } from "../../../src/cli/devnet/devnet-control.ts";
import { describeNetwork, nodeTable, troublesOf } from "../../../src/cli/devnet/devnet-monitor.ts";
import { Output } from "../../../src/cli/output.ts";

const out = new Output({ color: false });

const node = (index: number, changes: Partial<NodeReport> = {}): NodeReport => ({
  index,
  name: `node${index}`,
  state: "running",
  pid: 100 + index,
  rpcUrl: `http://127.0.0.1:${18_545 + index}`,
  p2pPort: 30_300 + index,
  height: 9,
  view: 0,
  primary: 0,
  peers: 3,
  mempool: 0,
  mining: null,
  verdict: { state: "idle", ok: true, summary: "nothing to agree on" },
  cutOffFrom: [],
  ...changes,
});

const report = (...nodes: NodeReport[]): DevnetReport => ({
  dir: ".devnet",
  pid: 1,
  quorum: 3,
  voters: nodes.slice(0, 4).map(({ name }) => name),
  partition: null,
  nodes,
});

const summary = "this validator has stopped voting: amnesia: votes of its own are missing";
const stopped = { height: 5, verdict: { state: "halted", ok: false, summary } };

it("the monitor of a devnet calls a validator that has stopped voting halted, says why, and counts it as missing", () => {
  const devnet = report(
    node(0),
    node(1),
    node(2, stopped),
    node(3, { state: "killed", height: null, verdict: null }),
  );
  expect(troublesOf(devnet)).toEqual([`node2: ${summary}`]);
  const text = [nodeTable(out, devnet)].flat().join("\n");
  expect(text).toMatch(/node2 +halted +5/);
  expect(text).toMatch(/node3 +killed/);
  expect(describeNetwork(out, devnet)).toContain("node2 ✖ halted");
  expect(describeNetwork(out, devnet)).toContain("NO QUORUM: 2 of 4 online, need 3");
});

it("the monitor of a devnet tells what nobody ordered from what the operator did", () => {
  const killed = report(node(0), node(1), node(2), node(3, { state: "killed", height: null, verdict: null }));
  expect(troublesOf(killed)).toEqual([]);
  const degraded = { state: "degraded", ok: false, summary: "ONE MORE FAILURE" };
  expect(troublesOf(report(node(0, { verdict: degraded })))).toEqual([]);
  const ended = report(node(0, { state: "exited", height: null, verdict: null }));
  expect(troublesOf(ended)).toEqual(["node0 ended by itself: see its log"]);
});

it("the monitor of a devnet does not take a node that is late with its answer for one that is gone", () => {
  const late = { height: null, view: null, primary: null, verdict: null };
  const busy = describeNetwork(out, report(node(0), node(1), node(2, late), node(3, late)));
  expect(busy).not.toContain("NO QUORUM");
  expect(busy).toContain("no answer from node2, node3: whether 3 of 4 agree is not known");
  const [killed] = [{ ...late, state: "killed" } as const];
  const halted = describeNetwork(out, report(node(0), node(1, late), node(2, killed), node(3, killed)));
  expect(halted).toContain("NO QUORUM: at most 2 of 4 online, need 3");
});

it("the monitor of a devnet invents no height where no node answers", () => {
  const late = { height: null, view: null, primary: null, verdict: null };
  const silent = report(node(0, late), node(1, late), node(2, late), node(3, late));
  expect(describeNetwork(out, silent)).toMatch(/^height - {2}view - {2}primary -/);
});

it("the monitor of a devnet counts those that vote alone, and finds the primary by its seat", () => {
  const follows = { view: null, primary: null };
  const seated = { primary: 2 };
  const devnet = {
    ...report(node(0, seated), node(1, seated), node(2, seated), node(3, seated), node(4, follows)),
    voters: ["node0", "node1", "node3", "node2"],
  };
  expect(describeNetwork(out, devnet)).toContain("primary node3");
  expect(nodeTable(out, devnet).join("\n")).toMatch(/node3 +running +9 +0 primary/);
  const gone = { state: "killed", height: null, verdict: null, view: null, primary: null } as const;
  const halted = { ...devnet, nodes: devnet.nodes.map((one) => ({ ...one, ...(one.index < 2 && gone) })) };
  expect(describeNetwork(out, halted)).toContain("NO QUORUM: 2 of 4 online, need 3");
});
