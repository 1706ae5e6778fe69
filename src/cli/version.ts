/** The version of this package and of what it refuses when unknown, for whoever is about to upgrade. */
import type { Command } from "commander";
import { GENESIS_FORMAT } from "../chain/genesis/genesis.ts";
import { nativeName } from "../crypto/keys.ts";
import { KEY_FILE_VERSION } from "../node/home/key-file.ts";
import { packageVersion } from "../node/home/package-version.ts";
import { DATABASE_VERSION } from "../storage/database-keys.ts";
import { leaf } from "./command.ts";

export function addVersion(program: Command): void {
  leaf(
    program,
    "version",
    "show the versions of program and formats",
    (command) => command,
    async ({ out }) => {
      const [{ WIRE_VERSION, WIRE_VERSION_MIN }, { RULES_KNOWN }] = await Promise.all([
        import("../p2p/transport/wire.ts"),
        import("../chain/governance/rules-version.ts"),
      ]);
      const version = packageVersion();
      const value = {
        version,
        databaseFormat: DATABASE_VERSION,
        wire: { min: WIRE_VERSION_MIN, max: WIRE_VERSION },
        rules: RULES_KNOWN,
        genesisFormat: GENESIS_FORMAT,
        keyFileVersion: KEY_FILE_VERSION,
        node: process.version,
        ed25519: nativeName,
      };
      const formats = `database format ${DATABASE_VERSION}, wire ${WIRE_VERSION_MIN} to ${WIRE_VERSION}, rules ${RULES_KNOWN}, genesis format ${GENESIS_FORMAT}`;
      const text = `quorate ${version} (${formats}, key files ${KEY_FILE_VERSION}, Node ${process.version}, Ed25519 by ${nativeName})`;
      out.result(value, text);
    },
  );
}
