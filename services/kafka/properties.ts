export interface BrokerPorts {
  /** For clients. */
  client: number;
  /** For the controller, which is the same process. */
  controller: number;
}

/**
 * `server.properties` of a KRaft broker that is its own controller, on loopback only. What Kafka
 * replicates thrice by default has one copy here, and its internal topics have few partitions, which
 * makes the first group and the first transaction faster. A session may be short, so that a test
 * of one that times out is; all else is Kafka's default.
 *
 * @param advertised `host:port` that clients are told to connect to.
 */
export function serverProperties(
  ports: BrokerPorts,
  advertised: string,
  dataFolder: string,
): string {
  const settings: Record<string, string | number> = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.bootstrap.servers": `127.0.0.1:${ports.controller}`,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    listeners: `PLAINTEXT://127.0.0.1:${ports.client},CONTROLLER://127.0.0.1:${ports.controller}`,
    "advertised.listeners": `PLAINTEXT://${advertised},CONTROLLER://127.0.0.1:${ports.controller}`,
    "log.dirs": dataFolder.replaceAll("\\", "/"),
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 4,
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}
