/**
 * A lean way to one node: texts over kept-alive HTTP connections. The typed client costs several times as much per
 * call, and a load generator shares the processors with what it measures.
 */
import { Agent, request } from "node:http";

const SOCKETS_MAX = 32;
/** Milliseconds without an answer, after which a node counts as gone: one without processors is only slow. */
const ANSWER_MS_MAX = 120_000;

/** An answer of HTTP other than 200: the node did nothing. */
export class HttpRefusal extends Error {
  override readonly name = "HttpRefusal";
  readonly status: number;

  constructor(url: string, status: number, text: string) {
    super(`${url}: HTTP ${status}: ${text.slice(0, 200)}`);
    this.status = status;
  }
}

export class RpcLine {
  readonly url: string;
  readonly #authorization: Readonly<Record<string, string>>;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX, noDelay: true });

  /** @param token of the node, with which calls pay from the operator's budget; left out, from that of the address */
  constructor(url: string, token?: string) {
    this.url = url;
    this.#authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
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

  #ask(method: string, path: string, body: string, again = false): Promise<string> {
    const headers = {
      "content-type": "application/json",
      ...this.#authorization,
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
          else reject(new HttpRefusal(this.url, response.statusCode ?? 0, text));
        });
      });
      asked.setTimeout(ANSWER_MS_MAX, () => asked.destroy(new Error(`no answer in ${ANSWER_MS_MAX} ms`)));
      asked.on("error", (error: NodeJS.ErrnoException) => {
        // The node closed the connection while it was idle, and knows nothing of the request.
        if (again || error.code !== "ECONNRESET" || !asked.reusedSocket) return fail(error);
        this.#ask(method, path, body, true).then(resolve, reject);
      });
      asked.end(body);
    });
  }
}
