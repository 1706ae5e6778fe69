/**
 * The paths of state_query with those of declared modules: <module>/<map>/<key>. Apart from state-path.ts, which the
 * explorer takes in without the codecs of declarations.
 */
import { assert } from "../../base/assert.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import type { Json } from "../../chain/modules/module.ts";
import type { ModuleSet, OwnModule } from "../../chain/modules/module-set.ts";
import { entryAt, openValue } from "../../chain/modules/module-state.ts";
import { parseStatePath, type StatePath } from "./state-path.ts";

export function parseModulePath(path: string, modules: ModuleSet): Verdict<StatePath, "BAD_PATH"> {
  const [kind = "", ...rest] = path.split("/");
  const own = modules.named(kind);
  return own === undefined ? parseStatePath(path) : parseOwnPath(own, rest);
}

function parseOwnPath(
  own: OwnModule,
  [name = "", ...key]: readonly string[],
): Verdict<StatePath, "BAD_PATH"> {
  const place = entryAt(own, name, key);
  if (!place.ok) return refuse("BAD_PATH", place.fault.detail);
  const { state, isWhole } = place.value;
  if (!isWhole) return refuse("BAD_PATH", `${own.name}/${name}: ${key.length} parts of a key that has more`);
  const decode = (value: Uint8Array): Json => {
    const opened = openValue(state, value);
    assert(opened.ok, "a stored value of a module opens");
    return opened.value;
  };
  return accept({ key: place.value.key, decode });
}
