"""A job from a command's side: opened, followed, left and come back to."""
