/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decides by an opened policy table: address and MAC give sets of groups (binary search), the sets name a class, and the
 * class holds the row for every application. A class is built when it is first asked for, from the rows, once; so the
 * cost of a decision does not depend on the number of policies.
 */

#include <string.h>

#include "bytes.h"
#include "policy.h"

static const uint8_t zero[16];

static uint32_t find_v4(const struct rs_policy *p, uint32_t address)
{
    uint32_t low = 1, high = p->blob->v4;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (p->v4_start[middle] <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return p->v4_set[low - 1];
}

static uint32_t find_v6(const struct rs_policy *p, const uint8_t *address)
{
    uint32_t low = 1, high = p->blob->v6;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (memcmp(p->v6_start[middle], address, 16) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return p->v6_set[low - 1];
}

static uint32_t address_set(const struct rs_policy *p, const uint8_t *address)
{
    if (memcmp(address, zero, 16) == 0)
        return 0;
    if (rs_is_v4(address))
        return find_v4(p, rs_be32(address + 12));
    return find_v6(p, address);
}

static uint32_t mac_set(const struct rs_policy *p, const uint8_t *mac)
{
    uint64_t key = rs_mac_number(mac);
    uint32_t low = 0, high = p->blob->macs;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (p->macs[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < p->blob->macs && p->macs[low] == key ? p->mac_set[low] : 0;
}

static void mark_groups(const struct rs_policy *p, uint64_t *bits, uint32_t set, int on)
{
    for (uint32_t m = p->set_start[set]; m < p->set_start[set + 1]; m++)
        if (on)
            bits[p->members[m] / 64] |= UINT64_C(1) << (p->members[m] % 64);
        else
            bits[p->members[m] / 64] = 0;
}

static int any_group(const struct rs_policy *p, const uint64_t *bits, uint32_t set)
{
    for (uint32_t m = p->set_start[set]; m < p->set_start[set + 1]; m++)
        if (bits[p->members[m] / 64] >> (p->members[m] % 64) & 1)
            return 1;
    return 0;
}

static uint8_t row_action(const struct rs_policy *p, uint16_t row)
{
    return row ? (uint8_t)p->rows[row - 1].action : RS_ALLOW;
}

/* Fills the class's row for every application: rows in order, each takes the applications still free. */
static void build_class(const struct rs_policy *p, const uint64_t *groups, struct rs_policy_class *class,
                        uint16_t *rows)
{
    uint64_t free_apps[(RS_APPS_MAX + 64) / 64];
    uint32_t left = p->blob->apps + 1;

    memset(free_apps, 0xff, sizeof free_apps);
    memset(rows, 0, 2 * (size_t)left);
    for (uint32_t r = 0; r < p->blob->rows && left > 0; r++) {
        const struct rs_policy_row *row = &p->rows[r];
        const uint64_t *apps = p->appsets + (size_t)row->appset * p->words;

        if ((row->groups && !any_group(p, groups, row->groups)) || any_group(p, groups, row->except))
            continue;
        for (uint32_t w = 0; w < p->words; w++) {
            uint64_t taken = apps[w] & free_apps[w];

            free_apps[w] &= ~taken;
            for (; taken; taken &= taken - 1, left--)
                rows[w * 64 + (uint32_t)__builtin_ctzll(taken)] = (uint16_t)(r + 1);
        }
    }
    class->is_certain = 1;
    for (uint32_t a = 1; a <= p->blob->apps && class->is_certain; a++)
        class->is_certain = row_action(p, rows[a]) == row_action(p, rows[0]);
}

void rs_policy_decide(rs_policy *p, uint32_t thread, const rs_identity *host, uint16_t app, rs_decision *out)
{
    struct rs_policy_cache *cache = &p->caches[thread];
    uint32_t by_address = address_set(p, host->address), by_alias = address_set(p, host->alias);
    uint32_t by_mac = mac_set(p, host->mac);
    uint32_t hash = (by_address * 0x9e3779b1u ^ by_alias * 0x85ebca6bu ^ by_mac * 0xc2b2ae35u) >> 7;
    uint32_t bucket = hash % (RS_POLICY_CLASSES / RS_POLICY_WAYS) * RS_POLICY_WAYS, index = bucket;
    struct rs_policy_class *class = NULL;
    uint16_t *rows, row;

    for (uint32_t way = 0; way < RS_POLICY_WAYS; way++) {
        struct rs_policy_class *c = &cache->classes[bucket + way];

        if (c->is_used && c->address_set == by_address && c->alias_set == by_alias && c->mac_set == by_mac) {
            class = c;
            index = bucket + way;
            break;
        }
    }
    if (!class) { /* round robin within the bucket */
        index = bucket + cache->next_way++ % RS_POLICY_WAYS;
        class = &cache->classes[index];
        *class = (struct rs_policy_class){by_address, by_alias, by_mac, 1, 0};
        mark_groups(p, cache->groups, by_address, 1);
        mark_groups(p, cache->groups, by_alias, 1);
        mark_groups(p, cache->groups, by_mac, 1);
        build_class(p, cache->groups, class, cache->rows + (size_t)index * (p->blob->apps + 1));
        mark_groups(p, cache->groups, by_address, 0);
        mark_groups(p, cache->groups, by_alias, 0);
        mark_groups(p, cache->groups, by_mac, 0);
    }
    rows = cache->rows + (size_t)index * (p->blob->apps + 1);
    row = rows[app <= p->blob->apps ? app : 0];
    out->row = (int32_t)row - 1;
    out->action = row_action(p, row);
    out->is_certain = class->is_certain;
    out->lane = 0;
    if (p->lanes) {
        rs_decision lane;

        rs_policy_decide(p->lanes, thread, host, app, &lane);
        out->lane = lane.action;
    }
}

uint32_t rs_policy_groups(const rs_policy *p, const rs_identity *host, uint32_t *groups, uint32_t capacity)
{
    uint32_t sets[3] = {address_set(p, host->address), address_set(p, host->alias), mac_set(p, host->mac)};
    uint32_t at[3], count = 0;

    for (int i = 0; i < 3; i++)
        at[i] = p->set_start[sets[i]];
    for (;;) { /* merge of three ascending lists */
        uint32_t least = UINT32_MAX;

        for (int i = 0; i < 3; i++)
            if (at[i] < p->set_start[sets[i] + 1] && p->members[at[i]] < least)
                least = p->members[at[i]];
        if (least == UINT32_MAX)
            return count;
        if (count < capacity)
            groups[count] = least;
        count++;
        for (int i = 0; i < 3; i++)
            if (at[i] < p->set_start[sets[i] + 1] && p->members[at[i]] == least)
                at[i]++;
    }
}
