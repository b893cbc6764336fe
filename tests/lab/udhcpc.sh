#!/bin/sh
# What udhcpc calls on a LAN host: puts address, default route and name servers in force. Addresses are set without
# a moment of having none, so that a renewal never cuts connections.
case "$1" in
bound | renew)
	ip -4 address replace "$ip/$mask" dev "$interface"
	for old in $(ip -4 -o address show dev "$interface" | awk '{print $4}'); do
		[ "$old" = "$ip/$mask" ] || ip -4 address delete "$old" dev "$interface"
	done
	ip -4 route replace default via "${router%% *}" dev "$interface"
	{
		[ -z "$domain" ] || echo "search $domain"
		for server in $dns; do echo "nameserver $server"; done
	} >/etc/resolv.conf
	;;
deconfig)
	ip -4 address flush dev "$interface"
	: >/etc/resolv.conf
	;;
esac
