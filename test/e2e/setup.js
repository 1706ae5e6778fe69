// The runner's own process loads this: it is told how to read TypeScript before it meets any.
import "../loader/typescript.js";

export default async function setup(project) {
  const { startSharedDevnet } = await import("./shared-devnet.ts");
  return startSharedDevnet(project);
}
