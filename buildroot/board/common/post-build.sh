#!/bin/sh
# Runs on the target's tree before it becomes the image: what starts by itself goes, what was lost on the way is told.
set -eu
board=$(cd "$(dirname "$0")/.." && pwd)
target=$1 name=$2

# rsd starts these itself, with its own configuration.
for script in S35nftables S41dhcpcd S49chronyd S50crond S50lighttpd S80dnsmasq S80swupdate; do
	rm -f "$target/etc/init.d/$script"
done
rm -rf "$target/etc/lighttpd" "$target/etc/chrony.conf" "$target/etc/dhcpcd.conf" "$target/usr/share/dhcpcd" "$target/var/www"
for script in "$target"/etc/init.d/S*; do
	case ${script##*/} in
	S01syslogd | S01seedrng | S02klogd | S02sysctl | S10mdev | S11modules | S20seedrng | S40network) ;;
	*)
		echo "post-build: ${script##*/} would run beside rsd: name it here, to be kept or to go" >&2
		exit 1
		;;
	esac
done

# Kconfig drops silently what it cannot have.
kernel=$(find "$BUILD_DIR" -maxdepth 2 -path '*/linux-[0-9]*/.config' | head -n 1)
"$board/common/lost-lines" "${kernel:?no kernel was built}" \
	"$board/$name/linux.config" "$board/common/image.fragment" "$board/common/datapath.fragment"

# What an update is held against: which board it must be for, and who may sign it (docs/design/update.md).
echo "$name 1" >"$target/etc/hwrevision"
certificate=$board/../../build/update-key/certificate.pem
if [ -e "$certificate" ]; then install -D -m 644 "$certificate" "$target/usr/share/rs/update.pem"; fi

# What the product runs
for program in usr/bin/python3 usr/sbin/nft sbin/ip sbin/tc usr/sbin/dnsmasq sbin/dhcpcd usr/sbin/pppd usr/sbin/lighttpd \
	usr/sbin/chronyd usr/bin/openssl usr/sbin/rs usr/bin/rsctl usr/lib/rs/fastpath/build/rs-fastpath; do
	[ -x "$target/$program" ] || [ -x "$target/usr/$program" ] || { echo "post-build: /$program is missing" >&2; exit 1; }
done

# Lights and button, for rsd
[ ! -e "$board/$name/board.json" ] || install -D -m 644 "$board/$name/board.json" "$target/etc/rs/board.json"

[ ! -x "$board/$name/post-build.sh" ] || "$board/$name/post-build.sh" "$target"
