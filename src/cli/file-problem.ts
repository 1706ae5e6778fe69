/** Why the system refused a path, in words that say what to do; the system's own code stays in brackets. */

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "this user may not read or write there",
  EPERM: "the system does not permit it",
  EROFS: "the file system is read-only",
  ELOOP: "its symbolic links lead in a circle",
  ENOTDIR: "a part of the path is a file, not a folder",
  EISDIR: "it is a folder",
  EEXIST: "a file is in the way",
  ENAMETOOLONG: "a name in it is too long for the file system",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open",
  EIO: "the disk failed",
};

/** @returns undefined for an error that is not the system's */
export function fileProblem(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  if (code === undefined || !("syscall" in (error as Error))) return undefined;
  const words = WORDS[code];
  return words === undefined ? `the system refused it (${code})` : `${words} (${code})`;
}
