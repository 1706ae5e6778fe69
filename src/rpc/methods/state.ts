/** Methods that read the latest state: accounts, and any key with a proof. Older state is not kept (PRUNED). */
import { z } from "zod";
import { asHash, byteText, EMPTY, hex0x, utf8 } from "../../base/bytes.ts";
import type { PlannedVersion } from "../../chain/governance/module-versions.ts";
import { BUILT_IN_FORMS, type FixedModule } from "../../chain/modules/built-in-forms.ts";
import { sha256 } from "../../crypto/hash.ts";
import { checkLatest } from "../answers/block-selector.ts";
import { listEntries, RPC_ENTRIES_DEFAULT, RPC_ENTRIES_MAX } from "../answers/state-entries.ts";
import type { AccountAnswer } from "../api.ts";
import { CallError, refusalOf } from "../errors.ts";
import { method } from "../jsonrpc/method.ts";
import type { ModulesApi } from "../modules-api.ts";
import {
  amount,
  blockHash,
  bytesHex,
  count,
  hash32,
  sealedHeadResult,
  timeMs,
  wide,
} from "../schemas/answer-fields.ts";
import { addressInput, blockInput, bytesInput, countInput } from "../schemas/input.ts";
import { parseModulePath, parseModuleRange } from "../schemas/module-path.ts";
import { showAt, showSealedHead, showTime } from "../schemas/show.ts";
import { showCount, showWide } from "../schemas/show-numbers.ts";
import { STATE_PATHS } from "../schemas/state-path.ts";
import { ALICE, BLOCK_HASH, DIGEST } from "./examples.ts";

const latest = blockInput.optional();
/** A value of the state, which may be of any form where a declared module has it. */
const stateValue = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.array(z.unknown()),
  z.record(z.string(), z.unknown()),
]);

export const getAccount = method({
  name: "account_get",
  summary: "Balance and nonce of an account; one that nobody has used has 0 and 0.",
  kind: "read",
  params: z.strictObject({ address: addressInput, block: latest }),
  result: z.strictObject({
    address: hash32,
    balance: amount,
    nonce: count,
    pendingNonce: count.meta({ description: "nonce of the next transaction, counting the pool" }),
    maturing: z
      .strictObject({ sum: amount, nextHeight: count.nullable() })
      .optional()
      .meta({ description: "mined and not spendable yet, and from which block the first of it is" }),
    height: count,
    blockHash,
  }),
  examples: [
    {
      name: "alice",
      params: { address: ALICE },
      result: {
        address: ALICE,
        balance: "1000000",
        nonce: 1,
        pendingNonce: 2,
        height: 5,
        blockHash: BLOCK_HASH,
      },
    },
  ],
  call({ api }, { address, block }) {
    const { account, pendingNonce, at, maturing } = api.account(address);
    if (block !== undefined) checkLatest(api, block, at);
    return {
      address: hex0x(address),
      balance: account.balance.toString(),
      nonce: showCount(account.nonce),
      pendingNonce: showCount(pendingNonce),
      ...(maturing === undefined ? {} : { maturing: showMaturing(maturing) }),
      ...showAt(at),
    };
  },
});

function showMaturing({ sum, nextHeight }: NonNullable<AccountAnswer["maturing"]>) {
  return { sum: sum.toString(), nextHeight: nextHeight === undefined ? null : showCount(nextHeight) };
}

export const queryState = method({
  name: "state_query",
  summary: `A value of the state by path: ${STATE_PATHS}; with prove, a proof of its presence or absence. With limit, prefix or cursor instead the entries of a module's map, a page of them: <module>/<map>, or with the first fields of keys that have several.`,
  kind: "read",
  params: z.strictObject({
    path: z.string().max(256),
    block: latest,
    prove: z.boolean().default(false),
    limit: countInput(1, RPC_ENTRIES_MAX)
      .optional()
      .meta({
        description: `entries of a page: 1 to ${RPC_ENTRIES_MAX}, ${RPC_ENTRIES_DEFAULT} if left out`,
      }),
    prefix: bytesInput
      .optional()
      .meta({ description: "bytes that the encoded key (what of it the path does not say) begins with" }),
    cursor: bytesInput.optional().meta({ description: "of the page before" }),
  }),
  result: z.strictObject({
    path: z.string(),
    key: bytesHex.meta({ description: "the state key that the path names" }),
    value: bytesHex.nullable().meta({ description: "the stored bytes; null when absent" }),
    decoded: stateValue.nullable(),
    height: count,
    blockHash,
    time: timeMs,
    proof: bytesHex.optional().meta({ description: "of value, or of its absence, under the stateRoot" }),
    finality: sealedHeadResult.optional().meta({ description: "what proves that stateRoot is final" }),
    entries: z
      .array(
        z.strictObject({
          path: z.string(),
          stateKey: bytesHex,
          key: z.unknown(),
          value: stateValue.nullable(),
        }),
      )
      .optional()
      .meta({ description: "of a map, ascending by the bytes of their keys" }),
    cursor: bytesHex.nullable().optional().meta({ description: "of the next page; null: there is none" }),
  }),
  examples: [
    {
      name: "a digest that nobody anchored",
      params: { path: `anchor/${DIGEST}` },
      result: {
        path: `anchor/${DIGEST}`,
        key: `0x02${DIGEST.slice(2)}`,
        value: null,
        decoded: null,
        height: 5,
        blockHash: BLOCK_HASH,
        time: 1767225600000,
      },
    },
    {
      name: "a page of a map",
      params: { path: "registry/assets", limit: 1 },
      result: {
        path: "registry/assets",
        key: "0x401000",
        value: null,
        decoded: null,
        height: 5,
        blockHash: BLOCK_HASH,
        time: 1767225600000,
        entries: [
          {
            path: `registry/assets/${DIGEST}`,
            stateKey: `0x401000${DIGEST.slice(2)}`,
            key: DIGEST,
            value: { owner: ALICE },
          },
        ],
        cursor: `0x401000${DIGEST.slice(2)}`,
      },
    },
  ],
  async call({ api, pause }, { path, block, prove, ...page }) {
    if (page.limit !== undefined || page.prefix !== undefined || page.cursor !== undefined) {
      if (prove) throw new CallError("INVALID_PARAMS", "prove: of one entry, not of a page of them");
      const range = parseModuleRange(path, page.prefix ?? EMPTY, api.modules());
      if (!range.ok) throw refusalOf(range.fault);
      const at = api.head();
      if (block !== undefined) checkLatest(api, block, at);
      const listed = await listEntries(api, range.value, page, pause);
      const { prefix } = range.value;
      return {
        path,
        key: hex0x(prefix),
        value: null,
        decoded: null,
        ...showAt(at),
        time: showTime(at),
        ...listed,
      };
    }
    const parsed = parseModulePath(path, api.modules());
    if (!parsed.ok) throw refusalOf(parsed.fault);
    const { key, decode } = parsed.value;
    const { value, at, proof } = await api.state(key, prove);
    if (block !== undefined) checkLatest(api, block, at);
    return {
      path,
      key: hex0x(key),
      value: value === undefined ? null : hex0x(value),
      decoded: value === undefined ? null : decode(value),
      ...showAt(at),
      time: showTime(at),
      ...(proof === undefined ? {} : { proof: hex0x(proof.bytes), finality: showSealedHead(at, proof.seal) }),
    };
  },
});

export const getModules = method({
  name: "state_getModules",
  summary:
    "The declared modules of this chain: number, version, and the types of calls, state and events; with builtIn those that every chain has as well.",
  kind: "read",
  params: z.strictObject({
    builtIn: z.boolean().default(false).meta({
      description:
        "coinbase, bank, anchor and gov too: their calls have `opening`, the bytes before the arguments, their state `prefix`, which keys begin with",
    }),
  }),
  result: z.array(
    z.strictObject({
      name: z.string(),
      number: count.meta({ description: "the module byte of its transactions" }),
      version: count,
      sha256: hash32
        .nullable()
        .meta({ description: "of the bundled file; null where code runs without one" }),
      since: wide.meta({ description: "the epoch from which on it runs; 0: as genesis names it" }),
      planned: z
        .strictObject({ version: count, sha256: hash32, since: wide })
        .nullable()
        .meta({ description: "what is voted in, and from which epoch on it is to run" }),
      form: z
        .unknown()
        .meta({ description: "calls, state, events and faults, in the order of their numbers" }),
    }),
  ),
  examples: [{ name: "a chain without any", params: {}, result: [] }],
  call({ api }, { builtIn }) {
    const records = api.moduleVersions.records();
    const own = api.modules().own();
    const shown: readonly (FixedModule & { readonly file?: string })[] = builtIn
      ? [...BUILT_IN_FORMS, ...own]
      : own;
    return shown.map(({ name, id, form, file }) => {
      const { since = 0n, planned, hash } = records.find(({ number }) => number === id) ?? {};
      return {
        ...{ name, number: id, version: form.version },
        sha256: file === undefined || hash === undefined ? null : hex0x(hash),
        since: showWide(since),
        planned: planned === undefined ? null : showPlanned(planned),
        form,
      };
    });
  },
});

export function showPlanned({ version, hash, since }: PlannedVersion) {
  return { version, sha256: hex0x(hash), since: showWide(since) };
}

export const getModuleFile = method({
  name: "state_getModuleFile",
  summary:
    "The bundled file of a declared module: of the version that runs by its name, or any that this node has by its SHA-256. Whoever asks knows the hash by the genesis or a vote. Null where this node has no such file.",
  kind: "read",
  costly: true,
  live: true,
  params: z.strictObject({
    name: z.string().max(32).optional(),
    sha256: bytesInput.optional().meta({ description: "32 bytes; instead of the name" }),
  }),
  result: z
    .strictObject({
      name: z.string().meta({ description: "as it was asked for; empty where it was asked for by its hash" }),
      sha256: hash32,
      text: z.string().meta({ description: "at most 1 MiB" }),
    })
    .nullable(),
  examples: [
    {
      name: "shortened",
      params: { name: "registry" },
      result: { name: "registry", sha256: DIGEST, text: "// quorate module ..." },
    },
  ],
  call({ api }, { name, sha256: wanted }) {
    if (wanted !== undefined) return fileByHash(api.moduleVersions, wanted);
    if (name === undefined)
      throw new CallError("INVALID_PARAMS", "name and sha256 are missing: one of them says which file");
    const own = api.modules().named(name);
    if (own === undefined) throw new CallError("INVALID_PARAMS", `no module "${name}" on this chain`);
    if (own.file === undefined) return null;
    return { name, sha256: hex0x(sha256(utf8(own.file))), text: own.file };
  },
});

function fileByHash(modules: ModulesApi, hash: Uint8Array) {
  if (hash.length !== 32)
    throw new CallError("INVALID_PARAMS", `sha256: ${hash.length} bytes, 32 are expected`);
  const file = modules.fileOf(asHash(hash));
  return file === undefined ? null : { name: "", sha256: hex0x(hash), text: file };
}

export const getTreePage = method({
  name: "state_getTreePage",
  summary:
    "A page of the state tree by its id: what quorate diagnose compares two nodes' states by. A page is believed by the hash of its root, which the page above it, or stateRoot, names.",
  kind: "read",
  params: z.strictObject({
    page: bytesInput.meta({ description: "depth u8 and the bits of the path: 0x00 is the root page" }),
  }),
  result: z.strictObject({
    page: bytesHex.nullable().meta({ description: "null: there is no such page" }),
    stateRoot: hash32,
    height: count,
    blockHash,
  }),
  examples: [
    {
      name: "of an empty state",
      params: { page: "0x00" },
      result: { page: null, stateRoot: `0x${"00".repeat(32)}`, height: 5, blockHash: BLOCK_HASH },
    },
  ],
  call({ api }, { page: id }) {
    if (id.length < 1 || id.length > 33)
      throw new CallError("INVALID_PARAMS", `page: ${id.length} bytes, 1 to 33 are expected`);
    const { page, at } = api.ledger.treePage(byteText(id));
    return {
      page: page === undefined ? null : hex0x(page),
      stateRoot: hex0x(at.summary.stateRoot),
      ...showAt(at),
    };
  },
});
