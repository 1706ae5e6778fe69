/**
 * `quorate diagnose`: where the state of this node differs from that of another, key by key as the modules declare them,
 * with the transactions that wrote them. For a node that stopped because executing a certified block gave it another
 * state; or, with --own, for two running nodes. It changes nothing.
 */
import { type Command, Option } from "commander";
import { hex0x, showHash } from "../../base/bytes.ts";
import { modulesOf } from "../../chain/execution/modules-in-force.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import type { Json } from "../../chain/modules/module.ts";
import type { ModuleSet } from "../../chain/modules/module-set.ts";
import { NodeGone, WrongNode } from "../../indexer/block-source.ts";
import type {
  EntryWriter,
  KeyDifference,
  StateDifferences,
} from "../../node/stored-chain/state-difference.ts";
import type { Client } from "../../sdk/client.ts";
import { integer, rpcUrl } from "../arguments.ts";
import { dirOption, leaf } from "../command.ts";
import { badInput, CliError, EXIT, Finished } from "../exit.ts";
import type { Output } from "../output.ts";
import { ask, connect, unreachableError } from "../rpc.ts";
import { comparedNode } from "./compared-node.ts";
import { withDatabase, withStoppedHome } from "./stopped-home.ts";

interface DiagnoseOptions {
  readonly dir: string;
  readonly peer: string;
  readonly own?: string;
  readonly limit: number;
}

const HELP = `
The node of --dir must be stopped. A node keeps its latest state only, so the blocks that the peer has more are executed here,
in memory, until both states are of one block; then both state trees are walked. With --own two running nodes are compared
as they are, and no transaction is named.

Exit codes: 0 the states are equal, 1 they differ, 2 wrong input, 3 refused, 4 the peer does not answer, 6 the node is running`;

export function addDiagnose(program: Command): void {
  leaf<DiagnoseOptions>(
    program,
    "diagnose",
    "name the keys in which this node's state differs from a peer's, and who wrote them",
    (command) =>
      command
        .addOption(dirOption())
        .addOption(
          new Option("--peer <url>", "JSON-RPC of a node that is right, such as http://10.0.0.2:18545")
            .argParser(rpcUrl)
            .makeOptionMandatory(),
        )
        .addOption(
          new Option("--own <url>", "JSON-RPC of this node while it runs, instead of --dir").argParser(
            rpcUrl,
          ),
        )
        .option("--limit <n>", "keys to show", integer(1, 1_000), 10)
        .addHelpText("after", HELP),
    ({ out, options }) =>
      options.own === undefined ? diagnose(out, options) : compareRunning(out, options, options.own),
  );
}

async function diagnose(out: Output, { dir, peer, limit }: DiagnoseOptions): Promise<void> {
  const client = connect({ rpc: [peer] });
  await withStoppedHome({ dir }, (home) =>
    withDatabase(home, async (kv) => {
      const { genesis } = home;
      await checkChain(client, showHash(computeGenesisHash(genesis)));
      const [{ findStateDifferences }, { ReplayedLedger }] = await Promise.all([
        import("../../node/stored-chain/state-difference.ts"),
        import("../../node/stored-chain/replayed-ledger.ts"),
      ]);
      const ledgerOf = () => new ReplayedLedger(genesis, kv);
      const found = await findStateDifferences(ledgerOf, kv, comparedNode(client, genesis)).catch(explained);
      if (!found.ok) throw new CliError(EXIT.refused, codeOf(found.fault.code), found.fault.detail);
      printDifferences(out, { peer, limit, modules: modulesOf(genesis) }, found.value);
    }),
  );
}

/**
 * Compares two running nodes. The certificates over their blocks say that both executed alike, so only damage
 * is left.
 */
async function compareRunning(out: Output, { peer, limit }: DiagnoseOptions, own: string): Promise<void> {
  const [here, there] = [connect({ rpc: [own] }), connect({ rpc: [peer] })];
  await checkChain(there, (await ask(here.call("node_info"))).genesisHash);
  const { walkTwoNodes } = await import("../../node/stored-chain/state-difference.ts");
  const { treePageOf } = await import("./compared-node.ts");
  const nodes = [here, there].map((client) => ({ treePage: (id: string) => ask(treePageOf(client, id)) }));
  const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  const found = await walkTwoNodes(first, second);
  if (!found.ok) throw new CliError(EXIT.refused, codeOf(found.fault.code), found.fault.detail);
  const { height, differences } = found.value;
  const same = differences.length === 0;
  const keys = differences.map(({ keyHash }) => hex0x(keyHash));
  out.result({ same, height: Number(height), keyHashes: keys.slice(0, limit), differing: keys.length }, [
    same
      ? `${out.tick} equal    ${own} and ${peer} have the same state at height ${height}`
      : `${out.cross} DIFFER   ${keys.length} keys at height ${height}; stop the node that is wrong and name them with --dir`,
    ...keys.slice(0, limit).map((key) => `  key hash ${key}`),
  ]);
  if (!same) throw new Finished(EXIT.failedCheck);
}

async function checkChain(client: Client, genesisHash: string): Promise<void> {
  const info = await ask(client.call("node_info"));
  if (info.genesisHash === genesisHash) return;
  throw badInput(`--peer: its chain has the genesis ${info.genesisHash}, this node's has ${genesisHash}`);
}

function explained(error: unknown): never {
  if (error instanceof WrongNode)
    throw new CliError(EXIT.refused, error.code, error.message, { cause: error });
  if (error instanceof NodeGone) throw unreachableError(error.cause);
  throw error;
}

function codeOf(code: string): string {
  return code.toUpperCase().replaceAll("-", "_");
}

interface Shown {
  readonly peer: string;
  readonly limit: number;
  readonly modules: ModuleSet;
}

function printDifferences(out: Output, { peer, limit, modules }: Shown, found: StateDifferences): void {
  const { height, parting, isUnsteady, keys, isCut } = found;
  const same = keys.length === 0;
  const first =
    parting === undefined
      ? undefined
      : {
          height: Number(parting.block.summary.height),
          blockHash: showHash(parting.block.hash),
          stateRoot: hex0x(parting.block.summary.stateRoot),
          stateRootHere: hex0x(parting.stateRoot),
          fault: parting.fault,
        };
  const shown = keys.slice(0, limit);
  const value = {
    ...{ same, height: Number(height), peer, firstBlock: first ?? null, deterministic: !isUnsteady },
    keys: shown.map((key) => keyJson(key, modules)),
    differing: keys.length,
    more: isCut,
  };
  out.result(value, [
    same
      ? `${out.tick} equal    this node's state and that of ${peer} at height ${height}`
      : `${out.cross} DIFFER   ${isCut ? "more than " : ""}${keys.length} ${keys.length === 1 ? "key" : "keys"} of the state at height ${height}, from ${peer}`,
    ...(first === undefined
      ? []
      : [`  first at block ${first.height}  ${first.blockHash}: ${first.fault.code}: ${first.fault.detail}`]),
    ...(isUnsteady
      ? [
          `  executing block ${first?.height} twice on this machine gave two states: a module is not deterministic`,
        ]
      : []),
    ...shown.flatMap((key) => keyLines(key, modules)),
    ...(keys.length > limit ? [`  … ${keys.length - limit} more (--limit shows them)`] : []),
    ...(same && first !== undefined
      ? ["  no key differs any more: what differed was written again since, or is told by receipts alone"]
      : []),
  ]);
  if (!same || first !== undefined) throw new Finished(EXIT.failedCheck);
}

function keyJson(found: KeyDifference, modules: ModuleSet) {
  const { key, keyHash, name, here, there, isDamaged, writer, suspects } = found;
  return {
    path: name?.path ?? null,
    module: name?.declared?.module ?? null,
    map: name?.declared?.map ?? null,
    key: name?.declared?.key ?? null,
    stateKey: key === undefined ? null : hex0x(key),
    keyHash: hex0x(keyHash),
    ...(here === undefined ? {} : { here }),
    ...(there === undefined ? {} : { there }),
    damaged: isDamaged,
    writer: writer === undefined ? null : writerJson(writer, modules),
    suspects: suspects.map((one) => writerJson(one, modules)),
  };
}

function writerJson({ height, index, transaction }: EntryWriter, modules: ModuleSet) {
  const module = modules.find(transaction.module);
  const call = module?.decodeCall(transaction.payload);
  return {
    txHash: hex0x(transaction.id),
    height: Number(height),
    index,
    from: hex0x(transaction.from),
    module: module?.name ?? `${transaction.module}`,
    call: module === undefined || call?.ok !== true ? null : module.describeCall(call.value),
  };
}

function keyLines(found: KeyDifference, modules: ModuleSet): readonly string[] {
  const { name, keyHash, here, there, isDamaged, writer, suspects } = found;
  const wrote = writer === undefined ? [] : [`    written by   ${writerLine(writer, modules)}`];
  const lines = [
    `  ${name?.path ?? `a key that this node does not know, of hash ${hex0x(keyHash)}`}`,
    `    here         ${valueLine(here)}`,
    `    at the peer  ${valueLine(there)}`,
    ...(isDamaged
      ? [
          "    the stored value is not the one of the stored state tree: this database was damaged; sync anew (quorate reset)",
        ]
      : []),
    ...wrote,
  ];
  if (writer !== undefined) return lines;
  return [
    ...lines,
    suspects.length === 0
      ? "    no transaction wrote it here since the states part"
      : `    not written here; calls that may have written it there: ${suspects.map((one) => writerLine(one, modules)).join("; ")}`,
  ];
}

function writerLine(writer: EntryWriter, modules: ModuleSet): string {
  const { txHash, height, index, from, module, call } = writerJson(writer, modules);
  const type = call === null || typeof call.type !== "string" ? "" : `.${call.type}`;
  return `${txHash}  ${module}${type} in block ${height}, transaction ${index}, from ${from}`;
}

const SHOWN_MAX = 300;

function valueLine(value: Json | undefined): string {
  if (value === undefined) return "an entry that cannot be shown";
  if (value === null) return "none";
  const text = JSON.stringify(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}
