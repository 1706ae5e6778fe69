/** The version of this package and of every format that it reads and writes: what it refuses when unknown. */
import type { Command } from "commander";
import { GENESIS_FORMAT } from "../chain/genesis/genesis.ts";
import { nativeName } from "../crypto/keys.ts";
import { KEY_FILE_VERSION } from "../node/home/key-file.ts";
import { packageVersion } from "../node/home/package-version.ts";
import { leaf } from "./command.ts";

export function addVersion(program: Command): void {
  leaf(
    program,
    "version",
    "show the versions of program and formats",
    (command) => command,
    ({ out }) => {
      const version = packageVersion();
      const value = {
        version,
        genesisFormat: GENESIS_FORMAT,
        keyFileVersion: KEY_FILE_VERSION,
        node: process.version,
        ed25519: nativeName,
      };
      const text = `quorate ${version} (genesis format ${GENESIS_FORMAT}, key files ${KEY_FILE_VERSION}, Node ${process.version}, Ed25519 by ${nativeName})`;
      out.result(value, text);
    },
  );
}
