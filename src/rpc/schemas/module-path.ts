/**
 * The paths of state_query with those of modules by their declarations: <module>/<map>/<key>. Apart from state-path.ts, which the
 * explorer takes in without the codecs of declarations.
 */
import { assert } from "../../base/assert.ts";
import { concatBytes } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { BUILT_IN_FORMS, builtInOfPath, type FixedModule } from "../../chain/modules/built-in-forms.ts";
import type { Json } from "../../chain/modules/module.ts";
import type { ModuleSet } from "../../chain/modules/module-set.ts";
import { type EntryPlace, entryAt, openValue } from "../../chain/modules/module-state.ts";
import { parseStatePath, type StatePath } from "./state-path.ts";

/** A module by its declaration, whether every chain has it or this one alone. */
type NamedModule = Pick<FixedModule, "id" | "name" | "form">;

export function parseModulePath(path: string, modules: ModuleSet): Verdict<StatePath, "BAD_PATH"> {
  const [kind = "", ...rest] = path.split("/");
  const own = builtInOfPath(kind, rest[0]) ?? modules.named(kind);
  return own === undefined ? parseStatePath(path) : parseOwnPath(own, rest);
}

/** Entries of a module's map: all whose keys begin with these bytes. */
export interface StateRange {
  readonly module: NamedModule;
  readonly state: EntryPlace["state"];
  readonly prefix: Uint8Array;
}

/**
 * <module>/<map>, or with the first fields of keys that have several.
 * @param bytes that the encoding of what follows begins with
 */
export function parseModuleRange(
  path: string,
  bytes: Uint8Array,
  modules: ModuleSet,
): Verdict<StateRange, "BAD_PATH"> {
  const [kind = "", name = "", ...key] = path.split("/");
  const module = builtInOfPath(kind, name) ?? modules.named(kind);
  if (module === undefined) {
    const known = [...BUILT_IN_FORMS, ...modules.own()].map((one) => one.name);
    return refuse(
      "BAD_PATH",
      `${path}: entries are listed of the maps of modules; this chain has ${known.join(", ")}`,
    );
  }
  const place = entryAt(module, name, key);
  if (!place.ok) return refuse("BAD_PATH", place.fault.detail);
  const { state, key: start } = place.value;
  return accept({ module, state, prefix: concatBytes(start, bytes) });
}

function parseOwnPath(
  own: NamedModule,
  [name = "", ...key]: readonly string[],
): Verdict<StatePath, "BAD_PATH"> {
  const place = entryAt(own, name, key);
  if (!place.ok) return refuse("BAD_PATH", place.fault.detail);
  const { state, isWhole } = place.value;
  if (!isWhole)
    return refuse(
      "BAD_PATH",
      `${own.name}/${name}: ${key.length} parts of a key that has more; with limit the entries below it are listed`,
    );
  const decode = (value: Uint8Array): Json => {
    const opened = openValue(state, value);
    assert(opened.ok, "a stored value of a module opens");
    return opened.value;
  };
  return accept({ key: place.value.key, decode });
}
