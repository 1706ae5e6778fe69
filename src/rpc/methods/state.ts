/** Methods that read the latest state: accounts, and any key with a proof. Older state is not kept (PRUNED). */
import { z } from "zod";
import { hex0x, utf8 } from "../../base/bytes.ts";
import { sha256 } from "../../crypto/hash.ts";
import { checkLatest } from "../answers/block-selector.ts";
import type { AccountAnswer } from "../api.ts";
import { CallError, refusalOf } from "../errors.ts";
import { method } from "../jsonrpc/method.ts";
import {
  amount,
  blockHash,
  bytesHex,
  count,
  hash32,
  sealedHeadResult,
  timeMs,
} from "../schemas/answer-fields.ts";
import { addressInput, blockInput } from "../schemas/input.ts";
import { parseModulePath } from "../schemas/module-path.ts";
import { showAt, showSealedHead, showTime } from "../schemas/show.ts";
import { showCount } from "../schemas/show-numbers.ts";
import { STATE_PATHS } from "../schemas/state-path.ts";
import { ALICE, BLOCK_HASH, DIGEST } from "./examples.ts";

const latest = blockInput.optional();
/** Of a declared module it may be of any form. */
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
  summary: `A value of the state by path: ${STATE_PATHS}; with prove, a proof of its presence or absence.`,
  kind: "read",
  params: z.strictObject({
    path: z.string().max(256),
    block: latest,
    prove: z.boolean().default(false),
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
  ],
  async call({ api }, { path, block, prove }) {
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
  summary: "The declared modules of this chain: number, version, and the types of calls, state and events.",
  kind: "read",
  params: z.strictObject({}),
  result: z.array(
    z.strictObject({
      name: z.string(),
      number: count.meta({ description: "the module byte of its transactions" }),
      version: count,
      form: z
        .unknown()
        .meta({ description: "calls, state, events and faults, in the order of their numbers" }),
    }),
  ),
  examples: [{ name: "a chain without any", params: {}, result: [] }],
  call: ({ api }) =>
    api
      .modules()
      .own()
      .map(({ name, id, form }) => ({ name, number: id, version: form.version, form })),
});

export const getModuleFile = method({
  name: "state_getModuleFile",
  summary:
    "The bundled file of a declared module, whose SHA-256 the genesis names: whoever has the genesis checks it. Null where this node runs the code without a file.",
  kind: "read",
  costly: true,
  live: true,
  params: z.strictObject({ name: z.string().max(32) }),
  result: z
    .strictObject({
      name: z.string(),
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
  call({ api }, { name }) {
    const own = api.modules().named(name);
    if (own === undefined) throw new CallError("INVALID_PARAMS", `no module "${name}" on this chain`);
    if (own.file === undefined) return null;
    return { name, sha256: hex0x(sha256(utf8(own.file))), text: own.file };
  },
});
