/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets made for the tests: IPv4 and IPv6, TCP and UDP, a TLS ClientHello; checksums stay 0, the classifier reads none. */
#include <string.h>

#include "bench.h"

static void put16(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
    put16(p, value >> 16);
    put16(p + 2, value);
}

static uint32_t write_ip(uint8_t *out, const struct parcel *p, uint32_t behind)
{
    uint32_t width = p->is_v6 ? 16 : 4, header = p->is_v6 ? 40 : 20;
    uint8_t ends[2][16] = {{192, 0, 2, 10}, {198, 51, 100, p->server}};

    memset(out, 0, header);
    if (p->is_v6) {
        for (int i = 0; i < 2; i++) {
            memcpy(ends[i], "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0", 15);
            ends[i][15] = i == 0 ? 10 : p->server;
        }
        out[0] = 0x60;
        put16(out + 4, behind);
        out[6] = p->transport;
        out[7] = 64;
    } else {
        out[0] = 0x45;
        put16(out + 2, header + behind);
        out[8] = 64;
        out[9] = p->transport;
    }
    memcpy(out + header - 2 * width, ends[p->is_from_server], width);
    memcpy(out + header - width, ends[!p->is_from_server], width);
    return header;
}

uint32_t packet_write(uint8_t *out, const struct parcel *p)
{
    uint32_t header = p->transport == RS_TCP ? 20 : p->transport == RS_UDP ? 8 : 0, at = write_ip(out, p, header + p->length);
    uint8_t *t = out + at;

    memset(t, 0, header);
    if (header != 0) {
        put16(t, p->is_from_server ? p->port : p->client_port);
        put16(t + 2, p->is_from_server ? p->client_port : p->port);
    }
    if (p->transport == RS_TCP) {
        put32(t + 4, p->sequence);
        t[12] = 0x50;
        t[13] = p->flags != 0 ? p->flags : RS_TCP_ACK | RS_TCP_PSH;
    } else if (p->transport == RS_UDP) {
        put16(t + 4, header + p->length);
    }
    if (p->length > 0)
        memcpy(t + header, p->data, p->length);
    return at + header + p->length;
}

int packet_give(rs_classifier *c, const struct parcel *parcel, uint32_t now_s, rs_result *result)
{
    static uint8_t buffer[PACKET_BYTES];
    rs_packet packet = {.length = packet_write(buffer, parcel), .now_ms = (uint64_t)now_s * 1000};

    packet.data = guard_copy(buffer, packet.length);
    return rs_classifier_packet(c, &packet, result);
}

static uint32_t put_extension(uint8_t *p, uint16_t kind, uint32_t length)
{
    put16(p, kind);
    put16(p + 2, length);
    return 4 + length;
}

uint32_t hello_write(uint8_t *out, const char *host, uint32_t least)
{
    uint8_t *hello = out + 5, *p = hello + 4, *list;
    uint32_t name = (uint32_t)strlen(host), length;

    put16(p, 0x0303);
    memset(p + 2, 0x5a, 32);
    memcpy(p + 34, "\0\0\2\x13\1\1\0", 7); /* no session, one cipher suite, no compression */
    list = p + 41;
    p = list + 2;
    length = (uint32_t)(p - out) + 9 + name;
    if (length + 4 < least) { /* before the name, so that nothing is known until the end */
        uint32_t padding = least - length - 4;

        memset(p + 4, 0, padding);
        p += put_extension(p, 21, padding);
    }
    put16(p + 4, name + 3);
    p[6] = 0;
    put16(p + 7, name);
    memcpy(p + 9, host, name);
    p += put_extension(p, 0, name + 5);
    put16(list, (uint32_t)(p - list) - 2);
    length = (uint32_t)(p - hello);
    put32(hello, length - 4);
    hello[0] = 1;
    memcpy(out, "\x16\3\1", 3);
    put16(out + 3, length);
    return length + 5;
}
