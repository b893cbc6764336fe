/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS and SSL 3 over TCP: RFC 8446, RFC 5246, server_name RFC 6066, ALPN RFC 7301, Encrypted ClientHello RFC 9849; SSL 2
 * hello RFC 5246 E.2.
 * The client's hello names the host; without a name the server's certificate (TLS 1.2 and before) is read.
 */

#include <string.h>

#include "ja4.h"
#include "tls.h"

#define RECORD     5u
#define RECORD_MAX (16384u + 2048u)
#define HELLO_MAX  65536u

/* public_name in the ECH configurations of the one operator that serves them at scale; nothing else has this name */
#define ECH_PUBLIC_NAME "cloudflare-ech.com"

/* Mail has ports of its own for TLS (RFC 8314). */
static enum rs_protocol protocol_of(const struct rs_dissect *d)
{
    switch (d->server_port) {
    case 465:
        return RS_P_SMTPS;
    case 990:
        return RS_P_FTPS;
    case 993:
        return RS_P_IMAPS;
    case 995:
        return RS_P_POPS;
    default:
        return RS_P_TLS;
    }
}

static int is_version(const uint8_t *p)
{
    return p[0] == 3 && p[1] <= 4;
}

static enum rs_state server_name(struct rs_dissect *d, const uint8_t *p, uint32_t length)
{
    if (length >= 5 && p[2] == 0 && rs_be16(p + 3) <= length - 5)
        rs_take_host(d, p + 5, rs_be16(p + 3));
    return RS_DECIDED;
}

/* First ALPN name that says more than "http" or a browser would. */
static void alpn(struct rs_tls_hello *hello, const uint8_t *p, uint32_t length)
{
    if (length >= 3 && p[2] <= length - 3 && p[2] < sizeof hello->alpn) {
        memcpy(hello->alpn, p + 3, p[2]);
        hello->alpn[p[2]] = 0;
    }
}

/* Extensions as far as they are there; RS_NEED_MORE when the list is cut off before a name was seen. */
static enum rs_state extensions(struct rs_dissect *d, struct rs_tls_hello *hello, const uint8_t *p, uint32_t have,
                                uint32_t whole)
{
    uint32_t at = 0;

    while (at + 4 <= whole) {
        uint32_t size;

        if (at + 4 > have)
            return RS_NEED_MORE;
        size = rs_be16(p + at + 2);
        if (at + 4 + size > have)
            return at + 4 + size > whole ? RS_DECIDED : RS_NEED_MORE;
        if (rs_be16(p + at) == 0)
            server_name(d, p + at + 4, size);
        else if (rs_be16(p + at) == 16)
            alpn(hello, p + at + 4, size);
        at += 4 + size;
    }
    return RS_DECIDED;
}

enum rs_state rs_tls_client_hello(struct rs_dissect *d, struct rs_tls_hello *hello, const uint8_t *p, uint32_t have,
                                  uint32_t prefix)
{
    uint32_t whole, at = 4 + 2 + 32, size;

    memset(hello, 0, sizeof *hello);
    if (have < 4)
        return RS_NEED_MORE;
    whole = 4 + rs_be24(p + 1);
    if (p[0] != 1 || whole > HELLO_MAX)
        return RS_EXCLUDED;
    if (have > whole)
        have = whole;
    if (have == whole)
        rs_ja4(d, p, whole, prefix != 0);
    if (at + 1 > have)
        return RS_NEED_MORE;
    at += 1u + p[at]; /* session id */
    if (prefix) {     /* DTLS: cookie */
        if (at + 1 > have)
            return at + 1 > whole ? RS_DECIDED : RS_NEED_MORE;
        at += 1u + p[at];
    }
    if (at + 2 > have)
        return at + 2 > whole ? RS_DECIDED : RS_NEED_MORE;
    at += 2u + rs_be16(p + at); /* cipher suites */
    if (at + 1 > have)
        return at + 1 > whole ? RS_DECIDED : RS_NEED_MORE;
    at += 1u + p[at]; /* compression */
    if (at + 2 > have)
        return at + 2 > whole ? RS_DECIDED : RS_NEED_MORE;
    size = rs_be16(p + at);
    at += 2;
    if (at + size > whole)
        size = whole - at;
    return extensions(d, hello, p + at, have - at, size);
}

/* Handshake bytes of successive records, copied together; *cut when the last record is not whole. */
static uint32_t gather(const struct rs_dissect *d, uint8_t *out, uint32_t room, int *cut)
{
    uint32_t at = 0, n = 0;

    *cut = 0;
    while (at + RECORD <= d->length && d->data[at] == 22 && is_version(d->data + at + 1)) {
        uint32_t size = rs_be16(d->data + at + 3), there = d->length - at - RECORD;

        if (size < there)
            there = size;
        if (there > room - n)
            there = room - n;
        memcpy(out + n, d->data + at + RECORD, there);
        n += there;
        if (size > d->length - at - RECORD || n == room) {
            *cut = 1;
            return n;
        }
        at += RECORD + size;
    }
    *cut = at >= d->length || at + RECORD > d->length;
    return n;
}

static enum rs_state from_client(struct rs_dissect *d)
{
    uint8_t joined[RS_STREAM_HELLO];
    const uint8_t *p = d->data + RECORD;
    uint32_t record = rs_be16(d->data + 3), have = d->length - RECORD;
    struct rs_tls_hello hello;
    enum rs_state state;
    int cut;

    if (have >= 4 && record < 4 + rs_be24(p + 1)) { /* the hello spreads over several records */
        have = gather(d, joined, sizeof joined, &cut);
        p = joined;
    } else if (have > record) {
        have = record;
    }
    state = rs_tls_client_hello(d, &hello, p, have, 0);
    if (state == RS_EXCLUDED)
        return state;
    d->protocol = protocol_of(d);
    rs_tls_application(d, &hello);
    if (state == RS_NEED_MORE && d->host[0] == 0)
        return RS_NEED_MORE;
    if (d->host[0] == 0 && d->application == RS_P_UNKNOWN)
        return RS_NEED_MORE; /* the certificate may tell */
    return RS_DECIDED;
}

void rs_tls_application(struct rs_dissect *d, const struct rs_tls_hello *hello)
{
    if (strcmp(hello->alpn, "dot") == 0 || strcmp(hello->alpn, "doq") == 0 || strncmp(hello->alpn, "doq-", 4) == 0)
        d->application = RS_P_DOH_DOT;
    else if (d->server_port == 853)
        d->application = RS_P_DOH_DOT;
    d->is_front = strcmp(d->host, ECH_PUBLIC_NAME) == 0;
}

/* Messages of the server up to the certificate. */
static enum rs_state from_server(struct rs_dissect *d)
{
    uint8_t joined[RS_STREAM_HELLO];
    uint32_t at = 0, n;
    int cut;

    d->protocol = protocol_of(d);
    n = gather(d, joined, sizeof joined, &cut);
    while (at + 4 <= n) {
        uint32_t size = rs_be24(joined + at + 1);

        if (joined[at] == 11)
            return rs_tls_certificate(d, joined + at + 4, n - at - 4 < size ? n - at - 4 : size, size);
        if (joined[at] == 2 && at + 4 + 35 <= n && size >= 35 && joined[at + 4 + 34] == 32) {
            /* a session id of 32 bytes and TLS 1.3 in the hello: the certificate is encrypted */
            static const uint8_t tls13[] = {0x00, 0x2b, 0x00, 0x02, 0x03};
            uint32_t end = at + 4 + size < n ? at + 4 + size : n;

            if (memmem(joined + at + 4, end - at - 4, tls13, sizeof tls13) != NULL)
                return RS_DECIDED;
        }
        at += 4 + size;
    }
    return cut && n < sizeof joined ? RS_NEED_MORE : RS_DECIDED;
}

enum rs_state rs_dissect_tls(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t size;

    if (p[0] < 20 || p[0] > 24)
        return RS_EXCLUDED;
    if (d->length < RECORD + 1)
        return d->length < 3 || is_version(p + 1) ? RS_NEED_MORE : RS_EXCLUDED;
    size = rs_be16(p + 3);
    if (!is_version(p + 1) || size == 0 || size > RECORD_MAX)
        return RS_EXCLUDED;
    if (p[0] == 22 && p[5] == 1)
        return from_client(d);
    if (p[0] == 22 && (p[5] == 2 || p[5] == 11))
        return from_server(d);
    if (p[0] == 22)
        return rs_is(d, protocol_of(d));
    if (p[0] == 21 && size == 2) { /* alert: level 1 or 2; the other side's hello may still come */
        if (p[5] != 1 && p[5] != 2)
            return RS_EXCLUDED;
        d->protocol = protocol_of(d);
        return RS_NEED_MORE;
    }
    if (p[0] == 23 && p[1] == 3 && p[2] >= 1) { /* capture begins in the middle */
        if (d->length > RECORD + size && (d->length < RECORD + size + 3 || p[RECORD + size] < 20 ||
                                          p[RECORD + size] > 24 || !is_version(p + RECORD + size + 1)))
            return RS_EXCLUDED;
        return d->length >= RECORD + size || d->index > 0 || d->server_port == 443 ? rs_is(d, protocol_of(d))
                                                                                   : RS_NEED_MORE;
    }
    return p[0] == 20 && size == 1 && p[5] == 1 ? rs_is(d, protocol_of(d)) : RS_EXCLUDED;
}

/* SSL 2 compatible hello: old clients still send it. */
enum rs_state rs_dissect_ssl2(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t size;

    if ((p[0] & 0x80) == 0)
        return RS_EXCLUDED;
    if (d->length < 11)
        return RS_NEED_MORE;
    size = (uint32_t)(p[0] & 0x7f) << 8 | p[1];
    if (p[2] != 1 || (p[3] != 3 && !(p[3] == 0 && p[4] == 2)) || rs_be16(p + 5) % 3 != 0 || rs_be16(p + 5) == 0 ||
        9u + rs_be16(p + 5) + rs_be16(p + 7) + rs_be16(p + 9) != size)
        return RS_EXCLUDED;
    return rs_is(d, protocol_of(d));
}
