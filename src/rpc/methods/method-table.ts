/**
 * The table of methods: what is not in it is neither printed nor accepted. The client is typed by it. A method's file
 * says what it takes and answers; what several methods show (headers, seals, transactions) is described in
 * schemas/answer-fields.ts and made in schemas/show.ts. What a method asks the node is the port api.ts.
 *
 * This folder: the methods, a file for each family. Not here: the protocol around them (rpc/jsonrpc), how long answers
 * are put together (rpc/answers), why the chain moves or not (rpc/explain).
 */
import type { MethodTable } from "../jsonrpc/method.ts";
import * as branches from "./branches.ts";
import * as chain from "./chain.ts";
import * as consensus from "./consensus.ts";
import { setPartition } from "./devnet.ts";
import { getEngineEvents } from "./engine-events.ts";
import { getEvents } from "./events.ts";
import { getEvidence } from "./evidence.ts";
import { explainConsensus } from "./explain.ts";
import { getForkTree } from "./fork-tree.ts";
import * as governance from "./gov.ts";
import * as joining from "./joining.ts";
import * as miner from "./miner.ts";
import * as network from "./network.ts";
import * as node from "./node.ts";
import * as operator from "./operator.ts";
import * as peerbook from "./peerbook.ts";
import { listPool } from "./pool-list.ts";
import { getSealedBlocks } from "./sealed-blocks.ts";
import { send } from "./send.ts";
import * as state from "./state.ts";
import * as sub from "./sub.ts";
import * as tx from "./tx.ts";
import { searchTx } from "./tx-search.ts";
import { getTimeline } from "./tx-timeline.ts";

export const METHODS = {
  node_info: node.nodeInfo,
  node_status: node.nodeStatus,
  node_inspect: operator.inspect,
  node_setLogLevel: operator.setLogLevel,
  chain_getHead: chain.getHead,
  chain_getBlock: chain.getBlock,
  chain_getHeader: chain.getHeader,
  chain_getBlockRange: chain.getBlockRange,
  chain_getSealedBlocks: getSealedBlocks,
  chain_getFinalityProof: chain.getFinalityProof,
  chain_getForkTree: getForkTree,
  chain_getTips: branches.getTips,
  chain_getReorgs: branches.getReorgs,
  chain_getGenesis: chain.getGenesis,
  chain_getEpochs: governance.getEpochs,
  chain_getEvents: getEvents,
  tx_send: send,
  tx_simulate: tx.simulate,
  tx_get: tx.getTx,
  tx_getReceipt: tx.getReceipt,
  tx_getProof: tx.getProof,
  tx_getTimeline: getTimeline,
  tx_search: searchTx,
  account_get: state.getAccount,
  state_getModules: state.getModules,
  state_getModuleFile: state.getModuleFile,
  state_query: state.queryState,
  state_getTreePage: state.getTreePage,
  mempool_status: network.poolStatus,
  mempool_list: listPool,
  consensus_getState: consensus.getConsensusState,
  consensus_getValidators: consensus.getValidators,
  consensus_getEvidence: getEvidence,
  consensus_getEvents: getEngineEvents,
  consensus_explain: explainConsensus,
  gov_getMembership: governance.getMembership,
  gov_getProposals: governance.getProposals,
  gov_check: governance.checkCall,
  net_info: network.netInfo,
  net_peers: network.netPeers,
  net_invite: joining.invite,
  net_join: joining.join,
  net_reloadPeers: joining.reloadPeers,
  net_addressBook: peerbook.addressBook,
  net_getBans: peerbook.getBans,
  net_ban: peerbook.banPeer,
  net_unban: peerbook.unbanPeer,
  miner_status: miner.minerStatus,
  miner_start: miner.minerStart,
  miner_stop: miner.minerStop,
  miner_setCoinbase: miner.minerSetCoinbase,
  miner_getWork: miner.minerGetWork,
  miner_submitWork: miner.minerSubmitWork,
  miner_generate: miner.minerGenerate,
  debug_invalidateBlock: branches.invalidateBlock,
  debug_reconsiderBlock: branches.reconsiderBlock,
  devnet_setPartition: setPartition,
  devnet_status: operator.devnetStatus,
  devnet_order: operator.devnetOrder,
  sub_subscribe: sub.subscribe,
  sub_ack: sub.acknowledge,
  sub_unsubscribe: sub.unsubscribe,
  "rpc.discover": node.discover,
};

export type Methods = typeof METHODS;

export const METHOD_TABLE: MethodTable = new Map(Object.entries(METHODS));

/** What a chain of this genesis profile offers: devnet_* and blocks on demand on dev chains alone. */
export function methodsOf(profile: "dev" | "production"): MethodTable {
  if (profile === "dev") return METHOD_TABLE;
  return new Map([...METHOD_TABLE].filter(([name]) => !isOfDevChains(name)));
}

function isOfDevChains(name: string): boolean {
  return name.startsWith("devnet_") || name === "miner_generate";
}
