/** A node of given words, for commands that ask one over JSON-RPC. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Answers each method with what is given for it, and refuses all others as a used invitation is refused. */
export async function answering(
  answers: Record<string, unknown>,
  run: (url: string) => Promise<void>,
): Promise<void> {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { id, method } = JSON.parse(body) as { id: number; method: string };
    const refused = { code: -32000, message: "no", data: { code: "INVITATION_USED" } };
    const answer = answers[method];
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({
        jsonrpc: "2.0",
        id,
        ...(answer === undefined ? { error: refused } : { result: answer }),
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
