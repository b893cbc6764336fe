/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time, logs, measurement and who-may-enter: NTP (RFC 5905), Roughtime, PTP (IEEE 1588), SNMP (RFC 1157, 3416), syslog
 * (RFC 3164, 5424), RADIUS (RFC 2865), NetFlow and IPFIX (RFC 3954, 7011), sFlow, collectd, Zabbix, Munin, Checkmk,
 * Ubiquiti's discovery, Meraki's cloud, Ookla's speed test, UFTP (its protocol document), Brazil's line meter EAQ.
 */

#include <string.h>

#include "dissect.h"

enum rs_state rs_dissect_ntp(struct rs_dissect *d)
{
    uint8_t version = d->data[0] >> 3 & 7, mode = d->data[0] & 7;

    if (!rs_has_port(d, 123) || version < 1 || version > 4)
        return RS_EXCLUDED;
    return (mode == 6 || mode == 7) || d->length >= 48 ? rs_is(d, RS_P_NTP) : RS_EXCLUDED;
}

enum rs_state rs_dissect_roughtime(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t count = rs_le32(p);

    if (memcmp(p, "ROUGHTIM", 8) == 0)
        return rs_is(d, RS_P_ROUGHTIME);
    return count >= 1 && count <= 10 && d->length >= 8 * count &&
                   (memcmp(p + 4 * count, "NONC", 4) == 0 || memcmp(p + 4 * count, "SIG\0", 4) == 0 ||
                    memcmp(p + 4 * count, "PAD\xff", 4) == 0 || memcmp(p + 4 * count, "VER\0", 4) == 0)
               ? rs_is(d, RS_P_ROUGHTIME)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_ptp(struct rs_dissect *d)
{
    return rs_has_port_in(d, 319, 320) && (d->data[1] & 0x0f) == 2 && rs_be16(d->data + 2) == d->length
               ? rs_is(d, RS_P_PTPV2)
               : RS_EXCLUDED;
}

/* BER: SEQUENCE over the whole datagram, INTEGER version 0, 1 or 3. */
enum rs_state rs_dissect_snmp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t at = 2;

    if (p[0] != 0x30 || !rs_has_port_in(d, 161, 162))
        return RS_EXCLUDED;
    if (p[1] >= 0x80)
        at += p[1] & 0x7f;
    return at + 3 <= d->length && p[at] == 2 && p[at + 1] == 1 && (p[at + 2] <= 1 || p[at + 2] == 3)
               ? rs_is(d, RS_P_SNMP)
               : RS_EXCLUDED;
}

/* "<PRI>" with at most three digits, then text; over TCP a count may stand before (RFC 6587). */
enum rs_state rs_dissect_syslog(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t at = 0, digits = 0;

    while (d->transport == RS_TCP && at < d->length && at < 5 && p[at] >= '0' && p[at] <= '9')
        at++;
    if (at > 0 && at < d->length && p[at] == ' ')
        at++;
    if (at + 8 > d->length)
        return d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
    if (p[at] != '<')
        return RS_EXCLUDED;
    for (at++; at < d->length && digits < 3 && p[at] >= '0' && p[at] <= '9'; at++)
        digits++;
    if (digits == 0 || at + 2 > d->length || p[at] != '>')
        return RS_EXCLUDED;
    at++;
    if (rs_has_port(d, 514) || rs_has_port(d, 601) || rs_has_port(d, 6514))
        return p[at] >= ' ' && p[at] < 0x7f ? rs_is(d, RS_P_SYSLOG) : RS_EXCLUDED;
    if (at + 4 > d->length)
        return RS_EXCLUDED;
    return (p[at] >= 'A' && p[at] <= 'Z' && p[at + 3] == ' ') || (p[at] == '1' && p[at + 1] == ' ') ||
                   memcmp(p + at, "last", 4) == 0 || memcmp(p + at, "snor", 4) == 0
               ? rs_is(d, RS_P_SYSLOG)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_radius(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (!rs_has_port_in(d, 1812, 1813) && !rs_has_port_in(d, 1645, 1646) && !rs_has_port(d, 3799))
        return RS_EXCLUDED;
    return p[0] >= 1 && p[0] <= 45 && rs_be16(p + 2) >= 20 && rs_be16(p + 2) <= d->length ? rs_is(d, RS_P_RADIUS)
                                                                                          : RS_EXCLUDED;
}

/* Versions 1, 5, 7 have records of one size; 9 and 10 (IPFIX) name their length or time. Of that only the century is
 * compared: now_s counts from the start of the box, it is no date. */
enum rs_state rs_dissect_netflow(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint16_t version = rs_be16(p), count = rs_be16(p + 2);
    uint32_t seconds = rs_be32(p + 8);

    if (version == 5 && count >= 1 && count <= 30 && d->length == 24u + 48u * count)
        return rs_is(d, RS_P_NETFLOW);
    if (version == 1 && count >= 1 && count <= 24 && d->length == 16u + 52u * count)
        return rs_is(d, RS_P_NETFLOW);
    if (version == 7 && count >= 1 && count <= 28 && d->length == 24u + 52u * count)
        return rs_is(d, RS_P_NETFLOW);
    if (version == 10 && count == d->length && rs_be32(p + 4) > 946684800)
        return rs_is(d, RS_P_NETFLOW);
    return version == 9 && count >= 1 && count <= 100 && seconds > 946684800 && seconds < 4102444800 &&
                   rs_be16(p + 20) <= 4096
               ? rs_is(d, RS_P_NETFLOW)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_sflow(struct rs_dissect *d)
{
    uint32_t version = rs_be32(d->data), kind = rs_be32(d->data + 4);

    return (version == 2 || version == 4 || version == 5) && (kind == 1 || kind == 2) && rs_has_port(d, 6343)
               ? rs_is(d, RS_P_SFLOW)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_collectd(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint16_t size = rs_be16(p + 2);

    return rs_has_port(d, 25826) && rs_be16(p) == 0 && size > 4 && size < d->length && p[size - 1] == 0
               ? rs_is(d, RS_P_COLLECTD)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_zabbix(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "ZBXD\x01");

    return state == RS_DECIDED ? rs_is(d, RS_P_ZABBIX) : state;
}

enum rs_state rs_dissect_munin(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "# munin node at ");

    return state == RS_DECIDED ? rs_is(d, RS_P_MUNIN) : state;
}

enum rs_state rs_dissect_checkmk(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "<<<check_mk>>>");

    return state == RS_DECIDED ? rs_is(d, RS_P_CHECKMK) : state;
}

enum rs_state rs_dissect_kismet(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "*KISMET:");

    return state == RS_DECIDED ? rs_is(d, RS_P_KISMET) : state;
}

/* Version 1 or 2, a command, and the length of what follows; a question has no fields. */
enum rs_state rs_dissect_ubiquiti(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    return rs_has_port(d, 10001) && (p[0] == 1 || p[0] == 2) && p[1] <= 11 && rs_be16(p + 2) + 4u == d->length
               ? rs_is(d, RS_P_UBNTAC2)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_meraki(struct rs_dissect *d)
{
    return rs_has_port(d, 7351) && rs_be32(d->data) == 0xfef72891 ? rs_is(d, RS_P_MERAKICLOUD) : RS_EXCLUDED;
}

/* The client says HI (with an id), the server HELLO and its version. */
enum rs_state rs_dissect_ookla(struct rs_dissect *d)
{
    enum rs_state state;

    if (!rs_has_port(d, 8080) && !rs_has_port(d, 5060))
        return RS_EXCLUDED;
    if (!d->from_client) {
        state = rs_starts(d, "HELLO 2.");
        return state == RS_DECIDED ? rs_is(d, RS_P_OOKLA) : state;
    }
    state = rs_starts(d, "HI");
    if (state != RS_DECIDED)
        return state;
    if (d->length < 3)
        return RS_NEED_MORE;
    return d->data[2] == '\n' || d->data[2] == '\r' || d->data[2] == ' ' ? rs_is(d, RS_P_OOKLA) : RS_EXCLUDED;
}

/* Version 4 or 5 of the protocol in the upper half of the first byte, a message type, on its port. */
enum rs_state rs_dissect_uftp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    return rs_has_port(d, 1044) && (p[0] == 0x40 || p[0] == 0x50) && p[1] >= 1 && p[1] <= 0x15 ? rs_is(d, RS_P_UFTP)
                                                                                               : RS_EXCLUDED;
}

/* Sixteen bytes whose first four count in decimal. */
enum rs_state rs_dissect_eaq(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    return rs_has_port(d, 6000) && d->length == 16 && p[0] <= 9 && p[1] <= 9 && p[2] <= 9 && p[3] <= 9
               ? rs_agree(d, RS_P_EAQ, 3)
               : RS_EXCLUDED;
}
