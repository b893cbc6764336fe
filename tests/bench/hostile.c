/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dearest packet: what somebody who wants to cost us time can make one packet cost.
 *
 *   hostile APPS ROUNDS     a line a scenario: "NAME WORST_NS MEAN_NS PACKETS MEMORY_BYTES"
 *
 * Each scenario is the same packets in each round, before a classifier that is as new. A packet's cost is the least over
 * the rounds, so that what else the machine does does not count; the worst is that of the dearest packet.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "quic_crypto.h"

#define SEGMENT      1400u /* of a line of 1,500 bytes */
#define COPIED       3500u /* what the queue hands over at most: segments that GRO merged */
#define FEW_FLOWS    1024u
#define MANY_FLOWS   16384u
#define HALF_OPEN    1000000u
#define BUCKET_TRIES 200000u

/* Writes packet `number` of the scenario, from the IP header on; its length. */
typedef uint32_t make_packet(uint32_t number, uint8_t *out);

struct scenario {
    const char *name;
    make_packet *make;
    uint32_t packets, flows;
};

static uint32_t *least;

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t mix(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ x >> 16;
}

static void fill_random(uint8_t *out, uint32_t length, uint32_t seed)
{
    for (uint32_t i = 0; i < length; i++)
        out[i] = (uint8_t)mix(seed * 8191 + i);
}

/* A flow of its own for each number: the ports tell them apart. */
static struct parcel parcel_of(uint32_t flow, uint8_t transport, uint16_t port, const void *data, uint32_t length)
{
    return (struct parcel){.data = data,
                           .length = length,
                           .client_port = (uint16_t)(20000 + flow % 40000),
                           .port = port,
                           .transport = transport,
                           .server = (uint8_t)(flow / 40000)};
}

/* ---- tables ---- */

static uint32_t half_open(uint32_t number, uint8_t *out)
{
    struct parcel p = parcel_of(number, RS_TCP, 443, NULL, 0);
    uint32_t length, address = mix(number);

    p.flags = RS_TCP_SYN;
    length = packet_write(out, &p);
    memcpy(out + 12, &address, 4);
    return length;
}

/* As if the seed were known, which nobody outside can: every packet is a new
 * flow of the same bucket. */
static uint32_t colliding[4096], colliding_count;

static uint32_t udp_to_anywhere(uint32_t number, uint8_t *out)
{
    static const uint8_t payload[32];
    struct parcel p = parcel_of(number, RS_UDP, 9999, payload, sizeof payload);
    uint32_t length = packet_write(out, &p), address = mix(number);

    memcpy(out + 16, &address, 4);
    return length;
}

static void find_colliding(void)
{
    rs_classifier *c = classifier_make(FEW_FLOWS, NULL);
    static uint8_t packet[PACKET_BYTES];
    rs_packet given = {.data = packet, .now_ms = 1000};
    rs_result result;

    for (uint32_t n = 0; n < BUCKET_TRIES && colliding_count < 4096; n++) {
        given.length = udp_to_anywhere(n, packet);
        if (rs_classifier_packet(c, &given, &result) == 0 && result.flow / RS_FLOW_WAYS == 0)
            colliding[colliding_count++] = n;
    }
    classifier_free(c);
}

static uint32_t one_bucket(uint32_t number, uint8_t *out)
{
    return udp_to_anywhere(colliding[number % colliding_count], out);
}

/* ---- TCP ---- */

static const uint8_t *long_hello(uint32_t *length)
{
    static uint8_t hello[PACKET_BYTES];
    static uint32_t size;

    if (size == 0)
        size = hello_write(hello, "www.example.com", 15000);
    *length = size;
    return hello;
}

/* A hello of 15 kB, of which the name comes last, in portions as small as the
 * packets before giving up allow. */
static uint32_t endless_hello(uint32_t number, uint8_t *out)
{
    uint32_t length, part = number % 11, at = part * SEGMENT;
    const uint8_t *hello = long_hello(&length);
    struct parcel p = parcel_of(number / 11, RS_TCP, 443, hello + at, SEGMENT);

    p.sequence = 1000 + at;
    return packet_write(out, &p);
}

/* The same, the first byte last: all of it is buffered and then read at once.
 */
static uint32_t hello_backwards(uint32_t number, uint8_t *out)
{
    uint32_t length, part = 4 - number % 5, at = part * SEGMENT;
    const uint8_t *hello = long_hello(&length);
    struct parcel p = parcel_of(number / 5, RS_TCP, 443, hello + at, SEGMENT);

    p.sequence = 1001 + at;
    return packet_write(out, &p);
}

/* As many empty extensions as there is room, no name among them, all in one
 * packet. */
static uint32_t hello_of_extensions(uint32_t number, uint8_t *out)
{
    static uint8_t hello[COPIED + 64];
    uint32_t n = hello_write(hello, "", 0) - 9, start = n; /* without the name's extension */
    struct parcel p;

    while (n + 4 < COPIED) {
        hello[n] = (uint8_t)(n >> 8 | 0x40);
        hello[n + 1] = (uint8_t)n;
        hello[n + 2] = hello[n + 3] = 0;
        n += 4;
    }
    hello[start - 2] = (uint8_t)((n - start) >> 8);
    hello[start - 1] = (uint8_t)(n - start);
    hello[7] = (uint8_t)((n - 9) >> 8);
    hello[8] = (uint8_t)(n - 9);
    hello[3] = (uint8_t)((n - 5) >> 8);
    hello[4] = (uint8_t)(n - 5);
    p = parcel_of(number, RS_TCP, 443, hello, n);
    return packet_write(out, &p);
}

/* Nothing but short headers, none of which is the one that is looked for. */
static uint32_t http_headers(uint32_t number, uint8_t *out)
{
    static uint8_t head[COPIED];
    uint32_t n = (uint32_t)sprintf((char *)head, "GET / HTTP/1.1\r\n");
    struct parcel p;

    while (n + 6 < COPIED)
        n += (uint32_t)sprintf((char *)head + n, "Hos:\r\n");
    p = parcel_of(number, RS_TCP, 80, head, n);
    return packet_write(out, &p);
}

static uint32_t noise_tcp(uint32_t number, uint8_t *out)
{
    static uint8_t payload[COPIED];
    struct parcel p = parcel_of(number / 10, RS_TCP, (uint16_t)(1024 + mix(number / 10) % 60000), payload, SEGMENT);

    fill_random(payload, SEGMENT, number);
    p.sequence = 1000 + number % 10 * SEGMENT;
    return packet_write(out, &p);
}

/* ---- UDP ---- */

static uint32_t noise_udp(uint32_t number, uint8_t *out)
{
    static uint8_t payload[COPIED];
    struct parcel p = parcel_of(number / 8, RS_UDP, (uint16_t)(1024 + mix(number / 8) % 60000), payload, SEGMENT);

    fill_random(payload, SEGMENT, number);
    return packet_write(out, &p);
}

static const uint8_t *id_of(uint32_t flow)
{
    static uint8_t id[8];

    fill_random(id, sizeof id, flow);
    return id;
}

/* One byte of the hello here, one there: as many frames as a datagram holds,
 * never the first byte. */
static uint32_t quic_scattered(uint32_t number, uint8_t *out)
{
    static uint8_t frames[SEGMENT], datagram[2 * SEGMENT];
    uint32_t n = 0, flow = number / 8;
    struct parcel p;

    while (n + 10 < SEGMENT - 100)
        n += quic_crypto_frame(frames + n, 2 + mix(number * 512 + n) % 8000, (const uint8_t *)"x", 1);
    n = quic_seal(datagram, 1, id_of(flow), 8, number % 8, frames, n);
    p = parcel_of(flow, RS_UDP, 443, datagram, n);
    return packet_write(out, &p);
}

/* As many Initial packets as a datagram holds, each to be decrypted. */
static uint32_t quic_coalesced(uint32_t number, uint8_t *out)
{
    static uint8_t datagram[2 * SEGMENT];
    uint8_t frame[16];
    uint32_t n = 0, length = quic_crypto_frame(frame, 4000, (const uint8_t *)"x", 1);
    struct parcel p;

    for (uint32_t packet = 0; n + 80 < SEGMENT; packet++)
        n += quic_seal(datagram + n, 1, id_of(number), 8, packet, frame, length);
    p = parcel_of(number, RS_UDP, 443, datagram, n);
    return packet_write(out, &p);
}

/* A new connection id with each datagram: keys are derived each time. */
static uint32_t quic_new_ids(uint32_t number, uint8_t *out)
{
    static uint8_t frames[SEGMENT], datagram[2 * SEGMENT];
    uint32_t n = quic_crypto_frame(frames, 4000, (const uint8_t *)"x", 1);
    struct parcel p;

    n = quic_seal(datagram, 1, id_of(number), 8, 0, frames, 1100);
    p = parcel_of(number / 8, RS_UDP, 443, datagram, n);
    return packet_write(out, &p);
}

static uint32_t dns_head(uint8_t *dns, uint32_t answers)
{
    static const uint8_t question[] = "\3www\7example\3com\0\0\1\0\1";

    memcpy(dns, "\x12\x34\x81\x80\0\1", 6);
    dns[6] = (uint8_t)(answers >> 8);
    dns[7] = (uint8_t)answers;
    memset(dns + 8, 0, 4);
    memcpy(dns + 12, question, sizeof question - 1);
    return 12 + (uint32_t)sizeof question - 1;
}

static uint32_t answer_of(uint32_t number, const uint8_t *dns, uint32_t length, uint8_t *out)
{
    struct parcel p = parcel_of(number, RS_UDP, 53, dns, length);

    p.is_from_server = 1;
    return packet_write(out, &p);
}

/* As many addresses as fit, all of them to be learned. */
static uint32_t dns_addresses(uint32_t number, uint8_t *out)
{
    static uint8_t dns[COPIED];
    uint32_t count = (COPIED - 64) / 16, n = dns_head(dns, count);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t address = mix(number * 1024 + i);

        memcpy(dns + n, "\xc0\x0c\0\1\0\1\0\0\1\0\0\4", 12);
        memcpy(dns + n + 12, &address, 4);
        n += 16;
    }
    return answer_of(number, dns, n, out);
}

/* Each name is a pointer to the pointer before. */
static uint32_t dns_pointers(uint32_t number, uint8_t *out)
{
    static uint8_t dns[COPIED];
    uint32_t count = (COPIED - 64) / 16, n = dns_head(dns, count), before = 12;

    for (uint32_t i = 0; i < count; i++) {
        dns[n] = (uint8_t)(0xc0 | before >> 8);
        dns[n + 1] = (uint8_t)before;
        memcpy(dns + n + 2, "\0\1\0\1\0\0\1\0\0\4\1\2\3\4", 14);
        before = n;
        n += 16;
    }
    return answer_of(number, dns, n, out);
}

/* What every dissector waits for, sent to a port at random: from one and the
 * same client port each. */
static uint32_t sample_of(uint32_t number, uint8_t transport, uint8_t *out)
{
    static uint8_t payload[SAMPLE_BYTES];
    uint32_t count = 0, length;
    struct parcel p;

    while (sample_at(count) != NULL)
        count++;
    length = sample_fill(sample_at(number % count), payload);
    if (number / count % 2 == 1 && length > 8) /* cut, so that more is waited for */
        length = length / 2;
    p = parcel_of(number, transport, (uint16_t)(1024 + mix(number) % 60000), payload, length);
    return packet_write(out, &p);
}

static uint32_t samples_tcp(uint32_t number, uint8_t *out)
{
    return sample_of(number, RS_TCP, out);
}

static uint32_t samples_udp(uint32_t number, uint8_t *out)
{
    return sample_of(number, RS_UDP, out);
}

/* ---- running ---- */

static void run(const struct scenario *s, const rs_apps *apps, uint32_t rounds)
{
    rs_classifier *c = classifier_make(s->flows, apps);
    static uint8_t packet[PACKET_BYTES];
    rs_packet given = {.data = packet};
    rs_result result;
    uint64_t sum = 0;
    uint32_t worst = 0;

    memset(least, 0xff, sizeof *least * s->packets);
    for (uint32_t round = 0; round < rounds; round++) {
        classifier_reset(c);
        for (uint32_t n = 0; n < s->packets; n++) {
            uint64_t start;
            uint32_t took;

            given.length = s->make(n, packet);
            given.now_ms = 1000 + n / 100;
            start = now_ns();
            rs_classifier_packet(c, &given, &result);
            took = (uint32_t)(now_ns() - start);
            if (took < least[n])
                least[n] = took;
        }
    }
    for (uint32_t n = 0; n < s->packets; n++) {
        sum += least[n];
        worst = least[n] > worst ? least[n] : worst;
    }
    printf("%s %u %.0f %u %zu\n", s->name, worst, (double)sum / s->packets, s->packets, rs_classifier_size(s->flows));
    fflush(stdout);
    classifier_free(c);
}

int main(int argc, char **argv)
{
    static const struct scenario scenarios[] = {
        {"half_open", half_open, HALF_OPEN, MANY_FLOWS},
        {"one_bucket", one_bucket, 8192, FEW_FLOWS},
        {"endless_hello", endless_hello, 2200, MANY_FLOWS},
        {"hello_backwards", hello_backwards, 2000, MANY_FLOWS},
        {"hello_of_extensions", hello_of_extensions, 2000, MANY_FLOWS},
        {"http_headers", http_headers, 2000, MANY_FLOWS},
        {"noise_tcp", noise_tcp, 4000, MANY_FLOWS},
        {"noise_udp", noise_udp, 4000, MANY_FLOWS},
        {"quic_scattered", quic_scattered, 800, MANY_FLOWS},
        {"quic_coalesced", quic_coalesced, 400, MANY_FLOWS},
        {"quic_new_ids", quic_new_ids, 800, MANY_FLOWS},
        {"dns_addresses", dns_addresses, 1000, MANY_FLOWS},
        {"dns_pointers", dns_pointers, 1000, MANY_FLOWS},
        {"samples_tcp", samples_tcp, 2000, MANY_FLOWS},
        {"samples_udp", samples_udp, 2000, MANY_FLOWS},
    };
    rs_apps *apps;

    if (argc != 3)
        return 2;
    setenv("RS_APPS", argv[1], 1);
    apps = apps_load();
    least = calloc(HALF_OPEN, sizeof *least);
    if (least == NULL)
        return 1;
    find_colliding();
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        run(&scenarios[i], apps, scenarios[i].packets == HALF_OPEN ? 3 : (uint32_t)atoi(argv[2]));
    rs_apps_close(apps);
    free(least);
    return 0;
}
