/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BitTorrent with message stream encryption, and protocols that hide like it, have no sign of their own: the first byte is
 * random. But a swarm is many peers in many networks, while a proxy is one server that is asked again and again. So for
 * each host the networks of peers are counted to which it opened such flows: in a bitmap of 64, by hash, for this minute
 * and the one before (linear counting, Whang et al. 1990: ten bits are eleven networks, thirty are forty).
 */
#include "behaviour.h"
#include "bytes.h"

#include <string.h>

#define MINUTE_MS       60000u
#define SWARM_NETWORKS  10 /* bits: a host that talks cipher with more networks within two minutes is in a swarm */
#define PROXY_NETWORKS  3  /* with more it is no proxy either */
#define P2P_LEAST       50u
#define P2P_MOST        95u
#define PROXY_GUESS     40u
#define FIRST_HIGH_PORT 1024u

/* Of a /24, or a /48: the addresses of one provider's rack are one. */
static uint64_t network_bit(const uint8_t address[16])
{
    const uint8_t *p = rs_is_v4(address) ? address + 12 : address;
    uint32_t length = p == address ? 6 : 3, hash = 2166136261u;

    for (uint32_t i = 0; i < length; i++)
        hash = (hash ^ p[i]) * 16777619u;
    return UINT64_C(1) << ((hash * 0x9e3779b1u) >> 26);
}

static void turn_minute(struct rs_host_slot *host, uint64_t now_ms)
{
    uint64_t minute = now_ms / MINUTE_MS + 1, before = atomic_load(&host->peers_minute);

    if (minute == before || !atomic_compare_exchange_strong(&host->peers_minute, &before, minute))
        return; /* another thread turns it: a flow more or less in either minute does not matter */
    atomic_store(&host->peers_before, before + 1 == minute ? atomic_load(&host->peers) : 0);
    atomic_store(&host->peers, 0);
}

enum rs_suspicion rs_behaviour_of(struct rs_host_slot *host, const struct rs_opening *opening, const rs_result *flow,
                                  uint64_t now_ms, uint8_t *confidence)
{
    uint64_t bit = network_bit(flow->server), seen;
    uint32_t networks;

    *confidence = 0;
    if (flow->transport != 6 || flow->server_port < FIRST_HIGH_PORT || flow->host[0] != 0 ||
        !rs_opening_is_random(opening))
        return RS_SUSPECT_NOTHING;
    turn_minute(host, now_ms);
    seen = atomic_fetch_or(&host->peers, bit) | atomic_load(&host->peers_before);
    networks = (uint32_t)__builtin_popcountll(seen | bit);
    if (networks >= SWARM_NETWORKS) {
        uint32_t guess = P2P_LEAST + (networks - SWARM_NETWORKS) * 2;

        *confidence = (uint8_t)(guess < P2P_MOST ? guess : P2P_MOST);
        return RS_SUSPECT_P2P;
    }
    if ((seen & bit) == 0 || networks > PROXY_NETWORKS)
        return RS_SUSPECT_NOTHING;
    *confidence = PROXY_GUESS;
    return RS_SUSPECT_PROXY;
}
