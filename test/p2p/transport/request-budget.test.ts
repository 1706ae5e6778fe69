/** What the questions of peers may cost, on virtual time, and that a node holds to it. */
import { afterEach, describe, expect, it } from "vitest";
import {
  REQUEST_MS,
  REQUEST_MS_OTHERS,
  REQUEST_MS_PER_BYTE,
  REQUEST_WAIT_MS_MAX,
  RequestBudgets,
} from "../../../src/p2p/transport/request-budget.ts";
import { addressOf, nodeOptions, REAL_TIME, TestNode, until } from "../testnet.ts";

const MIB = 1024 * 1024;

describe("the budget of a peer's questions", () => {
  it("serves a peer that catches up some 10 MiB a second without end", () => {
    const budgets = new RequestBudgets();
    let nowMs = 0;
    let bytes = 0;
    while (nowMs < 60_000) {
      const waitMs = budgets.waitMs("a", true, nowMs);
      expect(waitMs).toBeLessThan(REQUEST_WAIT_MS_MAX);
      nowMs += waitMs + 1;
      budgets.computed("a", 1, nowMs);
      budgets.answered("a", MIB, nowMs);
      bytes += MIB;
    }
    expect(bytes / MIB / 60).toBeGreaterThan(10);
    expect(bytes / MIB / 60).toBeLessThan(16);
  });

  it("lets many peers together take no more than their share, and takes nothing from a validator", () => {
    const budgets = new RequestBudgets();
    let spentMs = 0;
    for (let nowMs = 0; nowMs < 60_000; nowMs += 10) {
      for (let peer = 0; peer < 50; peer++) {
        if (budgets.waitMs(`stranger ${peer}`, false, nowMs) > 0) continue;
        budgets.computed(`stranger ${peer}`, 10, nowMs);
        spentMs += 10;
      }
    }
    expect(spentMs).toBeLessThan(REQUEST_MS_OTHERS.capacity + 60 * REQUEST_MS_OTHERS.perSecond + 500);
    expect(budgets.waitMs("validator", true, 60_000)).toBe(0);
  });

  it("charges bytes as well as computing", () => {
    const budgets = new RequestBudgets();
    budgets.waitMs("a", true, 0);
    budgets.answered("a", (REQUEST_MS.capacity + REQUEST_MS.perSecond) / REQUEST_MS_PER_BYTE, 0);
    expect(budgets.waitMs("a", true, 0)).toBeCloseTo(1_000);
  });
});

const nodes: TestNode[] = [];

afterEach(() => Promise.all(nodes.splice(0).map(({ network }) => network.stop())));

describe("a node that is asked what is dear to answer", () => {
  it("answers busy instead of computing on, and answers others", async () => {
    // Its clock stands still: nothing is paid back meanwhile.
    const asked = new TestNode(nodeOptions(0), { ...REAL_TIME, now: () => 0 });
    nodes.push(asked);
    await asked.start();
    const [greedy, modest] = [1, 2].map(
      (i) => new TestNode(nodeOptions(i, { staticPeers: [addressOf(asked)] })),
    );
    nodes.push(greedy!, modest!);
    let answers = 0;
    asked.answer = async (_, bytes) => {
      answers++;
      const end = performance.now() + 250;
      while (performance.now() < end);
      return bytes;
    };
    await Promise.all([greedy!.start(), modest!.start()]);
    await until(() => asked.network.peers().length === 2, "connected");
    const ask = (node: TestNode) => node.network.request(asked.network.peerId, Uint8Array.of(1));
    // How many of those that come at once are answered is a matter of timing. What that cost is owed, so that soon
    // one is told "busy" and costs nothing.
    const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => ask(greedy!)));
    const isBusy = (outcome: PromiseSettledResult<unknown>) =>
      outcome.status === "rejected" && /busy/.test(String(outcome.reason));
    for (let more = 0; more < 20 && !outcomes.some(isBusy); more++) {
      outcomes.push(...(await Promise.allSettled([ask(greedy!)])));
    }
    expect(outcomes.some(isBusy)).toBe(true);
    expect(answers).toBe(outcomes.filter(({ status }) => status === "fulfilled").length);
    expect(asked.network.counters.rejected["request-budget"]).toBeGreaterThan(0);
    expect(await ask(modest!)).toEqual(Uint8Array.of(1));
  });
});
