/**
 * A read of the state at a chosen level, one node after the other or several at once: `one` and `proven` here, `agreed` in
 * read-agreed.ts, `latest` in read-latest.ts. Loaded when a client reads so. docs/reads.md, docs/adr/0031-01.
 */
import { readAgreed } from "./read-agreed.ts";
import { readLatest } from "./read-latest.ts";
import {
  genesisFor,
  judged,
  openAnswer,
  proveAnswer,
  provenAnswer,
  ReceivedAnswers,
  type StateReadPorts,
  tooOld,
  visitsOf,
} from "./read-parts.ts";
import { NotProvenError, type ReadAnswer, ReadError, type ReadLevel } from "./read-types.ts";
import type { StateQuestion } from "./state-question.ts";
import { visitUntilSettled } from "./visits.ts";

/** @throws RangeError for a level that this client cannot have, ReadError when the nodes give no such answer */
export function readState<T>(
  level: ReadLevel,
  question: StateQuestion<T>,
  ports: StateReadPorts,
): Promise<ReadAnswer<T>> {
  switch (level) {
    case "one":
      return readOne(question, ports);
    case "agreed":
      return readAgreed(question, ports);
    case "proven":
      return readProven(question, ports);
    case "latest":
      return readLatest(question, ports);
  }
}

async function readOne<T>(question: StateQuestion<T>, ports: StateReadPorts): Promise<ReadAnswer<T>> {
  const received = new ReceivedAnswers();
  const found = await visitUntilSettled<ReadAnswer<T>>({
    ...visitsOf(ports, received),
    first: 1,
    async visit(endpoint, limits) {
      const said = await endpoint.call("state_query", { path: question.path }, limits);
      const { bytes: _, ...answer } = openAnswer(question, said);
      if (answer.height < ports.minHeight) return tooOld(received, endpoint, answer.height, ports.minHeight);
      return {
        ...answer,
        ...judged(question, "one", []),
        nodes: [endpoint.url],
        signers: [],
        disbelieved: received.disbelieved,
      };
    },
  });
  if (found !== undefined) return found;
  throw new ReadError("no node answered", received.at("one"));
}

async function readProven<T>(question: StateQuestion<T>, ports: StateReadPorts): Promise<ReadAnswer<T>> {
  const genesis = genesisFor("proven", ports);
  const received = new ReceivedAnswers();
  const found = await visitUntilSettled<ReadAnswer<T>>({
    ...visitsOf(ports, received),
    first: 1,
    async visit(endpoint, limits, more) {
      const said = await endpoint.call("state_query", { path: question.path, prove: true }, limits);
      const proved = await proveAnswer(question, said, { endpoint, genesis, ports });
      const { height } = proved.head.summary;
      if (height >= BigInt(ports.minHeight))
        return provenAnswer("proven", question, proved, [endpoint], received);
      more();
      return tooOld(received, endpoint, Number(height), ports.minHeight);
    },
  });
  if (found !== undefined) return found;
  throw new NotProvenError("no node proved its answer", received.at("proven"));
}
