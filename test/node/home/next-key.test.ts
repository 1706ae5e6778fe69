/** The files of a validator's key that is replaced, whatever moment the process dies in. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Address, hex0x } from "../../../src/base/bytes.ts";
import { EventTopic } from "../../../src/node/assembly/event-topic.ts";
import { waitingKeyOf, watchNextKey } from "../../../src/node/assembly/key-watch.ts";
import { homePaths } from "../../../src/node/home/home.ts";
import {
  formatEncryptedKey,
  type Key,
  keyOfSeed,
  loadPublicKey,
  saveKey,
  saveKeyText,
} from "../../../src/node/home/key-file.ts";
import { nextPublicKey, oldKeys, takeNextKey } from "../../../src/node/home/next-key.ts";

const [old, next] = [1, 2].map((byte) => keyOfSeed(new Uint8Array(32).fill(byte))) as [Key, Key];
const keptName = `validator-old-${hex0x(old.publicKey).slice(2, 10)}.json`;
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-next-key-"));
  saveKey(homePaths(dir).validatorKey, old);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function isPlace(key: Key): boolean {
  const found = loadPublicKey(homePaths(dir).validatorKey);
  return found.ok && hex0x(found.value.publicKey) === hex0x(key.publicKey);
}

it("a change of the key puts the waiting key in the place of the present one, which is kept", async () => {
  const paths = homePaths(dir);
  expect(nextPublicKey(paths)).toEqual({ ok: true, value: undefined });
  saveKey(paths.nextValidatorKey, next);
  expect(nextPublicKey(paths)).toEqual({ ok: true, value: next.publicKey });
  expect(await takeNextKey(paths)).toEqual({ ok: true, value: join(dir, "keys", keptName) });
  expect([isPlace(next), existsSync(paths.nextValidatorKey)]).toEqual([true, false]);
  expect(oldKeys(paths)).toEqual([{ file: join(dir, "keys", keptName), publicKey: old.publicKey }]);
});

it("a change of the key finishes what a process began that died between the copy and the change, and never without a whole key", async () => {
  const paths = homePaths(dir);
  saveKey(paths.nextValidatorKey, next);
  // As it is when the process dies behind the copy.
  saveKeyText(join(dir, "keys", keptName), readFileSync(paths.validatorKey, "utf8"));
  expect(isPlace(old)).toBe(true);
  expect((await takeNextKey(paths)).ok).toBe(true);
  expect(isPlace(next)).toBe(true);
});

it("a change of the key writes the copy anew that a loss of power left empty or torn", async () => {
  const paths = homePaths(dir);
  const text = readFileSync(paths.validatorKey, "utf8");
  saveKey(paths.nextValidatorKey, next);
  saveKeyText(join(dir, "keys", keptName), text.slice(0, 20));
  expect((await takeNextKey(paths)).ok).toBe(true);
  expect([isPlace(next), readFileSync(join(dir, "keys", keptName), "utf8")]).toEqual([true, text]);
});

it("a change of the key leaves everything as it is where no key waits, or the name of the copy is taken by another", async () => {
  const paths = homePaths(dir);
  saveKey(join(dir, "keys", keptName), next);
  saveKey(paths.nextValidatorKey, next);
  expect(await takeNextKey(paths)).toMatchObject({ ok: false, fault: { code: "exists" } });
  expect([isPlace(old), existsSync(paths.nextValidatorKey)]).toEqual([true, true]);
  rmSync(join(dir, "keys", keptName));
  rmSync(paths.nextValidatorKey);
  expect(await takeNextKey(paths)).toMatchObject({ ok: false, fault: { code: "missing" } });
  expect([isPlace(old), oldKeys(paths)]).toEqual([true, []]);
});

it("a change of the key says that the key is due in the epoch that has it and not the present one, and in no other", () => {
  const paths = homePaths(dir);
  const members = (...keys: readonly Key[]) => keys.map(({ publicKey }) => ({ publicKey }));
  const voting = { epoch: 0n, validators: { members: members(old) } };
  const events = { epochs: new EventTopic<bigint>() };
  const due: Address[] = [];
  const said: string[] = [];
  let password: string | undefined;
  const end = watchNextKey({ voting, events } as never, old.publicKey, {
    paths,
    unlock: () => password,
    log: { log: (level, _, message) => void said.push(`${level} ${message}`) },
    isDue: ({ publicKey }) => due.push(publicKey),
  });
  const enter = (...keys: readonly Key[]) => {
    voting.epoch++;
    voting.validators = { members: members(...keys) };
    events.epochs.emit(voting.epoch);
  };
  enter(next);
  saveKeyText(paths.nextValidatorKey, formatEncryptedKey(next, "horse", { n: 16, r: 8, p: 1 }));
  enter(old);
  enter(old, next);
  expect([due, said]).toEqual([[], []]);
  enter(next);
  expect(due).toEqual([]);
  expect(said).toEqual([expect.stringMatching(/^error the seat's new key cannot be opened/)]);
  password = "horse";
  enter(next);
  // The node stops meanwhile: further epochs say nothing new.
  enter(next);
  expect(due).toEqual([next.publicKey]);
  end();
  enter(next);
  expect(due).toHaveLength(1);
});

it("a change of the key is awaited by a node that can start again by itself, and by no other", () => {
  const home = { paths: homePaths(dir) } as never;
  const waiting = waitingKeyOf({ home, onKeyDue: () => undefined });
  rmSync(homePaths(dir).nextValidatorKey, { force: true });
  expect(waiting?.()).toBeUndefined();
  saveKey(homePaths(dir).nextValidatorKey, next);
  expect(waiting?.()).toEqual(next.publicKey);
  expect(waitingKeyOf({ home })).toBeUndefined();
});
