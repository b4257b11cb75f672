// Starts the server named by its argument, tells its address and process ids as one line of JSON,
// and stays, for the tests that kill it.

import { startElasticmq } from "../elasticmq/start.ts";
import { startEmbeddedKafka } from "../embedded-kafka/start.ts";
import { startFauxqs } from "../fauxqs/start.ts";
import { startJaeger } from "../jaeger/start.ts";
import { startKafka } from "../kafka/start.ts";
import { startRabbitmq } from "../rabbitmq/start.ts";

const progress = (): void => {};
const servers = {
  kafka: () => startKafka({ progress }),
  "embedded-kafka": () => startEmbeddedKafka(),
  jaeger: async () => {
    const jaeger = await startJaeger({ progress });
    return { ...jaeger, brokers: new URL(jaeger.query).host };
  },
  rabbitmq: async () => {
    const rabbitmq = await startRabbitmq({ progress });
    return { process: rabbitmq.process, brokers: new URL(rabbitmq.url).host };
  },
  fauxqs: async () => hosted(await startFauxqs({ progress })),
  elasticmq: async () => hosted(await startElasticmq({ progress })),
};

function hosted<Server extends { endpoint: string }>(server: Server): Server & { brokers: string } {
  return { ...server, brokers: new URL(server.endpoint).host };
}

const server = await servers[process.argv[2] as keyof typeof servers]();
process.stdout.write(
  `${JSON.stringify({ brokers: server.brokers, childPid: server.process.pid })}\n`,
);
