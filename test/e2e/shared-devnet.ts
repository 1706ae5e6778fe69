/** One devnet for all end-to-end files: started before the first, removed after the last. */
import type { TestProject } from "vitest/node";
import { Devnet } from "./processes.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly devnet: { readonly dir: string; readonly portBase: number; readonly size: number };
  }
}

export async function startSharedDevnet(project: TestProject): Promise<() => Promise<void>> {
  // What comes together is judged on another thread: by default only where a core is free for it.
  const devnet = await Devnet.start(4, [], { QUORATE_VERIFICATION_THREAD: "on" });
  project.provide("devnet", { dir: devnet.dir, portBase: devnet.portBase, size: devnet.size });
  return () => devnet.remove();
}
