/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tunnels: WireGuard (whitepaper 5.4), OpenVPN (its wire protocol document), IKE and ESP in UDP (RFC 7296, 3948), PPTP
 * (RFC 2637), L2TP (RFC 2661), tinc, Teredo (RFC 4380), SOCKS 4 and 5 (RFC 1928), Cisco's SSL VPN and NAT traversal,
 * Tailscale's discovery (its source, package disco).
 */

#include <string.h>

#include "dissect.h"

/* Message type 1 has 148 bytes, 2 has 92, 3 has 64; three reserved bytes are 0. Type 4 alone is no proof. */
enum rs_state rs_dissect_wireguard(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[1] != 0 || p[2] != 0 || p[3] != 0)
        return RS_EXCLUDED;
    if (rs_has_port(d, 51820) && ((p[0] == 1 && d->length > 148) || (p[0] == 2 && d->length > 92)))
        return rs_is(d, RS_P_WIREGUARD); /* with something of the provider's own behind the handshake */
    if ((p[0] == 1 && d->length == 148) || (p[0] == 2 && d->length == 92) ||
        (p[0] == 3 && d->length == 64 && rs_has_port(d, 51820)))
        return rs_is(d, RS_P_WIREGUARD);
    return p[0] == 4 && d->length >= 32 && d->length % 16 == 0 && (d->server_port == 51820 || d->client_port == 51820)
               ? rs_agree(d, RS_P_WIREGUARD, 2)
               : RS_EXCLUDED;
}

/* P_CONTROL_HARD_RESET_*: opcode in five bits, key id in three, session id, then HMAC or packet ids. */
static int is_openvpn_reset(const uint8_t *p, uint32_t length)
{
    uint8_t opcode = p[0] >> 3;

    if ((p[0] & 7) != 0 || length < 14 || rs_be64(p + 1) == 0)
        return 0;
    if (opcode == 7 || opcode == 10) { /* from the client: nothing is acknowledged yet */
        if (length == 14)
            return p[9] == 0 && rs_be32(p + 10) == 0;
        for (uint32_t hmac = 16; hmac <= 64; hmac += hmac == 16 ? 4 : hmac == 20 ? 12 : 32)
            if (length == 9 + hmac + 8 + 5 && p[9 + hmac + 8] == 0)
                return rs_be32(p + 9 + hmac) <= 2; /* replay counter begins at 1 */
        return length >= 50 && length <= 1200 && rs_be32(p + 9) <= 2 && (opcode == 10 || length == 54);
    }
    return opcode == 8 && length >= 26 && length <= 120;
}

enum rs_state rs_dissect_openvpn_udp(struct rs_dissect *d)
{
    uint8_t opcode = d->data[0] >> 3;

    if (d->from_client ? opcode == 8 : opcode == 7)
        return RS_EXCLUDED;
    if (is_openvpn_reset(d->data, d->length))
        return opcode == 8 && d->others == 0 ? RS_EXCLUDED
               : rs_has_port(d, 1194) || opcode == 8 || d->length == 14 || d->length == 54 || d->length == 42
                   ? rs_is(d, RS_P_OPENVPN)
                   : rs_agree(d, RS_P_OPENVPN, 2);
    if (rs_has_port(d, 1194) && opcode >= 4 && opcode <= 11)
        return rs_agree(d, RS_P_OPENVPN, 2);
    return RS_EXCLUDED;
}

/* Over TCP each packet has its length before it. */
enum rs_state rs_dissect_openvpn(struct rs_dissect *d)
{
    uint32_t size;

    if (d->length < 3)
        return d->data[0] < 5 ? RS_NEED_MORE : RS_EXCLUDED;
    size = rs_be16(d->data);
    if (size < 14 || size > 1400 || d->data[2] >> 3 < 7 || d->data[2] >> 3 > 10)
        return RS_EXCLUDED;
    if (size + 2 > d->length)
        return (d->data[2] & 7) == 0 ? RS_NEED_MORE : RS_EXCLUDED;
    return is_openvpn_reset(d->data + 2, size) ? rs_is(d, RS_P_OPENVPN) : RS_EXCLUDED;
}

/* ISAKMP header: two cookies, next payload, version, exchange, flags, id, and the datagram's own length. */
enum rs_state rs_dissect_ike(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t length = d->length;

    if (!rs_has_port(d, 500) && !rs_has_port(d, 4500))
        return RS_EXCLUDED;
    if (rs_has_port(d, 4500)) {
        if (length == 1 && p[0] == 0xff) /* keep-alive */
            return rs_agree(d, RS_P_IPSEC, 2);
        if (length < 4)
            return RS_EXCLUDED;
        if (rs_be32(p) != 0) /* ESP: a security parameter index, a sequence number that begins low */
            return length >= 40 && rs_be32(p) > 255 && rs_be32(p + 4) < 0x100000 ? rs_agree(d, RS_P_IPSEC, 1)
                                                                                 : RS_EXCLUDED;
        p += 4;
        length -= 4;
    }
    if (length < 28 || (p[17] != 0x10 && p[17] != 0x20 && p[17] != 0x11))
        return RS_EXCLUDED;
    return rs_be32(p + 24) == length || rs_be32(p + 24) == d->length || p[18] >= 34 ? rs_is(d, RS_P_IPSEC)
                                                                                    : RS_EXCLUDED;
}

enum rs_state rs_dissect_ike_tcp(struct rs_dissect *d)
{
    if (!rs_has_port(d, 500) && !rs_has_port(d, 4500))
        return RS_EXCLUDED;
    return rs_starts(d, "IKETCP") == RS_DECIDED ? rs_is(d, RS_P_IPSEC) : rs_starts(d, "IKETCP");
}

enum rs_state rs_dissect_pptp(struct rs_dissect *d)
{
    if (d->length < 10)
        return d->data[0] <= 1 ? RS_NEED_MORE : RS_EXCLUDED;
    return rs_be16(d->data) == 156 && rs_be16(d->data + 2) == 1 && rs_be32(d->data + 4) == 0x1a2b3c4d
               ? rs_is(d, RS_P_PPTP)
               : RS_EXCLUDED;
}

/* Control message: flags T, L, S and version 2, the datagram's length, then an AVP with a message type. */
enum rs_state rs_dissect_l2tp(struct rs_dissect *d)
{
    uint16_t flags = rs_be16(d->data);

    if (!rs_has_port(d, 1701) || ((flags & 15) != 2 && (flags & 15) != 3))
        return RS_EXCLUDED;
    if ((flags & 0xc800) == 0xc800)
        return rs_be16(d->data + 2) == d->length ? rs_is(d, RS_P_L2TP) : RS_EXCLUDED;
    return (flags & 0x8000) == 0 ? rs_agree(d, RS_P_L2TP, 2) : RS_EXCLUDED;
}

/* "0 name 17.7\n": request, who, protocol version. */
enum rs_state rs_dissect_tinc(struct rs_dissect *d)
{
    const uint8_t *end;

    if (d->data[0] != '0' || (d->length > 1 && d->data[1] != ' '))
        return RS_EXCLUDED;
    end = memchr(d->data, '\n', d->length);
    if (end == NULL)
        return d->length < 64 ? RS_NEED_MORE : RS_EXCLUDED;
    return end - d->data >= 6 && memmem(d->data, (size_t)(end - d->data), " 17", 3) != NULL ? rs_is(d, RS_P_TINC)
                                                                                            : RS_EXCLUDED;
}

enum rs_state rs_dissect_tinc_udp(struct rs_dissect *d)
{
    return rs_has_port(d, 655) ? rs_agree(d, RS_P_TINC, 2) : RS_EXCLUDED;
}

enum rs_state rs_dissect_teredo(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (!rs_has_port(d, 3544))
        return RS_EXCLUDED;
    if (p[0] == 0 && (p[1] == 0 || p[1] == 1)) /* origin or authentication before the packet */
        return rs_is(d, RS_P_TEREDO);
    return p[0] >> 4 == 6 && d->length >= 40 && rs_be16(p + 4) + 40u == d->length ? rs_is(d, RS_P_TEREDO) : RS_EXCLUDED;
}

enum rs_state rs_dissect_socks(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (!d->from_client) { /* method chosen, of the offer that the client made before */
        if (p[0] != 5 || d->others == 0)
            return p[0] == 5 ? RS_NEED_MORE : RS_EXCLUDED;
        if (d->length < 2)
            return RS_NEED_MORE;
        return p[1] <= 2 || p[1] == 0xff ? rs_is(d, RS_P_SOCKS) : RS_EXCLUDED;
    }
    if (p[0] == 5) {
        if (d->length < 3)
            return RS_NEED_MORE;
        if (p[1] == 0 || p[1] > 8 || d->length < 2u + p[1])
            return d->length < 2u + p[1] && p[1] <= 8 ? RS_NEED_MORE : RS_EXCLUDED;
        if (d->length == 2u + p[1])
            return d->server_port == 1080 ? rs_is(d, RS_P_SOCKS) : RS_NEED_MORE;
        return d->others > 0 && p[2u + p[1]] <= 5 ? rs_is(d, RS_P_SOCKS) : RS_EXCLUDED;
    }
    if (p[0] != 4)
        return RS_EXCLUDED;
    if (d->length < 9)
        return d->length < 2 || p[1] == 1 || p[1] == 2 ? RS_NEED_MORE : RS_EXCLUDED;
    if ((p[1] != 1 && p[1] != 2) || rs_be16(p + 2) == 0 || d->length >= 300)
        return RS_EXCLUDED;
    return p[d->length - 1] == 0 ? rs_is(d, RS_P_SOCKS) : RS_NEED_MORE;
}

/* Cisco's IPsec over TCP: a fixed text in the first segments; the UDP kind keeps port 10000 on both sides. */
enum rs_state rs_dissect_ciscovpn(struct rs_dissect *d)
{
    if (!rs_has_port(d, 10000))
        return RS_EXCLUDED;
    if (d->transport == RS_UDP)
        return d->client_port == d->server_port && d->length >= 4 ? rs_agree(d, RS_P_CISCOVPN, 1) : RS_EXCLUDED;
    if (d->length < 4)
        return RS_NEED_MORE;
    return rs_be32(d->data) == 0x17010000 ? rs_is(d, RS_P_CISCOVPN) : RS_EXCLUDED;
}

enum rs_state rs_dissect_tailscale(struct rs_dissect *d)
{
    return memcmp(d->data, "TS\xf0\x9f\x92\xac", 6) == 0 ? rs_is(d, RS_P_TAILSCALE) : RS_EXCLUDED;
}
