/**
 * A lean way to one node: texts over kept-alive HTTP connections. The typed client costs several times as much per
 * call, and a load generator shares the processors with what it measures.
 */
import { Agent, request } from "node:http";

const SOCKETS_MAX = 32;
const ANSWER_MS_MAX = 30_000;

export class RpcLine {
  readonly url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX, noDelay: true });

  constructor(url: string) {
    this.url = url;
  }

  /** A JSON-RPC message. @throws Error when the node does not answer with 200. */
  post(body: string): Promise<string> {
    return this.#ask("POST", "/", body);
  }

  /** @throws Error when the node does not answer with 200. */
  get(path: string): Promise<string> {
    return this.#ask("GET", path, "");
  }

  /** The result of a method by GET. @throws Error when it is refused. */
  async read<T>(method: string, params: Readonly<Record<string, string | number>> = {}): Promise<T> {
    const query = new URLSearchParams(
      Object.entries(params).map(([key, value]): [string, string] => [key, `${value}`]),
    );
    const text = await this.get(`/${method}?${query}`);
    const answer = JSON.parse(text) as { result?: T };
    if (answer.result === undefined) throw new Error(`${this.url}: ${method}: ${text.slice(0, 300)}`);
    return answer.result;
  }

  close(): void {
    this.#agent.destroy();
  }

  #ask(method: string, path: string, body: string): Promise<string> {
    const headers = {
      "content-type": "application/json",
      ...(method === "POST" ? { "content-length": Buffer.byteLength(body) } : {}),
    };
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => reject(new Error(`${this.url}: ${error.message}`, { cause: error }));
      const asked = request(`${this.url}${path}`, { method, agent: this.#agent, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("error", fail);
        response.on("end", () => {
          if (response.statusCode === 200) resolve(text);
          else fail(new Error(`HTTP ${response.statusCode}: ${text.slice(0, 200)}`));
        });
      });
      asked.setTimeout(ANSWER_MS_MAX, () => asked.destroy(new Error(`no answer in ${ANSWER_MS_MAX} ms`)));
      asked.on("error", fail);
      asked.end(body);
    });
  }
}
