/**
 * `quorate start`: runs the node of a folder in the foreground until it is told to stop (run-node.ts).
 *
 * This folder: commands that work on a node's folder, whether it runs or not: init to reset, keys, backups, snapshots,
 * the doctor. Not here: what a home holds (node/home).
 */
import { type Command, Option } from "commander";
import { NETWORK_HOME_HELP, NETWORK_HOME_OPTION } from "../../node/home/file-system.ts";
import { MOVED_OPTION } from "../../node/home/home-stamp.ts";
import { collect, list } from "../arguments.ts";
import { dirOption, leaf } from "../command.ts";
import { addSettingFlags } from "../setting-flags.ts";
import { passwordOptions, pinOptions } from "./passwords.ts";
import { runNode, type StartOptions } from "./run-node.ts";

export function addStart(program: Command): void {
  leaf<StartOptions>(
    program,
    "start",
    "run the node of a folder until it is stopped",
    (command) =>
      addSettingFlags(
        pinOptions(passwordOptions(command.addOption(dirOption())))
          .option("--peer <multiaddr>", "a node to connect to, besides peers.json; repeatable", collect)
          .option(
            MOVED_OPTION,
            "a validator's home that was copied or restored here: the node that it was copied from will never run again",
          )
          .option(NETWORK_HOME_OPTION, NETWORK_HOME_HELP)
          .option(
            "--recover-amnesia",
            "the votes of this key are lost (its journal is gone, damaged or old): sign nothing before a later epoch",
          )
          .option(
            "--transition <file>",
            "accept a break of trust: more than f validators are gone for good, and this file puts others in their place (quorate transition); kept in the home; repeatable",
            collect,
          )
          .option(
            "--snapshot",
            "begin with a snapshot of the peers, every part of it checked, instead of all blocks; a home that has blocks goes on from them",
          )
          // For `quorate devnet`, whose restarted nodes keep their side of a partition.
          .addOption(new Option("--cut-off <names>").argParser(list).hideHelp())
          .addOption(new Option("--devnet-dir <dir>").hideHelp()),
      ),
    ({ out, options }) => runNode(out, options),
  );
}
