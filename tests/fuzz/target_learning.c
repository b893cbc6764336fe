/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is behind a layer of its own: QUIC's Initial packets, sealed here so that the fuzzer writes frames; DNS answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../fastpath/dissectors/dns.h"
#include "fuzz.h"

#define NOW_S 1700000000u

/* ---- quic: a byte (bits 0-1 datagrams less one, 2-3 version, 4 unsealed), then the frames of all datagrams ---- */

static void quic_give(rs_classifier *c, const uint8_t *data, uint32_t length)
{
    static uint8_t out[2048];
    struct parcel parcel = {
        .data = data, .length = length, .client_port = CLIENT_PORT, .port = 443, .transport = RS_UDP, .server = 10};
    rs_result result;

    fuzz_packet(c, out, packet_write(out, &parcel), NOW_S, &result);
}

static void quic_run(const uint8_t *data, size_t length)
{
    static const uint32_t versions[] = {1, 0x6b3343cf, 0x51303530, 0xff00001d};
    uint8_t sealed[1600];
    rs_classifier *c = fuzz_classifier();
    uint32_t count, size;

    if (length < 2 || length > 4 * 1400)
        return;
    count = (data[0] & 3u) + 1;
    size = (uint32_t)(length - 1) / count;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *part = data + 1 + i * size;
        uint32_t n = size < 1400 ? size : 1400;

        if ((data[0] & 0x10) != 0)
            quic_give(c, part, n);
        else
            quic_give(c, sealed,
                      quic_seal(sealed, versions[data[0] >> 2 & 3], (const uint8_t *)"12345678", 8, i, part, n));
    }
}

static void quic_seed(void)
{
    static uint8_t hello[4096], input[4096];
    uint32_t length = hello_write(hello, "www.youku.com", 1500) - 5, half = length / 2, n;

    for (uint8_t version = 0; version < 4; version++) {
        n = quic_crypto_frame(input + 1, 0, hello + 5, 200);
        input[0] = (uint8_t)(version << 2);
        seed_write(input, 1 + n);
    }
    input[0] = 1; /* two datagrams, the later half first; both frames are of one size */
    n = quic_crypto_frame(input + 1, half, hello + 5 + half, half);
    n += quic_crypto_frame(input + 1 + n, 0, hello + 5, half);
    seed_write(input, 1 + n);
    memcpy(input + 1, "\2\1\0\0\0\1\6\0\0", 9); /* ACK, PING, an empty CRYPTO */
    seed_write(input, 10);
    input[0] = 0x10;
    n = quic_crypto_frame(input, 0, hello + 5, 300);
    length = quic_seal(hello + 2048, 1, (const uint8_t *)"12345678", 8, 0, input, n);
    memcpy(input + 1, hello + 2048, length);
    input[0] = 0x10;
    seed_write(input, 1 + length);
}

/* ---- dns: an answer over UDP, a second one on the same flow, over TCP, and the flow that follows ---- */

static void dns_give(rs_classifier *c, struct parcel parcel)
{
    static uint8_t out[PACKET_BYTES];
    rs_result result;

    fuzz_packet(c, out, packet_write(out, &parcel), NOW_S, &result);
}

static void dns_run(const uint8_t *data, size_t length)
{
    rs_classifier *c = fuzz_classifier();
    static uint8_t framed[4098];
    uint32_t n = (uint32_t)length;
    uint8_t *copy;
    struct asking a;

    if (length > 4096)
        return;
    asking_begin(&a, c, row_find("dns"), CLIENT_PORT, 53);
    copy = fuzz_copy(data, n);
    rs_dns_learn(&a.d, copy, n);
    free(copy);
    classifier_reset(c);
    for (int i = 0; i < 2; i++)
        dns_give(c, (struct parcel){.data = data,
                                    .length = n,
                                    .client_port = CLIENT_PORT,
                                    .port = 53,
                                    .transport = RS_UDP,
                                    .is_from_server = 1,
                                    .server = 53});
    framed[0] = (uint8_t)(n >> 8);
    framed[1] = (uint8_t)n;
    memcpy(framed + 2, data, n);
    dns_give(c, (struct parcel){.data = framed,
                                .length = n + 2,
                                .client_port = CLIENT_PORT,
                                .port = 53,
                                .transport = RS_TCP,
                                .is_from_server = 1,
                                .server = 53});
    dns_give(c, (struct parcel){
                    .client_port = CLIENT_PORT, .port = 443, .transport = RS_TCP, .flags = RS_TCP_SYN, .server = 10});
}

static void dns_seed(void)
{
#define HEAD                                                                                                           \
    "\x12\x34\x81\x80\0\1\0\1\0\0\0\0\3www\5"                                                                          \
    "youku\3"                                                                                                          \
    "com\0"
#define AGAIN "\xc0\x0c"
    static const char a[] = HEAD "\0\1\0\1" AGAIN "\0\1\0\1\0\0\1\x2c\0\4\xc6\x33\x64\x0a";
    static const char aaaa[] =
        HEAD "\0\x1c\0\1" AGAIN "\0\x1c\0\1\0\0\1\x2c\0\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x0a";
    static const char https[] = HEAD "\0\x41\0\1" AGAIN "\0\x41\0\1\0\0\1\x2c\0\x0b\0\1\0\0\4\0\4\xc6\x33\x64\x0a";
    static const char loop[] =
        "\x12\x34\x81\x80\0\1\0\1\0\0\0\0\xc0\x0c\0\1\0\1\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc6\x33\x64\x0a";

    seed_write(a, sizeof a - 1);
    seed_write(aaaa, sizeof aaaa - 1);
    seed_write(https, sizeof https - 1);
    seed_write(loop, sizeof loop - 1);
}

const struct target target_quic = {"quic_frames", quic_run, quic_seed};
const struct target target_dns = {"dns_learning", dns_run, dns_seed};
