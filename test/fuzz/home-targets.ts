/** Fuzz targets: the files of a home and what people hand to each other. Genesis, configuration, keys, peers, invitations. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asHash, concatBytes, equalBytes, parseUtf8Document, utf8 } from "../../src/base/bytes.ts";
import { formatGenesis, parseGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { computeGenesisHash } from "../../src/chain/genesis/genesis-state.ts";
import { formatCursor, parseCursor } from "../../src/chain/types/event-cursor.ts";
import {
  readTransition,
  showTransition,
  type Transition,
  transitionId,
} from "../../src/chain/types/transition.ts";
import { parseHeaderState } from "../../src/cli/chain/header-state.ts";
import { parseJson } from "../../src/codec/field.ts";
import { createSigner } from "../../src/crypto/keys.ts";
import { formatConfigFile, loadConfig } from "../../src/node/home/config.ts";
import { decodeInvitation, encodeInvitation } from "../../src/node/home/invitation.ts";
import { formatEncryptedKey, formatKey, keyOfSeed, loadKey } from "../../src/node/home/key-file.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../src/node/home/network-plan.ts";
import { formatPeers, parsePeerAddress, parsePeers } from "../../src/node/home/peers-file.ts";
import { decodeText } from "../../src/node/home/text-file.ts";
import { AddressBook } from "../../src/p2p/discovery/address-book.ts";
import { formatPeerMemory, parsePeerMemory } from "../../src/p2p/discovery/address-json.ts";
import { Bans } from "../../src/p2p/discovery/bans.ts";
import { peerIdFromSeed } from "../../src/p2p/transport/identity.ts";
import { openGenesis } from "../../src/sdk/trusted-genesis.ts";
import { genesis as minedGenesis } from "../chain/pow-fixtures.ts";
import { codeOf, FuzzFailure, type FuzzTarget, good } from "./target.ts";

const SEED = new Uint8Array(32).fill(7);
const HASH = asHash(new Uint8Array(32).fill(0xab));
const PEER = peerIdFromSeed(SEED);
const NOW_MS = 1_800_000_000_000;
const folder = new URL("../../genesis/", import.meta.url);

const genesis: FuzzTarget = {
  name: "genesis",
  inSuite: 1_000,
  open: () => {
    const plan = planNetwork(DEVNET, secretsFromSeed("fuzz"));
    const named = {
      ...plan.genesis,
      modules: {
        callUnitsMax: 1_000_000,
        unitsPerFee: 10n,
        list: [{ name: "own", number: 20, version: "1.0.0", hash: HASH }],
      },
    };
    const shipped = ["pow-bitcoin", "pow-dev", "pow-regtest", "pbft-dev"].map(
      (name) => new Uint8Array(readFileSync(new URL(`${name}.json`, folder))),
    );
    const seeds = [plan.genesis, named as never, minedGenesis].map((one) => utf8(formatGenesis(one)));
    return {
      form: "json",
      seeds: [...seeds, ...shipped],
      words: [utf8("pbft"), utf8("pow"), utf8("asert"), utf8("fixed"), utf8("18446744073709551616")],
      run: (input) => {
        const text = decodeText(input);
        if (!text.ok) return text.fault.code;
        const trusted = openGenesis(text.value);
        const read = parseGenesis(text.value);
        if (!read.ok) return read.fault.code;
        const again = good(parseGenesis(formatGenesis(read.value.genesis)));
        const hash = computeGenesisHash(read.value.genesis);
        if (!equalBytes(hash, computeGenesisHash(again.genesis)))
          throw new FuzzFailure("written and read again it is another genesis");
        if (!trusted.ok)
          throw new FuzzFailure(`a chain can run by it, and a verifier refuses it: ${trusted.fault.detail}`);
        return "ok";
      },
    };
  },
};

const config: FuzzTarget = {
  name: "config",
  inSuite: 2_000,
  open: () => ({
    form: "text",
    seeds: [
      utf8('name = "node1"\nmode = "full"\n[rpc]\nport = 18545\ncors_origins = ["https://a.example"]\n'),
      utf8(
        '[mempool]\nmin_fee = "10"\nmax_bytes = 1_000\n[log]\nlevel = "info,p2p:debug"\n[snapshots]\ninterval = 50\n',
      ),
      utf8("p2p.port = 30300\np2p.discovery = 'auto'\n[mining]\nthreads = 0x2\nhash_limit = 1e3 # many\n"),
      utf8(formatConfigFile({ name: "node2" }).slice(0, 600)),
    ],
    words: [
      '"""',
      "'''",
      "[[rpc]]",
      "[rpc.port]",
      "\\u",
      "1979-05-27T07:32:00Z",
      "inf",
      "nan",
      "{a={b=1}}",
      "=",
      "\r",
      "__proto__",
    ].map(utf8),
    run: (input) => {
      const text = decodeText(input);
      return codeOf(text.ok ? loadConfig({ file: text.value }) : text);
    },
  }),
};

/** With a scrypt that costs next to nothing; the file may ask for more, up to its bound. */
const keystore: FuzzTarget = {
  name: "keystore",
  inSuite: 300,
  open: () => {
    const dir = mkdtempSync(join(tmpdir(), "quorate-fuzz-"));
    const path = join(dir, "key.json");
    const key = keyOfSeed(SEED);
    return {
      form: "json",
      seeds: [
        utf8(formatEncryptedKey(key, "horse", { n: 2, r: 1, p: 1 })),
        utf8(formatEncryptedKey(key, "horse", { n: 1 << 10, r: 1, p: 1 })),
        utf8(formatKey(key)),
      ],
      words: [utf8("ed25519-encrypted"), utf8("scrypt"), utf8("aes-256-gcm")],
      run: (input) => {
        writeFileSync(path, input, { mode: 0o600 });
        const read = loadKey(path, () => "horse");
        if (read.ok && !equalBytes(read.value.seed, SEED)) keyOfSeed(read.value.seed);
        return codeOf(read);
      },
      close: () => rmSync(dir, { recursive: true }),
    };
  },
};

const peers: FuzzTarget = {
  name: "home.peers",
  inSuite: 1_000,
  open: () => ({
    form: "json",
    seeds: [
      utf8(
        formatPeers([
          { name: "a", peerId: PEER, multiaddr: "/ip4/10.0.0.1/tcp/30300" },
          { name: "b", peerId: peerIdFromSeed(HASH) },
        ]),
      ),
      utf8(formatPeers([{ name: "c", peerId: PEER, multiaddr: "/dns/node.example/tcp/1" }])),
    ],
    words: [utf8("/ip6/::1/tcp/1"), utf8("/ip4/1.2.3.4/udp/1"), utf8(`/ip4/1.2.3.4/tcp/1/p2p/${PEER}`)],
    run: (input) => {
      const text = decodeText(input);
      if (!text.ok) return text.fault.code;
      const json = parseJson(text.value);
      if (json.ok && typeof json.value === "string") parsePeerAddress(json.value);
      parsePeerAddress(text.value);
      return codeOf(parsePeers(text.value));
    },
  }),
};

const addresses: FuzzTarget = {
  name: "home.addresses",
  inSuite: 500,
  open: () => {
    const book = new AddressBook({ salt: SEED });
    const peer = { peerId: PEER, multiaddr: "/ip4/8.8.8.8/tcp/30300" };
    const stored = {
      sourceGroup: "0808",
      lastSeenMs: NOW_MS - 5_000,
      lastTriedMs: 0,
      lastSuccessMs: 0,
      attempts: 0,
    };
    book.restore({ ...peer, ...stored, isTried: false }, NOW_MS);
    book.restore(
      { ...peer, peerId: peerIdFromSeed(HASH), ...stored, lastSuccessMs: NOW_MS - 9, isTried: true },
      NOW_MS,
    );
    book.setAnchors([peer]);
    const bans = new Bans();
    bans.restore(
      [{ subject: `peer:${PEER}`, score: 50, atMs: NOW_MS - 5, bannedUntilMs: NOW_MS + 5_000 }],
      NOW_MS,
    );
    return {
      form: "json",
      seeds: [utf8(formatPeerMemory({ book, bans }, NOW_MS))],
      words: [utf8("/ip4/8.8.4.4/tcp/1"), utf8("host:8888"), utf8("/ip6/2001:4860::1/tcp/65535")],
      run: (input) => {
        const read = parsePeerMemory(new TextDecoder().decode(input), NOW_MS);
        if (!read.ok) return read.fault.code;
        const text = formatPeerMemory(read.value, NOW_MS);
        const again = good(parsePeerMemory(text, NOW_MS));
        if (formatPeerMemory(again, NOW_MS) !== text)
          throw new FuzzFailure("written and read again it is another book");
        return "ok";
      },
    };
  },
};

const invitation: FuzzTarget = {
  name: "home.invitation",
  inSuite: 500,
  open: () => {
    const signer = createSigner(SEED);
    const fields = { genesisHash: HASH, expiresAtMs: NOW_MS, serial: new Uint8Array(16).fill(2) };
    const lists = {
      urls: ["http://127.0.0.1:18545"],
      addresses: ["/ip4/127.0.0.1/tcp/30300", "/dns/a.example/tcp/1"],
    };
    const one = encodeInvitation({ ...fields, ...lists }, signer);
    const prefix = one.slice(0, one.indexOf(".") + 1);
    const bytesOf = (text: string) => new Uint8Array(Buffer.from(text.slice(prefix.length), "base64url"));
    return {
      form: "bytes",
      seeds: [
        utf8(one),
        bytesOf(one),
        utf8(encodeInvitation({ ...fields, urls: [], addresses: [] }, signer)),
      ],
      words: [utf8("https://b.example/x"), utf8("/ip6/::1/tcp/9"), new Uint8Array(8).fill(0xff)],
      // Bytes become text, signed by the node that they name.
      repair: (input) => {
        const body =
          input[0] === 1 ? input.subarray(0, -64) : bytesOf(new TextDecoder().decode(input)).subarray(0, -64);
        const whole = concatBytes(body, signer.sign(concatBytes(utf8("quorate/invitation/v1"), body)));
        return utf8(prefix + Buffer.from(whole).toString("base64url"));
      },
      run: (input) => {
        const text = parseUtf8Document(input);
        if (text === undefined) return "not-text";
        const read = decodeInvitation(text);
        if (read.ok && encodeInvitation(read.value, signer) !== text.trim())
          throw new FuzzFailure(`another form was taken: ${text}`);
        return codeOf(read);
      },
    };
  },
};

const transition: FuzzTarget = {
  name: "home.transition",
  inSuite: 500,
  open: () => {
    const one: Transition = {
      genesisHash: HASH,
      epoch: 3n,
      height: 99n,
      parentHash: HASH,
      signaturesNeeded: 2,
      reason: "two operators are gone",
      members: planNetwork(DEVNET, secretsFromSeed("fuzz")).genesis.validators,
      signatures: [{ account: createSigner(SEED).publicKey, signature: new Uint8Array(64).fill(3) }],
    };
    return {
      form: "json",
      seeds: [utf8(JSON.stringify(showTransition(one)))],
      run: (input) => {
        const text = decodeText(input);
        const json = text.ok ? parseJson(text.value) : text;
        const read = json.ok ? readTransition(json.value) : json;
        if (!read.ok) return read.fault.code;
        const again = good(readTransition(JSON.parse(JSON.stringify(showTransition(read.value)))));
        if (!equalBytes(transitionId(again), transitionId(read.value)))
          throw new FuzzFailure("written and read again it is another transition");
        return "ok";
      },
    };
  },
};

const cursor: FuzzTarget = {
  name: "rpc.cursor",
  inSuite: 1_000,
  open: () => ({
    form: "text",
    seeds: [
      `5:2:0x${"ab".repeat(32)}`,
      `0:4294967295:${"AB".repeat(32)}`,
      `9007199254740991:0:0x${"00".repeat(32)}`,
    ].map(utf8),
    words: [utf8(":"), utf8("0x"), utf8("00"), utf8("-1"), utf8("1e3")],
    run: (input) => {
      const read = parseCursor(new TextDecoder().decode(input));
      if (read === undefined) return "malformed";
      const text = formatCursor(read);
      const again = parseCursor(text);
      if (again === undefined || formatCursor(again) !== text)
        throw new FuzzFailure(`${text} is not read again`);
      return "ok";
    },
  }),
};

const headerState: FuzzTarget = {
  name: "home.header-state",
  inSuite: 500,
  open: () => {
    const state = {
      height: 5,
      previousHash: `0x${"ab".repeat(32)}`,
      bits: "0x1d00ffff",
      times: Array.from({ length: 11 }, (_, i) => 1_700_000_000 + i),
      periodStartTime: 1_699_000_000,
      chainwork: "0x123",
    };
    return {
      form: "json",
      seeds: [utf8(JSON.stringify(state)), utf8(JSON.stringify({ state }))],
      run: (input) => codeOf(parseHeaderState(new TextDecoder().decode(input))),
    };
  },
};

export const HOME_TARGETS: readonly FuzzTarget[] = [
  genesis,
  config,
  keystore,
  peers,
  addresses,
  invitation,
  transition,
  cursor,
  headerState,
];
