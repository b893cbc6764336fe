/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole packets through the classifier: one of any kind, many of one flow, frames of a capture, a TLS hello in pieces. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "link.h"

#define NOW_S 1700000000u

/* ---- packet: any bytes as an IP packet, twice ---- */

static void packet_run(const uint8_t *data, size_t length)
{
    rs_classifier *c = fuzz_classifier();
    rs_result result;

    fuzz_packet(c, data, length, NOW_S, &result);
    fuzz_packet(c, data, length, NOW_S + 1, &result);
}

static void each_sample(void (*take)(const struct sample *s, const struct parcel *parcel))
{
    uint8_t data[SAMPLE_BYTES];
    const struct sample *s;

    for (uint32_t n = 0; (s = sample_at(n)) != NULL; n++) {
        struct parcel parcel = {
            .data = data, .client_port = s->client_port ? s->client_port : CLIENT_PORT, .port = s->port};

        parcel.length = sample_fill(s, data);
        parcel.is_from_server = s->is_from_server;
        parcel.is_v6 = n % 3 == 0;
        parcel.server = 10;
        parcel.transport = (row_find(s->row)->flags & RS_ROW_TCP) != 0 ? RS_TCP : RS_UDP;
        take(s, &parcel);
    }
}

static void take_packet(const struct sample *s, const struct parcel *parcel)
{
    uint8_t out[SAMPLE_BYTES + 64];

    (void)s;
    seed_write(out, packet_write(out, parcel));
}

static void packet_seed(void)
{
    static const uint8_t fragments[][48] = {
        {0x45, 0, 0, 28, 0, 0, 0x20, 0, 64, 17}, /* IPv4: first, later */
        {0x45, 0, 0, 28, 0, 0, 0x00, 9, 64, 17},
        {0x60, 0, 0, 0, 0, 8, 44, 64, [40] = 17, 0, 0, 1}, /* IPv6: fragment header, hop-by-hop */
        {0x60, 0, 0, 0, 0, 8, 0, 64, [40] = 60, 0, 1, 4},
    };

    each_sample(take_packet);
    for (size_t i = 0; i < sizeof fragments / sizeof *fragments; i++)
        seed_write(fragments[i], sizeof fragments[i]);
}

/* ---- flow: a byte of kind, two ports, then packets: a byte of flags, a jump of the sequence, a length, payload ---- */

#define FLOW_HEADER 5u
#define FLOW_PACKET 5u
#define FLOW_MAX    24

static void flow_run(const uint8_t *data, size_t length)
{
    rs_classifier *c = fuzz_classifier();
    uint32_t sequence[2] = {0xfffffff0u, 1000}, now_s = NOW_S;
    uint8_t out[4200];

    if (length < FLOW_HEADER)
        return;
    for (size_t at = FLOW_HEADER, count = 0; at + FLOW_PACKET <= length && count < FLOW_MAX; count++) {
        uint8_t flags = data[at], side = flags & 1;
        int16_t jump = (int16_t)rs_be16(data + at + 1);
        uint32_t size = rs_be16(data + at + 3) & 0xfffu, left = (uint32_t)(length - at - FLOW_PACKET);
        struct parcel parcel = {.is_v6 = data[0] & 1,
                                .transport = data[0] & 2 ? RS_UDP : RS_TCP,
                                .server = 10,
                                .client_port = rs_be16(data + 1),
                                .port = rs_be16(data + 3)};
        rs_result result;

        parcel.data = data + at + FLOW_PACKET;
        parcel.length = size < left ? size : left;
        parcel.is_from_server = side;
        parcel.flags = flags >> 1 & 0x1f;
        parcel.sequence = sequence[side] + (uint32_t)jump;
        sequence[side] += parcel.length + (parcel.flags & RS_TCP_SYN ? 1 : 0);
        now_s += (flags & 0x40) != 0 ? 400 : 0;
        fuzz_packet(c, out, packet_write(out, &parcel), now_s, &result);
        at += FLOW_PACKET + parcel.length;
    }
}

static void take_flow(const struct sample *s, const struct parcel *parcel)
{
    uint8_t out[FLOW_HEADER + 8 * (FLOW_PACKET + SAMPLE_BYTES)];
    uint32_t n = 0, half = parcel->length / 2;

    out[n++] = (uint8_t)(parcel->is_v6 | (parcel->transport == RS_UDP) << 1);
    for (int i = 0; i < 2; i++) {
        uint16_t port = i == 0 ? parcel->client_port : parcel->port;

        out[n++] = (uint8_t)(port >> 8);
        out[n++] = (uint8_t)port;
    }
    for (uint32_t i = 0; i < (s->times ? s->times : 2u); i++) { /* TCP in two segments, UDP as two datagrams */
        uint32_t from = parcel->transport == RS_TCP && i == 1 ? half : 0;
        uint32_t size = parcel->transport == RS_TCP && i == 0 ? half : parcel->length - from;

        out[n++] = (uint8_t)(s->is_from_server | RS_TCP_ACK << 1);
        out[n++] = 0; /* no jump */
        out[n++] = 0;
        out[n++] = (uint8_t)(size >> 8);
        out[n++] = (uint8_t)size;
        memcpy(out + n, (const uint8_t *)parcel->data + from, size);
        n += size;
    }
    seed_write(out, n);
}

static void flow_seed(void)
{
    each_sample(take_flow);
}

/* ---- link: a byte chooses the link layer ---- */

static const uint16_t links[] = {1, 0, 9, 12, 14, 50, 51, 101, 104, 108, 113, 192, 228, 229, 276};

static void link_run(const uint8_t *data, size_t length)
{
    uint16_t kind = length > 0 ? links[data[0] % (sizeof links / sizeof *links)] : 1;
    uint32_t size = length > 0 ? (uint32_t)length - 1 : 0;
    uint8_t *frame = fuzz_copy(data + 1, size);
    const uint8_t *ip;
    rs_result result;

    CHECK(rs_link_is_known(kind));
    ip = rs_link_find_ip(kind, frame, &size);
    if (ip != NULL) {
        CHECK(ip >= frame && size >= 20 && ip + size <= frame + length - 1);
        fuzz_packet(fuzz_classifier(), ip, size, NOW_S, &result);
    }
    free(frame);
}

static void take_link(const struct sample *s, const struct parcel *parcel)
{
    uint8_t out[SAMPLE_BYTES + 128] = {[13] = parcel->is_v6 ? 0x86 : 8, [14] = parcel->is_v6 ? 0xdd : 0};

    (void)s;
    seed_write(out, 15 + packet_write(out + 15, parcel));
}

static void link_seed(void)
{
    static const uint8_t heads[][40] = {
        {0, [13] = 0x81, 0, 0, 5, 0x08, 0, 0x45},                                /* 802.1Q */
        {0, [13] = 0x88, 0x64, 0x11, 0, 0, 1, 0, 22, 0, 0x21, 0x45},             /* PPPoE */
        {0, [13] = 0x88, 0x47, 0, 0, 0x11, 64, 0x45},                            /* MPLS */
        {0, [13] = 0x08, 0, 0x45, 0, 0, 25, 0, 0, 0, 0, 64, 47, [35] = 0, 0, 8}, /* GRE */
    };

    each_sample(take_link);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        seed_write(heads[i], sizeof heads[i]);
}

/* ---- tls: three cuts and an order, then a stream of the client; in pieces it must be what it is whole ---- */

#define TLS_HEADER 7u
#define TLS_MAX    8000u /* within what is put together */

static void give(rs_classifier *c, const uint8_t *data, uint32_t from, uint32_t to, rs_result *result)
{
    static uint8_t out[TLS_MAX + 64];
    struct parcel parcel = {.data = data + from,
                            .length = to - from,
                            .sequence = 5000 + from,
                            .client_port = CLIENT_PORT,
                            .port = 443,
                            .transport = RS_TCP,
                            .server = 10};

    if (from < to)
        fuzz_packet(c, out, packet_write(out, &parcel), NOW_S, result);
}

static void open_flow(rs_classifier *c, rs_result *result)
{
    uint8_t out[64];
    struct parcel syn = {.sequence = 4999,
                         .client_port = CLIENT_PORT,
                         .port = 443,
                         .transport = RS_TCP,
                         .flags = RS_TCP_SYN,
                         .server = 10};

    fuzz_packet(c, out, packet_write(out, &syn), NOW_S, result);
}

static void tls_run(const uint8_t *data, size_t length)
{
    static const uint8_t orders[6][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 0, 3, 2},
                                         {2, 3, 0, 1}, {0, 2, 1, 3}, {3, 0, 1, 2}};
    const uint8_t *order;
    uint32_t cut[5] = {0}, size;
    rs_classifier *c = fuzz_classifier();
    rs_result whole, pieces;

    if (length <= TLS_HEADER || length > TLS_MAX)
        return;
    size = (uint32_t)length - TLS_HEADER;
    order = orders[data[6] % 6];
    for (int i = 0; i < 3; i++) {
        cut[i + 1] = rs_be16(data + 2 * i) % (size + 1);
        cut[i + 1] = cut[i + 1] < cut[i] ? cut[i] : cut[i + 1];
    }
    cut[4] = size;
    open_flow(c, &whole);
    give(c, data + TLS_HEADER, 0, size, &whole);
    if (whole.host[0] == 0 || whole.protocol != rs_apps_find(fuzz_apps(), "tls"))
        return;
    classifier_reset(c);
    open_flow(c, &pieces);
    for (int i = 0; i < 4; i++)
        give(c, data + TLS_HEADER, cut[order[i]], cut[order[i] + 1], &pieces);
    CHECK(pieces.protocol == whole.protocol && pieces.application == whole.application);
}

static void tls_seed(void)
{
    static uint8_t input[TLS_MAX];
    static const uint16_t cuts[][3] = {{1, 5, 6}, {2, 40, 90}, {10, 700, 1400}};

    for (uint32_t i = 0; i < 6; i++) {
        for (int n = 0; n < 3; n++) {
            input[2 * n] = (uint8_t)(cuts[i % 3][n] >> 8);
            input[2 * n + 1] = (uint8_t)cuts[i % 3][n];
        }
        input[6] = (uint8_t)i;
        seed_write(input, TLS_HEADER + hello_write(input + TLS_HEADER, "www.youku.com", i < 3 ? 0 : 1700));
    }
}

const struct target target_packet = {"packet", packet_run, packet_seed};
const struct target target_flow = {"flow", flow_run, flow_seed};
const struct target target_link = {"link", link_run, link_seed};
const struct target target_tls = {"tls_pieces", tls_run, tls_seed};
