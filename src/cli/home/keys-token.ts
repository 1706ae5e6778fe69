/**
 * `quorate keys token`: what a PKCS#11 token holds, and a new Ed25519 key in it that never leaves it. Looking needs no PIN,
 * where public keys are public; making a key does.
 */
import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { hex0x } from "../../base/bytes.ts";
import {
  Pkcs11,
  type Pkcs11Session,
  TokenError,
  type TokenObject,
  wordsOf,
} from "../../node/signer/pkcs11-library.ts";
import { checkTries, login } from "../../node/signer/token-key.ts";
import { leaf } from "../command.ts";
import { badInput, CliError, EXIT } from "../exit.ts";
import { table } from "../table.ts";
import { tokenPin } from "./passwords.ts";
import { type ModuleOptions, moduleOptions, tokenProblem } from "./token-options.ts";

interface TokenCommand extends ModuleOptions {
  readonly generate?: string;
}

export function addToken(keys: Command): void {
  leaf<TokenCommand>(
    keys,
    "token",
    "list the tokens of a PKCS#11 module and the public keys in one, or make a key in it",
    (command) =>
      moduleOptions(command).option(
        "--generate <label>",
        "make a new Ed25519 key of this label in the token",
      ),
    async ({ out, options }) => {
      const { pkcs11Module: path, pkcs11Token: token = "", pkcs11Slot: slot, generate } = options;
      if (path === undefined) throw badInput("say which module: --pkcs11-module FILE");
      try {
        const library = Pkcs11.open(path);
        try {
          const tokens = library.tokens().map(({ label, serial, slot: at }) => ({ label, serial, slot: at }));
          const isNamed = token !== "" || slot !== undefined || generate !== undefined;
          const one = isNamed || tokens.length === 1 ? library.find({ token, slot }) : undefined;
          const session = one && library.session(one, generate !== undefined);
          if (one !== undefined && session !== undefined && generate !== undefined) {
            const pin = await tokenPin(`"${one.label}"`, options.pinFile, options);
            checkTries(one, pin);
            make(session, generate, () => login(session, one, pin));
          }
          const found = session?.publicKeys().map(shown) ?? [];
          session?.close();
          const rows = found.map(({ label, id, publicKey }) => [label, id, publicKey ?? "not of Ed25519"]);
          out.result({ tokens, token: one?.label ?? null, keys: found }, [
            ...table(
              ["token", "slot", "serial"],
              tokens.map((each) => [each.label, `${each.slot}`, each.serial]),
            ),
            ...(rows.length === 0 ? [] : ["", ...table(["key", "id", "public key"], rows)]),
          ]);
        } finally {
          library.close();
        }
      } catch (error) {
        throw tokenProblem(error);
      }
    },
  );
}

function make(session: Pkcs11Session, label: string, logIn: () => void): void {
  if (session.publicKeys().some((key) => key.label === label))
    throw new CliError(EXIT.badInput, "EXISTS", `a key "${label}" is in the token already`);
  try {
    logIn();
    session.generate(label, new Uint8Array(randomBytes(8)));
  } catch (cause) {
    if (cause instanceof TokenError) throw cause;
    throw new CliError(EXIT.refused, "TOKEN_REFUSED", `the token makes no key: ${wordsOf(cause)}`, { cause });
  }
}

function shown({ label, id, isEd25519, publicKey }: TokenObject) {
  return { label, id, publicKey: isEd25519 && publicKey !== undefined ? hex0x(publicKey) : null };
}
