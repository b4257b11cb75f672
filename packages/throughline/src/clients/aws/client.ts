import { type Method, wrap } from "../../wrap.ts";

/**
 * A client of the SDK with another `send`. The methods of an aggregated class (`SQS`, `SNS`) make a
 * command and hand it to the `send` of whatever they are called on: they are called on the traced
 * client.
 */
export function wrapClient<Client extends object>(
  client: Client,
  aggregated: readonly string[],
  send: Method,
): Client {
  const methods: Record<string, Method> = { send };
  for (const name of aggregated) {
    methods[name] = (own, self, args) => Reflect.apply(own, self === client ? proxy : self, args);
  }
  const proxy = wrap(client, methods);
  return proxy;
}
