/** Opens what servers share; `lib/store/cluster.ts` loads this file, and nothing else does. */
import type { ClusterSettings } from "@/lib/cluster_settings.ts";
import type { Cluster, ClusterOptions } from "@/lib/store/cluster.ts";
import { Listener } from "./listener.ts";
import { assertMade, migrate } from "./migrate.ts";
import { BucketOwner } from "./owner.ts";
import { PgBossQueue } from "./pg_boss.ts";
import { Postgres } from "./postgres.ts";
import { S3 } from "./s3.ts";
import { sharedSecret } from "./secret.ts";

export async function open(
  { database, bucket }: ClusterSettings,
  { joined = false }: ClusterOptions,
): Promise<Cluster> {
  if (!joined) await migrate(database.address, database.schema);
  const db = new Postgres(database, { connections: joined ? 3 : 10 });
  if (joined) await assertMade(db);
  const queue = new PgBossQueue(db, { joined, log: (text) => console.error(text) });
  if (!joined) await queue.open();
  let opened: Listener | undefined;
  const listener = () => opened ??= new Listener(database.address, database.schema);
  return {
    db,
    queue,
    remote: new S3(bucket),
    owner: new BucketOwner(db, bucket),
    secret: await sharedSecret(db),
    listen: (channel, heard) => listener().on(channel, heard),
    tell: (channel, payload) => listener().tell(channel, payload),
    async close() {
      await queue.close();
      await opened?.close();
    },
  };
}
