/** Text files in other encodings than UTF-8 are named as such, and no byte becomes another character unseen. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { loadGenesis } from "../../../src/node/home/home.ts";
import { decodeText } from "../../../src/node/home/text-file.ts";

const bytes = (text: string, encoding: BufferEncoding = "utf8") =>
  new Uint8Array(Buffer.from(text, encoding));

it("UTF-8 is read, with or without a byte order mark", () => {
  expect(decodeText(bytes("grüße"))).toEqual({ ok: true, value: "grüße" });
  expect(decodeText(bytes("\uFEFFgrüße"))).toEqual({ ok: true, value: "grüße" });
  expect(decodeText(bytes(""))).toEqual({ ok: true, value: "" });
});

it.each([
  ["UTF-16 little-endian", bytes("\uFEFF{}", "utf16le"), "UTF-16"],
  ["UTF-16 big-endian", new Uint8Array([0xfe, 0xff, 0, 0x7b]), "UTF-16"],
  ["Latin-1", bytes("na\u00efve", "latin1"), "not UTF-8 from byte 3 on"],
  ["an unfinished character", bytes("abcü").subarray(0, 4), "not UTF-8 from byte 3 on"],
])("%s is refused by its name or place", (_, given, words) => {
  const text = decodeText(given);
  expect(text).toMatchObject({ ok: false, fault: { detail: expect.stringContaining(words) } });
});

it("a genesis in UTF-16, or with a key that stands twice, is refused in words", () => {
  const dir = mkdtempSync(join(tmpdir(), "quorate-text-"));
  try {
    const path = join(dir, "genesis.json");
    writeFileSync(path, "\uFEFF{}", "utf16le");
    expect(loadGenesis(path)).toMatchObject({
      fault: { detail: `${path}: its encoding is UTF-16: save it as UTF-8` },
    });
    writeFileSync(path, '{"chainId":1,"chainId":2}');
    expect(loadGenesis(path)).toMatchObject({
      fault: { detail: expect.stringContaining('the key "chainId" stands twice') },
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
});
