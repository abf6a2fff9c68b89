"""The only room that knows YAML and the environment: settings and the catalogue."""
