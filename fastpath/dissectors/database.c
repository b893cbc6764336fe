/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Databases and caches, by the makers' protocol documents: MySQL, PostgreSQL, SQL Server (MS-TDS), Oracle (TNS), MongoDB,
 * Redis (RESP), Memcached, Cassandra (native protocol), Elasticsearch (transport), Z39.50.
 */

#include <string.h>

#include "dissect.h"

/* The server greets: three bytes length, sequence 0, protocol 10, a version text with NUL. */
enum rs_state rs_dissect_mysql(struct rs_dissect *d)
{
    const uint8_t *p = d->data, *end;

    if (d->from_client)
        return d->others == 0 ? RS_EXCLUDED : RS_NEED_MORE;
    if (d->length < 6)
        return RS_NEED_MORE;
    if (p[3] != 0 || (p[4] != 10 && p[4] != 9) || p[1] > 1 || p[2] != 0 || p[5] < '3' || p[5] > '9')
        return p[3] == 0 && p[4] == 0xff && p[2] == 0 && rs_has_port(d, 3306) ? rs_is(d, RS_P_MYSQL) : RS_EXCLUDED;
    end = memchr(p + 5, 0, d->length - 5);
    return end == NULL && d->length < 60                                      ? RS_NEED_MORE
           : end != NULL && memchr(p + 5, '.', (size_t)(end - p - 5)) != NULL ? rs_is(d, RS_P_MYSQL)
                                                                              : RS_EXCLUDED;
}

enum rs_state rs_dissect_postgresql(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t code;

    if (!d->from_client || p[0] != 0)
        return RS_EXCLUDED;
    if (d->length < 8)
        return RS_NEED_MORE;
    code = rs_be32(p + 4);
    if (rs_be32(p) == 8 && (code == 80877103 || code == 80877104)) /* SSLRequest, GSSENCRequest */
        return rs_is(d, RS_P_POSTGRESQL);
    if (code != 0x00030000 || rs_be32(p) >= 2000)
        return RS_EXCLUDED;
    if (rs_contains(d, 8, d->length, "user"))
        return rs_is(d, RS_P_POSTGRESQL);
    return d->length < rs_be32(p) ? RS_NEED_MORE : RS_EXCLUDED;
}

/* Packet type, status, length, SPID 0, packet id, window 0. */
enum rs_state rs_dissect_tds(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (!d->from_client ||
        (p[0] != 0x12 && p[0] != 0x10 && p[0] != 0x01 && p[0] != 0x03 && p[0] != 0x02 && p[0] != 0x0e))
        return RS_EXCLUDED;
    if (d->length < 8)
        return RS_NEED_MORE;
    if (p[1] > 1 + 8 || rs_be16(p + 2) < 8 || p[7] != 0 || p[6] > 4 || rs_be16(p + 2) > 32768)
        return RS_EXCLUDED;
    if (p[0] == 0x12 || p[0] == 0x10)
        return rs_be16(p + 4) == 0 ? rs_is(d, RS_P_MSSQL_TDS) : RS_EXCLUDED;
    return rs_has_port(d, 1433) && rs_be16(p + 2) == d->length ? rs_is(d, RS_P_MSSQL_TDS) : RS_EXCLUDED;
}

/* TNS CONNECT: length, checksum 0, type 1, reserved 0. */
enum rs_state rs_dissect_oracle(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (!d->from_client)
        return RS_EXCLUDED;
    if (d->length < 8)
        return rs_has_port_in(d, 1521, 1526) ? RS_NEED_MORE : RS_EXCLUDED;
    if (p[4] == 1 && p[5] == 0 && rs_be16(p + 2) == 0 && rs_be16(p + 6) == 0 && rs_be16(p) >= 58 &&
        (rs_contains(d, 8, 400, "(DESCRIPTION=") || rs_contains(d, 8, 400, "(CONNECT_DATA=") || rs_has_port(d, 1521)))
        return rs_is(d, RS_P_ORACLE);
    return rs_has_port(d, 1521) && p[0] == 7 && p[1] == 0xff && p[2] == 0 ? rs_is(d, RS_P_ORACLE) : RS_EXCLUDED;
}

/* Length, request id, response to, one of few opcodes; little endian. */
enum rs_state rs_dissect_mongodb(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t code;

    if (d->length < 16)
        return rs_has_port_in(d, 27017, 27019) ? RS_NEED_MORE : RS_EXCLUDED;
    code = rs_le32(p + 12);
    if (rs_le32(p) < 16 || rs_le32(p) > 0x3000000)
        return RS_EXCLUDED;
    if (d->from_client && rs_le32(p + 8) != 0 && rs_le32(p + 8) != 0xffffffff)
        return RS_EXCLUDED;
    if (code == 2004)
        return rs_contains(d, 20, 80, "$cmd") || rs_has_port(d, 27017) || rs_contains(d, 20, 80, ".")
                   ? rs_is(d, RS_P_MONGODB)
                   : RS_EXCLUDED;
    if (code == 2013 || code == 2012 || code == 1)
        return rs_has_port_in(d, 27017, 27019) || (code == 2013 && rs_contains(d, 20, 200, "$db"))
                   ? rs_is(d, RS_P_MONGODB)
                   : RS_EXCLUDED;
    return code >= 2001 && code <= 2007 && rs_has_port_in(d, 27017, 27019) ? rs_is(d, RS_P_MONGODB) : RS_EXCLUDED;
}

/* An array of bulk strings, or one of the words that only Redis has on its port. */
enum rs_state rs_dissect_redis(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t at = 1;

    if (p[0] == '*') {
        while (at < d->length && at < 6 && p[at] >= '0' && p[at] <= '9')
            at++;
        if (at + 3 > d->length)
            return RS_NEED_MORE;
        return at > 1 && p[at] == '\r' && p[at + 1] == '\n' && p[at + 2] == '$' ? rs_is(d, RS_P_RESP) : RS_EXCLUDED;
    }
    if (!rs_has_port(d, 6379))
        return RS_EXCLUDED;
    if (d->length < 5)
        return RS_NEED_MORE;
    return p[0] == '+' || p[0] == '-' || p[0] == '$' || p[0] == ':' || memcmp(p, "PING", 4) == 0 ||
                   memcmp(p, "INFO", 4) == 0
               ? rs_is(d, RS_P_RESP)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_memcached(struct rs_dissect *d)
{
    static const char *const words[] = {"get ",    "set ",      "gets ",  "stats",      "add ",  "delete ", "incr ",
                                        "version", "flush_all", "VALUE ", "STORED\r\n", "STAT ", "cas ",    "touch "};
    uint32_t at = d->transport == RS_UDP ? 8 : 0; /* a frame header of eight bytes */

    if (!rs_has_port(d, 11211))
        return RS_EXCLUDED;
    if (at == 0 && (d->data[0] == 0x80 || d->data[0] == 0x81))
        return rs_is(d, RS_P_MEMCACHED);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (d->length >= at + strlen(words[i]) && memcmp(d->data + at, words[i], strlen(words[i])) == 0)
            return rs_is(d, RS_P_MEMCACHED);
    return d->length < at + 10 && d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
}

/* Version 3-5 (0x80 in answers), flags, stream, opcode, length. */
enum rs_state rs_dissect_cassandra(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t at = (p[0] & 0x7f) <= 2 ? 3 : 4;

    if ((p[0] & 0x7f) < 1 || (p[0] & 0x7f) > 6)
        return RS_EXCLUDED;
    if (d->length < 9)
        return rs_has_port(d, 9042) ? RS_NEED_MORE : RS_EXCLUDED;
    if (p[1] > 0x1f || p[at] > 0x10 || rs_be32(p + at + 1) > 0x1000000)
        return RS_EXCLUDED;
    if (rs_contains(d, 8, 200, "CQL_VERSION"))
        return rs_is(d, RS_P_CASSANDRA);
    if (rs_has_port(d, 9042) && p[at] == 1 && d->length < 200 && d->length < at + 5 + rs_be32(p + at + 1))
        return RS_NEED_MORE; /* STARTUP: the map with the version is still under way */
    return rs_has_port(d, 9042) && (p[at] == 5 || p[at] == 6 || p[at] == 2 || p[at] == 7 || p[at] == 11)
               ? rs_is(d, RS_P_CASSANDRA)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_cassandra_gossip(struct rs_dissect *d)
{
    static const uint8_t magic[] = {0xca, 0x55, 0x2d, 0xfa};
    enum rs_state state = rs_starts_at(d, 0, magic, sizeof magic);

    return state == RS_DECIDED ? rs_is(d, RS_P_CASSANDRA) : state;
}

enum rs_state rs_dissect_elasticsearch(struct rs_dissect *d)
{
    if (d->data[0] != 'E')
        return RS_EXCLUDED;
    if (d->length < 6)
        return d->length < 2 || d->data[1] == 'S' ? RS_NEED_MORE : RS_EXCLUDED;
    return d->data[1] == 'S' && (rs_be32(d->data + 2) < 0x4000000) &&
                   (d->length == rs_be32(d->data + 2) + 6 || rs_has_port_in(d, 9300, 9400))
               ? rs_is(d, RS_P_ELASTICSEARCH)
               : RS_EXCLUDED;
}
