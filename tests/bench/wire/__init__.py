"""What the gateway costs on the wire, beside others on the same machine: `python -m tests.bench.wire`."""
