"""The benchmark of the ledger: our side, a bare COPY and a library, each in a process of its own, on one server."""
