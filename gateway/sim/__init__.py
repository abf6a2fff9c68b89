"""The simulator: a seller to rehearse against, which shares no code with what it tests."""
