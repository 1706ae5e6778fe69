/**
 * A registry on this machine, so that npm installs this project as it would the published one: its answer names the
 * shrinkwrap, which npm does not look for in a tarball that lies in a file. What it says of other packages is what the
 * lockfile says; npm takes them from its cache by their hashes, and is sent to the public registry for what it lacks.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const PUBLIC = "https://registry.npmjs.org";
const OWN_TARBALL = "/-/package.tgz";

export interface LocalRegistry {
  readonly url: string;
  /** What npm had to fetch from the public registry. */
  readonly fetched: readonly string[];
  close(): Promise<void>;
}

export interface PackageManifest {
  readonly name: string;
  readonly version: string;
}

/** Of package-lock.json. */
export interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly name?: string; readonly version: string; readonly integrity?: string }>
  >;
}

/** @param tarball path of the file that `npm pack` made @param manifest what package.json says */
export async function openRegistry(
  tarball: string,
  manifest: PackageManifest,
  lock: Lock,
): Promise<LocalRegistry> {
  const bytes = readFileSync(tarball);
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  const fetched: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "/");
    if (path === OWN_TARBALL) return response.end(bytes);
    const name = path.slice(1);
    const own = { ...manifest, _hasShrinkwrap: true, dist: { tarball: `${url}${OWN_TARBALL}`, integrity } };
    const versions = name === manifest.name ? [own] : versionsOf(name, lock);
    if (versions.length > 0) return response.end(JSON.stringify(documentOf(name, versions)));
    fetched.push(path);
    return response.writeHead(302, { location: `${PUBLIC}${request.url}` }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { url, fetched, close };
}

function versionsOf(name: string, { packages }: Lock): PackageManifest[] {
  return Object.entries(packages)
    .filter(([path, entry]) => path !== "" && (entry.name ?? path.split("node_modules/").at(-1)) === name)
    .map(([, entry]) => {
      const tarball = `${PUBLIC}/${name}/-/${name.split("/").at(-1)}-${entry.version}.tgz`;
      return { ...entry, name, dist: { tarball, integrity: entry.integrity } };
    });
}

function documentOf(name: string, versions: readonly PackageManifest[]) {
  return {
    name,
    "dist-tags": { latest: versions.at(-1)!.version },
    versions: Object.fromEntries(versions.map((version) => [version.version, version])),
  };
}
