/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads IPv4 (RFC 791), IPv6 with its extension headers (RFC 8200), TCP (RFC 9293) and UDP (RFC 768) headers. */

#include "view.h"

#include <errno.h>
#include <string.h>

#include "bytes.h"

#define IPV6_EXTENSIONS_MAX 8 /* more than any sender has reason to use; bounds the walk */

static void map_v4(uint8_t out[16], const uint8_t *address)
{
    memset(out, 0, 10);
    out[10] = out[11] = 0xff;
    memcpy(out + 12, address, 4);
}

static int parse_transport(struct rs_view *v, const uint8_t *data, uint32_t at, uint32_t end)
{
    uint32_t header = 0, rest = end - at;
    const uint8_t *p = data + at;

    if (v->transport == RS_TCP) {
        if (rest < 20)
            return -EBADMSG;
        header = (uint32_t)(p[12] >> 4) * 4;
        if (header < 20 || header > rest)
            return -EBADMSG;
        v->sequence = rs_be32(p + 4);
        v->tcp_flags = p[13];
    } else if (v->transport == RS_UDP) {
        uint32_t length;

        if (rest < 8)
            return -EBADMSG;
        header = 8;
        length = rs_be16(p + 4);
        if (length >= 8 && length < rest)
            rest = length;
    } else {
        v->payload_offset = at;
        v->payload_length = rest;
        return 0;
    }
    v->source_port = rs_be16(p);
    v->target_port = rs_be16(p + 2);
    v->payload_offset = at + header;
    v->payload_length = rest - header;
    return 0;
}

static int parse_v4(struct rs_view *v, const uint8_t *data, uint32_t length)
{
    uint32_t header, total;
    uint16_t fragment;

    if (length < 20)
        return -EBADMSG;
    header = (uint32_t)(data[0] & 15) * 4;
    total = rs_be16(data + 2);
    if (total == 0 || total > length) /* 0: the network card was left to segment it */
        total = length;
    if (header < 20 || header > total)
        return -EBADMSG;
    fragment = rs_be16(data + 6);
    map_v4(v->source, data + 12);
    map_v4(v->target, data + 16);
    v->transport = data[9];
    if ((fragment & 0x1fff) != 0)
        return -EAGAIN;
    v->is_first_fragment = (fragment & 0x2000) != 0;
    return parse_transport(v, data, header, total);
}

static int parse_v6(struct rs_view *v, const uint8_t *data, uint32_t length)
{
    uint32_t at = 40, total;
    uint8_t next;

    if (length < 40)
        return -EBADMSG;
    total = rs_be16(data + 4);
    total = total == 0 || total + 40 > length ? length : total + 40;
    memcpy(v->source, data + 8, 16);
    memcpy(v->target, data + 24, 16);
    next = data[6];
    for (int i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
        uint32_t size;

        if (next != 0 && next != 43 && next != 44 && next != 60 && next != 135)
            break;
        if (at + 8 > total)
            return -EBADMSG;
        size = next == 44 ? 8 : 8 * (uint32_t)(data[at + 1] + 1);
        if (next == 44) {
            if ((rs_be16(data + at + 2) & 0xfff8) != 0)
                return -EAGAIN;
            v->is_first_fragment = rs_be16(data + at + 2) & 1;
        }
        next = data[at];
        at += size;
        if (at > total)
            return -EBADMSG;
    }
    v->transport = next;
    return parse_transport(v, data, at, total);
}

int rs_view_parse(struct rs_view *view, const uint8_t *data, uint32_t length)
{
    memset(view, 0, sizeof *view);
    if (length == 0)
        return -EBADMSG;
    switch (data[0] >> 4) {
    case 4:
        return parse_v4(view, data, length);
    case 6:
        return parse_v6(view, data, length);
    default:
        return -EBADMSG;
    }
}
