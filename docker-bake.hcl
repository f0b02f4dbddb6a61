# All images for both kinds of processors:  CAPQ_IMAGE=registry.example/capq docker buildx bake --push
variable "CAPQ_IMAGE" {
  default = "capq"
}

# Set as name@sha256:… to pin it.
variable "PYTHON_IMAGE" {
  default = "docker.io/library/python:3.11-slim-bookworm"
}

# Where PyTorch of the image `train` comes from; empty: PyPI, whose build has CUDA.
variable "TORCH_INDEX" {
  default = "https://download.pytorch.org/whl/cpu"
}

variable "VERSION" {
  default = "unreleased"
}

variable "REVISION" {
  default = "unknown"
}

group "default" {
  targets = ["render", "read", "train"]
}

target "common" {
  dockerfile = "deploy/Dockerfile"
  platforms  = ["linux/amd64", "linux/arm64"]
  args = {
    PYTHON_IMAGE = PYTHON_IMAGE
    VERSION      = VERSION
    REVISION     = REVISION
  }
}

target "render" {
  inherits = ["common"]
  target   = "render"
  tags     = ["${CAPQ_IMAGE}:render"]
}

target "read" {
  inherits = ["common"]
  target   = "read"
  tags     = ["${CAPQ_IMAGE}:read"]
}

target "train" {
  inherits = ["common"]
  target   = "train"
  tags     = ["${CAPQ_IMAGE}:train"]
  args = {
    TORCH_INDEX = TORCH_INDEX
  }
}
