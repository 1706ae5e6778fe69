import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // All cores: by default one is kept back, which on two cores is half of them.
    maxWorkers: "100%",
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**"],
          testTimeout: 20_000,
          // Tests share a process: they have no global state, and a process a file costs more than most files.
          isolate: false,
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
