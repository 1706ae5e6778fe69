/** With which exit code a signer ends that could not go on. */
import { expect, test } from "vitest";
import { whySignerStopped } from "../../../src/cli/home/run-signer.ts";

test("a signer whose disk is full ends as a node does there, and any other failure as broken", () => {
  const full = Object.assign(new Error("ENOSPC"), { code: "ENOSPC", syscall: "write" });
  const failure = new Error("writing the journal sg/journal/votes.log failed", { cause: full });
  expect(whySignerStopped(failure)).toMatchObject({
    exitCode: 78,
    message: expect.stringMatching(/^the signer had to stop: writing the journal .*: the disk is full/),
  });
  expect(whySignerStopped(new Error("odd"))).toMatchObject({ exitCode: 70, code: "STOPPED" });
});
