/** The other end of the TCP probe: a process that sends back what it receives, and ends with its parent. */
import { type AddressInfo, createServer } from "node:net";

export interface EchoMessage {
  readonly kind: "listening";
  readonly port: number;
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.pipe(socket);
});
server.listen(0, "127.0.0.1", () => {
  const message: EchoMessage = { kind: "listening", port: (server.address() as AddressInfo).port };
  process.send?.(message);
});
process.once("disconnect", () => process.exit());
// Ctrl-C reaches the whole process group; the parent decides what ends when.
process.on("SIGINT", () => undefined);
