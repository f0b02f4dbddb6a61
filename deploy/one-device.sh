#!/bin/sh
# Run a command with one NVIDIA device of this machine that no other container has:
#   one-device capq worker gpu
# Containers that share the folder DEVICES_FOLDER take a lock in it for as long as they run, and the kernel
# frees it however they end. Docker itself would give each replica of a service the same device.
set -eu
folder=${DEVICES_FOLDER:-/var/lib/capq-devices}
for device in $(nvidia-smi --query-gpu=uuid --format=csv,noheader); do
  exec 9>"$folder/$device"
  if flock --nonblock 9; then
    export CUDA_VISIBLE_DEVICES="$device"
    exec "$@"
  fi
done
echo "one-device: no device is free: there are more containers than devices" >&2
exit 1
