/** Options that name a key in a PKCS#11 token, for commands that read no config.toml, and how they open it. */
import { type Command, InvalidArgumentError } from "commander";
import type { Address } from "../../base/bytes.ts";
import { systemScheduler } from "../../node/assembly/system.ts";
import { TokenError } from "../../node/signer/pkcs11-library.ts";
import { TokenKey, type TokenSettings } from "../../node/signer/token-key.ts";
import { integer } from "../arguments.ts";
import { CliError, EXIT } from "../exit.ts";
import { type PinOptions, pinOptions, tokenPin } from "./passwords.ts";

export interface PinFileOption {
  readonly pinFile?: string;
}

/** The options that say which token is meant, and how its PIN is had. */
export interface ModuleOptions extends PinOptions, PinFileOption {
  readonly pkcs11Module?: string;
  readonly pkcs11Token?: string;
  readonly pkcs11Slot?: number;
}

/** The options that say as well which key in the token is meant. */
export interface TokenOptions extends ModuleOptions {
  readonly pkcs11Label?: string;
  readonly pkcs11Id?: string;
}

export function pinFileOption(command: Command): Command {
  return command.option("--pin-file <file>", "file with the PIN of the token");
}

export function moduleOptions(command: Command): Command {
  return pinFileOption(pinOptions(command))
    .option(
      "--pkcs11-module <file>",
      "the PKCS#11 library of a token, such as /usr/lib/softhsm/libsofthsm2.so",
    )
    .option("--pkcs11-token <label>", "the token, by its label")
    .option("--pkcs11-slot <n>", "the token, by the number of its slot", integer(0, Number.MAX_SAFE_INTEGER));
}

export function tokenOptions(command: Command): Command {
  return moduleOptions(command)
    .option("--pkcs11-label <label>", "the key in the token, by its label")
    .option("--pkcs11-id <hex>", "the key in the token, by its id", keyId);
}

/** Undefined where no module is named. */
export function tokenSettings(options: TokenOptions): TokenSettings | undefined {
  const { pkcs11Module: module, pkcs11Token: token = "", pkcs11Slot: slot } = options;
  const { pkcs11Label: label = "", pkcs11Id: id = "" } = options;
  return module === undefined ? undefined : { module, token, slot, label, id };
}

/** Asks for the PIN once. @throws CliError naming what is wrong with the token */
export async function openTokenKey(
  settings: TokenSettings,
  expected: Address | undefined,
  options: PinOptions & PinFileOption,
): Promise<TokenKey> {
  const { token, slot } = settings;
  const pin = await tokenPin(token === "" ? `in slot ${slot}` : `"${token}"`, options.pinFile, options);
  return TokenKey.open(settings, pin, { expected, scheduler: systemScheduler }).catch((error: unknown) => {
    throw tokenProblem(error);
  });
}

export function tokenProblem(error: unknown): unknown {
  if (!(error instanceof TokenError)) return error;
  const code = error.code.toUpperCase().replaceAll("-", "_");
  return new CliError(EXIT.badInput, code, error.message, { cause: error });
}

function keyId(text: string): string {
  if (/^([0-9a-f]{2}){1,64}$/.test(text)) return text;
  throw new InvalidArgumentError("expected hex digits, two for each byte.");
}
