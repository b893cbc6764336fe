/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hosts say on their own network: NetBIOS (RFC 1001, 1002), SSDP (UPnP Device Architecture), WS-Discovery, DHCP
 * (RFC 2131), DHCPv6 (RFC 8415), SLP (RFC 2608), TFTP (RFC 1350), NAT-PMP and PCP (RFC 6886, 6887), HSRP (RFC 2281), Canon's
 * BJNP, TP-Link's smart home protocol, Dropbox's LAN sync, TiVo.
 */

#include <string.h>
#include <strings.h>

#include "../src/stream.h"
#include "dissect.h"

enum rs_state rs_dissect_netbios_udp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (rs_has_port(d, 137) && d->length >= 12)
        return rs_be16(p + 4) <= 16 && rs_be16(p + 6) <= 16 ? rs_is(d, RS_P_NETBIOS) : RS_EXCLUDED;
    if (!rs_has_port(d, 138) || d->length < 14 || p[0] < 0x10 || p[0] > 0x16)
        return RS_EXCLUDED;
    return rs_contains(d, 14, d->length,
                       "\xff"
                       "SMB")
               ? rs_is_app(d, RS_P_NETBIOS, RS_P_SMBV1)
               : rs_is(d, RS_P_NETBIOS);
}

/* Session service on 139: a request with two encoded names, or a message with SMB in it. */
enum rs_state rs_dissect_netbios(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (!rs_has_port(d, 139) || (p[0] != 0 && (p[0] < 0x81 || p[0] > 0x85)))
        return RS_EXCLUDED;
    if (d->length < 8)
        return RS_NEED_MORE;
    if (p[0] == 0x81 || p[0] == 0x82) { /* which dialect follows is told by the next message */
        d->protocol = RS_P_NETBIOS;
        if (p[0] == 0x81 && d->length <= 4u + rs_be16(p + 2))
            return RS_NEED_MORE;
        return rs_contains(d, 4, d->length,
                           "\xff"
                           "SMB")
                   ? rs_is_app(d, RS_P_NETBIOS, RS_P_SMBV1)
               : d->index > 1 ? RS_DECIDED
                              : RS_NEED_MORE;
    }
    return memcmp(p + 4,
                  "\xff"
                  "SMB",
                  4) == 0
               ? rs_is_app(d, RS_P_NETBIOS, RS_P_SMBV1)
           : memcmp(p + 4,
                    "\xfe"
                    "SMB",
                    4) == 0
               ? rs_is_app(d, RS_P_NETBIOS, RS_P_SMBV23)
               : rs_is(d, RS_P_NETBIOS);
}

enum rs_state rs_dissect_ssdp(struct rs_dissect *d)
{
    if (memcmp(d->data, "M-SEARCH * HTTP", 15) == 0 || memcmp(d->data, "NOTIFY * HTTP/1", 15) == 0)
        return rs_is(d, RS_P_SSDP);
    return rs_has_port(d, 1900) && memcmp(d->data, "HTTP/1.1 200 OK", 15) == 0 ? rs_is(d, RS_P_SSDP) : RS_EXCLUDED;
}

enum rs_state rs_dissect_wsd(struct rs_dissect *d)
{
    return rs_has_port(d, 3702) && (memcmp(d->data, "<?xml", 5) == 0 || memcmp(d->data, "<soap", 5) == 0 ||
                                    memcmp(d->data, "<s:En", 5) == 0 || rs_contains(d, 0, 64, "Envelope"))
               ? rs_is(d, RS_P_WSD)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_dhcp(struct rs_dissect *d)
{
    return d->data[0] >= 1 && d->data[0] <= 2 && rs_be32(d->data + 236) == 0x63825363 ? rs_is(d, RS_P_DHCP)
                                                                                      : RS_EXCLUDED;
}

enum rs_state rs_dissect_dhcpv6(struct rs_dissect *d)
{
    return rs_has_port_in(d, 546, 547) && d->data[0] >= 1 && d->data[0] <= 23 ? rs_is(d, RS_P_DHCPV6) : RS_EXCLUDED;
}

enum rs_state rs_dissect_slp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (!rs_has_port(d, 427))
        return RS_EXCLUDED;
    if (d->length < 5)
        return d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
    if (p[0] == 1 && p[1] >= 1 && p[1] <= 10 && rs_be16(p + 2) == d->length)
        return rs_is(d, RS_P_SERVICE_LOCATION_PROTOCOL);
    if (p[0] != 2 || p[1] < 1 || p[1] > 11 || rs_be24(p + 2) < d->length)
        return RS_EXCLUDED;
    if (rs_be24(p + 2) == d->length)
        return rs_is(d, RS_P_SERVICE_LOCATION_PROTOCOL);
    return d->transport == RS_TCP && rs_be24(p + 2) < RS_STREAM_BYTES ? RS_NEED_MORE : RS_EXCLUDED;
}

/* A request names a file and a mode; DATA and ACK go between two fresh ports, so they need company. */
enum rs_state rs_dissect_tftp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint16_t code = rs_be16(p);

    if (code == 1 || code == 2) {
        const uint8_t *end = memchr(p + 2, 0, d->length - 2);

        if (end == NULL || end == p + 2)
            return RS_EXCLUDED;
        end++;
        return (size_t)(p + d->length - end) >= 5 && (strncasecmp((const char *)end, "octet", 5) == 0 ||
                                                      strncasecmp((const char *)end, "netas", 5) == 0)
                   ? rs_is(d, RS_P_TFTP)
                   : RS_EXCLUDED;
    }
    if (code == 3 && d->length == 516)
        return rs_agree(d, RS_P_TFTP, rs_be16(p + 2) == 1 ? 1 : 2);
    if (code == 4 && d->length == 4)
        return rs_agree(d, RS_P_TFTP, 2);
    if (code == 5 && d->length >= 5 && p[d->length - 1] == 0 && rs_be16(p + 2) <= 8)
        return rs_is(d, RS_P_TFTP);
    /* the answer to options (RFC 2347) comes from a fresh port too */
    return code == 6 && p[d->length - 1] == 0 &&
                   (rs_has_port(d, 69) || rs_contains(d, 2, 10, "blksize") || rs_contains(d, 2, 10, "tsize"))
               ? rs_is(d, RS_P_TFTP)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_nat_pmp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (!rs_has_port_in(d, 5350, 5351))
        return RS_EXCLUDED;
    if (p[0] == 0 &&
        ((p[1] <= 2 && (d->length == 2 || d->length == 12)) || (p[1] >= 128 && p[1] <= 130 && d->length >= 8)))
        return rs_is(d, RS_P_NAT_PMP);
    return p[0] == 2 && d->length >= 24 ? rs_is(d, RS_P_NAT_PMP) : RS_EXCLUDED;
}

enum rs_state rs_dissect_hsrp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (!rs_has_port(d, 1985) && !rs_has_port(d, 2029))
        return RS_EXCLUDED;
    if (p[0] == 0 && p[1] <= 3 && d->length >= 20) /* version 1 */
        return rs_is(d, RS_P_HSRP);
    return p[0] >= 1 && p[0] <= 4 && p[1] >= 1 && p[1] + 2u <= d->length ? rs_is(d, RS_P_HSRP) : RS_EXCLUDED;
}

enum rs_state rs_dissect_bjnp(struct rs_dissect *d)
{
    return memcmp(d->data, "BJNP", 4) == 0 || memcmp(d->data, "BNJB", 4) == 0 || memcmp(d->data, "BJNB", 4) == 0 ||
                   memcmp(d->data, "MFNP", 4) == 0
               ? rs_is(d, RS_P_BJNP)
               : RS_EXCLUDED;
}

/* JSON under XOR with the byte before, starting at 171: "{" becomes 0xd0. */
enum rs_state rs_dissect_tplink(struct rs_dissect *d)
{
    uint32_t at = d->transport == RS_TCP ? 4 : 0;

    if (!rs_has_port(d, 9999))
        return RS_EXCLUDED;
    if (d->length < at + 2)
        return d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
    return d->data[at] == 0xd0 && (d->data[at + 1] == 0xf2 || d->data[at + 1] == 0xad) ? rs_is(d, RS_P_TPLINK_SHP)
                                                                                       : RS_EXCLUDED;
}

enum rs_state rs_dissect_dropbox_lan(struct rs_dissect *d)
{
    return rs_has_port(d, 17500) && d->data[0] == '{' && rs_contains(d, 0, d->length, "\"host_int\"")
               ? rs_is(d, RS_P_DROPBOX)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_tivo(struct rs_dissect *d)
{
    enum rs_state state = d->transport == RS_TCP ? rs_starts(d, "GET /TiVoConnect") : RS_EXCLUDED;

    if (state != RS_DECIDED && memcmp(d->data, "tivoconnect=1", d->length < 13 ? d->length : 13) == 0)
        state = d->length < 13 ? RS_NEED_MORE : RS_DECIDED;
    return state == RS_DECIDED ? rs_is(d, RS_P_TIVOCONNECT) : state;
}
