/**
 * Runs every script of test/scripts and compares what came of it with what stands there. UPDATE=1 rewrites the
 * files: read the difference before you commit it.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Script } from "./script.ts";

const folder = new URL("../../scripts/", import.meta.url);

describe("the PBFT engine, step by step", () => {
  for (const name of readdirSync(folder).filter((file) => file.startsWith("pbft-"))) {
    it(name.replace(/^pbft-|\.txt$/g, "").replaceAll("-", " "), () => {
      const file = new URL(name, folder);
      const text = readFileSync(file, "utf8");
      const played = new Script().run(text);
      if (process.env.UPDATE === "1") writeFileSync(file, played);
      else expect(played).toBe(text);
    });
  }
});
