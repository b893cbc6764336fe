/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Peer to peer besides BitTorrent: eDonkey and eMule (opcodes of the eMule project), Gnutella 0.6, Syncthing (its local
 * discovery and relay protocols), Bitcoin, Ethereum (devp2p), mining by Stratum, Nano, Direct Connect (NMDC and ADC),
 * Windows' delivery optimisation, Xunlei (Thunder: seen on its own networks and in captures of others, no description exists).
 */

#include <string.h>

#include "dissect.h"

enum rs_state rs_dissect_edonkey(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t size;

    if (p[0] != 0xe3 && p[0] != 0xc5 && p[0] != 0xd4)
        return RS_EXCLUDED;
    if (d->length < 6)
        return RS_NEED_MORE;
    size = rs_le32(p + 1);
    if (size == 0 || size > 0x100000)
        return RS_EXCLUDED;
    if (p[0] == 0xe3 && (p[5] == 0x01 || p[5] == 0x4c) && size + 5 >= d->length && size < 1000)
        return rs_is(d, RS_P_EDONKEY);
    return size + 5 == d->length && d->index > 0 ? rs_is(d, RS_P_EDONKEY)
           : size + 5 == d->length               ? RS_NEED_MORE
                                                 : RS_EXCLUDED;
}

/* eMule's Kad and server datagrams: a protocol byte and an opcode with its own length. */
enum rs_state rs_dissect_edonkey_udp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] == 0xe4 &&
        ((p[1] == 0x01 && d->length == 2) || (p[1] == 0x21 && d->length == 35) || (p[1] == 0x11 && d->length > 26) ||
         (p[1] == 0x19 && d->length > 20) || (p[1] == 0x60 && d->length == 2) || (p[1] == 0x59 && d->length == 2)))
        return rs_agree(d, RS_P_EDONKEY, 1);
    if (p[0] == 0xe3 &&
        ((p[1] == 0x96 && d->length == 6) || (p[1] == 0x9a && d->length >= 18) || (p[1] == 0xa2 && d->length == 6)))
        return rs_is(d, RS_P_EDONKEY);
    return p[0] == 0xe5 && d->length > 20 && d->length <= 1500 && (p[1] == 0x43 || p[1] == 0x4b)
               ? rs_agree(d, RS_P_EDONKEY, 2)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_gnutella(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "GNUTELLA ");

    if (state == RS_EXCLUDED)
        state = rs_starts(d, "GND\x01");
    if (state == RS_EXCLUDED && d->data[0] == 'G') {
        state = rs_starts(d, "GET /uri-res/");
        if (state == RS_EXCLUDED)
            state = rs_starts(d, "GIV ");
    }
    return state == RS_DECIDED ? rs_is(d, RS_P_GNUTELLA) : state;
}

/* A descriptor: 16 bytes id, kind, TTL, hops, length (little endian); or Gnutella 2's "GND". */
enum rs_state rs_dissect_gnutella_udp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (memcmp(p, "GND", 3) == 0)
        return rs_is(d, RS_P_GNUTELLA);
    if (d->length < 23 || rs_le32(p + 19) + 23 != d->length || p[17] + p[18] > 15 || p[17] > 8)
        return RS_EXCLUDED;
    return p[16] == 0 || p[16] == 1 || p[16] == 0x31 || p[16] == 0x80 || p[16] == 0x81 || p[16] == 0x40 || p[16] == 0x44
               ? rs_is(d, RS_P_GNUTELLA)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_syncthing(struct rs_dissect *d)
{
    uint32_t magic = rs_be32(d->data);

    return magic == 0x2ea7d90b || magic == 0x7d79bc40 || magic == 0x9e79bc40 || magic == 0x2ea7d90c
               ? rs_is(d, RS_P_SYNCTHING)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_bitcoin(struct rs_dissect *d)
{
    static const uint32_t magics[] = {0xf9beb4d9, 0x0b110907, 0xfabfb5da, 0xfbc0b6db};

    if (d->length < 16)
        return RS_NEED_MORE;
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if (rs_be32(d->data) == magics[i])
            return rs_is(d, RS_P_BITCOIN);
    return RS_EXCLUDED;
}

/* Discovery v4: hash 32, signature 65, type 1-4, then an RLP list that runs to the end. */
enum rs_state rs_dissect_ethereum_udp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[96] > 3 || p[97] < 1 || p[97] > 6)
        return RS_EXCLUDED;
    if (p[98] >= 0xc0 && p[98] <= 0xf7)
        return 99u + (p[98] - 0xc0u) <= d->length ? rs_is(d, RS_P_ETHEREUM) : RS_EXCLUDED;
    if (p[98] == 0xf8)
        return 100u + p[99] <= d->length ? rs_is(d, RS_P_ETHEREUM) : RS_EXCLUDED;
    return p[98] == 0xf9 && 101u + rs_be16(p + 99) <= d->length ? rs_is(d, RS_P_ETHEREUM) : RS_EXCLUDED;
}

/* RLPx: the first message is an auth of EIP-8 (size prefix) or of the older fixed 307 bytes; on the usual port only. */
enum rs_state rs_dissect_ethereum(struct rs_dissect *d)
{
    if (!d->from_client || !rs_has_port_in(d, 30300, 30310))
        return RS_EXCLUDED;
    if (d->length < 194)
        return RS_NEED_MORE;
    if (d->length == 307 || (rs_be16(d->data) + 2u == d->length && d->length < 600))
        return rs_is(d, RS_P_ETHEREUM);
    return rs_be16(d->data) + 2u > d->length && rs_be16(d->data) < 600 ? RS_NEED_MORE : RS_EXCLUDED;
}

/* Stratum: JSON lines with well-known methods. Ethereum's miners use the eth_ kind, Monero's "login". */
enum rs_state rs_dissect_mining(struct rs_dissect *d)
{
    if (!d->from_client || d->data[0] != '{')
        return RS_EXCLUDED;
    if (d->length < 32)
        return RS_NEED_MORE;
    if (rs_contains(d, 0, 300, "\"eth_submitLogin\"") || rs_contains(d, 0, 300, "\"eth_getWork\"") ||
        rs_contains(d, 0, 300, "eth1.0"))
        return rs_is(d, RS_P_ETHEREUM);
    if (rs_contains(d, 0, 200, "\"login\"") && rs_contains(d, 0, 600, "\"agent\""))
        return rs_is(d, RS_P_MONERO);
    if (rs_contains(d, 0, 300, "\"mining.subscribe\"") || rs_contains(d, 0, 300, "\"mining.authorize\""))
        return rs_is(d, RS_P_BITCOIN);
    return memchr(d->data, '\n', d->length) == NULL && d->length < 600 ? RS_NEED_MORE : RS_EXCLUDED;
}

enum rs_state rs_dissect_monero(struct rs_dissect *d)
{
    static const uint8_t levin[] = {0x01, 0x21, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01};
    enum rs_state state = rs_starts_at(d, 0, levin, sizeof levin);

    return state == RS_DECIDED ? rs_is(d, RS_P_MONERO) : state;
}

enum rs_state rs_dissect_nano(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] != 'R')
        return RS_EXCLUDED;
    if (d->length < 8)
        return d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
    return p[1] >= 'A' && p[1] <= 'C' && p[2] >= 10 && p[2] <= 30 && p[3] <= 30 && p[3] >= p[4] && p[5] >= 2 &&
                   p[5] <= 15
               ? rs_is(d, RS_P_NANO)
               : RS_EXCLUDED;
}

/* NMDC begins with the hub's lock or a nick; ADC with its features, to a hub or to a peer. */
enum rs_state rs_dissect_directconnect(struct rs_dissect *d)
{
    static const char *const starts[] = {"$Lock ", "$MyNick ", "HSUP AD", "CSUP AD", "ISUP AD"};
    enum rs_state answer = RS_EXCLUDED;

    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        enum rs_state state = rs_starts(d, starts[i]);

        if (state == RS_DECIDED)
            return rs_is(d, RS_P_DIRECTCONNECT);
        answer = state == RS_NEED_MORE ? state : answer;
    }
    return answer;
}

/* A protocol version of 0x30 to 0x3f, little-endian; a weak sign, so several datagrams of both sides must carry it. */
enum rs_state rs_dissect_thunder(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    return p[0] >= 0x30 && p[0] < 0x40 && p[1] == 0 && p[2] == 0 && p[3] == 0 ? rs_agree(d, RS_P_THUNDER, 3)
                                                                              : RS_EXCLUDED;
}

/* Windows' delivery optimisation, from PC to PC: the length of the protocol's name, the name. */
enum rs_state rs_dissect_msdo(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "\016Swarm protocol");

    return state == RS_DECIDED ? rs_is(d, RS_P_MSDO) : state;
}
