/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where things are in one IP packet. */
#ifndef RS_VIEW_H
#define RS_VIEW_H

#include <stdint.h>

#define RS_TCP     6
#define RS_UDP     17
#define RS_TCP_FIN 0x01
#define RS_TCP_SYN 0x02
#define RS_TCP_RST 0x04
#define RS_TCP_PSH 0x08
#define RS_TCP_ACK 0x10

struct rs_view {
    uint8_t source[16], target[16];
    uint16_t source_port, target_port; /* 0 where the transport has none */
    uint8_t transport, tcp_flags;
    uint8_t is_first_fragment;
    uint32_t sequence;
    uint32_t payload_offset, payload_length; /* of what is readable */
};

/* Reads the headers at data. 0; -EBADMSG when they are broken or cut off; -EAGAIN for a fragment that is not the first. */
int rs_view_parse(struct rs_view *view, const uint8_t *data, uint32_t length);

#endif
