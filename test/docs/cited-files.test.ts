/** Goal: a file that a comment names is there. Method: every name of a source file in a comment, against all files. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const FOLDERS = ["src", "test", "bin", "kernel", "examples"];
const IN_COMMENT = /^\s*(?:\/\/|\/\*|\*)(.*)$/gm;
const NAMED = /(?<![\w.*/-])((?:[\w-]+\/)*[\w-]+\.(?:ts|tsx|js))(?![\w-])/g;
/** Files of a user, or that a build makes. */
const OTHERS =
  /^(?:registry|shop|NAME|name|entry|config|index|your|my|module)\b|^Node\.js$|^hunt\.js$|^(?:src|modules|dist)\//;

const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((path) => `/${folder}/${path}`),
);

it("every file that a comment names is there", () => {
  const missing = files
    .filter((path) => /\.tsx?$/.test(path) && !path.startsWith("/examples"))
    .flatMap((path) => {
      const text = readFileSync(join(ROOT, path), "utf8");
      const named = [...text.matchAll(IN_COMMENT)].flatMap(([, words = ""]) =>
        [...words.matchAll(NAMED)].map(([, name = ""]) => name),
      );
      const gone = named.filter(
        (name) => !OTHERS.test(name) && !files.some((file) => file.endsWith(`/${name}`)),
      );
      return gone.map((name) => `${path.slice(1)}: ${name}`);
    });
  expect(missing).toEqual([]);
});
