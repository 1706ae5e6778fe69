// Node 20 runs hooks in a thread of their own, and two messages for every import of every module are half of what it
// costs to load ours. Here they are called where the import is, by way of Node's own modules, which a process sees that
// was started with --expose-internals. Newer Nodes, and processes without that option, ask the thread.
import { createRequire } from "node:module";
import { load, resolve } from "./typescript-hooks.js";

const VERSION = /^v20\./;
/** How the runner asks for a file that is to be evaluated again. */
const ANEW = /%3Fvitest=\d+/;
const require = createRequire(import.meta.url);

/** Node's own modules that take part, or undefined where they are not to be had. */
function internals() {
  if (!VERSION.test(process.version)) return undefined;
  try {
    const { defaultLoad } = require("internal/modules/esm/load");
    const { defaultResolve } = require("internal/modules/esm/resolve");
    const { initializeImportMeta } = require("internal/modules/esm/initialize_import_meta");
    const { getOrInitializeCascadedLoader } = require("internal/modules/esm/loader");
    return { defaultLoad, defaultResolve, initializeImportMeta, loader: getOrInitializeCascadedLoader() };
  } catch {
    return undefined;
  }
}

/** Whether the hooks are called in this thread from now on. */
export function hooksInThisThread() {
  const node = internals();
  if (typeof node?.loader?.setCustomizations !== "function") return false;
  const { defaultLoad, defaultResolve, initializeImportMeta, loader } = node;
  const next = async (specifier, context) => defaultResolve(specifier, context);
  loader.setCustomizations({
    allowImportMetaResolve: true,
    resolve: async (specifier, parentURL, importAttributes) => {
      const plain = specifier.replace(ANEW, "");
      const found = await resolve(plain, { parentURL, importAttributes }, next);
      return plain === specifier ? found : { ...found, url: `${found.url}?vitest=${Date.now()}` };
    },
    resolveSync: (specifier, parentURL, importAttributes) =>
      defaultResolve(specifier, { parentURL, importAttributes }),
    load: async (url, context) => ({ responseURL: url, ...(await load(url, context, defaultLoad)) }),
    importMetaInitialize: initializeImportMeta,
    forceLoadHooks: () => undefined,
    // The runner's own hooks do what ANEW is for, and tell its main process who imports what, which only watching needs.
    register: () => undefined,
  });
  return true;
}
