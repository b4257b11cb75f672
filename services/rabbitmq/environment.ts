import { join } from "node:path";

export interface RabbitmqPorts {
  /** For clients. */
  client: number;
  /** For other Erlang nodes, of which there are none. */
  distribution: number;
  /** For epmd, which tells Erlang nodes of each other. */
  names: number;
}

/** `rabbitmq.conf` of a server on loopback only, which logs to its standard output. */
export function serverConfig({ client }: RabbitmqPorts): string {
  const settings: Record<string, string> = {
    "listeners.tcp.local": `127.0.0.1:${client}`,
    "log.console": "true",
    "log.file": "false",
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join("");
}

/**
 * `advanced.config` of a server that closes a channel whose messages are not settled in that time; it
 * looks as often, where its default is once a minute. RabbitMQ 3.10 has it for all queues alike.
 */
export function hastyConfig(consumerTimeoutMs: number): string {
  const settings = {
    consumer_timeout: consumerTimeoutMs,
    channel_tick_interval: consumerTimeoutMs,
  };
  const list = Object.entries(settings).map(([name, value]) => `{${name}, ${value}}`);
  return `[{rabbit, [${list.join(", ")}]}].\n`;
}

/**
 * The environment of a server that shares nothing with the machine's own: its folder, name, ports,
 * cookie and settings are its alone.
 */
export function serverEnvironment(folder: string, ports: RabbitmqPorts): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    LANG: "C.UTF-8",
    HOME: folder,
    // Else a shell stays in between, and a signal reaches the server by way of rabbitmqctl.
    RUNNING_UNDER_SYSTEMD: "true",
    RABBITMQ_NODENAME: `throughline-${ports.client}@localhost`,
    RABBITMQ_BASE: folder,
    RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_LOGS: "-",
    RABBITMQ_PID_FILE: join(folder, "pid"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, "advanced.config"),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
    RABBITMQ_FEATURE_FLAGS_FILE: join(folder, "feature_flags"),
    RABBITMQ_DIST_PORT: String(ports.distribution),
    ERL_EPMD_PORT: String(ports.names),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    ERL_CRASH_DUMP_BYTES: "0",
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: [
      "-start_epmd false",
      "-kernel inet_dist_use_interface {127,0,0,1}",
      // Erlang's schedulers otherwise spin for work, which the tests beside them need the CPU for.
      "+sbwt none +sbwtdcpu none +sbwtdio none",
    ].join(" "),
  };
}
