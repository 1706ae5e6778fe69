/**
 * A node that lies: it stands before a true one, passes everything on, and changes answers on their way. `lie` gets each
 * result by its method. The page comes from the disk, so that a page under development can be looked at through it too.
 */
import { request as ask, createServer, type IncomingMessage, type Server } from "node:http";
import { connect } from "node:net";
import { ExplorerFiles, isExplorerPath } from "../../src/rpc/server/explorer-files.ts";

/** Given a method's result, what is answered instead. */
export type Lie = (method: string, result: unknown) => unknown;

interface Call {
  readonly id: number;
  readonly method: string;
}
interface Answer {
  readonly id: number;
  readonly result?: unknown;
}

/** @returns the proxy's URL, and what ends it */
export async function serveLies(
  target: string,
  lie: Lie,
  port = 0,
): Promise<{ url: string; close: () => void }> {
  const { host, hostname, port: targetPort } = new URL(target);
  const server: Server = createServer((incoming, response) => {
    const [path = "", search = ""] = (incoming.url ?? "").split("?");
    if (incoming.method === "GET" && isExplorerPath(path, incoming.headers)) {
      const origins = ["http://127.0.0.1:*", "ws://127.0.0.1:*"];
      const { status, headers, body } = new ExplorerFiles(origins).answer(path, search, incoming.headers);
      response.writeHead(status, headers).end(body);
      return;
    }
    void pass(incoming, lie, { host, hostname, port: targetPort }).then(
      ({ status, type, body }) => response.writeHead(status, { "content-type": type }).end(body),
      () => response.writeHead(502).end(),
    );
  });
  server.on("upgrade", (incoming, socket, head) => {
    const upstream = connect(Number(targetPort), hostname);
    const headers = Object.entries({ ...incoming.headers, host, origin: `http://${host}` });
    upstream.write(
      `GET ${incoming.url} HTTP/1.1\r\n${headers.map(([k, v]) => `${k}: ${v}`).join("\r\n")}\r\n\r\n`,
    );
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
    for (const end of [upstream, socket])
      end.on("error", () => {
        upstream.destroy();
        socket.destroy();
      });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${address.port}`, close };
}

interface Target {
  readonly host: string;
  readonly hostname: string;
  readonly port: string;
}

async function pass(incoming: IncomingMessage, lie: Lie, { host, hostname, port }: Target) {
  const body = await read(incoming);
  const headers = { "content-type": incoming.headers["content-type"] ?? "text/plain", host };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const { method, url: path } = incoming;
    ask({ hostname, port, method, path, headers }, resolve).on("error", reject).end(body);
  });
  const text = await read(answer);
  const status = answer.statusCode ?? 502;
  const type = answer.headers["content-type"] ?? "text/plain";
  if (incoming.method !== "POST" || status !== 200) return { status, type, body: text };
  return { status, type, body: changed(body, text, lie) };
}

function changed(asked: string, answered: string, lie: Lie): string {
  const calls = [JSON.parse(asked) as Call | Call[]].flat();
  const change = (answer: Answer): Answer => {
    const method = calls.find(({ id }) => id === answer.id)?.method ?? "";
    return answer.result === undefined ? answer : { ...answer, result: lie(method, answer.result) };
  };
  const answers = JSON.parse(answered) as Answer | Answer[];
  return JSON.stringify(Array.isArray(answers) ? answers.map(change) : change(answers));
}

async function read(stream: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) text += chunk;
  return text;
}
