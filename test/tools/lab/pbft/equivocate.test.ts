/**
 * Goal: up to f validators that contradict themselves harm nobody and are named; one more forks the chain, and both
 * certificates are shown. Method: small runs of four validators, and the evidence judged once more from its bytes.
 */
import { describe, expect, it } from "vitest";
import { showHash } from "../../../../src/base/bytes.ts";
import { verifyEvidence } from "../../../../src/sdk/verify-evidence.ts";
import { type EquivocateOptions, runEquivocate } from "../../../../src/tools/lab/pbft/equivocate.ts";
import { equivocateReport } from "../../../../src/tools/lab/report/pbft-report.ts";

const OPTIONS: EquivocateOptions = { nodes: 4, byzantine: 1, way: "equivocate", seed: 1, payMs: 1_000 };

describe("as many equivocators as are survived", () => {
  let first = "";
  for (const way of ["equivocate", "twin"] as const) {
    it(`leave one chain and are named by evidence that anyone can verify (${way})`, async () => {
      const run = await runEquivocate({ ...OPTIONS, way });
      const { result, genesis } = run;
      if (way === OPTIONS.way) first = equivocateReport(run, "x");
      expect(result).toMatchObject({ isMatch: true, fork: undefined, pending: 0, stops: [] });
      expect(result.convictions.map(({ validator }) => validator)).toEqual([0]);
      expect(verifyEvidence(genesis, result.convictions[0]!.evidence)).toMatchObject({
        valid: true,
        validator: 0,
      });
    });
  }

  it("give the same page for the same seed", async () => {
    const page = equivocateReport(await runEquivocate(OPTIONS), "x");
    expect(page).toBe(first);
    expect(page).not.toMatch(/NaN|undefined|Infinity|<script/);
  });
});

describe("one equivocator more", () => {
  for (const way of ["equivocate", "twin"] as const) {
    it(`forks the chain, with two valid certificates that the culprits signed both (${way})`, async () => {
      const run = await runEquivocate({ ...OPTIONS, byzantine: 2, way });
      const { fork, isMatch, convictions } = run.result;
      expect(isMatch).toBe(true);
      expect(fork?.certificates.map(({ fault }) => fault)).toEqual([undefined, undefined]);
      expect(fork?.certificates[0].hash).not.toBe(fork?.certificates[1].hash);
      expect(fork?.signedBoth).toEqual([0, 1]);
      expect(convictions.map(({ validator }) => validator)).toEqual([0, 1]);
      expect(equivocateReport(run, "x")).toContain("Two certificates for one height");
      // The blocks of both sides stand beside each other, from one parent.
      expect(run.branches?.common.summary.height).toBe(BigInt(fork!.height - 1));
      expect(run.branches?.sides.map((blocks) => showHash(blocks[0]!.hash))).toEqual(
        fork?.certificates.map(({ hash }) => hash),
      );
    });
  }
});
