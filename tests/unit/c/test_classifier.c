/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the classifier remembers, and for how long: a connection that begins anew between the same ports, servers learned
 * under another numbering of the applications, and what stands behind the packets of a QUIC datagram.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "apps.h"
#include "bench.h"
#include "crc32.h"
#include "learned.h"

#define NOW_S 1000u

static const uint8_t client[16] = {[10] = 0xff, 0xff, 192, 0, 2, 10}, server[16] = {[10] = 0xff, 0xff, 198, 51, 100, 10};
static rs_apps *apps;

static rs_result give(rs_classifier *c, const struct parcel *parcel, uint32_t now_s, int is_undecided)
{
    static uint8_t out[PACKET_BYTES];
    rs_packet packet = {.now_ms = (uint64_t)now_s * 1000, .is_undecided = (uint8_t)is_undecided};
    rs_result result;

    packet.length = packet_write(out, parcel);
    packet.data = guard_copy(out, packet.length);
    assert(rs_classifier_packet(c, &packet, &result) == 0);
    return result;
}

/* A tunnel was seen in its middle first, which says nothing. Hours later it is opened again between the same ports. */
static void test_datagrams_after_a_silence_are_another_connection(void)
{
    static const uint8_t data[96] = {4}, initiation[148] = {1};
    struct parcel middle = {
        .data = data, .length = sizeof data, .client_port = 40000, .port = 40001, .transport = RS_UDP, .server = 10};
    struct parcel opening = middle;
    rs_classifier *c = classifier_make(64, apps);
    rs_result r;

    opening.data = initiation;
    opening.length = sizeof initiation;
    for (uint32_t n = 0; n < RS_PAYLOADS_UDP; n++)
        r = give(c, &middle, NOW_S, 1);
    assert(r.state == RS_EXCLUDED);
    r = give(c, &opening, NOW_S + 5, 1); /* on its way to the queue before the verdict on the one before */
    assert(r.state == RS_EXCLUDED && !r.is_new);
    r = give(c, &opening, NOW_S + 7200, 0); /* conntrack knows it still: a rekeying, nothing new */
    assert(r.state == RS_EXCLUDED && !r.is_new);
    r = give(c, &opening, NOW_S + 14400, 1);
    assert(r.state == RS_DECIDED && r.is_new && r.protocol == rs_apps_find(apps, "wireguard"));
    r = give(c, &middle, NOW_S + 21600, 1); /* its line failed: conntrack was made to forget it, but it goes on */
    assert(r.state == RS_DECIDED && !r.is_new && r.protocol == rs_apps_find(apps, "wireguard"));
    classifier_free(c);
}

/* A learned server decides by the SYN alone; at the next SYN between the same ports the server may be somebody else's. */
static void test_a_syn_asks_the_learned_servers_again(void)
{
    uint16_t youku = rs_apps_find(apps, "youku"), wechat = rs_apps_find(apps, "wechat");
    struct parcel syn = {
        .client_port = 40000, .port = 443, .transport = RS_TCP, .flags = RS_TCP_SYN, .sequence = 99, .server = 10};
    rs_classifier *c = classifier_make(64, apps);
    rs_result r;

    rs_classifier_learn(c, client, server, youku, NOW_S, 300);
    r = give(c, &syn, NOW_S, 1);
    assert(r.state == RS_DECIDED && r.application == youku);
    rs_classifier_learn(c, client, server, wechat, NOW_S + 7200, 300);
    r = give(c, &syn, NOW_S + 7200, 1);
    assert(r.state == RS_DECIDED && r.application == wechat && r.is_new);
    classifier_free(c);
}

/* The same database under a checksum of ids that says otherwise. */
static rs_apps *renumbered(void)
{
    static uint64_t data[1 << 19];
    struct rs_apps_header *h = (struct rs_apps_header *)(void *)data;
    char error[RS_ERROR_SIZE];
    rs_apps *out;

    assert(apps->blob->length <= sizeof data);
    memcpy(data, apps->blob, apps->blob->length);
    h->ids_crc ^= 1;
    h->crc = rs_crc32(0, &h->ids_crc, h->length - offsetof(struct rs_apps_header, ids_crc));
    assert(rs_apps_open(data, h->length, &out, error) == 0);
    return out;
}

/* Threads take a new database over one after the other; what the last one learned by the old numbers must go too. */
static void test_what_was_learned_by_old_numbers_is_forgotten_by_the_last(void)
{
    rs_classifier *first = classifier_make(64, apps), *second = classifier_make(64, apps);
    rs_apps *other = renumbered();

    rs_classifier_share(second, first);
    rs_classifier_set_apps(first, other);
    rs_classifier_learn(second, client, server, 7, NOW_S, 300);
    rs_classifier_set_apps(second, other);
    assert(rs_learned_find(first->learned, client, server, 0, NOW_S) == 0);
    rs_classifier_learn(second, client, server, 8, NOW_S, 300);
    rs_classifier_set_apps(first, other); /* nothing new: what is known stays */
    assert(rs_learned_find(first->learned, client, server, 0, NOW_S) == 8);
    classifier_free(second);
    classifier_free(first);
    rs_apps_close(other);
}

/* A receiver ignores what follows the packets of a datagram and is none (RFC 9000 12.2), whatever version it calls itself. */
static void test_a_datagram_may_have_anything_behind_its_packets(void)
{
    static uint8_t hello[1024], frames[1024], datagram[2048];
    uint32_t length = hello_write(hello, "www.youku.com", 300) - 5, n;
    rs_classifier *c = classifier_make(64, apps);
    struct parcel parcel = {.data = datagram, .client_port = 40000, .port = 443, .transport = RS_UDP, .server = 10};
    rs_result r;

    n = quic_crypto_frame(frames, 0, hello + 5, length);
    n = quic_seal(datagram, 1, (const uint8_t *)"12345678", 8, 0, frames, n);
    memcpy(datagram + n, "\xc0Q050\0\0\0\0\0\0\0\0\0\0\0", 16);
    parcel.length = n + 16;
    r = give(c, &parcel, NOW_S, 1);
    assert(r.state == RS_DECIDED && strcmp(r.host, "www.youku.com") == 0);
    assert(r.application == rs_apps_find(apps, "youku"));
    classifier_free(c);
}

int main(void)
{
    apps = apps_load();
    test_datagrams_after_a_silence_are_another_connection();
    test_a_syn_asks_the_learned_servers_again();
    test_what_was_learned_by_old_numbers_is_forgotten_by_the_last();
    test_a_datagram_may_have_anything_behind_its_packets();
    rs_apps_close(apps);
    return 0;
}
