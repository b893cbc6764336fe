/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What servers say to each other: Kafka (its protocol guide), ActiveMQ's OpenWire, ZeroMQ's ZMTP, FastCGI (its
 * specification 1.0), the PROXY protocol (HAProxy), ClickHouse, DB2's DRDA, AFS's Rx, Lustre's LNET, DICOM (PS3.8), Z39.50,
 * IPMI (RMCP, ASF 2.0), and DLEP (RFC 8175).
 */

#include <string.h>

#include "dissect.h"

static enum rs_state magic(struct rs_dissect *d, uint32_t at, const void *bytes, uint32_t length,
                           enum rs_protocol protocol)
{
    enum rs_state state = rs_starts_at(d, at, bytes, length);

    return state == RS_DECIDED ? rs_is(d, protocol) : state;
}

/* Size, api key, api version, correlation id, then the client's name: its length or -1, and letters. */
enum rs_state rs_dissect_kafka(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t size, name;

    if (p[0] != 0)
        return RS_EXCLUDED;
    if (d->length < 14)
        return rs_has_port(d, 9092) ? RS_NEED_MORE : RS_EXCLUDED;
    size = rs_be32(p);
    name = rs_be16(p + 12);
    if (size < 10 || size > 0x100000 || rs_be16(p + 4) > 80 || rs_be16(p + 6) > 20 || rs_be32(p + 8) > 0x00ffffff)
        return RS_EXCLUDED;
    if (name == 0xffff || name == 0)
        return rs_has_port(d, 9092) && size + 4 == d->length ? rs_is(d, RS_P_APACHEKAFKA) : RS_EXCLUDED;
    if (name > 255 || size < 10 + name)
        return RS_EXCLUDED;
    if (d->length < 14 + name)
        return RS_NEED_MORE;
    for (uint32_t i = 0; i < name; i++)
        if (p[14 + i] < 0x20 || p[14 + i] > 0x7e)
            return RS_EXCLUDED;
    return name >= 3 || rs_has_port(d, 9092) ? rs_is(d, RS_P_APACHEKAFKA) : RS_EXCLUDED;
}

/* Size, then WIREFORMAT_INFO with its magic. */
enum rs_state rs_dissect_openwire(struct rs_dissect *d)
{
    if (d->length < 5)
        return d->data[0] == 0 && rs_has_port(d, 61616) ? RS_NEED_MORE : RS_EXCLUDED;
    return magic(d, 4,
                 "\x01"
                 "ActiveMQ",
                 9, RS_P_OPENWIRE);
}

/* A greeting of ZMTP 2 and 3: signature ff, eight bytes, 7f, then the version; ZMTP 1 has a short length and no version. */
enum rs_state rs_dissect_zmtp(struct rs_dissect *d)
{
    if (d->data[0] != 0xff)
        return RS_EXCLUDED;
    if (d->length < 10)
        return d->length < 2 || d->data[1] == 0 ? RS_NEED_MORE : RS_EXCLUDED;
    return rs_be32(d->data + 1) == 0 && d->data[9] == 0x7f ? rs_is(d, RS_P_ZEROMQ) : RS_EXCLUDED;
}

/* BEGIN_REQUEST: version 1, type 1, id, content length 8, no padding, role 1 to 3, flags, five reserved zeros. */
enum rs_state rs_dissect_fastcgi(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] != 1 || (d->length > 1 && p[1] != 1))
        return RS_EXCLUDED;
    if (d->length < 16)
        return d->length < 6 || rs_be16(p + 4) == 8 ? RS_NEED_MORE : RS_EXCLUDED;
    return rs_be16(p + 4) == 8 && p[6] == 0 && p[8] == 0 && p[9] >= 1 && p[9] <= 3 && p[10] <= 1 &&
                   rs_be32(p + 11) == 0 && p[15] == 0
               ? rs_is(d, RS_P_FASTCGI)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_proxy_protocol(struct rs_dissect *d)
{
    static const uint8_t second[] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
    enum rs_state state = rs_starts(d, "PROXY TCP");

    if (state == RS_EXCLUDED)
        state = rs_starts(d, "PROXY UNKNOWN");
    if (state == RS_EXCLUDED)
        return magic(d, 0, second, sizeof second, RS_P_HAPROXY);
    return state == RS_DECIDED ? rs_is(d, RS_P_HAPROXY) : state;
}

/* Hello: packet kind 0, the length of the name, a name that says ClickHouse. */
enum rs_state rs_dissect_clickhouse(struct rs_dissect *d)
{
    if (d->data[0] != 0 || (d->length > 1 && (d->data[1] < 10 || d->data[1] > 64)))
        return RS_EXCLUDED;
    return d->length < 3 ? RS_NEED_MORE : magic(d, 2, "ClickHouse", 10, RS_P_CLICKHOUSE);
}

/* DSS header: length, 0xd0, format, correlation id; then a DDM object six bytes shorter, EXCSAT or its answer first. */
enum rs_state rs_dissect_drda(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (d->length < 10)
        return rs_has_port(d, 50000) && (d->length < 3 || p[2] == 0xd0) ? RS_NEED_MORE : RS_EXCLUDED;
    return p[2] == 0xd0 && rs_be16(p) == rs_be16(p + 6) + 6 && (rs_be16(p + 8) == 0x1041 || rs_be16(p + 8) == 0x1443)
               ? rs_is(d, RS_P_DRDA)
               : RS_EXCLUDED;
}

/* Epoch, connection, call, sequence, serial; a packet type of 1 to 13; security index and a service of AFS. */
enum rs_state rs_dissect_rx(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    return rs_has_port_in(d, 7000, 7032) && p[20] >= 1 && p[20] <= 13 && (p[21] & 0xc0) == 0 && p[23] <= 5 &&
                   rs_be32(p + 12) < 0x10000 && rs_be32(p + 16) < 0x100000
               ? rs_is(d, RS_P_RX)
               : RS_EXCLUDED;
}

/* The acceptor's request in either byte order, or the hello of its socket driver. */
enum rs_state rs_dissect_lustre(struct rs_dissect *d)
{
    uint32_t word;

    if (d->length < 4)
        return rs_has_port(d, 988) ? RS_NEED_MORE : RS_EXCLUDED;
    word = rs_le32(d->data);
    return word == 0xacce7100 || word == 0x0071ceac || word == 0xeebc0ded || word == 0xed0dbcee ? rs_is(d, RS_P_LUSTRE)
                                                                                                : RS_EXCLUDED;
}

/* A-ASSOCIATE-RQ or -AC: type, reserved, length, protocol version with bit 0, reserved, then the called title in text. */
enum rs_state rs_dissect_dicom(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] != 1 && p[0] != 2)
        return RS_EXCLUDED;
    if (d->length < 26)
        return rs_has_port(d, 104) || rs_has_port(d, 11112) || rs_has_port(d, 4242) ? RS_NEED_MORE : RS_EXCLUDED;
    if (p[1] != 0 || rs_be32(p + 2) < 68 || rs_be32(p + 2) > 65535 || rs_be16(p + 6) != 1 || rs_be16(p + 8) != 0)
        return RS_EXCLUDED;
    for (uint32_t i = 10; i < 26; i++)
        if (p[i] < 0x20 || p[i] > 0x7e)
            return RS_EXCLUDED;
    return rs_is(d, RS_P_DICOM);
}

/* InitializeRequest [20] or its response [21] in BER; within it protocolVersion [3], a bit string of two bytes. */
enum rs_state rs_dissect_z3950(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if ((p[0] != 0xb4 && p[0] != 0xb5) || !rs_has_port(d, 210))
        return RS_EXCLUDED;
    if (d->length < 12)
        return RS_NEED_MORE;
    return rs_contains(d, 2, 40, "\x83\x02") ? rs_is(d, RS_P_Z3950) : RS_EXCLUDED;
}

/* Version 6, reserved, sequence number, class ASF (6) or IPMI (7). */
enum rs_state rs_dissect_rmcp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    return rs_has_port_in(d, 623, 664) && p[0] == 6 && p[1] == 0 && ((p[3] & 0x7f) == 6 || (p[3] & 0x7f) == 7)
               ? rs_is(d, RS_P_RMCP)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_dlep(struct rs_dissect *d)
{
    if (d->transport == RS_UDP) /* signals carry the word, messages over TCP only types */
        return magic(d, 0, "DLEP", 4, RS_P_DLEP);
    if (!rs_has_port(d, 854))
        return RS_EXCLUDED;
    if (d->length < 4)
        return RS_NEED_MORE;
    return rs_be16(d->data) >= 1 && rs_be16(d->data) <= 16 && rs_be16(d->data + 2) < 4096 ? rs_is(d, RS_P_DLEP)
                                                                                          : RS_EXCLUDED;
}
