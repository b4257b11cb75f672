import type { SQSClientConfig } from "@aws-sdk/client-sqs";

/** An emulator of SQS that the tests speak to. */
export interface SqsServer {
  readonly name: string;
  /** Undefined where it is not there. */
  readonly endpoint: string | undefined;
  /** Why a test of it is skipped; false where it is there. */
  readonly skip: string | false;
}

function server(name: string, variable: string, wayOut: string): SqsServer {
  const endpoint = process.env[variable];
  const skip = endpoint === undefined && `no ${name}: set ${variable}, or ${wayOut} for npm test`;
  return { name, endpoint, skip };
}

export const fauxqs: SqsServer = server("fauxqs", "FAUXQS_ENDPOINT", "let npm ci install it");
export const elasticmq: SqsServer = server(
  "ElasticMQ",
  "ELASTICMQ_ENDPOINT",
  "install java and mvn",
);

/** How to reach one. */
export function configOf({ endpoint = "" }: SqsServer): SQSClientConfig {
  return {
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
}
