/**
 * What whoever runs a node may ask of it, with its token: where its settings come from and how its log ends; and on a
 * devnet the orders of `quorate devnet`, for the explorer's buttons.
 */
import { z } from "zod";
import type { NodeApi } from "../api.ts";
import { CallError } from "../errors.ts";
import { method } from "../jsonrpc/method.ts";
import {
  DEVNET_ORDERS,
  type DevnetOrders,
  type DevnetStanding,
  LOG_LINES_MAX,
  type OperatorApi,
} from "../operator-api.ts";
import { countInput } from "../schemas/input.ts";

export const inspect = method({
  name: "node_inspect",
  summary:
    "The node's settings, each with where it comes from, and the last lines of its log; tokens, passwords and credentials are redacted.",
  kind: "admin",
  params: z.strictObject({ lines: countInput(0, LOG_LINES_MAX).default(100) }),
  result: z.strictObject({
    settings: z.array(
      z.strictObject({
        key: z.string(),
        value: z.unknown(),
        origin: z.string().meta({ description: "default, config.toml, a QUORATE_ variable or a flag" }),
      }),
    ),
    log: z.strictObject({
      file: z.string().nullable().meta({ description: "null: standard error" }),
      level: z.string().meta({ description: "what is logged now; node_setLogLevel changes it" }),
      lines: z.array(z.string()).meta({ description: "oldest first" }),
    }),
  }),
  examples: [
    {
      name: "the last line",
      params: { lines: 1 },
      result: {
        settings: [{ key: "rpc.port", value: 18545, origin: "config.toml" }],
        log: {
          file: "/var/lib/quorate/logs/node.log",
          level: "info",
          lines: ['{"level":30,"msg":"listening"}'],
        },
      },
    },
  ],
  async call({ api }, { lines }) {
    const operator = mustHaveHome(api);
    const { file = null, lines: last } = await operator.logTail(lines);
    return {
      settings: operator.settings().map((setting) => ({ ...setting })),
      log: { file, level: operator.logLevel(), lines: [...last] },
    };
  },
});

export const setLogLevel = method({
  name: "node_setLogLevel",
  summary: "Changes what the node logs, without a restart and until the next one.",
  kind: "admin",
  params: z.strictObject({
    level: z.string().max(1_000).meta({
      description:
        'as log.level of the configuration: debug, info, warn or error, also per component: "info,pbft=debug"; "info,tx=debug" follows each transaction',
    }),
  }),
  result: z.strictObject({
    level: z.string(),
    before: z.string().meta({ description: "what was logged until now" }),
  }),
  examples: [
    {
      name: "more of the consensus",
      params: { level: "info,pbft=debug" },
      result: { level: "info,pbft=debug", before: "info" },
    },
  ],
  async call({ api }, { level }) {
    const operator = mustHaveHome(api);
    const before = operator.logLevel();
    if (!operator.setLogLevel(level)) {
      const detail = `level: expected debug, info, warn or error, also per component, such as "info,pbft=debug", found ${JSON.stringify(level)}`;
      throw new CallError("INVALID_PARAMS", detail);
    }
    return { level: operator.logLevel(), before };
  },
});

function mustHaveHome({ operator }: NodeApi): OperatorApi {
  if (operator !== undefined) return operator;
  throw new CallError("NO_HOME", "this node has no home: it keeps no settings and no log");
}

const standing = z.strictObject({
  quorum: z.number().nullable().meta({ description: "votes that decide; null where blocks are mined" }),
  partition: z
    .array(z.array(z.string()))
    .nullable()
    .meta({ description: "groups that talk only among themselves; null while the network is whole" }),
  nodes: z.array(
    z.strictObject({
      index: z.number(),
      name: z.string(),
      state: z.enum(["running", "paused", "killed", "stopped", "exited"]),
      rpcUrl: z.string(),
      height: z.number().nullable().meta({ description: "null while it gives no answer" }),
      cutOffFrom: z.array(z.string()),
    }),
  ),
});

const NODE = {
  index: 0,
  name: "node0",
  state: "running",
  rpcUrl: "http://127.0.0.1:18545",
  height: 5,
  cutOffFrom: [],
} as const;
const WHOLE = { quorum: 3, partition: null, nodes: [NODE] };

export const devnetStatus = method({
  name: "devnet_status",
  summary:
    "The nodes of the devnet that runs this one: what each process does, and who is cut off from whom.",
  kind: "admin",
  params: z.strictObject({}),
  result: standing,
  examples: [{ name: "whole", params: {}, result: WHOLE }],
  call: async ({ api }) => show(await mustHaveDevnet(api).status()),
});

export const devnetOrder = method({
  name: "devnet_order",
  summary:
    "An order of quorate devnet: kill, pause, resume or restart a node, cut the network into groups, or heal it. It answers when it is carried out.",
  kind: "admin",
  params: z.strictObject({
    order: z.enum(DEVNET_ORDERS),
    node: countInput(0, 1_000).optional().meta({ description: "index; for kill, pause, resume, restart" }),
    groups: z
      .array(z.string().min(1).max(2_000))
      .max(64)
      .optional()
      .meta({ description: 'for partition: "0,1", "2,3"; nodes that are not named form one more group' }),
  }),
  result: standing,
  examples: [
    {
      name: "a power cut",
      params: { order: "kill", node: 0 },
      result: { ...WHOLE, nodes: [{ ...NODE, state: "killed", height: null }] },
    },
    { name: "whole again", params: { order: "heal" }, result: WHOLE },
  ],
  async call({ api }, order) {
    const devnet = mustHaveDevnet(api);
    try {
      return show(await devnet.obey(order));
    } catch (error) {
      throw new CallError("INVALID_PARAMS", error instanceof Error ? error.message : String(error));
    }
  },
});

function show({ quorum, partition, nodes }: DevnetStanding): z.input<typeof standing> {
  return {
    quorum,
    partition: partition?.map((group) => [...group]) ?? null,
    nodes: nodes.map((node) => ({ ...node, cutOffFrom: [...node.cutOffFrom] })),
  };
}

function mustHaveDevnet({ operator }: NodeApi): DevnetOrders {
  if (operator?.devnet !== undefined) return operator.devnet;
  throw new CallError("NO_DEVNET", "no devnet runs this node: it was started by itself");
}
