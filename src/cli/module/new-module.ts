/**
 * `quorate module new`: a package to begin with: a module, its test, a script that calls it and a README. What it says
 * is plain text of this file, so that it is tested as a whole (test/cli/module/new-module.test.ts).
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MODULE_NAME } from "../../chain/modules/module-form.ts";
import { makeFolder, writeWhole } from "../../storage/durable-file.ts";
import { badInput } from "../exit.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** What a module is developed with, in the very versions that this program is tested with. */
const TOOLS = ["@types/node", "tsx", "typescript", "vitest"] as const;

/** Words that cannot be the name of a variable, which the module's name is in the test and the script. */
const RESERVED: readonly string[] = (
  "await break case catch class const continue debugger default delete do else enum export extends false finally for function if " +
  "implements import in instanceof interface let new null package private protected public return static super switch this " +
  "throw true try typeof var void while with yield client accounts shown secret alice item order tx sent answer genesis devnet test expect"
).split(" ");

/** Writes the package. @returns its files, relative to the folder @throws CliError for a bad name or a folder that is there */
export function newModule(name: string, dir: string): readonly string[] {
  if (!MODULE_NAME.test(name))
    throw badInput(
      `"${name}": a module's name is a lower-case letter, then at most 31 lower-case letters and digits`,
    );
  if (RESERVED.includes(name))
    throw badInput(`"${name}": a word of TypeScript, or of what is written; choose another name`);
  if (existsSync(dir))
    throw badInput(`${dir}: it is there already; nothing was written (--out names another folder)`);
  const files = filesOf(name);
  for (const [path, text] of Object.entries(files)) {
    makeFolder(join(dir, path, ".."));
    writeWhole(join(dir, path), text);
  }
  return Object.keys(files);
}

function filesOf(name: string): Readonly<Record<string, string>> {
  return {
    "package.json": packageJson(name),
    "tsconfig.json": TSCONFIG,
    ".gitignore": "node_modules/\n.devnet/\nmodules/\n",
    [`src/${name}.ts`]: moduleSource(name),
    [`test/${name}.test.ts`]: testSource(name),
    "client.ts": clientSource(name),
    "README.md": readme(name),
  };
}

function packageJson(name: string): string {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly version: string;
    readonly dependencies: Record<string, string>;
    readonly devDependencies: Record<string, string>;
  };
  const versions = { ...manifest.dependencies, ...manifest.devDependencies };
  // In a checkout the package that is being worked on, else the release that runs.
  const quorate = existsSync(join(ROOT, ".git")) ? `file:${ROOT}` : manifest.version;
  const made = {
    name: `quorate-module-${name}`,
    version: "0.1.0",
    private: true,
    type: "module",
    scripts: {
      test: "vitest run",
      check: "tsc",
      build: `quorate module build src/${name}.ts`,
      devnet: `quorate devnet --module src/${name}.ts`,
      client: "tsx client.ts",
    },
    dependencies: { quorate },
    devDependencies: Object.fromEntries(TOOLS.map((tool) => [tool, versions[tool]])),
  };
  return `${JSON.stringify(made, undefined, 2)}\n`;
}

const TSCONFIG = `{
  "compilerOptions": {
    "target": "es2023",
    "module": "nodenext",
    "strict": true,
    "noEmit": true,
    "allowImportingTsExtensions": true,
    "skipLibCheck": true,
    "types": ["node"]
  },
  "include": ["src", "test", "client.ts"]
}
`;

function moduleSource(name: string): string {
  return `// A register of items: who owns what, and since which block. Change it into what your chain is for.
import { address, call, defineModule, event, hash, height, map, struct, text } from "quorate/module";

export default defineModule(
  {
    name: "${name}",
    state: {
      items: map(hash, struct({ owner: address, label: text(64), since: height })),
    },
    events: {
      created: event({ item: hash, owner: address }),
      given: event({ item: hash, from: address, to: address }),
    },
    faults: {
      AlreadyThere: "an item with this hash is there already",
      UnknownItem: "there is no such item",
      NotOwner: "only the owner may give an item away",
    },
  },
  {
    /** Enters an item, which belongs to who enters it. */
    create: call({ item: hash, label: text(64) }, (ctx, { item, label }) => {
      if (ctx.state.items.has(item)) throw ctx.fault("AlreadyThere");
      ctx.state.items.set(item, { owner: ctx.sender, label, since: ctx.height });
      ctx.emit.created({ item, owner: ctx.sender });
    }),
    /** Gives an item to another account. */
    give: call({ item: hash, to: address }, (ctx, { item, to }) => {
      const entry = ctx.state.items.get(item);
      if (entry === undefined) throw ctx.fault("UnknownItem");
      if (entry.owner !== ctx.sender) throw ctx.fault("NotOwner");
      ctx.state.items.set(item, { ...entry, owner: to, since: ctx.height });
      ctx.emit.given({ item, from: entry.owner, to });
    }),
  },
);
`;
}

function testSource(name: string): string {
  return `// A chain of four validators in this process, on virtual time: no ports, no files, no waiting.
import { checkDeterminism, devnet } from "quorate/testing";
import { expect, test } from "vitest";
import ${name} from "../src/${name}.ts";

const item = \`0x\${"11".repeat(32)}\` as const;

test("an item belongs to who entered it, until it is given away", async () => {
  const net = await devnet({ validators: 4, modules: [${name}] });
  const bob = net.account("bob").address;
  const created = await net.final(net.call(${name}.create, { item, label: "a house" }, { from: "alice" }));
  expect(created.status).toBe("success");
  await net.final(net.call(${name}.give, { item, to: bob }, { from: "alice" }));
  expect(net.entry("${name}", "items", item)).toMatchObject({ owner: bob, label: "a house" });
  await net.stop();
});

test("nobody gives away what belongs to another", async () => {
  const net = await devnet({ validators: 4, modules: [${name}] });
  await net.final(net.call(${name}.create, { item, label: "a house" }, { from: "alice" }));
  const to = net.account("carol").address;
  const refused = await net.final(net.call(${name}.give, { item, to }, { from: "bob" }));
  expect(refused).toMatchObject({ status: "failed", fault: "${name.toUpperCase()}_NOT_OWNER" });
  await net.stop();
});

test("every node comes to the same state, whatever its clock, its time zone and its locale", async () => {
  await checkDeterminism(
    [${name}],
    [
      (net) => net.call(${name}.create, { item, label: "a house" }, { from: "alice" }),
      (net) => net.call(${name}.give, { item, to: net.account("bob").address }, { from: "alice" }),
    ],
  );
});
`;
}

function clientSource(name: string): string {
  return `// Enters an item on a running devnet (npm run devnet), and proves who owns it with the genesis alone.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { Client, Wallet } from "quorate/client";
import { openGenesis } from "quorate/verify";
import { verifyEntry } from "quorate/verify/entry";
import ${name} from "./src/${name}.ts";

const client = new Client(process.env.NODE_URL ?? "http://127.0.0.1:18545");
// The devnet's accounts are public: real keys come from \`quorate keys new\`.
const shown = execFileSync("npx", ["quorate", "devnet", "accounts", "--json"], { encoding: "utf8" });
const { accounts } = JSON.parse(shown) as { accounts: { name: string; secret: string }[] };
const secret = accounts.find((account) => account.name === "alice")?.secret ?? "";
const alice = Wallet.fromSeed(Buffer.from(secret.slice(2), "hex"));

const item = \`0x\${randomBytes(32).toString("hex")}\` as const;
const order = { chain: await client.chain(), nonce: await client.nextNonce(alice.address), fee: 1n };
const tx = alice.call(${name}.create, { item, label: "a house" }, order);
const sent = await client.send(tx, { wait: "final" });
console.log(\`\${item} was entered in block \${sent.blockHeight}\`);

const answer = await client.call("state_query", { path: \`${name}/items/\${item}\`, prove: true });
const genesis = openGenesis(readFileSync(".devnet/genesis.json", "utf8"));
if (!genesis.ok) throw new Error(genesis.fault.detail);
console.log(verifyEntry({ answer, module: ${name}, state: "items", key: item, genesis: genesis.value }));
client.close();
`;
}

function readme(name: string): string {
  return `# ${name}

A module of a Quorate chain: rules in TypeScript that every node executes alike.

\`\`\`
npm install
npm test            # the module on a chain of four validators, inside the test
npm run devnet      # a chain of four real nodes on this machine that runs it; built anew when the source changes
npm run client      # in another terminal: calls it, and proves an entry of its state
npm run build       # the one file that a genesis names by its hash: modules/${name}.js
\`\`\`

By hand, while the devnet runs:

\`\`\`
npx quorate tx call ${name}.create --item 0x${"22".repeat(32)} --label "a boat" --from alice
npx quorate tx call ${name}.give --item 0x${"22".repeat(32)} --to bob --from alice
npx quorate rpc state_query '{"path":"${name}/items/0x${"22".repeat(32)}"}'
\`\`\`

\`src/${name}.ts\` declares calls, state, events and faults once; the bytes of transactions, the types of the client, what nodes
show and what can be proved follow from it. What a module may use is in docs/modules.md of the package quorate.
`;
}
