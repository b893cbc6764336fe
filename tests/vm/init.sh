#!/bin/busybox sh
# First process of the virtual machine: the host's file system read-only with an overlay in memory on top, one shared
# folder with the command to run and for its results, then power off.
busybox=/bin/busybox
$busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /lib/*.ko; do insmod "$module"; done

options=trans=virtio,version=9p2000.L,msize=262144
mkdir -p /host /memory
mount -t 9p -o "ro,$options,cache=loose" root /host
mount -t tmpfs -o size=70% memory /memory
mkdir -p /memory/upper /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work overlay /new

mount -t proc proc /new/proc
mount -t sysfs sys /new/sys
mount -t devtmpfs dev /new/dev
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts devpts /new/dev/pts
for directory in run dev/shm; do mount -t tmpfs -o mode=1777 memory /new/$directory; done
mkdir -p /new/run/share /new/usr/lib/modules
mount -t 9p -o "$options,cache=none" share /new/run/share
mount --bind "/new$(cat /new/run/share/modules)" /new/usr/lib/modules
echo /modprobe >/proc/sys/kernel/modprobe
ip link set lo up
hostname rs-vm

share=/run/share
chroot /new /bin/sh "$share/command" >"/new$share/output" 2>&1
echo $? >"/new$share/status"
sync
poweroff -f
