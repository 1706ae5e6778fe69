/**
 * The signer's port: TLS 1.3 with a certificate on both sides. Who has no certificate that this signer knows does not
 * get past the handshake. One node is served at a time; another is told so, and takes the place of one that has been
 * silent for too long.
 */
import type { AddressInfo } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { Logger } from "../../base/log.ts";
import type { SignerDesk } from "./signer-desk.ts";
import { SIGNER_CONNECTIONS_MAX, SIGNER_SILENT_MS, SIGNER_UNSENT_BYTES_MAX } from "./signer-limits.ts";
import { SignerSession } from "./signer-session.ts";

export interface ServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The signer's own certificate and key, PEM. */
  readonly certificate: string;
  readonly key: string;
  /** Certificates of nodes, or of who vouches for them, as PEM. They are read anew for each connection. */
  readonly nodes: () => readonly string[];
}

interface Connection {
  readonly socket: TLSSocket;
  readonly session: SignerSession;
  readonly peer: string;
}

export class SignerServer {
  readonly #options: ServerOptions;
  readonly #desk: SignerDesk;
  readonly #log: Logger;
  readonly #server: Server;
  readonly #open = new Set<TLSSocket>();
  #served: Connection | undefined;

  constructor(options: ServerOptions, { desk, log }: { desk: SignerDesk; log: Logger }) {
    this.#options = options;
    this.#desk = desk;
    this.#log = log;
    const { certificate, key } = options;
    this.#server = createServer({
      cert: certificate,
      key,
      ca: [...options.nodes()],
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: "TLSv1.3",
      handshakeTimeout: SIGNER_SILENT_MS,
    });
    this.#server.maxConnections = SIGNER_CONNECTIONS_MAX;
    this.#server.on("secureConnection", (socket) => this.#connected(socket));
    this.#server.on("tlsClientError", (error, socket) => {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ECONNRESET") return; // a port scan, or a health check
      log.log("warn", "signer", "connection refused", { peer: socket.remoteAddress, error: error.message });
    });
  }

  /** @throws Error when the port is taken */
  async start(): Promise<number> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(port, host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    this.#server.on("error", (error) =>
      this.#log.log("error", "signer", "listening failed", { error: error.message }),
    );
    return (this.#server.address() as AddressInfo).port;
  }

  /** Pairs that were made meanwhile are known from now on. */
  reload(): void {
    const { certificate, key, nodes } = this.#options;
    this.#server.setSecureContext({ cert: certificate, key, ca: [...nodes()], minVersion: "TLSv1.3" });
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  #connected(socket: TLSSocket): void {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#open.add(socket);
    socket.setNoDelay(true);
    const session = new SignerSession({
      desk: this.#desk,
      send: (bytes) => {
        socket.write(bytes);
        if (socket.writableLength > SIGNER_UNSENT_BYTES_MAX) socket.destroy();
      },
      end: () => socket.end(),
      take: () => this.#take(connection),
      isServed: () => this.#served !== undefined,
    });
    const connection: Connection = { socket, session, peer };
    socket.setTimeout(SIGNER_SILENT_MS, () => socket.destroy());
    socket.on("data", (chunk: Uint8Array) => {
      // What is not answered yet waits in the socket.
      socket.pause();
      void session.receive(chunk).then(() => socket.resume());
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      session.close();
      this.#open.delete(socket);
      if (this.#served !== connection) return;
      this.#served = undefined;
      this.#log.log("info", "signer", "the node is gone", { peer });
    });
  }

  #take(connection: Connection): boolean {
    if (this.#served !== undefined) {
      const { peer } = this.#served;
      this.#log.log("warn", "signer", "a second node asked for this key and was refused", {
        peer: connection.peer,
        served: peer,
      });
      return false;
    }
    this.#served = connection;
    this.#log.log("info", "signer", "a node is connected", { peer: connection.peer });
    return true;
  }
}
