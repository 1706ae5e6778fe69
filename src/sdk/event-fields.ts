/**
 * Fields of events by a module's declaration: from its values to a filter in JSON, and back from the JSON of events to
 * the values of its types (a uint of 64 bits is a bigint). In Node and in browsers.
 */
import { codecOf, codecOfFields } from "../chain/modules/value-codec.ts";
import type { LooseEventsOrder, ModuleEvent } from "./event-types.ts";

interface EventReading {
  /** The filter as sub_subscribe takes it. */
  readonly filter: Readonly<Record<string, unknown>>;
  /** @throws Error for fields that are not of the declaration: the chain runs another version of the module */
  read(event: ModuleEvent): ModuleEvent;
}

/** @throws RangeError for an event or a field that the declaration has not */
export function readerOf({ module, event, fields }: LooseEventsOrder): EventReading {
  const asked = event === undefined ? {} : { event };
  if (typeof module !== "object") {
    const filter = {
      ...(module === undefined ? {} : { module }),
      ...asked,
      ...(fields === undefined ? {} : { fields }),
    };
    return { filter, read: (one) => one };
  }
  const { name, events = {} } = module.declaration;
  const types = event === undefined ? Object.values(events) : [events[event]];
  if (types.includes(undefined)) throw new RangeError(`module ${name} declares no event "${event}"`);
  const shown = Object.entries(fields ?? {}).map(([field, value]) => {
    const type = types.find((each) => each !== undefined && Object.hasOwn(each.fields, field))?.fields[field];
    if (type === undefined)
      throw new RangeError(`module ${name} declares no field "${field}" of these events`);
    return [field, codecOf(type).toJson(value)] as const;
  });
  const codecs = new Map(Object.entries(events).map(([each, { fields: of }]) => [each, codecOfFields(of)]));
  return {
    filter: { module: name, ...asked, ...(shown.length === 0 ? {} : { fields: Object.fromEntries(shown) }) },
    read(one) {
      const codec = codecs.get(one.event);
      if (codec === undefined) {
        throw new Error(
          `the chain's module ${name} has an event "${one.event}" that this declaration has not`,
        );
      }
      return { ...one, fields: codec.fromJson(one.fields, `${name}.${one.event}`) as ModuleEvent["fields"] };
    },
  };
}
