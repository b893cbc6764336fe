#!/bin/busybox sh
# First process of the machine: a client, the router (this namespace) and a server, with rs-fastpath between them. What it
# says is read by tests/cross/test_boot.py.
/bin/busybox --install -s /bin 2>/dev/null
export PATH=/programs:/bin
ip() { /programs/ip "$@"; } # busybox takes its own
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /run /tmp
mount -t tmpfs run /run
for module in /lib/*.ko; do insmod "$module" || echo "module $module"; done

for name in client server; do ip netns add $name; done
ip link add lan0 type veth peer name eth0 netns client
ip link add wan0 type veth peer name eth0 netns server
ip address add 192.0.2.1/24 dev lan0
ip address add 198.51.100.1/24 dev wan0
ip netns exec client ip address add 192.0.2.10/24 dev eth0
ip netns exec server ip address add 198.51.100.10/24 dev eth0
for device in lo lan0 wan0; do ip link set $device up; done
for name in client server; do for device in lo eth0; do ip netns exec $name ip link set $device up; done; done
ip netns exec client ip route add default via 192.0.2.1
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/netfilter/nf_conntrack_acct
nft -f /rules.nft && echo "rules loaded"

cp /policy.bin /apps.bin /run/
rs-fastpath --shm /run/fastpath.shm --queues 1 --flows 1024 &
fastpath=$!
for turn in 1 2 3 4 5 6 7 8 9 10; do grep -q . /proc/net/netfilter/nfnetlink_queue && break; sleep 1; done

# ask NAME PORT: a request to the server; what it got, and the mark of the connection
ask() {
	sleep 4 | ip netns exec server nc -l -p "$2" >/run/request &
	sleep 1
	{ printf 'GET / HTTP/1.1\r\nHost: %s\r\n\r\n' "$1"; sleep 2; } | ip netns exec client nc -w 5 198.51.100.10 "$2" >/dev/null 2>&1
	echo "got $1: $(head -c 3 /run/request)"
	conntrack -L -p tcp --dport "$2" 2>/dev/null | sed -n "s/.* mark=\([0-9]*\) .*/marked $1: \1/p"
}
ask www.wechat.com 80
ask www.youku.com 8080
cat /proc/net/netfilter/nfnetlink_queue
kill $fastpath
wait $fastpath
echo "fastpath ended with $?"
echo "up for $(cut -d' ' -f1 /proc/uptime) s"
reboot -f
