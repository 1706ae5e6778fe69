/**
 * Fuzz targets: JSON-RPC documents to the dispatcher, over HTTP and over a WebSocket's session. An answer is a document of
 * JSON-RPC 2.0; an internal error, or a log line about one, is a failure.
 */
import { EventEmitter } from "node:events";
import { hex0x, utf8 } from "../../src/base/bytes.ts";
import type { Logger } from "../../src/base/log.ts";
import { systemScheduler } from "../../src/node/assembly/system.ts";
import { WaitSlots, Waits } from "../../src/rpc/answers/waits.ts";
import { NO_OBSERVER } from "../../src/rpc/budgets/call-observer.ts";
import { HeldRpcBytes } from "../../src/rpc/budgets/client-held-bytes.ts";
import { Dispatcher } from "../../src/rpc/jsonrpc/jsonrpc.ts";
import type { MethodTable } from "../../src/rpc/jsonrpc/method.ts";
import { METHOD_TABLE } from "../../src/rpc/methods/method-table.ts";
import { Notices } from "../../src/rpc/websocket/notices.ts";
import { WebSocketConnection } from "../../src/rpc/websocket/websocket.ts";
import { devnet } from "../../src/testing/virtual-devnet.ts";
import { alice, bob, chainRef, FakeNode } from "../rpc/fake-node.ts";
import { FuzzFailure, type FuzzTarget } from "./target.ts";

/** Turns of the loop after which a call waits for a block. */
const TURNS_MAX = 40;
const POOLED_MAX = 20;
/** The tests' node has no network to cut. */
const METHODS: MethodTable = new Map([...METHOD_TABLE].filter(([name]) => !name.startsWith("devnet_")));

/** One document for each example of the method table, batches and what sends transactions. */
function documents(): Uint8Array[] {
  const calls = [...METHODS.values()].flatMap(({ name, examples }) =>
    examples.map(({ params }, i) => ({ jsonrpc: "2.0", id: i, method: name, params })),
  );
  const raw = hex0x(alice.transfer({ chain: chainRef, nonce: 0, to: bob.address, amount: 5n }).bytes);
  const send = (wait: string) => ({ jsonrpc: "2.0", id: "a", method: "tx_send", params: { raw, wait } });
  const sends = [
    send("submitted"),
    send("final"),
    { jsonrpc: "2.0", method: "tx_simulate", params: [raw], id: null },
  ];
  const block = { jsonrpc: "2.0", id: 2, method: "chain_getBlock", params: { height: "latest" } };
  return [...calls, ...sends, [...sends, block], [block, block, block]].map((one) =>
    utf8(JSON.stringify(one)),
  );
}

const WORDS = [
  ...METHODS.keys(),
  "latest",
  "finalized",
  "0x",
  '"id":1e999',
  "bank/",
  "anchor/",
  "__proto__",
].map(utf8);

function checkAnswer(text: string | undefined, document: string): string {
  if (text === undefined) return "notification";
  const answers = [JSON.parse(text) as { jsonrpc?: string; error?: { code: number }; id?: unknown }].flat();
  for (const answer of answers) {
    if (answer.jsonrpc !== "2.0" || !("id" in answer))
      throw new FuzzFailure(`no answer of JSON-RPC: ${text}`);
    if (answer.error?.code === -32603) throw new FuzzFailure(`an internal error in answer to ${document}`);
  }
  return `${answers[0]?.error?.code ?? "ok"}`;
}

interface Served {
  readonly node: FakeNode;
  readonly dispatcher: Dispatcher;
  /** What was logged as an error since it was asked last. */
  readonly errors: () => string[];
}

async function serveInMemory(): Promise<Served> {
  const node = await FakeNode.open();
  const lines: string[] = [];
  const log: Logger = {
    log: (level, _component, text, fields) => {
      if (level === "error") lines.push(`${text}: ${JSON.stringify(fields)}`);
    },
  };
  const waits = new Waits({ api: node, scheduler: systemScheduler });
  waits.start();
  const dispatcher = new Dispatcher({
    api: node,
    scheduler: systemScheduler,
    waits,
    methods: METHODS,
    observer: NO_OBSERVER,
    log,
    broken: (error) => lines.push(String(error)),
    busyMs: () => 0,
    pause: () => Promise.resolve(),
  });
  node.submit(alice.transfer({ chain: chainRef, nonce: 0, to: bob.address, amount: 1n }).bytes);
  await node.commit();
  return { node, dispatcher, errors: () => lines.splice(0) };
}

/** The answer, or that there is none before a block comes. */
async function settled<T>(pending: Promise<T>): Promise<{ readonly value: T } | undefined> {
  let outcome: { readonly value: T } | undefined;
  let failure: { readonly error: unknown } | undefined;
  pending.then(
    (value) => {
      outcome = { value };
    },
    (error: unknown) => {
      failure = { error };
    },
  );
  for (let i = 0; i < TURNS_MAX && outcome === undefined && failure === undefined; i++)
    await (i < 20 ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve)));
  if (failure !== undefined) throw failure.error;
  return outcome;
}

const document: FuzzTarget = {
  name: "rpc.document",
  inSuite: 1_500,
  open: async () => {
    const { node, dispatcher, errors } = await serveInMemory();
    return {
      form: "json",
      seeds: documents(),
      words: WORDS,
      run: async (input) => {
        const text = new TextDecoder().decode(input);
        const slots = new WaitSlots();
        const caller = { client: "fuzz", isGone: () => false };
        const connection = { slots, isLocal: true, subscriptions: undefined, caller };
        const answered = await settled(dispatcher.answer(text, connection));
        slots.close();
        if (node.pooled.length > POOLED_MAX) node.pooled.splice(0);
        const [error] = errors();
        if (error !== undefined) throw new FuzzFailure(error);
        return answered === undefined ? "waits" : checkAnswer(answered.value, text);
      },
    };
  },
};

/** What ws gives a connection to talk through, and nothing of the network. */
class QuietSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  sent: string[] = [];

  send(text: string, done: () => void = () => undefined): void {
    this.sent.push(text);
    done();
  }
  close(): void {
    this.readyState = 3;
  }
  terminate(): void {
    this.readyState = 3;
  }
  ping(): void {}
}

/** Messages of one peer, a new connection for every hundred. */
const message: FuzzTarget = {
  name: "websocket.message",
  inSuite: 1_000,
  open: async () => {
    const { node, dispatcher, errors } = await serveInMemory();
    const memory = new HeldRpcBytes();
    let open = 0;
    let socket = new QuietSocket();
    let connection: WebSocketConnection | undefined;
    const connect = () => {
      socket.emit("close");
      socket = new QuietSocket();
      connection = new WebSocketConnection(socket as never, {
        api: node,
        dispatcher,
        isLocal: true,
        scheduler: systemScheduler,
        client: "fuzz",
        memory,
        notices: new Notices(),
        subscriptionsChanged: (difference) => {
          open += difference;
        },
      });
      connection.start();
    };
    const call = (method: string, params: unknown) =>
      utf8(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
    let messages = 0;
    return {
      form: "json",
      seeds: [
        call("sub_subscribe", { topic: "newHeads" }),
        call("sub_subscribe", ["finalized"]),
        call("sub_subscribe", { topic: "tx", filter: { hash: hex0x(bob.address) } }),
        call("sub_subscribe", { topic: "events", from: 0, module: "bank", batch: 5, window: 10 }),
        call("sub_acknowledge", { id: "0x1", seq: 1 }),
        call("sub_unsubscribe", { id: "0x1" }),
        call("chain_getHead", {}),
        utf8(`[${Buffer.from(call("chain_getHead", {}))}]`),
      ],
      words: WORDS,
      run: async (input) => {
        if (messages++ % 100 === 0 || socket.readyState !== 1) connect();
        socket.sent = [];
        socket.emit("message", Buffer.from(input), false);
        for (let i = 0; i < TURNS_MAX && socket.sent.length === 0; i++)
          await (i < 20 ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve)));
        if (messages % 500 === 0) await node.commit();
        const [error] = errors();
        if (error !== undefined) throw new FuzzFailure(error);
        const [answer] = socket.sent.filter((text) => !text.includes('"sub_event"'));
        return socket.readyState === 1 ? checkAnswer(answer, "a message") : "closed";
      },
      close: () => {
        connection?.stop();
        socket.emit("close");
        if (memory.total !== 0 || open !== 0)
          throw new FuzzFailure(
            `${memory.total} bytes and ${open} subscriptions are held for a peer that is gone`,
          );
      },
    };
  },
};

/** The same documents to the shipped replica of a devnet, as its port answers them. */
const replica: FuzzTarget = {
  name: "rpc.replica",
  inSuite: 100,
  open: async () => {
    const net = await devnet({ validators: 1 });
    const { address: to } = net.account("bob");
    const transfer = net.account("alice").wallet.transfer({ chain: net.chain, nonce: 0n, to, amount: 5n });
    const raw = hex0x(transfer.bytes);
    const send = { jsonrpc: "2.0", id: "a", method: "tx_send", params: { raw, wait: "submitted" } };
    const url = net.urls[0]!;
    return {
      form: "json",
      seeds: [
        ...documents().filter((text) => !Buffer.from(text).includes('"final"')),
        utf8(JSON.stringify(send)),
      ],
      words: WORDS,
      run: async (input) => {
        const headers = { "content-type": "application/json" };
        const response = await net.fetch(url, { method: "POST", body: Buffer.from(input), headers });
        if (response.status === 204) return "notification";
        if (response.status !== 200) return `http-${response.status}`;
        return checkAnswer(await response.text(), new TextDecoder().decode(input));
      },
      close: () => net.stop(),
    };
  },
};

export const RPC_TARGETS: readonly FuzzTarget[] = [document, message, replica];
