/** The modules that every chain has: what their declarations say of bytes, beside the code that makes and reads these. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { must } from "../../../src/base/assert.ts";
import { asAddress, asHash, hex0x, utf8 } from "../../../src/base/bytes.ts";
import type { Governance } from "../../../src/chain/governance/governance-state.ts";
import {
  readOpenProposals,
  writeOpenProposals,
  writeProposal,
} from "../../../src/chain/governance/proposals.ts";
import { writeRoles } from "../../../src/chain/governance/roles.ts";
import { approveRules } from "../../../src/chain/governance/rules-version.ts";
import { writeAccount } from "../../../src/chain/modules/accounts.ts";
import { anchor as nativeAnchor } from "../../../src/chain/modules/anchor.ts";
import { bank as nativeBank } from "../../../src/chain/modules/bank.ts";
import { BUILT_IN_FORMS, builtInOfPath } from "../../../src/chain/modules/built-in-forms.ts";
import { bank } from "../../../src/chain/modules/built-in-modules.ts";
import { faultNameOf } from "../../../src/chain/modules/declared-module.ts";
import { govDeclaration } from "../../../src/chain/modules/gov-declaration.ts";
import type { Description, ModuleCodec } from "../../../src/chain/modules/module.ts";
import { formOf } from "../../../src/chain/modules/module-form.ts";
import { callFromJson, encodeCall, entryAt } from "../../../src/chain/modules/module-state.ts";
import { findModule } from "../../../src/chain/modules/registry.ts";
import { nameStateKey } from "../../../src/chain/modules/state-names.ts";
import { codecOf, codecOfFields, PLAIN_VALUES } from "../../../src/chain/modules/value-codec.ts";
import { maturingKey } from "../../../src/chain/state/state-keys.ts";
import { makeCoinbase } from "../../../src/chain/types/transaction.ts";
import { decode } from "../../../src/codec/reader.ts";
import { Writer } from "../../../src/codec/writer.ts";

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const note = fc.string({ unit: fc.constantFrom("a", "é", "€", "😀", "\n"), maxLength: 32 }).map(utf8);
const [ALICE, BOB] = [asAddress(new Uint8Array(32).fill(1)), asAddress(new Uint8Array(32).fill(2))];

const formOfModule = (name: string) => must(builtInOfPath(name, undefined), `${name} is declared`);

/** What the module's own codec makes of a call is what its declaration makes of the same in JSON. */
function expectSameCall(codec: ModuleCodec, call: unknown): void {
  const { form } = formOfModule(codec.name);
  const { type, ...args } = codec.describeCall(call);
  const made = callFromJson(form, String(type), args);
  expect(made.ok && hex0x(encodeCall(form, made.value))).toBe(hex0x(codec.encodeCall(call)));
}

/** Read by the declaration an event says what the module's own code says of it, and is made of the same bytes. */
function expectSameEvent(codec: ModuleCodec, kind: number, data: Uint8Array): void {
  const { form } = formOfModule(codec.name);
  const { name, fields } = must(form.events[kind - 1], `event ${kind} is declared`);
  const declared = codecOfFields(fields);
  const value = decode(data, name, (reader) => declared.read(reader, PLAIN_VALUES));
  const { type, ...shown } = codec.describeEvent({ module: codec.id, kind, data }) as Description;
  expect([type, value.ok && value.value]).toEqual([name, declared.fromJson(shown, name)]);
  const writer = new Writer(128);
  declared.write(writer, value.ok && value.value, name);
  expect(hex0x(writer.finish())).toBe(hex0x(data));
}

/** State that remembers what was written, and in which each entry has a declared name and its declared bytes. */
class DeclaredState {
  readonly entries = new Map<string, Uint8Array>();

  get(key: Uint8Array): Uint8Array | undefined {
    return this.entries.get(hex0x(key));
  }

  delete(key: Uint8Array): void {
    this.entries.delete(hex0x(key));
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.entries.set(hex0x(key), value.slice());
    const named = nameStateKey(key, BUILT_IN_FORMS);
    const [module = "", map = "", ...parts] = named.path.split("/");
    const { id, form } = formOfModule(module);
    const place = entryAt({ id, form }, map, parts);
    const state = must(place.ok ? place.value : undefined, `${named.path} names an entry`);
    expect(hex0x(state.key)).toBe(hex0x(key));
    const codec = codecOf(state.state.value);
    const writer = new Writer(256);
    codec.write(writer, codec.fromJson(named.open(value), map), map);
    expect(hex0x(writer.finish())).toBe(hex0x(value));
  }
}

const context = (state: DeclaredState, emit: (kind: number, data: Uint8Array) => void) => {
  const txid = asHash(new Uint8Array(32));
  return { height: 7n, timeMs: 1_800_000_000_000n, sender: ALICE, fee: 0n, txid, state, emit };
};

describe("the declaration of a module that every chain has", () => {
  it("makes the bytes of a transfer, and names the entries and the event that it leaves", () => {
    fc.assert(
      fc.property(bytes32, u64, note, (to, amount, memo) => {
        const call = { to: asAddress(to), amount, memo };
        expectSameCall(nativeBank as ModuleCodec, call);
        const state = new DeclaredState();
        writeAccount(state, ALICE, { balance: amount, nonce: 3n });
        nativeBank.execute(
          call,
          context(state, (kind, data) => expectSameEvent(nativeBank as ModuleCodec, kind, data)),
        );
      }),
      { numRuns: 30 },
    );
  });

  it("makes the bytes of an anchor, and names the entries and the event that it leaves", () => {
    fc.assert(
      fc.property(bytes32, note, (digest, memo) => {
        const call = { digest: asHash(digest), memo };
        expectSameCall(nativeAnchor as ModuleCodec, call);
        const state = new DeclaredState();
        nativeAnchor.execute(
          call,
          context(state, (kind, data) => expectSameEvent(nativeAnchor as ModuleCodec, kind, data)),
        );
        expect(state.entries.size).toBe(2);
      }),
      { numRuns: 30 },
    );
  });

  it("makes the bytes of a vote, reads the four events of governance and names what it keeps", () => {
    fc.assert(
      fc.property(u64, bytes32, fc.boolean(), (proposal, account, approves) => {
        const codec = govDeclaration as ModuleCodec;
        expectSameCall(codec, { kind: "vote", proposal, approves, isForced: !approves });
        const start = () => new Writer(48).u64(proposal);
        expectSameEvent(codec, 1, start().raw(account).finish());
        expectSameEvent(
          codec,
          2,
          start()
            .raw(account)
            .u8(approves ? 1 : 0)
            .finish(),
        );
        expectSameEvent(
          codec,
          3,
          start()
            .u64(proposal >> 12n)
            .finish(),
        );
        expectSameEvent(codec, 4, start().finish());
      }),
      { numRuns: 30 },
    );
    const state = new DeclaredState();
    writeOpenProposals(state, { nextId: 3n, ids: [1n, 2n] });
    expect(readOpenProposals(state).ids).toHaveLength(2);
    writeRoles(state, [{ account: ALICE, bits: 3 }]);
    approveRules(state, 1, { epoch: 4n } as Governance);
    writeProposal(state, {
      ...{ id: 2n, proposer: ALICE, height: 9n, expires: 99n, status: "approved", decided: 12n },
      ...{ isForced: true, note: utf8("why"), change: { kind: "remove", publicKey: BOB } },
      votes: [
        { account: ALICE, approves: true, isForced: true },
        { account: BOB, approves: false, isForced: false },
      ],
    });
    expect([...state.entries.keys()].map((key) => key.slice(0, 4)).sort()).toEqual([
      "0x06",
      "0x07",
      "0x08",
      "0x09",
    ]);
  });

  it("names what a mined block mints", () => {
    new DeclaredState().put(maturingKey(5n), makeCoinbase(5n, BOB, 50n).payload);
  });

  it("has the numbers and faults that receipts carry, in their order", () => {
    for (const { id, name, form } of BUILT_IN_FORMS) {
      const module = findModule(id);
      if (module === undefined) continue; // the coinbase
      expect(module.name).toBe(name);
      const codes = [...form.faults.keys(), form.faults.length].map((place) => place + 1);
      expect(codes.map((code) => faultNameOf(form, code))).toEqual(
        codes.map((code) => module.faultName(code)),
      );
    }
  });

  it("is of no use to a module of somebody's own that calls itself so, or says where it reads", () => {
    expect(formOf(bank)).toMatchObject({ ok: false, fault: { detail: expect.stringContaining("taken") } });
    const other = { ...bank, declaration: { ...bank.declaration, name: "mine" } };
    const form = formOf(other);
    expect(form.ok && [form.value.state[0], form.value.calls[0]]).toEqual([
      { name: "accounts", key: { kind: "address" }, value: expect.anything() },
      { name: "transfer", fields: expect.anything() },
    ]);
  });
});
