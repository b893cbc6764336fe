/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Link layers (numbers of tcpdump.org's LINKTYPE list) and tunnels: VLAN tags (802.1Q, 802.1ad), PPPoE (RFC 2516), MPLS
 * (RFC 3032), PPP (RFC 1661), Cisco HDLC, Linux cooked, BSD null and PPI; IP in IP (RFC 2003, 4213, 2473), GRE (RFC 2784).
 */

#include "link.h"

#include <stddef.h>
#include <string.h>

#include "bytes.h"

enum {
    NULL_LINK = 0,
    ETHERNET = 1,
    PPP = 9,
    RAW_BSD = 12,
    RAW_OPENBSD = 14,
    PPP_HDLC = 50,
    PPPOE = 51,
    RAW = 101,
    CISCO_HDLC = 104,
    LOOP = 108,
    COOKED = 113,
    PPI = 192,
    IPV4 = 228,
    IPV6 = 229,
    COOKED2 = 276
};

#define TAGS_MAX    8
#define TUNNELS_MAX 4

struct cursor {
    const uint8_t *p;
    uint32_t left;
};

static int skip(struct cursor *c, uint32_t bytes)
{
    if (c->left < bytes)
        return 0;
    c->p += bytes;
    c->left -= bytes;
    return 1;
}

static int is_ip(const struct cursor *c)
{
    return c->left >= 20 && (c->p[0] >> 4 == 4 || (c->p[0] >> 4 == 6 && c->left >= 40));
}

static int after_ppp(struct cursor *c)
{
    if (c->left >= 2 && c->p[0] == 0xff && c->p[1] == 3)
        skip(c, 2);
    if (c->left >= 1 && (c->p[0] == 0x21 || c->p[0] == 0x57)) /* protocol field compression */
        return skip(c, 1);
    return c->left >= 2 && (rs_be16(c->p) == 0x0021 || rs_be16(c->p) == 0x0057) && skip(c, 2);
}

static int after_mpls(struct cursor *c)
{
    for (int i = 0; i < TAGS_MAX && c->left >= 4; i++) {
        int is_last = c->p[2] & 1;

        skip(c, 4);
        if (is_last)
            return is_ip(c);
    }
    return 0;
}

static int after_type(struct cursor *c, uint16_t type)
{
    for (int i = 0; i < TAGS_MAX; i++) {
        switch (type) {
        case 0x0800:
        case 0x86dd:
            return 1;
        case 0x8100:
        case 0x88a8:
        case 0x9100:
            if (c->left < 4)
                return 0;
            type = rs_be16(c->p + 2);
            skip(c, 4);
            break;
        case 0x8847:
        case 0x8848:
            return after_mpls(c);
        case 0x8864:
            return skip(c, 6) && after_ppp(c);
        default:
            return 0;
        }
    }
    return 0;
}

static int after_ethernet(struct cursor *c)
{
    uint16_t type;

    if (c->left < 14)
        return 0;
    type = rs_be16(c->p + 12);
    skip(c, 14);
    if (type > 1500)
        return after_type(c, type);
    if (c->left >= 8 && c->p[0] == 0xaa && c->p[1] == 0xaa) { /* 802.2 with SNAP */
        type = rs_be16(c->p + 6);
        return skip(c, 8) && after_type(c, type);
    }
    return 0;
}

static int after_link(struct cursor *c, int link_type)
{
    uint16_t type = 0;

    switch (link_type) {
    case ETHERNET:
        return after_ethernet(c);
    case NULL_LINK:
    case LOOP:
        return skip(c, 4);
    case PPP:
    case PPP_HDLC:
        return after_ppp(c);
    case PPPOE:
        return skip(c, 6) && after_ppp(c);
    case CISCO_HDLC:
        if (c->left >= 4)
            type = rs_be16(c->p + 2);
        return skip(c, 4) && after_type(c, type);
    case COOKED:
        if (c->left >= 16)
            type = rs_be16(c->p + 14);
        return skip(c, 16) && after_type(c, type);
    case COOKED2:
        if (c->left >= 20)
            type = rs_be16(c->p);
        return skip(c, 20) && after_type(c, type);
    case PPI:
        return c->left >= 8 && rs_le32(c->p + 4) == ETHERNET && skip(c, rs_le16(c->p + 2)) && after_ethernet(c);
    default:
        return 1;
    }
}

int rs_link_is_known(int link_type)
{
    static const int known[] = {NULL_LINK,  ETHERNET, PPP,    RAW_BSD, RAW_OPENBSD, PPP_HDLC, PPPOE,  RAW,
                                CISCO_HDLC, LOOP,     COOKED, PPI,     IPV4,        IPV6,     COOKED2};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i] == link_type)
            return 1;
    return 0;
}

/* GRE with its optional fields; version 0 only. */
static int after_gre(struct cursor *c)
{
    uint32_t header = 4;
    uint16_t flags, type;

    if (c->left < 4)
        return 0;
    flags = rs_be16(c->p);
    type = rs_be16(c->p + 2);
    if ((flags & 7) != 0)
        return 0;
    header += (flags & 0x8000) != 0 ? 4 : 0;
    header += (flags & 0x2000) != 0 ? 4 : 0;
    header += (flags & 0x1000) != 0 ? 4 : 0;
    if (!skip(c, header))
        return 0;
    return type == 0x6558 ? after_ethernet(c) : after_type(c, type);
}

/* One tunnel header off, if the packet is one; 0 when it is not. */
static int enter_tunnel(struct cursor *c)
{
    struct cursor inner = *c;
    uint32_t header;
    uint8_t protocol;

    if (c->p[0] >> 4 == 4) {
        header = (uint32_t)(c->p[0] & 15) * 4;
        protocol = c->p[9];
        if ((rs_be16(c->p + 6) & 0x1fff) != 0)
            return 0;
    } else {
        header = 40;
        protocol = c->p[6];
        if (protocol == 60 && c->left >= 48) { /* the tunnel encapsulation limit of RFC 2473 */
            protocol = c->p[40];
            header += 8 * (uint32_t)(c->p[41] + 1);
        }
    }
    if (header < 20 || !skip(&inner, header))
        return 0;
    if (protocol == 47 ? !after_gre(&inner) : protocol != 4 && protocol != 41)
        return 0;
    if (!is_ip(&inner))
        return 0;
    *c = inner;
    return 1;
}

const uint8_t *rs_link_find_ip(int link_type, const uint8_t *frame, uint32_t *length)
{
    struct cursor c = {frame, *length};

    if (!after_link(&c, link_type) || !is_ip(&c))
        return NULL;
    for (int i = 0; i < TUNNELS_MAX && enter_tunnel(&c); i++) {
    }
    *length = c.left;
    return c.p;
}
