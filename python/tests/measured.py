"""Data points of the application's meters."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics.export import InMemoryMetricReader


def points_of(reader: InMemoryMetricReader, name: str, topic: str) -> list[Any]:
    """The points of an instrument for one topic."""
    data = reader.get_metrics_data()
    metrics = (
        metric
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )
    return [
        point
        for metric in metrics
        if metric.name == name
        for point in metric.data.data_points
        if (point.attributes or {}).get("messaging.destination.name") == topic
    ]


def outcomes_of(reader: InMemoryMetricReader, topic: str) -> dict[str, int]:
    """What a topic counts in throughline.context."""
    points = points_of(reader, "throughline.context", topic)
    return {str(point.attributes["outcome"]): point.value for point in points}
