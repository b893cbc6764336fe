#!/bin/sh
# Lays out the boot partition for EFI and BIOS, and tells GRUB's first two sectors where the rest of it lies.
# The reference image (buildroot/dev) has its own boot.img and environment, in GRUB_BOOT and GRUB_ENVIRONMENT.
set -eu
board=$(dirname "$0")
images=$BINARIES_DIR
grub=${GRUB_BOOT:-$(find "$BUILD_DIR" -path '*/build-i386-pc/grub-core/boot.img' | head -n 1)}

# number OFFSET FILE SECTOR: writes a sector below 65536 as 64 bits, little endian
number() {
	# shellcheck disable=SC2059 # the format is the bytes
	printf "\\$(printf %o $(($3 % 256)))\\$(printf %o $(($3 / 256)))\\0\\0\\0\\0\\0\\0" |
		dd of="$2" bs=1 seek=$(($1)) conv=notrunc status=none
}

# include/grub/i386/pc/boot.h: KERNEL_SECTOR of boot.img, and the block list at the end of grub.img's first sector. They
# hold 1 and 2, for a GRUB that follows the MBR at once; in a GPT it lies at 1 MiB (genimage.cfg).
cp "$grub" "$images/boot.img"
number 0x5c "$images/boot.img" 2048
number 0x1f4 "$images/grub.img" 2049

cp "$board/grub.cfg" "$images/efi-part/EFI/BOOT/grub.cfg"
mkdir -p "$images/bios-part/boot/grub"
echo 'configfile /EFI/BOOT/grub.cfg' >"$images/bios-part/boot/grub/grub.cfg"
# An environment block is 1024 bytes, filled up with #. One for both ways to start: grub.cfg names it. Slot B is empty yet.
environment=${GRUB_ENVIRONMENT:-$(printf '%s\n' 'ORDER=A B' A_OK=1 A_TRY=0 B_OK=0 B_TRY=0)}
{
	printf '# GRUB Environment Block\n%s\n' "$environment"
	head -c 1024 /dev/zero | tr '\0' '#'
} | head -c 1024 >"$images/grubenv"
# Room for what rsflash tells the box once: it writes where the file lies, so this is as long as it may become.
head -c 4096 /dev/zero | tr '\0' '\n' >"$images/provision.json"
