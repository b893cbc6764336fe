/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a frame of a capture to the IP packet in it; only captures need this, the kernel hands over IP packets. */
#ifndef RS_LINK_H
#define RS_LINK_H

#include <stdint.h>

int rs_link_is_known(int link_type);
/* The innermost IP packet that has ports of its own, behind tags and tunnels; *length becomes its bytes. NULL: none. */
const uint8_t *rs_link_find_ip(int link_type, const uint8_t *frame, uint32_t *length);

#endif
