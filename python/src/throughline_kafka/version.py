"""The version of this package: one place for the build and for the tracer's name."""

VERSION = "0.1.0"
