/**
 * What a module's code finds in the world: a list of names, all of them frozen. What is not in these lists is not there:
 * clocks, randomness, locales, regular expressions (whose time nobody counts), promises, and whatever some versions of
 * Node have and others have not, since a chain's nodes do not all run the same one. The text runs inside the context;
 * its value is the globals that a bundled file is given, and the makers of its values.
 */

/** Global names of a module, and what each keeps. A module's file binds exactly these (bundle-module.ts). */
export const MODULE_GLOBALS: Readonly<Record<string, string>> = {
  Object:
    "assign create defineProperties defineProperty entries freeze fromEntries getOwnPropertyDescriptor getOwnPropertyDescriptors getOwnPropertyNames getOwnPropertySymbols getPrototypeOf hasOwn is isExtensible isFrozen isSealed keys preventExtensions seal setPrototypeOf values",
  Array: "from isArray of",
  String: "fromCharCode fromCodePoint raw",
  Number:
    "EPSILON MAX_SAFE_INTEGER MAX_VALUE MIN_SAFE_INTEGER MIN_VALUE NaN NEGATIVE_INFINITY POSITIVE_INFINITY isFinite isInteger isNaN isSafeInteger parseFloat parseInt",
  BigInt: "asIntN asUintN",
  Boolean: "",
  Symbol: "asyncIterator hasInstance isConcatSpreadable iterator species toPrimitive toStringTag unscopables",
  Map: "",
  Set: "",
  WeakMap: "",
  Uint8Array: "BYTES_PER_ELEMENT",
  Uint16Array: "BYTES_PER_ELEMENT",
  Uint32Array: "BYTES_PER_ELEMENT",
  Math: "E PI abs ceil clz32 floor fround imul max min round sign sqrt trunc",
  JSON: "parse stringify",
  Error: "",
  TypeError: "",
  RangeError: "",
};

const PROTOTYPES: Readonly<Record<string, string>> = {
  Object: "hasOwnProperty isPrototypeOf propertyIsEnumerable toString valueOf",
  Array:
    "at concat copyWithin entries every fill filter find findIndex findLast findLastIndex flat flatMap forEach includes indexOf join keys lastIndexOf length map pop push reduce reduceRight reverse shift slice some sort splice toReversed toSorted toSpliced toString unshift values with",
  String:
    "at charAt charCodeAt codePointAt concat endsWith includes indexOf isWellFormed lastIndexOf length padEnd padStart repeat replace replaceAll slice split startsWith substring toLowerCase toString toUpperCase trim trimEnd trimStart valueOf",
  Number: "toExponential toFixed toPrecision toString valueOf",
  BigInt: "toString valueOf",
  Boolean: "toString valueOf",
  Symbol: "description toString valueOf",
  Map: "clear delete entries forEach get has keys set size values",
  Set: "add clear delete entries forEach has keys size values",
  WeakMap: "delete get has set",
  Uint8Array: "BYTES_PER_ELEMENT",
  Uint16Array: "BYTES_PER_ELEMENT",
  Uint32Array: "BYTES_PER_ELEMENT",
  Error: "message name toString",
  TypeError: "message name",
  RangeError: "message name",
};

/** What has no global name. */
const HIDDEN: readonly (readonly [string, string])[] = [
  ["Function.prototype", "apply bind call length name"],
  ["Object.getPrototypeOf(Uint8Array)", "from of"],
  [
    "Object.getPrototypeOf(Uint8Array.prototype)",
    "at byteLength byteOffset copyWithin entries every fill filter find findIndex findLast findLastIndex forEach includes indexOf join keys lastIndexOf length map reduce reduceRight reverse set slice some sort subarray toReversed toSorted toString values with",
  ],
  ["Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()))", ""],
  ["Object.getPrototypeOf([][Symbol.iterator]())", "next"],
  ['Object.getPrototypeOf(""[Symbol.iterator]())', "next"],
  ["Object.getPrototypeOf(new Map()[Symbol.iterator]())", "next"],
  ["Object.getPrototypeOf(new Set()[Symbol.iterator]())", "next"],
];

/** Characters that one call of repeat, padStart or padEnd makes at most. */
const TEXT_LENGTH_MAX = 65_536;

/** A script: its value is what {@link HardenedContext} describes. */
export const HARDENING = `(() => {
  "use strict";
  const { Object, String, Number, Error, TypeError, RangeError, Set, Reflect } = globalThis;
  const { ownKeys, apply, deleteProperty } = Reflect;
  const { freeze, getOwnPropertyDescriptor, defineProperty, getPrototypeOf } = Object;
  const frozen = new Set();
  const always = ["prototype", "constructor", "length", "name"];
  const keep = (object, names) => {
    const kept = new Set(names.split(" "));
    for (const key of ownKeys(object)) {
      if (typeof key === "symbol" ? key.description.startsWith("Symbol.") && !/dispose|match|replace|search|split/i.test(key.description) : kept.has(key) || always.includes(key)) continue;
      // Constants of Math and the symbols of Symbol stay for good; they are the same everywhere, or name nothing.
      if (!deleteProperty(object, key) && typeof object[key] === "function")
        throw new Error("cannot take away " + String(key));
    }
  };
  const globals = ${JSON.stringify(MODULE_GLOBALS)};
  const prototypes = ${JSON.stringify(PROTOTYPES)};
  const found = {};
  for (const name of Object.keys(globals)) found[name] = globalThis[name];
  const hidden = [${HIDDEN.map(([object, names]) => `[${object}, ${JSON.stringify(names)}]`).join(", ")}];
  const text = String.prototype;
  const { toLowerCase, toUpperCase, repeat, padStart, padEnd, charCodeAt } = text;
  const ascii = (name, method) => function () {
    const whole = String(this);
    for (let i = 0; i < whole.length; i++)
      if (apply(charCodeAt, whole, [i]) > 127)
        throw new TypeError(name + " of a text that is not ASCII: versions of Unicode differ");
    return apply(method, whole, []);
  };
  const bounded = (name, method, lengthOf) => function (count, fill) {
    const whole = String(this);
    if (lengthOf(whole, Number(count)) > ${TEXT_LENGTH_MAX})
      throw new RangeError(name + ": a text of more than ${TEXT_LENGTH_MAX} characters");
    return fill === undefined ? apply(method, whole, [count]) : apply(method, whole, [count, fill]);
  };
  const replaced = {
    toLowerCase: ascii("toLowerCase", toLowerCase),
    toUpperCase: ascii("toUpperCase", toUpperCase),
    repeat: bounded("repeat", repeat, (whole, count) => whole.length * count),
    padStart: bounded("padStart", padStart, (_, count) => count),
    padEnd: bounded("padEnd", padEnd, (_, count) => count),
  };
  for (const name of Object.keys(replaced)) defineProperty(text, name, { value: replaced[name] });
  for (const [object, names] of hidden) keep(object, names);
  for (const name of Object.keys(prototypes)) keep(found[name].prototype, prototypes[name]);
  for (const name of Object.keys(globals)) keep(found[name], globals[name]);
  // Nothing leads to the global object from here on: functions are strict, and its name goes with the others.
  const world = globalThis;
  for (const key of ownKeys(world)) deleteProperty(world, key);
  const freezeAll = (value) => {
    if ((typeof value !== "object" && typeof value !== "function") || value === null || frozen.has(value)) return;
    frozen.add(value);
    freeze(value);
    freezeAll(getPrototypeOf(value));
    for (const key of ownKeys(value)) {
      const { value: member, get, set } = getOwnPropertyDescriptor(value, key);
      freezeAll(member);
      freezeAll(get);
      freezeAll(set);
    }
  };
  for (const [object] of hidden) freezeAll(object);
  freezeAll(found);
  return { globals: found, object: () => ({}), array: () => [] };
})()`;

export interface HardenedContext {
  readonly globals: object;
  object(): Record<string, unknown>;
  array(): unknown[];
}
