// What Node asks when a module is imported (typescript.js says why). It runs in a thread of its own, or in
// the one that imports (in-this-thread.js).
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT, transformed } from "./transformed.js";

const OURS = pathToFileURL(ROOT).href;
const PACKAGES = `${OURS}node_modules/`;
const JOINED = join(ROOT, "dist/node_modules");
/** A module of the build, beside which joined libraries are looked for first. */
const BUILT = `${OURS}dist/node.js`;
const BESIDE = /^(?:\.\.?\/|file:).*\.(?:tsx?|m?js)(?:\?.*)?$/;

const isOurs = (url) => url?.startsWith(OURS) === true && !url.startsWith(PACKAGES);
const packages = new Map();

/** A package is the same from each of our modules. */
async function resolvePackage(specifier, context, next) {
  let found = packages.get(specifier);
  if (found === undefined) {
    const name = specifier
      .split("/")
      .slice(0, specifier.startsWith("@") ? 2 : 1)
      .join("/");
    const isJoined = existsSync(join(JOINED, name));
    found = await next(specifier, isJoined ? { ...context, parentURL: BUILT } : context).catch((error) => {
      if (!isJoined) throw error;
      return next(specifier, context);
    });
    packages.set(specifier, found);
  }
  return { ...found, shortCircuit: true };
}

export async function resolve(specifier, context, next) {
  if (!isOurs(context.parentURL)) return next(specifier, context);
  if (BESIDE.test(specifier)) {
    const { href } = new URL(specifier, context.parentURL);
    return isOurs(href) ? { url: href, format: "module", shortCircuit: true } : next(specifier, context);
  }
  return /^[a-z@]/.test(specifier) && !specifier.includes(":")
    ? resolvePackage(specifier, context, next)
    : next(specifier, context);
}

export async function load(url, context, next) {
  const [plain = ""] = url.split("?", 1);
  if (!/\.tsx?$/.test(plain) || !isOurs(url)) return next(url, context);
  return { format: "module", source: await transformed(plain), shortCircuit: true };
}
