/** An HTTP server of node:http with the times that a caller has. */
import { createServer, type Server } from "node:http";

/** Milliseconds in which the headers, and the whole, of a request must arrive. */
const HEADERS_MS_MAX = 10_000;
const REQUEST_MS_MAX = 30_000;
/** Milliseconds between two looks for requests that are late. */
const CHECK_MS = 2_000;
/** Milliseconds that an idle connection is kept. */
const IDLE_MS_MAX = 30_000;

export function createTimedServer(): Server {
  return createServer({
    headersTimeout: HEADERS_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: IDLE_MS_MAX,
    connectionsCheckingInterval: CHECK_MS,
  });
}
