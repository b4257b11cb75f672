export const HELP = `throughline shows which messages keep their OpenTelemetry trace across the broker.

usage: throughline <command>

  watch   receive spans from your services and show, live, whose messages are whole
  help    this text; throughline help watch tells more

Everything runs on this machine and is reached from this machine only.
`;

export const WATCH_HELP = `usage: throughline watch [--port <number>] [--spans <number>]

Receives spans by OTLP over HTTP (protobuf or JSON) and shows the share of messages whose trace is
whole, what each service has handled, and one complete trace as a tree. Where the output is no
terminal it prints a line for each complete trace, and lines like

  whole 12 of 12 messages

Point your services at it, and start them:

  export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318
  export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf

  --port <number>    where to receive (default 4318; 0 takes a free one)
  --spans <number>   how many spans to remember (default 100000); older traces are forgotten

What the words mean, for each message that a service handled:
  connected   its span is a child of the span that sent the message
  linked      it is a trace of its own with a link to that span; as whole as the former
  broken      it is the root of a trace and linked to nothing: the trace ends at the broker
  waiting     it points to a span that has not come: late, sampled out, or dropped on the way
A span that handles a whole batch belongs to many traces: it is never counted as broken.

Set NO_COLOR to see it without colours. Ctrl-C ends it.
`;
