"""Run by the Python of a clean environment that holds the wheel: what a user's first program needs."""

from __future__ import annotations

from importlib.metadata import requires, version
from pathlib import Path

import confluent_kafka
from opentelemetry import trace

import throughline_kafka

home = Path(throughline_kafka.__file__).parent
assert "site-packages" in home.parts, home
assert (home / "py.typed").exists(), "the types are not in the wheel"
assert version("throughline-kafka") == throughline_kafka.__version__
needed = [line for line in requires("throughline-kafka") or [] if "extra ==" not in line]
assert [line[:17] for line in needed] == ["opentelemetry-api"], needed
for name in throughline_kafka.__all__:
    assert hasattr(throughline_kafka, name), name

# Without an SDK no span is made, and the context goes on all the same.
header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
message = confluent_kafka.Message(topic="orders", headers=[("traceparent", header.encode())])
with throughline_kafka.process_message(message) as span:
    assert trace.get_current_span() is span
    assert throughline_kafka.inject_context([]) == [("traceparent", header)]
assert not trace.get_current_span().get_span_context().is_valid
api = version("opentelemetry-api")
print(f"throughline-kafka {throughline_kafka.__version__} with opentelemetry-api {api}")
