"""docker-compose.yml and the images, tried with a container engine."""
