/** The modules of a simulated chain: bundled from their sources, evaluated as a node does it. */
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { ownModules } from "../../testing/own-modules.ts";
import type { Campaign } from "../../tools/sim/campaign.ts";
import { badInput } from "../exit.ts";

export async function modulesFor({
  modules = [],
}: Pick<Campaign, "modules">): Promise<Pick<Genesis, "modules" | "code">> {
  try {
    return await ownModules(modules);
  } catch (error) {
    if (error instanceof RangeError) throw badInput(`--module: ${error.message}`);
    throw error;
  }
}
