/** JSON-RPC 2.0 to the packet: the specification's own examples, then what it leaves open. */
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { InvariantError } from "../../../src/base/assert.ts";
import { RPC_ID_LENGTH_MAX } from "../../../src/base/limits.ts";
import { systemScheduler } from "../../../src/node/assembly/system.ts";
import { WaitSlots } from "../../../src/rpc/answers/waits.ts";
import { CallError } from "../../../src/rpc/errors.ts";
import { Dispatcher } from "../../../src/rpc/jsonrpc/jsonrpc.ts";
import { type Method, method } from "../../../src/rpc/jsonrpc/method.ts";

const numbers = (...names: string[]) => z.strictObject(Object.fromEntries(names.map((n) => [n, z.number()])));
const define = (
  name: string,
  params: z.ZodObject,
  call: (params: Record<string, number>) => unknown,
  kind: "read" | "write" = "read",
) =>
  method({
    name,
    summary: "",
    kind,
    params,
    result: z.unknown(),
    examples: [],
    call: (_, p) => call(p as Record<string, number>) as never,
  });

const running: (() => void)[] = [];
/** What the method "join" was told to come together. */
const joined: number[][] = [];
const METHODS: Method[] = [
  define("subtract", numbers("minuend", "subtrahend"), ({ minuend, subtrahend }) => minuend! - subtrahend!),
  define("update", numbers("a", "b", "c", "d", "e"), () => null),
  define("sum", numbers("a", "b", "c"), ({ a, b, c }) => a! + b! + c!),
  define("notify_hello", numbers("times"), () => null),
  define("get_data", numbers(), () => ["hello", 5]),
  define("refuse", numbers(), () => {
    throw new CallError("TX_NONCE_TOO_LOW", "nonce 1, the account expects 2", { txHash: "0x00" });
  }),
  define("fail", numbers(), () => {
    throw new Error("secret detail");
  }),
  define("break", numbers(), () => {
    throw new InvariantError("we are wrong");
  }),
  define(
    "wait",
    numbers(),
    () => new Promise<string>((resolve) => running.push(() => resolve("waited"))),
    "write",
  ),
  {
    ...define(
      "join",
      numbers("number"),
      ({ number }) => {
        if (number! < 0) throw new CallError("TX_NONCE_TOO_LOW", "below zero");
        return number! > 100 ? Promise.resolve(number! + 1) : number! + 1;
      },
      "write",
    ),
    prepare: (_, params) => {
      joined.push(params.map((each) => (each as { number: number }).number));
      return preparedElsewhere?.();
    },
  },
  define("slow", numbers(), () => {
    const endMs = performance.now() + 6;
    while (performance.now() < endMs) {
      // Computes.
    }
    return true;
  }),
  define("large", numbers(), () => "x".repeat(17 * 1024 * 1024)),
];

let gone = false;
/** What the calls of "join" that follow one another wait for, if for anything. */
let preparedElsewhere: (() => Promise<number>) | undefined;

function setUp() {
  gone = false;
  preparedElsewhere = undefined;
  const broken: Error[] = [];
  const lines: unknown[] = [];
  const counted: { method: string; code: number }[] = [];
  const dispatcher = new Dispatcher({
    api: { readSettled: async (read: () => unknown) => ({ value: await read() }) },
    scheduler: systemScheduler,
    methods: new Map(METHODS.map((m) => [m.name, m])),
    observer: {
      callAnswered: (name: string, code: number) => counted.push({ method: name, code }),
      requestRefused: () => undefined,
      subscriptionsChanged: () => undefined,
    },
    log: { log: (...line: unknown[]) => lines.push(line) },
    broken: (error: Error) => broken.push(error),
  } as never);
  const caller = { client: "10.0.0.2", isGone: () => gone };
  const connection = { slots: new WaitSlots(), isLocal: true, subscriptions: undefined, caller };
  const answer = async (text: string) => {
    const answered = await dispatcher.answer(text, connection);
    return answered === undefined ? undefined : JSON.parse(answered);
  };
  const raw = (text: string) => dispatcher.answer(text, connection);
  return { answer, raw, broken, lines, counted };
}

const error = (code: number, message: string, id: unknown = null) => ({
  jsonrpc: "2.0",
  error: { code, message, data: expect.anything() },
  id,
});
const result = (value: unknown, id: unknown) => ({ jsonrpc: "2.0", result: value, id });

/** https://www.jsonrpc.org/specification, §7, in its order. */
const EXAMPLES: readonly (readonly [name: string, sent: string, answer: unknown])[] = [
  [
    "positional params",
    '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
    result(19, 1),
  ],
  [
    "positional, swapped",
    '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
    result(-19, 2),
  ],
  [
    "named params",
    '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
    result(19, 3),
  ],
  [
    "named, in another order",
    '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
    result(19, 4),
  ],
  ["a notification", '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', undefined],
  ["a notification of no method", '{"jsonrpc": "2.0", "method": "foobar"}', undefined],
  [
    "a method that does not exist",
    '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
    error(-32601, "Method not found", "1"),
  ],
  [
    "invalid JSON",
    '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
    error(-32700, "Parse error"),
  ],
  [
    "an invalid request object",
    '{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
    error(-32600, "Invalid Request"),
  ],
  [
    "a batch of invalid JSON",
    '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]',
    error(-32700, "Parse error"),
  ],
  ["an empty array", "[]", error(-32600, "Invalid Request")],
  ["an invalid batch that is not empty", "[1]", [error(-32600, "Invalid Request")]],
  ["an invalid batch of three", "[1,2,3]", Array(3).fill(error(-32600, "Invalid Request"))],
  [
    "a mixed batch",
    `[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
      {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
      {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
      {"foo": "boo"},
      {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
      {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]`,
    [
      result(7, "1"),
      result(19, "2"),
      error(-32600, "Invalid Request"),
      error(-32601, "Method not found", "5"),
      result(["hello", 5], "9"),
    ],
  ],
  [
    "a batch of notifications",
    `[{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
      {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]`,
    undefined,
  ],
];

describe("the examples of the JSON-RPC 2.0 specification", () => {
  it("are fifteen", () => expect(EXAMPLES.length).toBe(15));

  it.each(EXAMPLES)("%s", async (_, sent, expected) => {
    expect(await setUp().answer(sent)).toEqual(expected);
  });
});

const call = (method: string, params?: unknown, id: unknown = 1) =>
  JSON.stringify({ jsonrpc: "2.0", method, ...(params === undefined ? {} : { params }), id });

describe("a dispatcher", () => {
  it("answers id null as a call and echoes strings, numbers and null alike", async () => {
    const { answer } = setUp();
    for (const id of [null, 0, -1, 1.5, "", "x".repeat(100)]) {
      expect(await answer(call("get_data", undefined, id))).toEqual(result(["hello", 5], id));
    }
  });

  it.each([
    ["12345678901234567890123", "a number beyond 2^53"],
    ["-9007199254740993", "a negative one"],
    ["0.1000000000000000055511151231257827", "a fraction"],
    ["1e400", "a number beyond all doubles"],
  ])("echoes an id as it was written: %s, %s", async (id) => {
    const { raw } = setUp();
    const text = `{"jsonrpc":"2.0","method":"get_data","id":${id}}`;
    expect(await raw(text)).toContain(`"id":${id}}`);
    expect(await raw(text.replace("get_data", "nothing"))).toContain(`"id":${id}}`);
    expect(await raw(`[1,${text}]`)).toContain(`"id":${id}}`);
  });

  it("echoes long ids up to a bound, and refuses a longer one with id null", async () => {
    const { answer, raw } = setUp();
    const id = "x".repeat(RPC_ID_LENGTH_MAX - 2);
    expect(await answer(call("get_data", undefined, id))).toEqual(result(["hello", 5], id));
    expect(await answer(call("get_data", undefined, `${id}x`))).toEqual(error(-32600, "Invalid Request"));
    const digits = "9".repeat(RPC_ID_LENGTH_MAX + 1);
    expect(await raw(`{"jsonrpc":"2.0","method":"get_data","id":${digits}}`)).toContain('"id":null}');
  });

  it("refuses an id of another type, with id null", async () => {
    const { answer } = setUp();
    for (const id of [true, {}, [1]]) {
      expect(await answer(call("get_data", undefined, id))).toEqual(error(-32600, "Invalid Request"));
    }
  });

  it("tells another version of JSON-RPC from no version", async () => {
    const { answer } = setUp();
    expect(await answer('{"jsonrpc":"1.0","method":"get_data","id":7}')).toMatchObject({
      error: { code: -32006, data: { code: "VERSION_NOT_SUPPORTED" } },
      id: 7,
    });
    expect(await answer('{"method":"get_data","id":7}')).toMatchObject({ error: { code: -32600 }, id: 7 });
  });

  it("refuses params that are no structure, null included", async () => {
    const { answer } = setUp();
    for (const params of [null, 1, "bar", true]) {
      expect(await answer(call("get_data", params))).toMatchObject({ error: { code: -32600 } });
    }
  });

  it("names what is missing, unknown or too much", async () => {
    const { answer } = setUp();
    const message = async (text: string) => (await answer(text)).error.message;
    expect(await message(call("subtract", { minuend: 1 }))).toBe("Invalid params: subtrahend: is missing");
    expect(await message(call("subtract", [1]))).toBe("Invalid params: subtrahend: is missing");
    expect(await message(call("subtract", [1, 2, 3]))).toBe(
      "Invalid params: 3 params, subtract takes at most 2: minuend, subtrahend",
    );
    expect(await message(call("subtract", { minuend: 1, subtrahent: 2 }))).toContain(
      'unknown param "subtrahent"; did you mean "subtrahend"?',
    );
    expect(await message(call("get_data", { x: 1 }))).toBe(
      'Invalid params: unknown param "x" (get_data takes no params)',
    );
    expect(await answer(call("subtract", { minuend: "1", subtrahend: 2 }))).toMatchObject({
      error: { code: -32602, data: { code: "INVALID_PARAMS", issues: [{ path: ["minuend"] }] } },
    });
  });

  it("does not take inherited or prototype names for params", async () => {
    const { answer } = setUp();
    const sent = '{"jsonrpc":"2.0","method":"get_data","params":{"__proto__":{"a":1}},"id":1}';
    expect(await answer(sent)).toMatchObject({ error: { code: -32602 } });
    expect(await answer(call("constructor"))).toMatchObject({ error: { code: -32601 } });
  });

  it("suggests the method that was meant", async () => {
    expect((await setUp().answer(call("substract", [1, 2]))).error.data).toEqual({
      code: "METHOD_NOT_FOUND",
      detail: 'no method "substract"; did you mean "subtract"?',
    });
  });

  it("passes on the node's own code with the number of its group", async () => {
    expect(await setUp().answer(call("refuse"))).toEqual({
      jsonrpc: "2.0",
      error: {
        code: -32003,
        message: "nonce 1, the account expects 2",
        data: { code: "TX_NONCE_TOO_LOW", txHash: "0x00" },
      },
      id: 1,
    });
  });

  it("keeps its insides to itself when a method fails, and logs them", async () => {
    const { answer, broken, lines } = setUp();
    expect(await answer(call("fail"))).toEqual({
      jsonrpc: "2.0",
      error: { code: -32603, message: "Internal error", data: { code: "INTERNAL" } },
      id: 1,
    });
    expect(JSON.stringify(lines)).toContain("secret detail");
    expect(broken).toEqual([]);
  });

  it("tells the node when a method finds it contradicting itself", async () => {
    const { answer, broken } = setUp();
    expect(await answer(call("break"))).toMatchObject({ error: { code: -32603 } });
    expect(broken).toHaveLength(1);
  });

  it("refuses a batch of more than 100 calls whole", async () => {
    const { answer, counted } = setUp();
    const batch = (n: number) => `[${Array(n).fill(call("get_data")).join(",")}]`;
    expect(await answer(batch(101))).toMatchObject({
      error: { code: -32005, data: { code: "BATCH_TOO_LARGE" } },
    });
    expect(counted).toEqual([{ method: "unknown", code: -32005 }]);
    expect(await answer(batch(100))).toHaveLength(100);
  });

  it("lets the writes of a batch wait together, and the reads go on meanwhile", async () => {
    const { answer } = setUp();
    const answered = answer(
      `[${call("wait", undefined, 1)},${call("wait", undefined, 2)},${call("get_data", undefined, 3)}]`,
    );
    // A busy machine may end the turn between them.
    await vi.waitFor(() => expect(running).toHaveLength(2), { timeout: 10_000, interval: 1 });
    for (const end of running.splice(0)) end();
    expect((await answered).map(({ id }: { id: number }) => id)).toEqual([1, 2, 3]);
  });

  it("prepares writes of one method that follow one another together, and answers each as if it had come alone", async () => {
    joined.length = 0;
    const sent = [
      call("join", { number: 1 }, 1),
      call("join", { number: "x" }, 2),
      call("join", { number: -1 }, 3),
      '{"jsonrpc":"2.0","method":"join","params":{"number":7}}', // a notification
      call("join", { number: 500 }, 4),
      call("get_data", undefined, 5),
      call("join", { number: 9 }, 6),
      call("join", { number: 10 }, 7),
      '{"jsonrpc":"2.0","method":"join","params":1,"id":8}',
      call("join", { number: 11 }, 9),
    ];
    const { answer, counted } = setUp();
    const together = await answer(`[${sent.join(",")}]`);
    expect(joined).toEqual([
      [1, -1, 7, 500],
      [9, 10],
    ]);
    const alone = setUp();
    const answers = await Promise.all(sent.map((text) => alone.answer(text)));
    expect(together).toEqual(answers.filter((each) => each !== undefined));
    expect(together).toHaveLength(9);
    const order = ({ method, code }: { method: string; code: number }) => `${method} ${code}`;
    expect(counted.map(order).sort()).toEqual(alone.counted.map(order).sort());
  });

  it("waits for what prepares writes on another thread, and begins what follows them in the batch after them", async () => {
    const { answer } = setUp();
    let go!: () => void;
    preparedElsewhere = () => new Promise((resolve) => (go = () => resolve(0)));
    const sent = [
      call("join", { number: 1 }, 1),
      call("join", { number: 2 }, 2),
      call("get_data", undefined, 3),
    ];
    const answered = answer(`[${sent.join(",")}]`);
    // Others have their turn meanwhile.
    expect(await answer(call("get_data", undefined, 9))).toMatchObject({ id: 9 });
    go();
    expect((await answered).map(({ result: value }: { result: unknown }) => value)).toEqual([
      2,
      3,
      ["hello", 5],
    ]);
  });

  it("stops reading when a batch's answers grow too large, and says where to go on", async () => {
    const batch = await setUp().answer(`[${call("large")},${call("get_data")},${call("get_data")}]`);
    expect(batch[0].result).toHaveLength(17 * 1024 * 1024);
    for (const refused of batch.slice(1)) {
      expect(refused).toMatchObject({ error: { code: -32005, data: { code: "ANSWER_TOO_LARGE", next: 1 } } });
    }
  });

  it("stops when nobody takes the answer, and lets everything else have a turn between the calls of a batch", async () => {
    const { answer, counted } = setUp();
    let turns = 0;
    const calls = Array(30).fill(call("slow"));
    const turn = () => {
      turns++;
      if (turns === 10) gone = true;
      if (!gone) setImmediate(turn);
    };
    setImmediate(turn);
    expect(await answer(`[${calls.join(",")}]`)).toBeUndefined();
    expect(counted.length).toBeGreaterThan(2);
    expect(counted.length).toBeLessThan(20);
  });

  it("counts every call by method and code, strangers under one name", async () => {
    const { answer, counted } = setUp();
    await answer(call("get_data"));
    await answer('{"jsonrpc":"2.0","method":"update","params":[1]}');
    await answer(call(`x${"y".repeat(500)}`));
    await answer("{");
    expect(counted).toEqual([
      { method: "get_data", code: 0 },
      { method: "update", code: -32602 },
      { method: "unknown", code: -32601 },
      { method: "unknown", code: -32700 },
    ]);
  });
});
