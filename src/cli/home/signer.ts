/**
 * `quorate signer`: a process on a host of its own that holds a validator's key and its journal of votes, and signs
 * nothing that contradicts what it has signed. `init` makes its folder, `pair` lets a node connect, `start` runs it.
 */
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { asHash, hex0x, parseBytes32, showHash } from "../../base/bytes.ts";
import { shellWord } from "../../base/shell-word.ts";
import { createSigner } from "../../crypto/keys.ts";
import { NETWORK_HOME_HELP, NETWORK_HOME_OPTION } from "../../node/home/file-system.ts";
import { MOVED_OPTION } from "../../node/home/home-stamp.ts";
import { loadKey } from "../../node/home/key-file.ts";
import { useSigner } from "../../node/signer/node-side.ts";
import { loadSignerSettings, pairNode, signerPaths, signerPublicKey } from "../../node/signer/signer-home.ts";
import { collect } from "../arguments.ts";
import { group, leaf } from "../command.ts";
import { badInput, CliError, EXIT, valueOrThrow } from "../exit.ts";
import {
  type PasswordOptions,
  type PinOptions,
  passwordOptions,
  pinOptions,
  unlockKeys,
} from "./passwords.ts";
import { runSigner } from "./run-signer.ts";
import { makeSigner } from "./signer-setup.ts";
import {
  openTokenKey,
  type PinFileOption,
  pinFileOption,
  type TokenOptions,
  tokenOptions,
} from "./token-options.ts";

interface DirOption {
  readonly dir: string;
}

interface InitOptions extends DirOption, PasswordOptions, TokenOptions {
  readonly from?: string;
  readonly genesisHash?: Uint8Array;
  readonly encrypt?: boolean;
  readonly host?: readonly string[];
}

interface PairOptions extends DirOption {
  readonly name: string;
  readonly url: string;
  readonly home?: string;
  readonly out?: string;
}

interface StartOptions extends DirOption, PasswordOptions, PinOptions, PinFileOption {
  readonly listen: { readonly host: string; readonly port: number };
  readonly networkHome?: boolean;
  readonly moved?: boolean;
}

const SIGNER_PORT = 30_400;

const withSigner = (command: Command) => command.requiredOption("--dir <dir>", "folder of the signer");

const INIT_HELP = `
With --from HOME the key of that validator, and the votes that it has given, move here: the node must be stopped, and
its home has no key any more. Without it a new key is made, for a seat that the validators vote in.

The folder may be carried to another host before its first start; it must be in one place only.`;

export function addSigner(program: Command): void {
  const signer = group(program, "signer", "keep a validator's key and its votes in a process of their own");
  addInit(signer);
  addPair(signer);
  addStart(signer);
  addShow(signer);
}

function addInit(signer: Command): void {
  leaf<InitOptions>(
    signer,
    "init",
    "make the folder of a signer: key, journal and certificate",
    (command) =>
      tokenOptions(passwordOptions(withSigner(command)))
        .option("--from <home>", "move the key and the votes of this stopped validator here")
        .option(
          "--genesis-hash <hash>",
          "without --from: the chain, by the hash of its block 0 as it is shown",
          shownHash,
        )
        .option("--encrypt", "without --from: put the new key under a password")
        .option("--host <name>", "a name or address by which nodes reach it; repeatable", collect)
        .addHelpText("after", INIT_HELP),
    async ({ out, options }) => {
      const made = await makeSigner(options.dir, options);
      const publicKey = hex0x(made.publicKey);
      const genesisHash = showHash(made.genesisHash);
      out.result(
        { dir: options.dir, publicKey, genesisHash, votes: made.votes, from: options.from ?? null },
        [
          `signer of ${publicKey}`,
          `  ${resolve(options.dir)}  genesis ${genesisHash}, ${made.votes} votes known`,
          `  next: quorate signer pair --dir ${shellWord(options.dir)} --url tls://HOST:${SIGNER_PORT} --home HOME`,
        ],
      );
      if (options.from !== undefined)
        out.note(`  ${options.from} has no key or no votes any more; without the signer it cannot vote`);
      else if (options.pkcs11Module !== undefined)
        out.warn("this signer knows no votes of the key: it must never have voted (else: --from HOME)");
    },
  );
}

function addPair(signer: Command): void {
  leaf<PairOptions>(
    signer,
    "pair",
    "let a node connect: makes its certificate, and what its config.toml says",
    (command) =>
      withSigner(command)
        .requiredOption("--url <url>", `where the node reaches the signer: tls://HOST:${SIGNER_PORT}`)
        .option("--home <home>", "set up this node's home, on this machine")
        .option(
          "--out <folder>",
          "or write the files into this new folder, to be carried to the node's home as signer/",
        )
        .option("--name <name>", "what the node is called here", nodeName, "node"),
    ({ out, options }) => {
      const paths = signerPaths(options.dir);
      const { publicKey } = valueOrThrow(signerPublicKey(paths, valueOrThrow(loadSignerSettings(paths))));
      const { home, out: folder } = options;
      if ((home === undefined) === (folder === undefined)) throw badInput("give either --home or --out");
      const place = home === undefined ? resolve(folder ?? "") : join(home, "signer");
      if (existsSync(place))
        throw new CliError(EXIT.badInput, "EXISTS", `${place}: exists already; delete it to pair anew`);
      const lines = valueOrThrow(
        useSigner(place, { url: options.url, publicKey, home }, () =>
          pairNode(paths, options.name, Date.now()),
        ),
      );
      const files = ["ca.crt", "node.crt", "node.key"].map((file) => join(place, file));
      const next =
        home === undefined
          ? [
              `  carry ${basename(place)}/ to the node's home as signer/, and put this into its config.toml:`,
              "",
              ...lines,
            ]
          : [`  ${join(home, "config.toml")} names the signer now`];
      out.result({ name: options.name, publicKey: hex0x(publicKey), files, config: lines }, [
        `paired ${options.name}; a running signer knows it after a SIGHUP`,
        ...next,
      ]);
    },
  );
}

function addStart(signer: Command): void {
  leaf<StartOptions>(
    signer,
    "start",
    "run the signer of a folder until it is stopped",
    (command) =>
      pinFileOption(pinOptions(passwordOptions(withSigner(command))))
        .option(NETWORK_HOME_OPTION, NETWORK_HOME_HELP)
        .option(
          MOVED_OPTION,
          "a signer's folder that was copied or restored here, with everything that its key has signed: the signer that it was copied from will never run again",
        )
        .option("--listen <host:port>", "where nodes connect; port 0 takes a free one", listenAddress, {
          host: "127.0.0.1",
          port: SIGNER_PORT,
        }),
    async ({ out, options }) => {
      const paths = signerPaths(options.dir);
      const { genesisHash, token } = valueOrThrow(loadSignerSettings(paths));
      const { listen, networkHome: isNetworkHome = false, moved: isMoved = false } = options;
      const run = { genesisHash, listen, isNetworkHome, isMoved };
      if (token !== undefined) {
        const key = await openTokenKey(token, token.publicKey, options);
        try {
          return await runSigner(out, paths, { ...run, key });
        } finally {
          key.close();
        }
      }
      const { seed } = valueOrThrow(loadKey(paths.key, await unlockKeys([paths.key], options)));
      await runSigner(out, paths, { ...run, key: createSigner(seed) });
    },
  );
}

function addShow(signer: Command): void {
  leaf<DirOption>(signer, "show", "show whose key a signer holds", withSigner, ({ out, options }) => {
    const paths = signerPaths(options.dir);
    const settings = valueOrThrow(loadSignerSettings(paths));
    const genesisHash = showHash(settings.genesisHash);
    const { publicKey, isEncrypted } = valueOrThrow(signerPublicKey(paths, settings));
    const where = settings.token === undefined ? "" : `  (in a token, by ${settings.token.module})`;
    out.result({ publicKey: hex0x(publicKey), genesisHash, isEncrypted, isInToken: where !== "" }, [
      `${hex0x(publicKey)}${isEncrypted ? "  (encrypted)" : ""}${where}`,
      `  genesis ${genesisHash}`,
    ]);
  });
}

/** Reads a hash as blocks are shown, which is byte-reversed. */
function shownHash(text: string): Uint8Array {
  const bytes = parseBytes32(text);
  if (bytes === undefined) throw new InvalidArgumentError("expected a block hash: 0x and 64 hex digits.");
  return asHash(bytes.slice().reverse());
}

function nodeName(text: string): string {
  if (/^[A-Za-z0-9_-]{1,32}$/.test(text)) return text;
  throw new InvalidArgumentError('expected 1 to 32 letters, digits, "-" or "_".');
}

function listenAddress(text: string): { host: string; port: number } {
  const found = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+):(\d{1,5})$/.exec(text);
  const port = Number(found?.[2]);
  if (found === null || port > 65_535)
    throw new InvalidArgumentError("expected HOST:PORT, such as 10.0.0.7:30400.");
  return { host: (found[1] ?? "").replace(/^\[|\]$/g, ""), port };
}
