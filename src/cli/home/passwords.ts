/**
 * Where the password of an encrypted key comes from: --password-file (or QUORATE_PASSWORD_FILE), --password-fd, the
 * systemd credential `quorate-password`, else a question on the terminal that shows nothing of the answer. Never an
 * argument: other users of the machine see these.
 */
import { existsSync, fstatSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { loadPublicKey, type Unlock } from "../../node/home/key-file.ts";
import { PASSWORD_BYTES_MAX } from "../../node/home/keystore.ts";
import { decodeText } from "../../node/home/text-file.ts";
import { integer } from "../arguments.ts";
import { badInput, CliError } from "../exit.ts";
import { askSecret } from "../terminal.ts";

export interface PasswordOptions {
  readonly passwordFile?: string;
  readonly passwordFd?: number;
}

/** The name under which systemd hands it over: LoadCredential= or LoadCredentialEncrypted=. */
const CREDENTIAL = "quorate-password";
const FD_MAX = 1_023;

/** The same for the PIN of a token. */
const PIN_CREDENTIAL = "quorate-pin";

export interface PinOptions {
  readonly pinFd?: number;
  readonly pinRetry?: boolean;
}

export function pinOptions(command: Command): Command {
  return command
    .option("--pin-fd <n>", "read the PIN of a PKCS#11 token from this file descriptor", integer(0, FD_MAX))
    .option("--pin-retry", "try the PIN although the token says that the last one was wrong");
}

/**
 * The PIN of a token, which is given to the token once.
 * @param file where it is, by --pin-file or config.toml, or undefined when nobody said one
 * @throws CliError when there is none to be had
 */
export async function tokenPin(
  token: string,
  file: string | undefined,
  { pinFd, pinRetry: mayRetry = false }: PinOptions,
): Promise<{ readonly value: string; readonly mayRetry: boolean }> {
  const credential = credentialFile(PIN_CREDENTIAL);
  if (pinFd !== undefined) return { value: read(pinFd, `file descriptor ${pinFd}`), mayRetry };
  const from = file ?? credential;
  if (from !== undefined) return { value: read(from, from), mayRetry };
  const answer = await askSecret(`PIN of the token ${token}: `);
  // Whoever types it knows that it was wrong before.
  if (answer !== undefined) return { value: checked(answer, "the terminal"), mayRetry: true };
  const ways = "signer.pkcs11.pin_file, --pin-file, --pin-fd or the systemd credential";
  throw badInput(
    `a key in a token, and no terminal to ask for its PIN: give it by ${ways} ${PIN_CREDENTIAL}`,
  );
}

export function passwordOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--password-file <file>", "file with the password of an encrypted key").env(
        "QUORATE_PASSWORD_FILE",
      ),
    )
    .option("--password-fd <n>", "read that password from this file descriptor", integer(0, FD_MAX));
}

/**
 * The passwords of those of these key files that are encrypted; plain and missing ones need none.
 * @throws CliError when there is none to be had
 */
export async function unlockKeys(paths: readonly string[], options: PasswordOptions): Promise<Unlock> {
  const locked = paths.filter((path) => isEncrypted(path));
  if (locked.length === 0) return () => undefined;
  const given = givenPassword(options);
  const passwords = new Map<string, string>();
  for (const path of locked) passwords.set(path, given ?? (await ask(path, `Password of ${path}: `)));
  return (path) => passwords.get(path);
}

/** The password for a file that is written. Where it is asked for, it is asked for twice. */
export async function newPassword(path: string, options: PasswordOptions): Promise<string> {
  const given = givenPassword(options);
  if (given !== undefined) return given;
  const password = await ask(path, `New password of ${path}: `);
  if ((await ask(path, "The same again: ")) !== password)
    throw badInput("the two passwords differ; nothing was done");
  return password;
}

/** What is wrong with the file is said where it is read. */
function isEncrypted(path: string): boolean {
  if (!existsSync(path)) return false;
  const found = loadPublicKey(path);
  return found.ok && found.value.isEncrypted;
}

function givenPassword({ passwordFile, passwordFd }: PasswordOptions): string | undefined {
  if (passwordFd !== undefined) return read(passwordFd, `file descriptor ${passwordFd}`);
  if (passwordFile !== undefined) return read(passwordFile, passwordFile);
  const credential = credentialFile(CREDENTIAL);
  return credential === undefined ? undefined : read(credential, credential);
}

function credentialFile(name: string): string | undefined {
  const folder = process.env.CREDENTIALS_DIRECTORY;
  const path = folder === undefined ? undefined : join(folder, name);
  return path !== undefined && existsSync(path) ? path : undefined;
}

/** Reads a password without the line end that editors and `echo` leave. */
function read(from: string | number, name: string): string {
  let bytes: Uint8Array;
  try {
    const { size } = typeof from === "number" ? fstatSync(from) : statSync(from);
    if (size > PASSWORD_BYTES_MAX + 2)
      throw badInput(`${name}: ${size} bytes, a password has at most ${PASSWORD_BYTES_MAX}`);
    bytes = readFileSync(from);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw badInput(`the password cannot be read from ${name}: ${(error as Error).message}`);
  }
  const text = decodeText(bytes);
  if (!text.ok) throw badInput(`${name}: ${text.fault.detail}`);
  return checked(text.value.replace(/\r?\n$/, ""), name);
}

function checked(password: string, name: string): string {
  if (password === "") throw badInput(`${name}: the password is empty`);
  if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX)
    throw badInput(`${name}: a password has at most ${PASSWORD_BYTES_MAX} bytes`);
  return password;
}

/** Asks on the terminal, which shows the question and nothing of the answer. */
async function ask(path: string, question: string): Promise<string> {
  const answer = await askSecret(question);
  if (answer !== undefined) return checked(answer, "the terminal");
  const ways = "--password-file, --password-fd, QUORATE_PASSWORD_FILE or the systemd credential";
  throw badInput(
    `${path}: an encrypted key, and no terminal to ask for its password: give it by ${ways} ${CREDENTIAL}`,
  );
}
