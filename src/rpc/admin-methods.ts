/**
 * The names of the admin methods, which need the node's token and speak of the one node that is asked. A list of its
 * own, because the client has no schemas: a test holds it to the table.
 */
export const ADMIN_METHODS: ReadonlySet<string> = new Set([
  "debug_invalidateBlock",
  "debug_reconsiderBlock",
  "devnet_order",
  "devnet_setPartition",
  "devnet_status",
  "miner_generate",
  "miner_getWork",
  "miner_setCoinbase",
  "miner_start",
  "miner_status",
  "miner_stop",
  "miner_submitWork",
  "net_addressBook",
  "net_ban",
  "net_getBans",
  "net_invite",
  "net_reloadPeers",
  "net_unban",
  "node_inspect",
  "node_setLogLevel",
]);
