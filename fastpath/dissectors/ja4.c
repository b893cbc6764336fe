/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JA4 (FoxIO, "JA4: TLS Client Fingerprinting", technical details): a readable part, the hash of the sorted cipher suites,
 * and the hash of the sorted extensions with the signature algorithms in their order. GREASE (RFC 8701) counts nowhere,
 * so the order and the jokes that browsers throw dice for do not change it.
 */

#include "ja4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/classifier.h"
#include "../src/quic_crypto.h"

#define LIST_MAX   128u /* a browser has 16 of each; nobody needs more than 99 to be told apart */
#define HASH_SHOWN 12u

enum extension { SERVER_NAME = 0, SIGNATURES = 13, ALPN = 16, VERSIONS = 43 };

struct list {
    uint16_t values[LIST_MAX];
    uint32_t count;
};

struct hello {
    struct list ciphers, extensions, signatures;
    uint16_t version;
    uint8_t alpn[2], has_alpn, has_name; /* alpn: first and last byte of the first protocol */
};

static int is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

static void add(struct list *list, uint16_t value)
{
    if (!is_grease(value) && list->count < LIST_MAX)
        list->values[list->count++] = value;
}

static void add_all(struct list *list, const uint8_t *p, uint32_t length)
{
    for (uint32_t at = 0; at + 2 <= length; at += 2)
        add(list, rs_be16(p + at));
}

static void read_extension(struct hello *h, uint16_t type, const uint8_t *p, uint32_t length)
{
    add(&h->extensions, type);
    if (type == SERVER_NAME) {
        h->has_name = 1;
    } else if (type == ALPN && length >= 4 && p[2] > 0 && p[2] <= length - 3) {
        h->has_alpn = 1;
        h->alpn[0] = p[3];
        h->alpn[1] = p[2 + p[2]];
    } else if (type == VERSIONS && length >= 1) {
        for (uint32_t at = 1; at + 2 <= length; at += 2) {
            uint16_t version = rs_be16(p + at);

            if (!is_grease(version) && version > h->version)
                h->version = version;
        }
    } else if (type == SIGNATURES && length >= 2) {
        add_all(&h->signatures, p + 2, length - 2);
    }
}

/* 0 when the lengths do not fit into one another. */
static int read_hello(struct hello *h, const uint8_t *p, uint32_t length, int is_datagram)
{
    uint32_t at = 4 + 2 + 32, size;

    if (length < at + 1)
        return 0;
    h->version = rs_be16(p + 4);
    at += 1u + p[at]; /* session id */
    if (is_datagram && at < length)
        at += 1u + p[at]; /* cookie */
    if (at + 2 > length || (size = rs_be16(p + at)) > length - at - 2)
        return 0;
    add_all(&h->ciphers, p + at + 2, size);
    at += 2 + size;
    if (at + 1 > length || (size = p[at]) > length - at - 1)
        return 0;
    at += 1 + size; /* compression */
    if (at == length)
        return 1;
    if (at + 2 > length || (size = rs_be16(p + at)) != length - at - 2)
        return 0;
    for (at += 2; at < length; at += 4 + size) {
        if (at + 4 > length || (size = rs_be16(p + at + 2)) > length - at - 4)
            return 0;
        read_extension(h, rs_be16(p + at), p + at + 4, size);
    }
    return 1;
}

static int compare(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static uint32_t write_list(char *out, const struct list *list)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t n = 0;

    for (uint32_t i = 0; i < list->count; i++) {
        if (i > 0)
            out[n++] = ',';
        for (int shift = 12; shift >= 0; shift -= 4)
            out[n++] = digits[list->values[i] >> shift & 15];
    }
    return n;
}

static void write_hash(char *out, const char *text, uint32_t length)
{
    uint8_t hash[32];

    if (length == 0) {
        memset(out, '0', HASH_SHOWN);
        return;
    }
    rs_sha256((const uint8_t *)text, length, hash);
    for (uint32_t i = 0; i < HASH_SHOWN / 2; i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

static const char *version_name(uint16_t version)
{
    static const struct {
        uint16_t version;
        char name[3];
    } names[] = {{0x0304, "13"}, {0x0303, "12"}, {0x0302, "11"}, {0x0301, "10"}, {0x0300, "s3"},
                 {0x0002, "s2"}, {0xfeff, "d1"}, {0xfefd, "d2"}, {0xfefc, "d3"}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].version == version)
            return names[i].name;
    return "00";
}

static int is_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static void write_alpn(const struct hello *h, char out[3])
{
    char hex[5];

    memcpy(out, "00", 3);
    if (!h->has_alpn)
        return;
    snprintf(hex, sizeof hex, "%02x%02x", h->alpn[0], h->alpn[1]);
    if (is_alphanumeric(h->alpn[0]) && is_alphanumeric(h->alpn[1]))
        memcpy(out, h->alpn, 2);
    else { /* the first and the last digit of the whole in hexadecimal */
        out[0] = hex[0];
        out[1] = hex[3];
    }
}

static uint32_t at_most_99(uint32_t count)
{
    return count < 99 ? count : 99;
}

/* Without the two that tell where to and not who. */
static void drop_targets(struct list *extensions)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < extensions->count; i++)
        if (extensions->values[i] != SERVER_NAME && extensions->values[i] != ALPN)
            extensions->values[n++] = extensions->values[i];
    extensions->count = n;
}

void rs_ja4(struct rs_dissect *d, const uint8_t *p, uint32_t length, int is_datagram)
{
    struct hello h;
    char text[2 * LIST_MAX * 5 + 1], alpn[3];
    uint32_t n;

    if (!d->classifier->wants_ja4)
        return;
    memset(&h, 0, sizeof h);
    if (!read_hello(&h, p, length, is_datagram))
        return;
    write_alpn(&h, alpn);
    n = (uint32_t)snprintf(d->ja4, sizeof d->ja4, "%c%s%c%02u%02u%s_",
                           is_datagram          ? 'd'
                           : d->transport == 17 ? 'q'
                                                : 't',
                           version_name(h.version), h.has_name ? 'd' : 'i', at_most_99(h.ciphers.count),
                           at_most_99(h.extensions.count), alpn);
    qsort(h.ciphers.values, h.ciphers.count, sizeof h.ciphers.values[0], compare);
    write_hash(d->ja4 + n, text, write_list(text, &h.ciphers));
    n += HASH_SHOWN;
    d->ja4[n++] = '_';
    drop_targets(&h.extensions);
    qsort(h.extensions.values, h.extensions.count, sizeof h.extensions.values[0], compare);
    length = write_list(text, &h.extensions);
    if (h.signatures.count > 0) {
        text[length++] = '_';
        length += write_list(text + length, &h.signatures);
    }
    write_hash(d->ja4 + n, text, length);
    d->ja4[n + HASH_SHOWN] = 0;
}
