/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "sites.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "nft_map.h"

#define RECEIVE_BYTES 65536

/* Below these of a country's domain names are registered (webui shows sites by the same rule: firmware/monitor/unknown.py). */
static const char *const second_level[] = {"com", "net", "org", "gov", "edu", "co", "ac", "or", "ne", "go"};

static int is_second_level(const char *label, uint32_t length)
{
    for (uint32_t i = 0; i < sizeof second_level / sizeof *second_level; i++)
        if (strlen(second_level[i]) == length && memcmp(second_level[i], label, length) == 0)
            return 1;
    return 0;
}

/* Where the label before `end` starts (end is behind it: at a dot, or at the name's end). */
static uint32_t label_before(const char *name, uint32_t end)
{
    while (end > 0 && name[end - 1] != '.')
        end--;
    return end;
}

uint32_t rs_site_number(const char *name, uint32_t length)
{
    uint32_t top = label_before(name, length), second, start, hash = 2166136261u; /* FNV-1a */

    if (top == 0 || top == length)
        return 0;
    second = start = label_before(name, top - 1);
    if (length - top == 2 && second > 0 && is_second_level(name + second, top - 1 - second))
        start = label_before(name, second - 1);
    for (uint32_t i = start; i < length; i++)
        hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    return hash ? hash : 1;
}

void rs_sites_begin(struct rs_sites *sites, const char *name, uint32_t length)
{
    sites->count = 0;
    sites->number = rs_site_number(name, length);
}

void rs_sites_add(struct rs_sites *sites, const uint8_t address_v4[4])
{
    if (sites->number && sites->count < RS_SITES_MAX)
        memcpy(&sites->addresses[sites->count++], address_v4, 4);
}

static int put(const struct rs_sites *sites, const uint32_t *addresses, uint32_t count)
{
    _Alignas(4) uint8_t data[4096];
    struct rs_nl nl = {.data = data, .capacity = sizeof data};
    size_t set;

    rs_nft_begin(&nl);
    set = rs_nft_set(&nl, "rs", "site4", 1);
    for (uint32_t i = 0; i < count; i++)
        rs_nft_element(&nl, &addresses[i], sizeof addresses[i], &sites->number);
    rs_nft_end_set(&nl, set);
    return rs_nft_commit(sites->fd, &nl);
}

void rs_sites_tell(struct rs_sites *sites, uint32_t now_s)
{
    uint32_t fresh[RS_SITES_MAX], count = 0;

    if (sites->count == 0)
        return;
    for (uint32_t i = 0; i < sites->count; i++) {
        struct rs_site_told *told = &sites->told[sites->addresses[i] * 2654435761u >> 22];

        if (told->address == sites->addresses[i] && told->site == sites->number && told->at_s &&
            now_s - told->at_s < RS_SITES_AGAIN_S)
            continue;
        *told = (struct rs_site_told){sites->addresses[i], sites->number, now_s};
        fresh[count++] = sites->addresses[i];
    }
    sites->count = 0;
    if (count == 0 || (sites->fd < 0 && (sites->fd = rs_nl_open(NETLINK_NETFILTER, 0, RECEIVE_BYTES)) < 0))
        return;
    if (put(sites, fresh, count) == -EEXIST && count > 1) /* one belongs to another site already: each by itself */
        for (uint32_t i = 0; i < count; i++)
            put(sites, &fresh[i], 1);
}
