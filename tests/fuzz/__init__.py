"""Bad input: what strangers may hand to capq, as targets that take any bytes."""
