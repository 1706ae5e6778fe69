/** In browsers, which have a WebSocket of their own, none is packaged: what packaged-socket.ts is in Node. */
import type { SocketClass } from "./client-socket.ts";

export const packagedWebSocket: SocketClass | undefined = undefined;
