/** A home's database for a node that starts: in this program's format, and said in the log where it had another. */
import type { Logger } from "../../base/log.ts";
import type { DiskKv } from "../../storage/kv.ts";
import type { HomePaths } from "../home/home.ts";
import { type MigrationPorts, openMigrated } from "./migrate-database.ts";

/** @throws UnfitDatabase, DamagedDatabase; Error when the disk fails */
export async function openCurrent(
  paths: Pick<HomePaths, "db">,
  { logger, progress }: { readonly logger: Logger } & Pick<MigrationPorts, "progress">,
): Promise<DiskKv> {
  const { kv, migrated } = await openMigrated(paths, {
    begun: (from, to) =>
      logger.log("info", "storage", "the database has an older format: migrating", { from, to }),
    ...(progress === undefined ? {} : { progress }),
  });
  if (migrated !== undefined) {
    logger.log("info", "storage", "migrated; the database as it was is kept until you delete it", {
      ...migrated,
    });
  }
  return kv;
}
