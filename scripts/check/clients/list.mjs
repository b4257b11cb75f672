/**
 * The clients that have a subpath, in the table's order. `features` names the module that the
 * contract test takes its features from, where the client has a contract; `tried` is read from the
 * workspace's package.json where it does not stand here; `measured` is
 * what the bench calls the client, where it measures it.
 */
export const clients = [
  {
    package: "kafkajs",
    subpath: "kafkajs",
    features: "kafkajs",
    measured: "kafkajs",
    broker: "Kafka 4.1",
    does: "eachMessage, eachBatch, send, sendBatch, transactions, commits",
  },
  {
    package: "@confluentinc/kafka-javascript",
    subpath: "confluent",
    features: "confluent",
    measured: "confluent",
    page: "docs/confluent.md",
    broker: "Kafka 4.1",
    does: "both interfaces: eachMessage, eachBatch, send, sendBatch, transactions, commits; `data` listeners, consume(n), produce, its callbacks",
  },
  {
    package: "node-rdkafka",
    subpath: "rdkafka",
    features: "rdkafka",
    measured: "rdkafka",
    page: "docs/confluent.md",
    broker: "Kafka 4.1",
    does: "`data` listeners, consume(n), produce, its callbacks, transactions, commits",
  },
  {
    package: "@platformatic/kafka",
    subpath: "platformatic",
    features: "platformatic",
    measured: "platformatic",
    page: "docs/platformatic.md",
    broker: "Kafka 4.1",
    does: "send, streams both ways, transactions, commits; `processMessage` in your loop",
  },
  {
    package: "amqplib",
    subpath: "amqplib",
    features: "amqplib",
    measured: "amqplib",
    page: "docs/rabbitmq.md",
    broker: "RabbitMQ 3.10",
    does: "promise, callback and confirm channels: publish, sendToQueue, consume, get; ack, nack, reject",
  },
  {
    package: "rabbitmq-client",
    subpath: "rabbitmq-client",
    features: "rabbitmq-client",
    measured: "rabbitmq-client",
    page: "docs/rabbitmq.md",
    broker: "RabbitMQ 3.10",
    does: "consumers, publishers, channels, RPC clients; what a handler gives acknowledges, what it throws refuses",
  },
  {
    package: "@aws-sdk/client-sqs",
    subpath: "sqs",
    features: "sqs",
    measured: "sqs",
    broker: "fauxqs and ElasticMQ",
    page: "docs/sqs.md",
    does: "`SQSClient` and `SQS`: send and receive, single and batch, delete, redrive; `processMessage` in your loop",
  },
  {
    package: "@aws-sdk/client-sns",
    subpath: "sns",
    measured: "sns",
    page: "docs/sqs.md",
    does: "`SNSClient` and `SNS`: publish, publishBatch; to a queue with raw delivery or in an envelope",
  },
  {
    package: "sqs-consumer",
    subpath: "sqs-consumer",
    features: "sqs-consumer",
    measured: "sqs-consumer",
    broker: "fauxqs and ElasticMQ",
    page: "docs/sqs.md",
    does: "handleMessage, handleMessageBatch",
  },
  {
    package: "AWS Lambda",
    tried: "events as documented",
    subpath: "lambda",
    measured: "lambda",
    page: "docs/lambda.md",
    does: "SQS with partial failures, SNS, Kafka (MSK and self-managed), EventBridge; Powertools' batch processors and Kafka consumer",
  },
];
