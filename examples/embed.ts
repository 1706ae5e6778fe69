/**
 * A node inside a program of yours: open a home, start the node, follow its chain, stop it.
 *
 *   npx quorate init --dir home            # a chain of one validator
 *   npx tsx examples/embed.ts home
 */
import { loadConfig, openHome, startNode } from "quorate";
import { Client } from "quorate/client";

const home = openHome(process.argv[2] ?? ".quorate");
if (!home.ok) throw new Error(home.fault.detail);

// As `quorate start` does: flags, then variables, then config.toml, then defaults.
const loaded = loadConfig({
  file: home.value.configText,
  environment: process.env,
  flags: { "rpc.port": "0", "p2p.port": "0", "p2p.host": "127.0.0.1", "consensus.empty_blocks_ms": "100" },
});
if (!loaded.ok) throw new Error(loaded.fault.detail);

const node = await startNode({ home: home.value, config: loaded.value.config });
const client = new Client(node.rpcUrl);
try {
  while (node.height() < 2n) await new Promise((resolve) => setTimeout(resolve, 50));
  const { hash } = await client.call("chain_getHead");
  console.log(`at height ${node.height()}: ${hash}`);
} finally {
  await node.stop();
}
