import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The two longest files, which the others are run beside: they begin first. The end-to-end tests mostly wait. */
const FIRST = ["test/e2e/e2e.test.ts", "test/tools/sim/schedules.test.ts"];

const LOADER = ["--import", new URL("test/loader/typescript.js", import.meta.url).href];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const first = FIRST.flatMap((name) => sorted.filter(({ moduleId }) => moduleId.endsWith(name)));
    return [...first, ...sorted.filter((file) => !first.includes(file))];
  }
}

export default defineConfig({
  test: {
    // One more than there are cores: the end-to-end tests mostly wait for their processes.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          globalSetup: "test/loader/all-at-once.js",
          setupFiles: "test/behind.ts",
          // Tests share a process: they have no global state, and a process a file costs more than most files.
          isolate: false,
          // Node itself loads the files, through test/loader: calls between modules cost a sixth less than through the runner.
          experimental: { viteModuleRunner: false, nodeLoader: false },
          // A schedule makes much garbage that dies young: a larger nursery saves a tenth of the time. And a third of
          // the time goes into optimizing code that then runs for seconds only: inlining less saves another tenth.
          // Node's own modules let the loader do without a thread: test/loader/in-this-thread.js.
          execArgv: [
            "--expose-internals",
            ...LOADER,
            "--max-semi-space-size=64",
            "--max-inlined-bytecode-size-cumulative=100",
          ],
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/e2e.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          globalSetup: ["test/loader/all-at-once.js", "test/e2e/setup.js"],
          experimental: { viteModuleRunner: false, nodeLoader: false },
          execArgv: LOADER,
        },
      },
    ],
  },
});
