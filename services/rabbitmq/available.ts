import { access, constants } from "node:fs/promises";
import type { Absence } from "../driver.ts";

/** The server's own script, as Debian's package has it: the one on PATH changes to the system's user and folders. */
export const SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/**
 * Tells what is lacking to run a RabbitMQ of our own here: Debian's package. `undefined` when
 * nothing is. Starts and fetches nothing.
 *
 * @example
 * const absence = await rabbitmqAvailable();
 * if (absence) console.log(`no RabbitMQ: ${absence.why}; ${absence.wayOut}`);
 */
export async function rabbitmqAvailable(server: string = SERVER): Promise<Absence | undefined> {
  try {
    await access(server, constants.X_OK);
    return undefined;
  } catch {
    return {
      why: `no RabbitMQ here (tried ${server})`,
      wayOut:
        "Install it (Debian: apt-get install rabbitmq-server), or set AMQP_URL=amqp://user:password@host to use a RabbitMQ of your own",
    };
  }
}
