"""Speech and language providers, simulated on loopback: latency, outages, cost, and CPU a call."""
