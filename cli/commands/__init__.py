"""The commands: each parses its options, calls the library or the workers, and shows what came."""
