/**
 * What a disk says, in words that help: a system error's code becomes what is wrong and what to do about it, with the
 * path that it is about. Errors of the network and of other kinds have words of their own. Pure.
 */

interface Words {
  readonly words: string;
  /** The path itself is wrong, so that another one is the remedy. */
  readonly isInput?: boolean;
}

const WORDS: Readonly<Record<string, Words>> = {
  ENOSPC: { words: "the disk is full: free space there, or use another folder" },
  EDQUOT: { words: "the disk quota is used up: free space there, or raise the quota" },
  EFBIG: { words: "the file may not grow further: raise the limit of file sizes (ulimit -f)" },
  EROFS: { words: "the file system is mounted read-only: mount it writable, or use another folder" },
  EACCES: { words: "this user may not use it: give it the folder (chown), or start as the folder's owner" },
  EPERM: {
    words: "the system does not permit it: look at the owner, the mode and the attributes of the folder",
  },
  EIO: {
    words: "the disk reports an error: look at the system's log, and restore from a copy if it is broken",
  },
  EMFILE: { words: "too many files are open: raise the limit (ulimit -n)" },
  ENFILE: { words: "too many files are open on this machine: end what is not needed" },
  ENOTDIR: {
    words: "something on the path is a file, where a folder is needed: use another path",
    isInput: true,
  },
  EEXIST: {
    words: "a file is there, where a folder is needed: use another path, or move it away",
    isInput: true,
  },
  EISDIR: { words: "it is a folder, where a file is needed: use another path", isInput: true },
  ENOENT: { words: "it does not exist: look at the path", isInput: true },
  ELOOP: { words: "its links lead in a circle: look at the path", isInput: true },
  ENAMETOOLONG: { words: "the name is too long: use a shorter path", isInput: true },
};

/** Errors of /proc and its like, and of paths that vanish. */
const NO_FOLDER: Words = { words: "no folder can be made there: use another path", isInput: true };

/** LevelDB gives the system's sentence and no code. */
const SENTENCES: readonly (readonly [string, string])[] = [
  ["No space left on device", "ENOSPC"],
  ["Read-only file system", "EROFS"],
  ["Permission denied", "EACCES"],
  ["Operation not permitted", "EPERM"],
  ["Disk quota exceeded", "EDQUOT"],
  ["File too large", "EFBIG"],
  ["Input/output error", "EIO"],
  ["Too many open files", "EMFILE"],
];

/** Calls that share codes with those on files. */
const OTHER_CALLS = /^(spawn|listen|bind|connect|accept|getaddrinfo|send|recv|kill)/;

export interface DiskFault {
  /** One sentence: the path where it is known, what is wrong, what to do. */
  readonly detail: string;
  readonly isInput: boolean;
}

/** What failed at the disk, which is looked for in causes too. Undefined for any other error. */
export function diskFaultOf(error: unknown): DiskFault | undefined {
  const found = findFault(error);
  if (found === undefined) return undefined;
  const { words, path, isInput = false } = found;
  const said = error instanceof Error ? error.message : "";
  const isOwnSentence = error !== found.error && said !== "";
  const place = path ?? (isOwnSentence ? said : "a file could not be read or written");
  return { detail: said.includes(words) ? said : `${place}: ${words}`, isInput };
}

/** What is wrong and what to do, without the path. Undefined for what is no error of the disk. */
export function explainDisk(error: unknown): string | undefined {
  return findFault(error)?.words;
}

/** Whether what failed is room on the disk, which may come back by itself. */
export function isDiskFull(error: unknown): boolean {
  const words = explainDisk(error);
  return words !== undefined && [WORDS.ENOSPC?.words, WORDS.EDQUOT?.words].includes(words);
}

/** Does something with a file; an error that names no path, as those of writes do, gets this one. */
export function withPath<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw namePath(error, path);
  }
}

/** @returns the error, with this path where it is one of the system that names none */
export function namePath(error: unknown, path: string): unknown {
  if (error instanceof Error && "syscall" in error && !("path" in error)) Object.assign(error, { path });
  return error;
}

interface Found extends Words {
  readonly error: Error;
  readonly path: string | undefined;
}

function findFault(error: unknown): Found | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++) {
    const { code, syscall = "", path } = at as NodeJS.ErrnoException;
    const words = wordsOf(at, code, syscall);
    if (words !== undefined) return { ...words, error: at, path };
  }
  return undefined;
}

function wordsOf({ message }: Error, code: string | undefined, syscall: string): Words | undefined {
  if (code === "ENOENT" && syscall === "mkdir") return NO_FOLDER;
  if (code !== undefined && Object.hasOwn(WORDS, code))
    return OTHER_CALLS.test(syscall) ? undefined : WORDS[code];
  // "IO error: PATH: sentence" is LevelDB's.
  const sentence = SENTENCES.find(([text]) => message.startsWith("IO error") && message.includes(text));
  return sentence === undefined ? undefined : WORDS[sentence[1]];
}
