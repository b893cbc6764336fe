/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RS_CRC32_H
#define RS_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 of IEEE 802.3 (as zlib's); crc is the value so far, 0 at first. */
uint32_t rs_crc32(uint32_t crc, const void *data, size_t length);

#endif
