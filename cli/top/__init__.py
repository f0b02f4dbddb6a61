"""`capq top`: what it reads, how fast things go, and how it is drawn."""
