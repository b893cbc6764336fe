/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the dissectors share. */

#include "dissect.h"

#include <ctype.h>
#include <string.h>

enum rs_state rs_starts_at(const struct rs_dissect *d, uint32_t offset, const void *bytes, uint32_t length)
{
    uint32_t there;

    if (d->length <= offset)
        return RS_NEED_MORE;
    there = d->length - offset < length ? d->length - offset : length;
    if (memcmp(d->data + offset, bytes, there) != 0)
        return RS_EXCLUDED;
    return there == length ? RS_DECIDED : d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
}

int rs_contains(const struct rs_dissect *d, uint32_t from, uint32_t to, const char *text)
{
    if (to > d->length)
        to = d->length;
    return from < to && rs_find(d->data + from, to - from, text) != NULL;
}

int rs_has_port(const struct rs_dissect *d, uint16_t port)
{
    return d->client_port == port || d->server_port == port;
}

int rs_has_port_in(const struct rs_dissect *d, uint16_t low, uint16_t high)
{
    return (d->client_port >= low && d->client_port <= high) || (d->server_port >= low && d->server_port <= high);
}

static int is_host_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '*';
}

/* An IPv6 address in brackets (RFC 3986 3.2.2). */
static int take_literal(struct rs_dissect *d, const uint8_t *text, uint32_t length)
{
    uint32_t n = 1;

    while (n < length && n < RS_HOST_SIZE - 2 && (isxdigit(text[n]) || text[n] == ':' || text[n] == '.'))
        n++;
    if (n == 1 || n == length || text[n] != ']')
        return 0;
    memcpy(d->host, text, n + 1);
    d->host[n + 1] = 0;
    return 1;
}

int rs_take_host(struct rs_dissect *d, const uint8_t *text, uint32_t length)
{
    uint32_t start = 0, n = 0;

    if (length > 0 && text[0] == '[')
        return take_literal(d, text, length);
    while (n < length && is_host_byte(text[n]))
        n++;
    if (n == 0 || (n < length && text[n] != ':'))
        return 0;
    if (n >= RS_HOST_SIZE) /* the end of a name says more than its start */
        start = n - (RS_HOST_SIZE - 1);
    for (uint32_t i = start; i < n; i++)
        d->host[i - start] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
    d->host[n - start] = 0;
    return 1;
}

enum rs_state rs_agree(struct rs_dissect *d, enum rs_protocol protocol, uint8_t enough)
{
    if (d->notes->kind != 0 && d->notes->kind != protocol)
        return RS_EXCLUDED; /* the first weak sign keeps the notes */
    d->notes->kind = protocol & 0xfff;
    if (++d->notes->count < enough)
        return RS_NEED_MORE;
    return rs_is(d, protocol);
}
