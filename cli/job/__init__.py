"""A job as a command handles it: created, watched until it ends, or left to the workers."""
