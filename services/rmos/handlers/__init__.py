"""Commands and queries of the authority. Each command: load, already done?, decide, append with expected versions."""
