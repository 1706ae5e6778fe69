/**
 * The WebSocket of ws, for Node 20, which has no global one. Bundlers for browsers take no-packaged-socket.ts in its
 * place (package.json, "browser").
 */
import { WebSocket } from "ws";
import type { SocketClass } from "./client-socket.ts";

export const packagedWebSocket: SocketClass | undefined = WebSocket as unknown as SocketClass;
