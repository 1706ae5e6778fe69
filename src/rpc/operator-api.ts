/** What a node tells and obeys whoever runs it: its settings, the end of its log, the devnet that it is part of. */

/** Lines of the log in one answer. */
export const LOG_LINES_MAX = 500;

export interface SettingView {
  readonly key: string;
  /** The value as it was written. What could let somebody in is redacted. */
  readonly value: unknown;
  /** Where the value comes from: "default", "config.toml", "QUORATE_RPC_PORT", "--rpc-port". */
  readonly origin: string;
}

export interface LogTail {
  /** Undefined where the node logs to standard error. */
  readonly file: string | undefined;
  readonly lines: readonly string[];
}

export interface OperatorApi {
  settings(): readonly SettingView[];
  /** @param linesMax at most LOG_LINES_MAX */
  logTail(linesMax: number): Promise<LogTail>;
  /** What is logged now, as in log.level of the settings: "info,pbft=debug". */
  logLevel(): string;
  /** Until the node starts again. @returns false, and changes nothing, for what means no levels */
  setLogLevel(text: string): boolean;
  /** Undefined on a node that no devnet runs. */
  readonly devnet: DevnetOrders | undefined;
}

export const DEVNET_ORDERS = ["kill", "pause", "resume", "restart", "partition", "heal"] as const;

export interface DevnetOrder {
  readonly order: (typeof DEVNET_ORDERS)[number];
  /** Index: of kill, pause, resume and restart. */
  readonly node?: number | undefined;
  /** The sides of a partition, each as names or indices separated by commas. */
  readonly groups?: readonly string[] | undefined;
}

export interface DevnetNodeView {
  readonly index: number;
  readonly name: string;
  readonly state: "running" | "paused" | "killed" | "stopped" | "exited";
  readonly rpcUrl: string;
  readonly height: number | null;
  /** Names of the nodes on other sides of a partition. */
  readonly cutOffFrom: readonly string[];
}

export interface DevnetStanding {
  readonly quorum: number | null;
  readonly partition: readonly (readonly string[])[] | null;
  readonly nodes: readonly DevnetNodeView[];
}

/** The process above the nodes of a devnet. */
export interface DevnetOrders {
  status(): Promise<DevnetStanding>;
  /** Resolves when it is carried out. @throws Error whose message says why it was refused */
  obey(order: DevnetOrder): Promise<DevnetStanding>;
}
