/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Swarms, proxies and what only resembles them: guesses from what a host's unnamed flows look like together. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "behaviour.h"

static const uint8_t v4[16] = {[10] = 0xff, 0xff};
static struct rs_host_slot host;

static void fill_random(uint8_t *out, uint32_t length, uint32_t seed)
{
    for (uint32_t i = 0; i < length; i++) {
        seed = seed * 1664525 + 1013904223;
        out[i] = (uint8_t)(seed >> 24);
    }
}

/* A flow to 203.0.<network>.<server> that began with these bytes. */
static enum rs_suspicion flow_to(uint32_t network, uint32_t server, uint16_t port, const uint8_t *bytes, uint32_t length,
                                 uint64_t now_ms, uint8_t *confidence)
{
    static struct rs_opening opening; /* one place of the table: each flow takes it from the one before */
    rs_result r = {.transport = 6, .client_port = 40000, .server_port = port, .from_client = 1, .payload_length = length};
    rs_packet packet = {.data = bytes, .length = length};

    memcpy(r.client, v4, 16);
    memcpy(r.server, v4, 16);
    memcpy(r.server + 12, (uint8_t[]){203, (uint8_t)(network >> 8), (uint8_t)network, (uint8_t)server}, 4);
    rs_opening_note(&opening, &r, &packet);
    assert(rs_opening_of(&opening, &r) == &opening);
    assert(opening.length[0] == (length < RS_OPENING_SIZE ? length : RS_OPENING_SIZE));
    assert(memcmp(opening.bytes[0], bytes, opening.length[0]) == 0 && opening.length[1] == 0);
    r.server_port++;
    assert(rs_opening_of(&opening, &r) == NULL);
    r.server_port--;
    return rs_behaviour_of(&host, &opening, &r, now_ms, confidence);
}

static enum rs_suspicion cipher_to(uint32_t network, uint64_t now_ms, uint8_t *confidence)
{
    uint8_t bytes[96];

    fill_random(bytes, sizeof bytes, 1);
    return flow_to(network, 10, 51413, bytes, sizeof bytes, now_ms, confidence);
}

static void test_a_swarm_is_found_and_grows_surer(void)
{
    uint8_t confidence = 0, before = 0;
    uint32_t first = 0;

    memset(&host, 0, sizeof host);
    for (uint32_t network = 0; network < 60; network++) {
        enum rs_suspicion found = cipher_to(network, 1000 + network * 100, &confidence);

        if (found == RS_SUSPECT_NOTHING) {
            assert(before == 0 && confidence == 0);
            continue;
        }
        assert(found == RS_SUSPECT_P2P && confidence >= 50 && confidence <= 95 && confidence >= before);
        first = before == 0 ? network : first;
        before = confidence;
    }
    assert(first >= 9 && first <= 16 && before > 80);
    /* The minute after still knows; three later all is forgotten. */
    assert(cipher_to(200, 60000 + 1000, &confidence) == RS_SUSPECT_P2P);
    assert(cipher_to(201, 4 * 60000, &confidence) == RS_SUSPECT_NOTHING);
}

static void test_the_same_server_again_and_again_is_a_proxy(void)
{
    uint8_t confidence;

    memset(&host, 0, sizeof host);
    assert(cipher_to(5, 1000, &confidence) == RS_SUSPECT_NOTHING); /* once is chance */
    assert(cipher_to(5, 2000, &confidence) == RS_SUSPECT_PROXY && confidence == 40);
    for (uint32_t network = 100; network < 104; network++)
        cipher_to(network, 3000, &confidence);
    assert(cipher_to(5, 4000, &confidence) == RS_SUSPECT_NOTHING); /* nor is one of many */
}

static void test_what_is_no_cipher_is_no_suspect(void)
{
    static const char text[] = "HELO this is a protocol of somebody's own, in plain words";
    uint8_t bytes[96], confidence;

    memset(&host, 0, sizeof host);
    for (uint32_t network = 0; network < 40; network++) {
        assert(flow_to(network, 1, 5000, (const uint8_t *)text, sizeof text - 1, 1000, &confidence) == RS_SUSPECT_NOTHING);
        memset(bytes, 0, sizeof bytes);
        bytes[3] = (uint8_t)network;
        assert(flow_to(network, 2, 5000, bytes, sizeof bytes, 1000, &confidence) == RS_SUSPECT_NOTHING);
        fill_random(bytes, sizeof bytes, 1);
        assert(flow_to(network, 3, 443, bytes, sizeof bytes, 1000, &confidence) == RS_SUSPECT_NOTHING);
        assert(flow_to(network, 4, 5000, bytes, 31, 1000, &confidence) == RS_SUSPECT_NOTHING);
    }
    assert(atomic_load(&host.peers) == 0);
}

static void test_one_rack_is_one_network(void)
{
    uint8_t bytes[96], confidence;

    memset(&host, 0, sizeof host);
    fill_random(bytes, sizeof bytes, 1);
    for (uint32_t server = 1; server < 250; server++)
        assert(flow_to(9, server, 8000, bytes, sizeof bytes, 1000, &confidence) != RS_SUSPECT_P2P);
}

int main(void)
{
    test_a_swarm_is_found_and_grows_surer();
    test_the_same_server_again_and_again_is_a_proxy();
    test_what_is_no_cipher_is_no_suspect();
    test_one_rack_is_one_network();
    return 0;
}
