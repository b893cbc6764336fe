/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the application database says about a host name, an address, a port and the first bytes of a payload. */

#include <string.h>

#include "apps.h"
#include "view.h"

static int equal_nocase(const char *lower, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if (c != lower[i])
            return 0;
    }
    return 1;
}

static uint16_t find_suffix(const rs_apps *apps, uint32_t hash, const char *suffix, size_t length)
{
    uint32_t mask = apps->blob->domains - 1;

    for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
        const struct rs_domain_slot *slot = &apps->domains[i];

        if (slot->length == 0)
            return 0;
        if (slot->hash == hash && slot->length == length && equal_nocase(apps->strings + slot->text, suffix, length))
            return slot->app;
    }
}

/* One pass from the end: the hash of a longer suffix continues that of the shorter one. */
uint16_t rs_apps_match_host(const rs_apps *apps, const char *host, size_t length)
{
    uint32_t hash = 2166136261u;
    uint16_t best = 0;

    while (length > 0 && host[length - 1] == '.')
        length--;
    for (size_t i = length; i > 0; i--) {
        uint8_t c = (uint8_t)host[i - 1];

        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 32);
        hash = (hash ^ c) * 16777619u;
        if (i == 1 || host[i - 2] == '.') {
            uint16_t app = find_suffix(apps, hash, host + i - 1, length - (i - 1));

            if (app != 0)
                best = app;
        }
    }
    return best;
}

/* Behind the last range that can hold something of the block: the next block's first may begin in this one. */
static uint32_t block_end(const struct rs_apps_blocks *b, uint32_t block)
{
    return b->first[block + 1] < b->first[RS_APPS_BLOCKS] ? b->first[block + 1] + 1 : b->first[RS_APPS_BLOCKS];
}

static uint16_t match_v4(const rs_apps *apps, uint32_t address)
{
    uint32_t low = apps->net.first[address >> 24], high = block_end(&apps->net, address >> 24);

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (address < apps->v4[middle].low)
            high = middle;
        else if (address > apps->v4[middle].high)
            low = middle + 1;
        else
            return apps->v4[middle].app;
    }
    return 0;
}

uint16_t rs_apps_match_address(const struct rs_apps *apps, const uint8_t address[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    uint32_t low = 0, high = apps->blob->v6;

    if (memcmp(address, mapped, sizeof mapped) == 0)
        return match_v4(apps, (uint32_t)address[12] << 24 | (uint32_t)address[13] << 16 | (uint32_t)address[14] << 8 |
                                  address[15]);
    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (memcmp(address, apps->v6[middle].low, 16) < 0)
            high = middle;
        else if (memcmp(address, apps->v6[middle].high, 16) > 0)
            low = middle + 1;
        else
            return apps->v6[middle].app;
    }
    return 0;
}

uint16_t rs_apps_match_port(const struct rs_apps *apps, uint8_t transport, uint16_t port)
{
    const struct rs_apps_blocks *blocks = transport == RS_TCP ? &apps->tcp : &apps->udp;
    uint32_t low = blocks->first[port >> 8], high = block_end(blocks, port >> 8);

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const struct rs_port_range *r = &apps->ports[middle];

        if (port < r->low)
            high = middle;
        else if (port > r->high)
            low = middle + 1;
        else
            return r->app;
    }
    return 0;
}

static int pattern_holds(const rs_apps *apps, const struct rs_pattern *p, const uint8_t *data, uint32_t length)
{
    const uint8_t *bytes = (const uint8_t *)apps->strings + p->bytes, *mask = (const uint8_t *)apps->strings + p->mask;

    if ((uint32_t)p->offset + p->length > length || (p->exact != 0 && p->exact != length))
        return 0;
    for (uint32_t i = 0; i < p->length; i++)
        if ((data[p->offset + i] & mask[i]) != bytes[i])
            return 0;
    return 1;
}

static uint16_t match_bucket(const rs_apps *apps, uint32_t bucket, uint8_t transport, const uint8_t *data,
                             uint32_t length)
{
    for (uint32_t i = apps->blob->bucket[bucket]; i < apps->blob->bucket[bucket + 1]; i++)
        if (apps->patterns[i].transport == transport && pattern_holds(apps, &apps->patterns[i], data, length))
            return apps->patterns[i].app;
    return 0;
}

uint16_t rs_apps_match_payload(const struct rs_apps *apps, uint8_t transport, const uint8_t *data, uint32_t length)
{
    uint16_t app = length == 0 ? 0 : match_bucket(apps, data[0], transport, data, length);

    return app != 0 ? app : match_bucket(apps, RS_APPS_BUCKETS - 1, transport, data, length);
}
