/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS over UDP and TCP (RFC 1035, RFC 7766), multicast DNS (RFC 6762), LLMNR (RFC 4795). Answers teach which servers
 * belong to which name: A, AAAA, and the address hints of SVCB and HTTPS records (RFC 9460).
 */

#include "dns.h"

#include <string.h>

#include "../src/classifier.h"
#include "../src/sites.h"

#define HEADER       12u
#define POINTERS_MAX 16  /* compression pointers followed for one name */
#define RECORDS_MAX  64u /* read of one message */

/* Skips the name at `at`; 0 when it is cut off. */
static uint32_t skip_name(const uint8_t *p, uint32_t length, uint32_t at)
{
    while (at < length) {
        if (p[at] == 0)
            return at + 1;
        if ((p[at] & 0xc0) == 0xc0)
            return at + 2 <= length ? at + 2 : 0;
        if ((p[at] & 0xc0) != 0)
            return 0;
        at += 1u + p[at];
    }
    return 0;
}

/* Copies the name at `at` as text; its length, 0 when it is broken. A pointer must point back, so there is no loop. */
static uint32_t read_name(const uint8_t *p, uint32_t length, uint32_t at, char *out, uint32_t room)
{
    uint32_t n = 0, limit = at;

    for (int pointers = 0; at < length && p[at] != 0;) {
        if ((p[at] & 0xc0) == 0xc0) {
            if (at + 2 > length || ++pointers > POINTERS_MAX)
                return 0;
            at = rs_be16(p + at) & 0x3fffu;
            if (at >= limit)
                return 0;
            limit = at;
            continue;
        }
        if ((p[at] & 0xc0) != 0 || at + 1 + p[at] > length)
            return 0;
        if (n + 1 + p[at] + 1 > room) { /* too long: keep its end */
            n = 0;
            if (2u + p[at] > room)
                return 0;
        }
        if (n > 0)
            out[n++] = '.';
        for (uint32_t i = 0; i < p[at]; i++) {
            uint8_t c = p[at + 1 + i];

            out[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        }
        at += 1u + p[at];
    }
    out[n] = 0;
    return n;
}

static int is_dns(const uint8_t *p, uint32_t length)
{
    uint16_t questions, answers, authorities, additionals;

    if (length < HEADER)
        return 0;
    questions = rs_be16(p + 4);
    answers = rs_be16(p + 6);
    authorities = rs_be16(p + 8);
    additionals = rs_be16(p + 10);
    if ((p[2] & 0x80) == 0)
        return questions >= 1 && questions <= 16 && answers <= 16 && authorities <= 16 && additionals <= 16 &&
               (p[3] & 0x0f) == 0;
    return questions <= 16 && answers <= 256 && authorities <= 256 && additionals <= 256 && (p[3] & 0x0f) <= 11 &&
           (questions | answers | authorities) + ((p[3] & 0x0f) != 0) != 0;
}

static void learn_hints(const struct rs_dissect *d, uint16_t app, uint32_t ttl, const uint8_t *p, uint32_t size)
{
    uint32_t at = 2; /* SvcPriority */
    uint8_t address[16] = {[10] = 0xff, [11] = 0xff};

    at = skip_name(p, size, at);
    while (at != 0 && at + 4 <= size) {
        uint16_t key = rs_be16(p + at), length = rs_be16(p + at + 2);
        uint32_t width = key == 4 ? 4 : 16;

        at += 4;
        if (at + length > size)
            return;
        for (uint32_t i = 0; (key == 4 || key == 6) && i + width <= length; i += width) {
            memcpy(address + 16 - width, p + at + i, width);
            rs_classifier_learn(d->classifier, d->client, address, app, d->now_s, ttl);
        }
        at += length;
    }
}

static void learn_record(const struct rs_dissect *d, uint16_t app, const uint8_t *p, uint16_t type, uint16_t size)
{
    uint8_t address[16] = {[10] = 0xff, [11] = 0xff};
    uint32_t ttl = rs_be32(p + 4);
    const uint8_t *data = p + 10;

    if (type == 1 && size == 4) {
        memcpy(address + 12, data, 4);
        rs_classifier_learn(d->classifier, d->client, address, app, d->now_s, ttl);
        if (d->classifier->sites)
            rs_sites_add(d->classifier->sites, data);
    } else if (type == 28 && size == 16) {
        rs_classifier_learn(d->classifier, d->client, data, app, d->now_s, ttl);
    } else if ((type == 64 || type == 65) && size > 3) {
        learn_hints(d, app, ttl, data, size);
    }
}

void rs_dns_learn(struct rs_dissect *d, const uint8_t *p, uint32_t length)
{
    char name[256];
    uint32_t at = HEADER, records, n;
    uint16_t app;

    if (length < HEADER || (p[2] & 0x80) == 0 || rs_be16(p + 4) != 1)
        return;
    n = read_name(p, length, at, name, sizeof name);
    at = skip_name(p, length, at);
    if (n == 0 || at == 0)
        return;
    app = rs_classifier_host_app(d->classifier, name, n); /* of the name asked for: an alias may belong to a CDN */
    if (d->classifier->sites)
        rs_sites_begin(d->classifier->sites, name, n);
    at += 4;
    records = (uint32_t)rs_be16(p + 6) + rs_be16(p + 8) + rs_be16(p + 10);
    if (records > RECORDS_MAX)
        records = RECORDS_MAX;
    for (uint32_t i = 0; i < records; i++) {
        uint16_t size;

        at = skip_name(p, length, at);
        if (at == 0 || at + 10 > length)
            return;
        size = rs_be16(p + at + 8);
        if (at + 10 + size > length)
            return;
        if (rs_be16(p + at + 2) == 1)
            learn_record(d, app, p + at, rs_be16(p + at), size);
        at += 10u + size;
    }
}

static void take_question(struct rs_dissect *d, const uint8_t *p, uint32_t length)
{
    char name[RS_HOST_SIZE];
    uint32_t n = rs_be16(p + 4) == 0 ? 0 : read_name(p, length, HEADER, name, sizeof name);

    for (uint32_t i = 0; i < n; i++)
        if (name[i] <= ' ' || name[i] == 0x7f || name[i] == '<' || name[i] == '>' || name[i] == '&')
            name[i] = '?';
    if (n > 0)
        memcpy(d->host, name, n + 1);
    if (strncmp(name, "2.dnscrypt-cert.", n < 16 ? n : 16) == 0 && n > 16) /* a resolver's certificate, version 2 */
        d->application = RS_P_DNSCRYPT;
}

/* A sure sign besides the port: the question is whole and its class is the internet's (or "any"). */
static int has_question(const uint8_t *p, uint32_t length)
{
    uint32_t at;

    if (rs_be16(p + 4) == 0)
        return 0;
    at = skip_name(p, length, HEADER);
    return at != 0 && at + 4 <= length && (rs_be16(p + at + 2) & 0x7fff) <= 4 && rs_be16(p + at) != 0;
}

enum rs_state rs_dissect_dns(struct rs_dissect *d)
{
    int on_port = d->server_port == 53 || d->client_port == 53;

    if (!is_dns(d->data, d->length))
        return on_port && d->length >= 2 && d->index >= 1 ? rs_agree(d, RS_P_DNS, 2)
               : on_port                                  ? RS_NEED_MORE
                                                          : RS_EXCLUDED;
    if (!on_port && !has_question(d->data, d->length))
        return RS_EXCLUDED;
    take_question(d, d->data, d->length);
    rs_dns_learn(d, d->data, d->length);
    return rs_is(d, RS_P_DNS);
}

enum rs_state rs_dissect_dns_tcp(struct rs_dissect *d)
{
    uint32_t size;

    if (!rs_has_port(d, 53))
        return RS_EXCLUDED;
    if (d->length < 2)
        return RS_NEED_MORE;
    size = rs_be16(d->data);
    if (size < HEADER)
        return RS_EXCLUDED;
    if (d->length < HEADER + 2)
        return RS_NEED_MORE;
    if (!is_dns(d->data + 2, d->length - 2))
        return RS_EXCLUDED;
    if (d->length < size + 2 && d->length < 512)
        return RS_NEED_MORE;
    if (size > d->length - 2)
        size = d->length - 2;
    take_question(d, d->data + 2, size);
    rs_dns_learn(d, d->data + 2, size);
    return rs_is(d, RS_P_DNS);
}

enum rs_state rs_dissect_mdns(struct rs_dissect *d)
{
    if (!rs_has_port(d, 5353) || d->length < HEADER || rs_be16(d->data + 4) > 128 || rs_be16(d->data + 6) > 256)
        return RS_EXCLUDED;
    take_question(d, d->data, d->length);
    return rs_is(d, RS_P_MDNS);
}

enum rs_state rs_dissect_llmnr(struct rs_dissect *d)
{
    if (!rs_has_port(d, 5355) || !is_dns(d->data, d->length))
        return RS_EXCLUDED;
    take_question(d, d->data, d->length);
    return rs_is(d, RS_P_LLMNR);
}
