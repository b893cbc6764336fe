/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forges the segments of the block page (RFC 9293, RFC 9112). */

#include "page.h"

#include <stdio.h>
#include <string.h>

#define TCP_HEADER 20u
#define FLAG_FIN   0x01
#define FLAG_RST   0x04
#define FLAG_PSH   0x08
#define FLAG_ACK   0x10
#define HOP_LIMIT  64

static const char body_format[] =
    "<!doctype html><meta charset=utf-8><meta name=viewport content=\"width=device-width\">"
    "<title>已阻止 Blocked</title><style>body{font:1em/1.6 sans-serif;max-width:34em;margin:12vh auto;padding:0 1em}"
    "</style><h1>此访问已被阻止</h1><p>按照本单位的上网管理规定，不允许使用 <b>%s</b>。"
    "<h2 lang=en>Access blocked</h2><p lang=en>The rules of this network do not allow <b>%s</b>.%s%s%s%s%s";

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t sum16(const uint8_t *data, size_t length, uint32_t sum)
{
    for (; length > 1; data += 2, length -= 2)
        sum += (uint32_t)data[0] << 8 | data[1];
    return length ? sum + ((uint32_t)data[0] << 8) : sum;
}

static uint32_t fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

static int is_v4(const rs_packet *packet)
{
    return packet->data[0] >> 4 == 4;
}

/* Bytes of TCP payload on the wire, which may be more than was copied to us. */
static uint32_t whole_payload(const rs_packet *request, const struct rs_view *view)
{
    uint32_t total = is_v4(request) ? (uint32_t)request->data[2] << 8 | request->data[3]
                                    : 40 + ((uint32_t)request->data[4] << 8 | request->data[5]);

    return total > view->payload_offset ? total - view->payload_offset : view->payload_length;
}

/* NULL where extension headers come first: such a request goes without a page. */
static const uint8_t *tcp_header(const rs_packet *request, const struct rs_view *view)
{
    uint32_t offset = is_v4(request) ? (request->data[0] & 15u) * 4 : 40;

    if (offset + TCP_HEADER > view->payload_offset || (!is_v4(request) && request->data[6] != RS_TCP))
        return NULL;
    return request->data + offset;
}

/* IP and TCP header around payload that already stands at its place; the packet's length. */
static size_t wrap(uint8_t *out, const rs_packet *request, const struct rs_view *v, int to_client, uint8_t flags,
                   uint32_t sequence, uint32_t acknowledge, size_t payload)
{
    const uint8_t *from = to_client ? v->target : v->source, *to = to_client ? v->source : v->target;
    size_t ip = is_v4(request) ? 20 : 40, segment = TCP_HEADER + payload, width = is_v4(request) ? 4 : 16;
    uint8_t *tcp = out + ip;
    uint32_t sum;

    memset(out, 0, ip + TCP_HEADER);
    if (is_v4(request)) {
        out[0] = 0x45;
        put16(out + 2, (uint32_t)(ip + segment));
        out[6] = 0x40; /* don't fragment */
        out[8] = HOP_LIMIT;
        out[9] = RS_TCP;
        memcpy(out + 12, from + 12, 4);
        memcpy(out + 16, to + 12, 4);
        put16(out + 10, fold(sum16(out, ip, 0)));
    } else {
        out[0] = 0x60;
        put16(out + 4, (uint32_t)segment);
        out[6] = RS_TCP;
        out[7] = HOP_LIMIT;
        memcpy(out + 8, from, 16);
        memcpy(out + 24, to, 16);
    }
    put16(tcp, to_client ? v->target_port : v->source_port);
    put16(tcp + 2, to_client ? v->source_port : v->target_port);
    put32(tcp + 4, sequence);
    put32(tcp + 8, acknowledge);
    tcp[12] = TCP_HEADER / 4 << 4;
    tcp[13] = flags;
    put16(tcp + 14, flags & FLAG_RST ? 0 : 65535);
    sum = sum16(from + 16 - width, width, sum16(to + 16 - width, width, RS_TCP + (uint32_t)segment));
    put16(tcp + 16, fold(sum16(tcp, segment, sum)));
    return ip + segment;
}

int rs_page_is_request(const uint8_t *payload, uint32_t length)
{
    static const char *const methods[] = {"GET ", "POST ", "HEAD ", "PUT ", "OPTIONS ", "DELETE ", "PATCH "};

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (length > strlen(methods[i]) && memcmp(payload, methods[i], strlen(methods[i])) == 0)
            return 1;
    return 0;
}

size_t rs_page_build(uint8_t *out, const rs_packet *request, const struct rs_view *view, const char *application,
                     const char *url)
{
    char body[RS_PAGE_BYTES], *text = (char *)out + (is_v4(request) ? 20 : 40) + TCP_HEADER;
    size_t room = RS_PAGE_BYTES - (size_t)(text - (char *)out);
    const uint8_t *tcp = tcp_header(request, view);
    int body_length, length, has_link = url[0] && strlen(url) < 200;

    if (!tcp)
        return 0;
    body_length = snprintf(body, sizeof body, body_format, application, application, has_link ? "<p><a href=\"" : "",
                           has_link ? url : "", has_link ? "?application=" : "", has_link ? application : "",
                           has_link ? "\">为什么？ Why?</a>" : "");
    length = snprintf(text, room,
                      "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n"
                      "Cache-Control: no-store\r\nConnection: close\r\n\r\n%s",
                      body_length, body);
    if (length < 0 || (size_t)length >= room)
        length = snprintf(text, room, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return wrap(out, request, view, 1, FLAG_FIN | FLAG_PSH | FLAG_ACK, get32(tcp + 8),
                view->sequence + whole_payload(request, view), (size_t)length);
}

size_t rs_page_build_reset(uint8_t *out, const rs_packet *packet, const struct rs_view *view)
{
    return wrap(out, packet, view, 0, FLAG_RST, view->sequence, 0, 0);
}
