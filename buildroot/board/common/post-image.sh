#!/bin/sh
# Makes the disk from the slots, the boot files and an empty data partition: images/disk.img.
set -eu
board=$(cd "$(dirname "$0")/.." && pwd)
name=$2

[ ! -x "$board/$name/post-image.sh" ] || "$board/$name/post-image.sh"
exec support/scripts/genimage.sh -c "$board/$name/genimage.cfg"
