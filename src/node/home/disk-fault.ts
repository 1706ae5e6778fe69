/**
 * What a disk says, in words that help: a system error's code becomes what is wrong and what to do about it. Errors of
 * other kinds have words of their own.
 */

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: free space there",
  EDQUOT: "the disk quota is used up: free space there, or raise the quota",
  EROFS: "the file system is mounted read-only: mount it writable, or use another folder",
  EACCES: "this user may not use it: give it the folder (chown), or start as the folder's owner",
  EPERM: "the system does not permit it: look at the owner, the mode and the attributes of the folder",
  EIO: "the disk reports an error: look at the system's log, and restore from a copy if it is broken",
  ENOTDIR: "something on the path is a file, where a folder is needed",
  EEXIST: "something on the path is a file, where a folder is needed",
  EISDIR: "it is a folder, where a file is needed",
  ENOENT: "it does not exist",
  ELOOP: "its links lead in a circle",
  EMFILE: "too many files are open: raise the limit (ulimit -n)",
  ENFILE: "too many files are open on this machine",
  ENAMETOOLONG: "the name is too long",
};

/** Undefined for what is no error of the disk. Looks into causes. */
export function explainDisk(error: unknown): string | undefined {
  const code = systemError(error)?.code;
  return code === undefined ? undefined : WORDS[code];
}

function systemError(error: unknown): NodeJS.ErrnoException | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++) {
    const { code } = at as NodeJS.ErrnoException;
    if (code !== undefined && code in WORDS) return at as NodeJS.ErrnoException;
    // LevelDB gives the system's sentence and no code.
    const sentence = SENTENCES.find(([text]) => (at as Error).message.includes(text));
    if (sentence !== undefined) return Object.assign(new Error(), { code: sentence[1] });
  }
  return undefined;
}

const SENTENCES: readonly (readonly [string, string])[] = [
  ["No space left on device", "ENOSPC"],
  ["Read-only file system", "EROFS"],
  ["Permission denied", "EACCES"],
  ["Disk quota exceeded", "EDQUOT"],
  ["Input/output error", "EIO"],
  ["Too many open files", "EMFILE"],
];
