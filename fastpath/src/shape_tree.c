/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trees on their devices: planted, kept whole, their classes made and changed in batches, taken down. */

#include <net/if.h>
#include <string.h>

#include "shaper.h"

void rs_shaper_flush(struct rs_shaper *s, uint32_t tree)
{
    if (s->batch.count && s->trees[tree].index)
        rs_shaper_note(s, rs_tc_set(&s->tc, s->trees[tree].index, s->batch.classes, s->batch.count, s->batch.is_new));
    s->batch.count = 0;
}

static void put(struct rs_shaper *s, uint32_t tree, struct rs_class class, int is_new)
{
    if (s->batch.count == RS_SHAPER_BATCH || s->batch.is_new != is_new)
        rs_shaper_flush(s, tree);
    s->batch.is_new = is_new;
    s->batch.classes[s->batch.count++] = class;
}

void rs_shaper_put_host(struct rs_shaper *s, uint32_t slot, uint32_t line, int direction, int is_new)
{
    struct rs_share *share = &s->hosts.shares[line][slot][direction];
    struct rs_class class = rs_shaper_host_class(s, slot, line, direction);

    share->set_rate = class.rate;
    share->set_ceil = class.ceil;
    if (is_new)
        share->bytes = share->used_bps = share->idle_ticks = 0;
    put(s, rs_shaper_tree_of(line, direction), class, is_new);
}

static void put_group(struct rs_shaper *s, uint32_t line, int direction, uint32_t group, int is_new)
{
    struct rs_shared *shared = &s->carried[line][direction].groups[group];
    struct rs_class class = rs_shaper_group_class(s, line, direction, group);

    shared->set_rate = class.rate;
    shared->set_ceil = class.ceil;
    put(s, rs_shaper_tree_of(line, direction), class, is_new);
}

static void put_frame(struct rs_shaper *s, uint32_t line, int direction, int is_new)
{
    uint32_t tree = rs_shaper_tree_of(line, direction);

    put(s, tree, rs_shaper_line_class(s->config, line, direction, RS_SLOT_LINE), is_new);
    put(s, tree, rs_shaper_line_class(s->config, line, direction, RS_SLOT_FIRST), is_new);
    put(s, tree, rs_shaper_line_class(s->config, line, direction, RS_SLOT_OTHERS), is_new);
    for (uint32_t group = 0; group < s->config->group_count; group++)
        put_group(s, line, direction, group, is_new);
}

void rs_shaper_plant(struct rs_shaper *s, uint32_t tree)
{
    int direction = tree ? RS_UP : RS_DOWN;
    struct rs_tree *t = &s->trees[tree];

    /* Upwards whatever nobody classified is the box's own; downwards it does not come from a line. */
    int result = rs_tc_plant(&s->tc, t->index, tree ? tree << 12 | RS_SLOT_FIRST : 0);

    t->plantings++;
    t->read_ms = 0;
    if (result < 0) {
        rs_shaper_note(s, result);
        t->index = 0;
        return;
    }
    for (uint32_t line = 1; line < RS_SHAPE_LINES; line++) {
        if (!rs_shape_has_line(s->config, line) || (tree && line != tree))
            continue;
        s->carried[line][direction].bytes = 0;
        put_frame(s, line, direction, 1);
        for (uint32_t slot = 1; slot <= s->hosts.highest; slot++)
            if (s->hosts.hosts[slot].lines >> line & 1)
                rs_shaper_put_host(s, slot, line, direction, 1);
    }
    rs_shaper_flush(s, tree);
}

static const char *device_of(const struct rs_shaper *s, uint32_t tree)
{
    return tree ? s->config->lines[tree].device : s->config->down;
}

/* Plants where a device came, came anew (a dialled line), or lost its tree. */
void rs_shaper_tend(struct rs_shaper *s, uint32_t tree)
{
    struct rs_tree *t = &s->trees[tree];
    int index = (int)if_nametoindex(device_of(s, tree));

    if (index == t->index)
        return;
    t->index = index;
    if (index)
        rs_shaper_plant(s, tree);
}

/* LANs are sent through the device between: also one that comes later, or comes anew. */
void rs_shaper_tend_intermediate(struct rs_shaper *s)
{
    int index = (int)if_nametoindex(s->config->down);

    if (!s->config->lan_count)
        return;
    if (!index) {
        memset(s->lan_index, 0, sizeof s->lan_index);
        rs_shaper_note(s, rs_tc_make_intermediate(&s->tc, s->config->down, &index));
    }
    for (uint32_t lan = 0; index && lan < s->config->lan_count; lan++) {
        int from = (int)if_nametoindex(s->config->lans[lan]), result;

        if (from == s->lan_index[lan])
            continue;
        result = from ? rs_tc_redirect(&s->tc, from, index) : 0;
        rs_shaper_note(s, result);
        s->lan_index[lan] = result < 0 ? 0 : from;
    }
}

/* Whether the tree holds all that it is for: downwards, the packets of every LAN that is there. */
int rs_shaper_is_whole(const struct rs_shaper *s, uint32_t tree)
{
    int is_whole = s->trees[tree].index != 0;

    for (uint32_t lan = 0; !tree && lan < s->config->lan_count; lan++)
        is_whole &= s->lan_index[lan] == (int)if_nametoindex(s->config->lans[lan]);
    return is_whole;
}

static void take_down(struct rs_shaper *s)
{
    for (uint32_t tree = 0; tree < RS_SHAPE_LINES; tree++)
        if (s->trees[tree].index)
            rs_tc_fell(&s->tc, s->trees[tree].index);
    for (uint32_t lan = 0; s->config && lan < s->config->lan_count; lan++)
        rs_tc_undirect(&s->tc, (int)if_nametoindex(s->config->lans[lan]));
    if (s->config && s->config->lan_count && s->trees[0].index)
        rs_tc_delete_device(&s->tc, s->trees[0].index);
    memset(s->trees, 0, sizeof s->trees);
    memset(s->lan_index, 0, sizeof s->lan_index);
    memset(s->carried, 0, sizeof s->carried);
    rs_map_flush(s->nft_fd);
    s->table = 0;
    rs_shaped_hosts_clear(&s->hosts);
}

void rs_shaper_set_scales(struct rs_shaper *s)
{
    for (uint32_t line = 0; line < RS_SHAPE_LINES; line++)
        for (int d = 0; d < 2; d++)
            s->carried[line][d].scale = 1024;
}

/* Hosts whose group changed leave their classes; tend_hosts makes new ones under the other parent. */
void rs_shaper_regroup(struct rs_shaper *s)
{
    for (uint32_t slot = 1; slot <= s->hosts.highest; slot++) {
        struct rs_shaped_host *host = &s->hosts.hosts[slot];
        const struct rs_shape_limit *limit = rs_shaper_limit_of(s, host);

        if (!host->key || host->group == (limit ? limit->group : 0))
            continue;
        for (uint32_t line = 1; line < RS_SHAPE_LINES; line++) {
            uint32_t minor = line << 12 | slot;

            if (!(host->lines >> line & 1))
                continue;
            for (int d = 0; d < 2; d++)
                if (s->trees[rs_shaper_tree_of(line, d)].index)
                    rs_tc_remove(&s->tc, s->trees[rs_shaper_tree_of(line, d)].index, &minor, 1);
            host->fresh |= (uint8_t)(1u << line);
            host->lines &= (uint8_t) ~(1u << line);
        }
    }
}

int rs_shaper_configure(struct rs_shaper *s, struct rs_shape_config *config)
{
    struct rs_shape_config *old = s->config;

    if (!config || !old || !rs_shape_is_same_tree(old, config)) {
        take_down(s);
        rs_shaper_set_scales(s);
        s->config = config;
    } else {
        s->config = config;
        rs_shaped_hosts_relimit(&s->hosts, config);
        for (uint32_t line = 1; line < RS_SHAPE_LINES; line++)
            for (int d = 0; d < 2 && rs_shape_has_line(config, line); d++) {
                put_frame(s, line, d, 0);
                for (uint32_t slot = 1; slot <= s->hosts.highest; slot++) {
                    const struct rs_shaped_host *host = &s->hosts.hosts[slot];
                    const struct rs_shape_limit *limit = rs_shaper_limit_of(s, host);

                    if (host->lines >> line & 1 && host->group == (limit ? limit->group : 0))
                        rs_shaper_put_host(s, slot, line, d, 0);
                }
                rs_shaper_flush(s, rs_shaper_tree_of(line, d));
            }
        rs_shaper_regroup(s);
    }
    rs_shape_free(old);
    return 0;
}

static int differs(uint64_t a, uint64_t b)
{
    return a != b && (a > b ? a - b : b - a) * 50 > b;
}

/* Classes follow what was decided: to hold somebody who is silent can wait, to free him cannot, as nobody looks then. */
void rs_shaper_adjust(struct rs_shaper *s, uint32_t line, int d)
{
    struct rs_carried *carried = &s->carried[line][d];

    for (uint32_t group = 0; group < s->config->group_count; group++) {
        struct rs_class class = rs_shaper_group_class(s, line, d, group);

        if (class.ceil != carried->groups[group].set_ceil || differs(class.rate, carried->groups[group].set_rate))
            put_group(s, line, d, group, 0);
    }
    for (uint32_t slot = 1; slot <= s->hosts.highest; slot++) {
        const struct rs_share *share;
        struct rs_class class;

        if (!(s->hosts.hosts[slot].lines >> line & 1))
            continue;
        share = &s->hosts.shares[line][slot][d];
        if (share->idle_ticks > RS_SHAPER_ACTIVE_TICKS && carried->congestion.is_congested)
            continue;
        class = rs_shaper_host_class(s, slot, line, d);
        if (class.ceil != share->set_ceil || differs(class.rate, share->set_rate))
            rs_shaper_put_host(s, slot, line, d, 0);
    }
    rs_shaper_flush(s, rs_shaper_tree_of(line, d));
}
