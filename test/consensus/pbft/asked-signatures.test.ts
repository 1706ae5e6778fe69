/** A key that is not here: the engine asks for each signature by an effect and goes on where it stopped. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { EMPTY, hex } from "../../../src/base/bytes.ts";
import type { Effect } from "../../../src/consensus/engine.ts";
import type { PbftMessage } from "../../../src/consensus/pbft/message-verifier.ts";
import { Cluster, SETTINGS } from "./cluster.ts";
import { createFixture } from "./fixture.ts";
import { headOf } from "./host.ts";

const PBFT = fileURLToPath(new URL("../../../src/consensus/pbft", import.meta.url));

it("no work that signs is called without being waited for", () => {
  const texts = readdirSync(PBFT).map((file) => readFileSync(join(PBFT, file), "utf8"));
  const names = texts.flatMap((text) => [...text.matchAll(/function\* (\w+)\(/g)].map(([, name]) => name!));
  expect(names.length).toBeGreaterThan(30);
  const call = new RegExp(
    `(yield\\* |function\\* )?(?<![\\w.])(?:(?:${names.join("|")})\\(\\s*core\\b|core\\.sign\\()`,
    "g",
  );
  const calls = texts.flatMap((text) => [...text.matchAll(call)]);
  expect(calls.length).toBeGreaterThan(2 * names.length);
  // `work` is what a step begins with.
  expect(calls.filter(([, waits]) => waits === undefined).map(([text]) => text)).toEqual(["work(core"]);
});

/** All effects of a run, in the order in which they were performed. */
function effectsOf(asks: boolean, seed: number): string[] {
  const fixture = createFixture(4, { checkpointInterval: 2, rotationInterval: 1, pipelineDepth: 2 });
  const cluster = new Cluster(fixture, {
    seed,
    loss: 0.1,
    targetHeight: 6n,
    settings: { statusIntervalMs: 200, requestTimeoutMs: 300, resendIntervalMs: 200 },
  });
  const seen: string[] = [];
  const observe = cluster.observe.bind(cluster);
  cluster.observe = (host, effect) => {
    seen.push(`${host.id} ${described(effect)}`);
    observe(host, effect);
  };
  if (asks) {
    for (const [i, host] of cluster.hosts.entries())
      host.key = (message) => fixture.signers[i]!.sign(message);
  }
  cluster.start();
  expect(cluster.run(() => cluster.reached(6n), 120_000)).toBe(true);
  return seen;
}

function described(effect: Effect<PbftMessage>): string {
  return JSON.stringify(effect, (_, value) =>
    typeof value === "bigint" ? `${value}n` : value instanceof Uint8Array ? hex(value) : value,
  );
}

it("an engine that asks for its signatures does in every step what one with its key does", () => {
  for (const seed of [1, 2, 3]) {
    const own = effectsOf(false, seed);
    expect(own.length).toBeGreaterThan(300);
    expect(effectsOf(true, seed)).toEqual(own);
  }
});

it("an engine that waits for a signature takes no other input", () => {
  const fixture = createFixture(4);
  const engine = fixture.consensus.createEngine({ self: 0, signer: "asked", settings: SETTINGS })!;
  const started = {
    kind: "started",
    head: headOf(fixture.block0),
    journal: [],
    checkpoint: undefined,
  } as const;
  expect(() => engine.step({ kind: "signed", signature: EMPTY })).toThrow(/unexpected input signed/);
  const effects = engine.step(started);
  expect(effects.at(-1)?.kind).toBe("sign");
  expect(effects.filter(({ kind }) => kind === "sign")).toHaveLength(1);
  expect(() => engine.step({ kind: "pool-changed", oldest: undefined })).toThrow(
    /unexpected input pool-changed/,
  );
  expect(engine.status().mode).toBe("normal");
  const { message } = effects.at(-1) as { message: Uint8Array };
  const next = engine.step({ kind: "signed", signature: fixture.signers[0]!.sign(message) });
  expect(next.map(({ kind }) => kind)).toContain("broadcast");
});
