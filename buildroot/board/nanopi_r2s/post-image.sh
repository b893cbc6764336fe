#!/bin/sh
# Puts U-Boot's menu beside the kernel, where genimage takes it.
set -eu
cp "$(dirname "$0")/extlinux.conf" "$BINARIES_DIR/"
