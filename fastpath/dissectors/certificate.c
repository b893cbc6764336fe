/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host name out of an X.509 certificate (RFC 5280) without a full DER walk: the subject's common name and the first
 * dNSName of subjectAltName are found by their object identifiers, which DER writes in one way only.
 */

#include <string.h>

#include "tls.h"

static const uint8_t common_name[] = {0x06, 0x03, 0x55, 0x04, 0x03};
static const uint8_t alternative_names[] = {0x06, 0x03, 0x55, 0x1d, 0x11};

/* Length of a DER value at p; *header its bytes. 0 when it is not there. */
static uint32_t der_length(const uint8_t *p, uint32_t have, uint32_t *header)
{
    if (have < 2)
        return 0;
    if (p[1] < 0x80) {
        *header = 2;
        return p[1];
    }
    if (p[1] == 0x81 && have >= 3) {
        *header = 3;
        return p[2];
    }
    if (p[1] == 0x82 && have >= 4) {
        *header = 4;
        return rs_be16(p + 2);
    }
    return 0;
}

static int first_alternative(struct rs_dissect *d, const uint8_t *p, uint32_t length)
{
    const uint8_t *at = memmem(p, length, alternative_names, sizeof alternative_names);
    uint32_t i, end;

    if (at == NULL)
        return 0;
    i = (uint32_t)(at - p) + sizeof alternative_names;
    end = i + 24 < length ? i + 24 : length; /* critical flag, OCTET STRING and SEQUENCE stand before the first name */
    for (; i + 2 < end; i++) {
        uint32_t header, size;

        if (p[i] != 0x82 || i < 2 || (p[i - 1] >= 0x80 && p[i - 2] == 0x82))
            continue;
        size = der_length(p + i, length - i, &header);
        if (size > 3 && p[i + 1] < 0x80 && i + header + size <= length && rs_take_host(d, p + i + header, size))
            return 1;
    }
    return 0;
}

/* The last common name before the key is the subject's: the issuer's comes first. */
static int subject_name(struct rs_dissect *d, const uint8_t *p, uint32_t length)
{
    const uint8_t *at = p, *end = p + length, *last = NULL;

    while ((at = memmem(at, (size_t)(end - at), common_name, sizeof common_name)) != NULL) {
        last = at;
        at += sizeof common_name;
    }
    if (last == NULL)
        return 0;
    last += sizeof common_name;
    if (end - last < 2 || last[1] >= 0x80 || last[1] > end - last - 2 || memchr(last + 2, '.', last[1]) == NULL)
        return 0;
    return rs_take_host(d, last + 2, last[1]);
}

enum rs_state rs_tls_certificate(struct rs_dissect *d, const uint8_t *p, uint32_t have, uint32_t whole)
{
    uint32_t size;

    if (have < 6)
        return have < whole ? RS_NEED_MORE : RS_DECIDED;
    size = rs_be24(p + 3); /* the first certificate is the server's own */
    have -= 6;
    if (have < size && have + 6 < whole && have + 6 < RS_STREAM_HELLO - 512)
        return RS_NEED_MORE;
    if (size < have)
        have = size;
    if (!subject_name(d, p + 6, have))
        first_alternative(d, p + 6, have);
    if (d->host[0] == '*' && d->host[1] == '.')
        memmove(d->host, d->host + 2, strlen(d->host + 2) + 1);
    return RS_DECIDED;
}
