/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between routers and operators: BGP (RFC 4271), LDP (RFC 5036), BFD (RFC 5880), LISP (RFC 9300), GTP (3GPP TS 29.060, 29.274,
 * 32.295), PFCP (TS 29.244), CAPWAP (RFC 5415), VXLAN (RFC 7348), OpenFlow, Check Point's CCP, FLUTE (RFC 6726).
 */

#include <string.h>

#include "dissect.h"

enum rs_state rs_dissect_bgp(struct rs_dissect *d)
{
    static const uint8_t marker[16] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    enum rs_state state = rs_starts_at(d, 0, marker, sizeof marker);

    if (state != RS_DECIDED)
        return state;
    if (d->length < 19)
        return RS_NEED_MORE;
    return rs_be16(d->data + 16) >= 19 && rs_be16(d->data + 16) <= 4096 && d->data[18] >= 1 && d->data[18] <= 5
               ? rs_is(d, RS_P_BGP)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_ldp(struct rs_dissect *d)
{
    if (!rs_has_port(d, 646))
        return RS_EXCLUDED;
    if (d->length < 10)
        return d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
    return rs_be16(d->data) == 1 && rs_be16(d->data + 2) >= 6 ? rs_is(d, RS_P_LDP) : RS_EXCLUDED;
}

enum rs_state rs_dissect_bfd(struct rs_dissect *d)
{
    return (rs_has_port_in(d, 3784, 3785) || rs_has_port(d, 4784)) && d->data[0] >> 5 <= 1 &&
                   (d->data[3] == d->length || rs_has_port(d, 3785))
               ? rs_is(d, RS_P_BFD)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_lisp(struct rs_dissect *d)
{
    if (!rs_has_port_in(d, 4341, 4342))
        return RS_EXCLUDED;
    if (d->transport == RS_TCP) {
        if (d->length < 4)
            return RS_NEED_MORE;
        return rs_be16(d->data + 2) >= 8 && rs_be16(d->data) <= 32 ? rs_is(d, RS_P_LISP) : RS_EXCLUDED;
    }
    return d->data[0] >> 4 <= 8 ? rs_is(d, RS_P_LISP) : RS_EXCLUDED;
}

enum rs_state rs_dissect_gtp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint8_t version = p[0] >> 5;

    if (version < 1 && !rs_has_port(d, 3386))
        return RS_EXCLUDED;
    if (rs_has_port(d, 2152))
        return version == 1 && (p[0] & 0x10) != 0 && rs_be16(p + 2) + 8u == d->length
                   ? rs_is_app(d, RS_P_GTP, RS_P_GTP_U)
                   : RS_EXCLUDED;
    if (rs_has_port(d, 2123))
        return (version == 1 && rs_be16(p + 2) + 8u == d->length) || (version == 2 && rs_be16(p + 2) + 4u <= d->length)
                   ? rs_is_app(d, RS_P_GTP, RS_P_GTP_C)
                   : RS_EXCLUDED;
    /* GTP' (TS 32.295): its header has six bytes, or twenty in the first version */
    return rs_has_port(d, 3386) && (p[0] & 0x10) == 0 && version <= 2 && p[1] != 0 &&
                   (rs_be16(p + 2) + 6u == d->length || rs_be16(p + 2) + 20u == d->length)
               ? rs_is_app(d, RS_P_GTP, RS_P_GTP_PRIME)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_pfcp(struct rs_dissect *d)
{
    return rs_has_port(d, 8805) && d->data[0] >> 5 == 1 && rs_be16(d->data + 2) + 4u <= d->length ? rs_is(d, RS_P_PFCP)
                                                                                                  : RS_EXCLUDED;
}

enum rs_state rs_dissect_capwap(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (!rs_has_port_in(d, 5246, 5247))
        return RS_EXCLUDED;
    if (p[0] == 1) /* DTLS inside */
        return d->length > 16 && p[4] >= 20 && p[4] <= 25 ? rs_is(d, RS_P_CAPWAP) : RS_EXCLUDED;
    return p[0] == 0 && p[1] >> 3 >= 2 && p[1] >> 3 <= 8 ? rs_is(d, RS_P_CAPWAP) : RS_EXCLUDED;
}

enum rs_state rs_dissect_vxlan(struct rs_dissect *d)
{
    return rs_has_port(d, 4789) && d->data[0] == 8 && d->data[1] == 0 && d->data[2] == 0 && d->data[3] == 0 &&
                   d->data[7] == 0
               ? rs_is(d, RS_P_VXLAN)
               : RS_EXCLUDED;
}

/* Hello: version 1-6, type 0, length 8 or with elements. */
enum rs_state rs_dissect_openflow(struct rs_dissect *d)
{
    if (d->data[0] < 1 || d->data[0] > 6)
        return RS_EXCLUDED;
    if (d->length < 8)
        return rs_has_port(d, 6653) || rs_has_port(d, 6633) ? RS_NEED_MORE : RS_EXCLUDED;
    return (rs_has_port(d, 6653) || rs_has_port(d, 6633)) && d->data[1] <= 35 && rs_be16(d->data + 2) >= 8
               ? rs_is(d, RS_P_OPENFLOW)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_cpha(struct rs_dissect *d)
{
    return rs_has_port(d, 8116) && d->data[0] == 0x1a && d->data[1] == 0x90 ? rs_is(d, RS_P_CPHA) : RS_EXCLUDED;
}

/* LCT header version 1: flags, header length in words, code point 0; ALC's file delivery table has extension 192. */
enum rs_state rs_dissect_flute(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t header = p[2] * 4u;

    if (p[0] != 0x10 || header < 12 || header + 4 > d->length || (p[1] & 0xec) != 0)
        return RS_EXCLUDED;
    return rs_contains(d, header, d->length, "<?xml") && rs_contains(d, header, d->length, "FDT")
               ? rs_is(d, RS_P_FLUTE)
               : rs_agree(d, RS_P_FLUTE, 4);
}
