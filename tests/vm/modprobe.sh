#!/bin/busybox sh
# What the kernel calls for a module on demand: it does so in the initial file system, the modules are in the other.
exec /bin/busybox chroot /new /usr/bin/busybox modprobe "$@"
