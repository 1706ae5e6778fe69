import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // One more than there are cores: the end-to-end files mostly wait for their processes.
    maxWorkers: availableParallelism() + 1,
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**"],
          testTimeout: 20_000,
          // Tests share a process: they have no global state, and a process a file costs more than most files.
          isolate: false,
          // A schedule makes much garbage that dies young: a larger nursery saves a tenth of the time.
          execArgv: ["--max-semi-space-size=64"],
        },
      },
      {
        // Real processes on loopback: one file at a time, so that they do not starve each other.
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          globalSetup: "test/e2e/setup.ts",
        },
      },
    ],
  },
});
