"""What the process tells of its phrases while it works: figures for Prometheus, spans for OpenTelemetry. No words."""
