import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The end-to-end tests are the longest file and mostly wait: they begin first, beside everything else. */
class EndToEndFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isEndToEnd = (file: TestSpecification) => file.project.name === "e2e";
    return [...sorted.filter(isEndToEnd), ...sorted.filter((file) => !isEndToEnd(file))];
  }
}

export default defineConfig({
  test: {
    // One more than there are cores: the end-to-end tests mostly wait for their processes.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: EndToEndFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**"],
          testTimeout: 20_000,
          setupFiles: "test/behind.ts",
          // Tests share a process: they have no global state, and a process a file costs more than most files.
          isolate: false,
          // A schedule makes much garbage that dies young: a larger nursery saves a tenth of the time. And a third of
          // the time goes into optimizing code that then runs for seconds only: inlining less saves another tenth.
          execArgv: ["--max-semi-space-size=64", "--max-inlined-bytecode-size-cumulative=100"],
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/e2e.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          globalSetup: "test/e2e/setup.ts",
        },
      },
    ],
  },
});
