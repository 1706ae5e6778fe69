/**
 * `quorate index`: the chain as rows in PostgreSQL, each proved before it is written (docs/sql.md). Here the commands are
 * declared; what they do is loaded when one runs.
 *
 * This folder: `quorate index`. Not here: the work (indexer).
 */
import type { Command } from "commander";
import { integer, port } from "../arguments.ts";
import { leaf } from "../command.ts";
import { rpcOption } from "../rpc.ts";
import type { IndexOptions } from "./index-chain.ts";
import { type PlaceOptions, placeOptions } from "./index-place.ts";

/** Blocks that one transaction of the database writes. */
const BATCH_BLOCKS = 500;

export function addIndex(program: Command): void {
  const index = leaf<IndexOptions>(
    program,
    "index",
    "write the chain into SQL: blocks, transactions, events, accounts and the state of modules, each row proved first",
    (command) =>
      placeOptions(command)
        .addOption(rpcOption())
        .option(
          "--genesis <file>",
          "genesis.json from a source you trust (default: the node's, kept at first use)",
        )
        .option(
          "--modules <dir>",
          "bundled files of the chain's modules (default: the node's, by their hashes in the genesis)",
        )
        .option("--follow", "go on when the head is reached, until it is interrupted")
        .option("--metrics <port>", "serve /metrics for Prometheus on 127.0.0.1", port)
        .option(
          "--batch <blocks>",
          "blocks of one SQL transaction at most",
          integer(1, 100_000),
          BATCH_BLOCKS,
        ),
    async ({ out, options }) => (await import("./index-chain.ts")).indexChain(out, options),
  );
  leaf<PlaceOptions>(
    index,
    "query <sql>",
    "run one SQL statement that only reads, and print its rows",
    placeOptions,
    async ({ out, options, args: [sql] }) => (await import("./index-reads.ts")).query(out, options, sql),
  );
  leaf<PlaceOptions>(
    index,
    "status",
    "how far an index is, and how many rows its tables have",
    placeOptions,
    async ({ out, options }) => (await import("./index-reads.ts")).status(out, options),
  );
  leaf<PlaceOptions>(
    index,
    "grant <role>",
    "let a role read the index and nothing else, for dashboards; it is made if there is none",
    placeOptions,
    async ({ out, options, args: [role] }) => (await import("./index-reads.ts")).grant(out, options, role),
  );
}
