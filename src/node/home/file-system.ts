/**
 * What kind of file system a home is on, by the number that statfs(2) gives on Linux; elsewhere nothing is known. One that several
 * hosts can mount keeps no second host from the same home: process ids say nothing there, and locks are as good as the server. So
 * a validator does not vote from one, unless its operator says that no other host uses it.
 * Source: statfs(2), linux/magic.h; docs/adr/0042-03.
 */
import { existsSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { accept, refuse, type Verdict } from "../../base/fault.ts";

export interface FileSystem {
  readonly name: string;
  readonly kind: "shared" | "kernel" | "memory";
}

/** The number of the file system of a path. */
export type ReadFileSystem = (path: string) => number;

const SHARED: readonly (readonly [number, string])[] = [
  [0x6969, "nfs"],
  [0x517b, "smb"],
  [0xff534d42, "cifs"],
  [0xfe534d42, "smb2"],
  [0x65735546, "fuse"],
  [0x01021997, "9p"],
  [0x00c36400, "ceph"],
  [0x5346414f, "afs"],
  [0x73757245, "coda"],
  [0x01161970, "gfs2"],
  [0x7461636f, "ocfs2"],
  [0x0bd00bd0, "lustre"],
  [0x47504653, "gpfs"],
  [0x786f4256, "vboxsf"],
  [0xbacbacbc, "vmhgfs"],
];

const KERNEL: readonly (readonly [number, string])[] = [
  [0x9fa0, "proc"],
  [0x62656572, "sysfs"],
  [0x27e0eb, "cgroup"],
  [0x63677270, "cgroup2"],
  [0x64626720, "debugfs"],
  [0x74726163, "tracefs"],
  [0x1cd1, "devpts"],
  [0x73636673, "securityfs"],
  [0xcafe4a11, "bpf"],
  [0x6e736673, "nsfs"],
];

const MEMORY: readonly (readonly [number, string])[] = [
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
];

const KNOWN: ReadonlyMap<number, FileSystem> = new Map(
  (
    [
      ["shared", SHARED],
      ["kernel", KERNEL],
      ["memory", MEMORY],
    ] as const
  ).flatMap(([kind, list]) => list.map(([number, name]) => [number, { name, kind }] as const)),
);

function readFileSystem(path: string): number {
  return process.platform === "linux" ? statfsSync(path).type : 0;
}

/**
 * The file system of a path, or of the nearest folder above it that is there. Undefined for a usual disk, and
 * where nothing is known.
 */
export function fileSystemOf(path: string, read: ReadFileSystem = readFileSystem): FileSystem | undefined {
  let at = resolve(path);
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  try {
    return KNOWN.get(read(at) >>> 0);
  } catch {
    return undefined; // whoever uses the path says what is wrong with it
  }
}

export const NETWORK_HOME_OPTION = "--network-home";
export const NETWORK_HOME_HELP =
  "the folder is on a file system that other hosts can mount, and none of them uses it: two processes with one validator key would contradict each other";

export interface HomeUse {
  /** Folders of the home, each of which may be a mount of its own. */
  readonly folders: readonly string[];
  /** Whether votes are given from it. */
  readonly votes: boolean;
  /** The operator says that no other host uses it. */
  readonly isExclusive: boolean;
}

/**
 * Whether a home may be where it is.
 * @returns what is to be said of it all the same
 */
export function checkFileSystem(
  { folders, votes, isExclusive }: HomeUse,
  read: ReadFileSystem = readFileSystem,
): Verdict<readonly string[], "network-file-system" | "no-disk"> {
  // The first folder on each is enough.
  const warnings = new Map<string, string>();
  for (const path of folders) {
    const found = fileSystemOf(path, read);
    if (found === undefined || warnings.has(found.name)) continue;
    const { name, kind } = found;
    if (kind === "kernel")
      return refuse(
        "no-disk",
        `${path}: on ${name}, which is the kernel's and keeps no files: use another folder`,
      );
    if (kind === "memory" && votes)
      warnings.set(
        name,
        `${path}: on ${name}, in memory: after a restart of the machine the votes of this key are lost`,
      );
    if (kind !== "shared") continue;
    const risk = `${path}: on ${name}, which other hosts can mount: nothing here keeps one of them from using it too`;
    if (votes && !isExclusive) {
      return refuse(
        "network-file-system",
        `${risk}, and two processes with one validator key contradict each other and halt. Keep the home on a disk of this host, ` +
          `follow without a vote (--mode full), or, if surely no other host uses it: ${NETWORK_HOME_OPTION}`,
      );
    }
    warnings.set(name, `${risk}${votes ? `; you have said that none does (${NETWORK_HOME_OPTION})` : ""}`);
  }
  return accept([...warnings.values()]);
}
