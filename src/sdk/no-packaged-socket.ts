/** What packaged-socket.ts is in Node, for browsers: they have a WebSocket of their own, so none is packaged. */
import type { SocketClass } from "./client-socket.ts";

export const packagedWebSocket: SocketClass | undefined = undefined;
