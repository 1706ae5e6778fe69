/** The reader of the replay benchmark: a process that takes what a WebSocket sends, and ends with its parent. */
import { WebSocket } from "ws";

export type EventReaderOrder =
  | { readonly kind: "read"; readonly url: string; readonly params: object; readonly events: number }
  | { readonly kind: "count"; readonly url: string; readonly messages: number };

export interface EventReaderMessage {
  readonly kind: "done";
  /** How many characters all notifications had. */
  readonly bytes: number;
}

interface Notification {
  readonly result?: unknown;
  readonly error?: { readonly message: string };
  readonly params?: {
    readonly subscription: string;
    readonly seq: number;
    readonly result: readonly unknown[];
  };
}

process.on("message", (order: EventReaderOrder) => {
  if (order.kind === "read") read(order);
  else count(order);
});
process.once("disconnect", () => process.exit());
// Ctrl-C reaches the whole process group; the parent decides what ends when.
process.on("SIGINT", () => undefined);

function read({ url, params, events }: Extract<EventReaderOrder, { kind: "read" }>): void {
  const socket = new WebSocket(url);
  let taken = 0;
  let bytes = 0;
  socket.on("open", () => send(socket, "sub_subscribe", params));
  socket.on("message", (data) => {
    const text = String(data);
    const { params: notification, error } = JSON.parse(text) as Notification;
    if (error !== undefined) throw new Error(error.message);
    if (notification === undefined) return;
    taken += notification.result.length;
    bytes += text.length;
    if (notification.seq % 4 === 0)
      send(socket, "sub_ack", { id: notification.subscription, seq: notification.seq });
    if (taken >= events) finish(socket, bytes);
  });
}

function count({ url, messages }: Extract<EventReaderOrder, { kind: "count" }>): void {
  const socket = new WebSocket(url);
  let left = messages;
  let bytes = 0;
  socket.on("message", (data) => {
    bytes += String(data).length;
    if (--left === 0) finish(socket, bytes);
  });
}

function send(socket: WebSocket, method: string, params: object): void {
  socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
}

function finish(socket: WebSocket, bytes: number): void {
  socket.terminate();
  process.send?.({ kind: "done", bytes } satisfies EventReaderMessage);
}
