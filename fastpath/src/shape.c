/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shaper's loop: plants trees, gives hosts their classes, reads counters, and lets maximums hold where they must. */

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink.h"
#include "shape.h"

#define LEAST_BPS       UINT64_C(8000) /* HTB wants a rate; who is guaranteed nothing lives on what is left over */
#define AGE_TICKS       (300000u / RS_SHAPE_TICK_MS)
#define AGE_EVERY       (10000u / RS_SHAPE_TICK_MS)
#define ACTIVE_TICKS    (3000u / RS_SHAPE_TICK_MS)
#define FEW_HOSTS       256u /* whose counters may be read each second, for who looks */
#define LOOK_EVERY      (1000u / RS_SHAPE_TICK_MS)
#define BUSY_PERCENT    50u /* of a line, from which its hosts are looked at each tick */
#define FIRST_PERCENT   10u /* of a line, guaranteed to what goes first */
#define OTHERS_PERCENT  1u
#define BATCH           512u
#define QUANTUM_MIN     1514u
#define QUANTUM_MAX     60000u
#define PRIORITY_OTHERS 4u
#define ANSWER_S        3

/* What one line carries in one direction. */
struct carried {
    uint64_t bytes, used_bps;
    uint32_t backlog, scale, active;
    struct shared {
        uint64_t wanted, used_bps, set_rate, set_ceil; /* wanted: what its active hosts are guaranteed together */
    } groups[RS_SHAPE_GROUPS];
    struct rs_load load;
    struct rs_congestion congestion;
};

/* tree 0 holds all lines downwards, tree L line L upwards. */
struct tree {
    int index; /* of its device, 0: not there */
    uint32_t plantings;
    uint64_t read_ms;
    int is_busy;
};

struct batch {
    struct rs_class classes[BATCH];
    uint32_t count;
    int is_new;
};

struct rs_shaper {
    rs_shm *shm;
    struct rs_tc tc;
    int nft_fd;
    struct rs_shape_config *config;
    struct tree trees[RS_SHAPE_LINES];
    struct carried carried[RS_SHAPE_LINES][2];
    struct rs_shaped_hosts hosts;
    struct batch batch;
    uint64_t tick_ms;
    uint32_t ticks, errors;
    int last_error, is_map_torn;  /* elements are missing: filled anew when there is time */
    int lan_index[RS_SHAPE_LANS]; /* of the devices that are sent through the one between */
    uint64_t table;               /* nft's, that the maps were last filled in; 0 none */
};

static uint32_t tree_of(uint32_t line, int direction)
{
    return direction == RS_UP ? line : 0;
}

static int has_line(const struct rs_shape_config *c, uint32_t line)
{
    return c->lines[line].device[0] != 0;
}

static uint32_t lines_mask(const struct rs_shape_config *c)
{
    uint32_t mask = 0;

    for (uint32_t line = 1; line < RS_SHAPE_LINES; line++)
        mask |= has_line(c, line) ? 1u << line : 0;
    return mask;
}

static void note(struct rs_shaper *s, int result)
{
    if (result < 0 && result != -ENODEV) {
        s->errors++;
        s->last_error = -result;
    }
}

/* ---- what a class shall be ---- */

static uint32_t quantum_of(uint64_t line_bps)
{
    uint64_t of_a_millisecond = line_bps / 8000;

    return of_a_millisecond < QUANTUM_MIN   ? QUANTUM_MIN
           : of_a_millisecond > QUANTUM_MAX ? QUANTUM_MAX
                                            : (uint32_t)of_a_millisecond;
}

static struct rs_class line_class(const struct rs_shape_config *c, uint32_t line, int direction, uint32_t slot)
{
    uint64_t rate = c->lines[line].rate[direction];
    struct rs_class class = {.id = line << 12 | slot, .rate = rate, .ceil = rate, .quantum = quantum_of(rate)};

    if (slot == RS_SLOT_FIRST) {
        class.rate = rate * FIRST_PERCENT / 100;
        class.ceil = rate * (c->first_percent ? c->first_percent : 90) / 100;
    } else if (slot == RS_SLOT_OTHERS) {
        class.rate = rate * OTHERS_PERCENT / 100;
        class.priority = PRIORITY_OTHERS;
    }
    if (slot != RS_SLOT_LINE) {
        class.parent = line << 12;
        class.is_leaf = 1;
    }
    if (class.rate < LEAST_BPS)
        class.rate = LEAST_BPS;
    return class;
}

static const struct rs_shape_limit *limit_of(const struct rs_shaper *s, const struct rs_shaped_host *host)
{
    return host->limit ? &s->config->limits[host->limit - 1] : NULL;
}

/* What a group takes of the line's guarantees: its own, or its hosts' where those are more, but not above its maximum. */
static uint64_t group_minimum(const struct rs_shape_config *c, int direction, uint32_t group,
                              const struct carried *carried)
{
    const struct rs_rates *rates = &c->groups[group].rates[direction];
    uint64_t wanted = carried->groups[group].wanted;

    if (rates->max && wanted > rates->max)
        wanted = rates->max;
    return wanted > rates->min ? wanted : rates->min;
}

static struct rs_class group_class(const struct rs_shaper *s, uint32_t line, int direction, uint32_t group)
{
    const struct rs_rates *rates = &s->config->groups[group].rates[direction];
    const struct carried *carried = &s->carried[line][direction];
    struct rs_class class = line_class(s->config, line, direction, RS_SLOT_LINE);
    uint64_t scaled = group_minimum(s->config, direction, group, carried) * carried->scale / 1024;

    class.id = line << 12 | (RS_SLOT_GROUP + group);
    class.parent = line << 12;
    if (rates->max && rates->max < class.ceil &&
        (s->config->groups[group].is_always || !s->config->is_smart || carried->congestion.is_congested))
        class.ceil = rates->max;
    class.rate = scaled > LEAST_BPS ? scaled : LEAST_BPS;
    if (class.rate > class.ceil)
        class.rate = class.ceil;
    return class;
}

static struct rs_class host_class(const struct rs_shaper *s, uint32_t slot, uint32_t line, int direction)
{
    const struct rs_shape_limit *limit = limit_of(s, &s->hosts.hosts[slot]);
    const struct carried *carried = &s->carried[line][direction];
    struct rs_class class = line_class(s->config, line, direction, RS_SLOT_OTHERS);
    uint64_t guaranteed;

    class.id = line << 12 | slot;
    class.rate = LEAST_BPS;
    if (!limit)
        return class;
    class.priority = limit->priority;
    guaranteed = limit->rates[direction].min * carried->scale / 1024;
    if (limit->group) {
        const struct rs_rates *shared = &s->config->groups[limit->group - 1].rates[direction];
        uint64_t wanted = carried->groups[limit->group - 1].wanted;

        class.parent = line << 12 | (RS_SLOT_GROUP + limit->group - 1u);
        if (shared->max && wanted > shared->max) /* HTB would give each what it is guaranteed, whatever they share */
            guaranteed = guaranteed * (shared->max / 1024) / (wanted / 1024 + 1);
    }
    if (limit->rates[direction].max && limit->rates[direction].max < class.ceil &&
        (limit->is_always || !s->config->is_smart || carried->congestion.is_congested))
        class.ceil = limit->rates[direction].max;
    if (guaranteed > LEAST_BPS)
        class.rate = guaranteed;
    if (class.rate > class.ceil)
        class.rate = class.ceil;
    return class;
}

/* ---- carrying it out ---- */

static void flush(struct rs_shaper *s, uint32_t tree)
{
    if (s->batch.count && s->trees[tree].index)
        note(s, rs_tc_set(&s->tc, s->trees[tree].index, s->batch.classes, s->batch.count, s->batch.is_new));
    s->batch.count = 0;
}

static void put(struct rs_shaper *s, uint32_t tree, struct rs_class class, int is_new)
{
    if (s->batch.count == BATCH || s->batch.is_new != is_new)
        flush(s, tree);
    s->batch.is_new = is_new;
    s->batch.classes[s->batch.count++] = class;
}

static void put_host(struct rs_shaper *s, uint32_t slot, uint32_t line, int direction, int is_new)
{
    struct rs_share *share = &s->hosts.shares[line][slot][direction];
    struct rs_class class = host_class(s, slot, line, direction);

    share->set_rate = class.rate;
    share->set_ceil = class.ceil;
    if (is_new)
        share->bytes = share->used_bps = share->idle_ticks = 0;
    put(s, tree_of(line, direction), class, is_new);
}

static void put_group(struct rs_shaper *s, uint32_t line, int direction, uint32_t group, int is_new)
{
    struct shared *shared = &s->carried[line][direction].groups[group];
    struct rs_class class = group_class(s, line, direction, group);

    shared->set_rate = class.rate;
    shared->set_ceil = class.ceil;
    put(s, tree_of(line, direction), class, is_new);
}

static void put_frame(struct rs_shaper *s, uint32_t line, int direction, int is_new)
{
    uint32_t tree = tree_of(line, direction);

    put(s, tree, line_class(s->config, line, direction, RS_SLOT_LINE), is_new);
    put(s, tree, line_class(s->config, line, direction, RS_SLOT_FIRST), is_new);
    put(s, tree, line_class(s->config, line, direction, RS_SLOT_OTHERS), is_new);
    for (uint32_t group = 0; group < s->config->group_count; group++)
        put_group(s, line, direction, group, is_new);
}

static void plant(struct rs_shaper *s, uint32_t tree)
{
    int direction = tree ? RS_UP : RS_DOWN;
    struct tree *t = &s->trees[tree];

    /* Upwards whatever nobody classified is the box's own; downwards it does not come from a line. */
    int result = rs_tc_plant(&s->tc, t->index, tree ? tree << 12 | RS_SLOT_FIRST : 0);

    t->plantings++;
    t->read_ms = 0;
    if (result < 0) {
        note(s, result);
        t->index = 0;
        return;
    }
    for (uint32_t line = 1; line < RS_SHAPE_LINES; line++) {
        if (!has_line(s->config, line) || (tree && line != tree))
            continue;
        s->carried[line][direction].bytes = 0;
        put_frame(s, line, direction, 1);
        for (uint32_t slot = 1; slot <= s->hosts.highest; slot++)
            if (s->hosts.hosts[slot].lines >> line & 1)
                put_host(s, slot, line, direction, 1);
    }
    flush(s, tree);
}

static const char *device_of(const struct rs_shaper *s, uint32_t tree)
{
    return tree ? s->config->lines[tree].device : s->config->down;
}

/* Plants where a device came, came anew (a dialled line), or lost its tree. */
static void tend(struct rs_shaper *s, uint32_t tree)
{
    struct tree *t = &s->trees[tree];
    int index = (int)if_nametoindex(device_of(s, tree));

    if (index == t->index)
        return;
    t->index = index;
    if (index)
        plant(s, tree);
}

/* LANs are sent through the device between: also one that comes later, or comes anew. */
static void tend_intermediate(struct rs_shaper *s)
{
    int index = (int)if_nametoindex(s->config->down);

    if (!s->config->lan_count)
        return;
    if (!index) {
        memset(s->lan_index, 0, sizeof s->lan_index);
        note(s, rs_tc_make_intermediate(&s->tc, s->config->down, &index));
    }
    for (uint32_t lan = 0; index && lan < s->config->lan_count; lan++) {
        int from = (int)if_nametoindex(s->config->lans[lan]), result;

        if (from == s->lan_index[lan])
            continue;
        result = from ? rs_tc_redirect(&s->tc, from, index) : 0;
        note(s, result);
        s->lan_index[lan] = result < 0 ? 0 : from;
    }
}

/* Whether the tree holds all that it is for: downwards, the packets of every LAN that is there. */
static int is_shaped(const struct rs_shaper *s, uint32_t tree)
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

static void set_scales(struct rs_shaper *s)
{
    for (uint32_t line = 0; line < RS_SHAPE_LINES; line++)
        for (int d = 0; d < 2; d++)
            s->carried[line][d].scale = 1024;
}

/* Hosts whose group changed leave their classes; tend_hosts makes new ones under the other parent. */
static void regroup(struct rs_shaper *s)
{
    for (uint32_t slot = 1; slot <= s->hosts.highest; slot++) {
        struct rs_shaped_host *host = &s->hosts.hosts[slot];
        const struct rs_shape_limit *limit = limit_of(s, host);

        if (!host->key || host->group == (limit ? limit->group : 0))
            continue;
        for (uint32_t line = 1; line < RS_SHAPE_LINES; line++) {
            uint32_t minor = line << 12 | slot;

            if (!(host->lines >> line & 1))
                continue;
            for (int d = 0; d < 2; d++)
                if (s->trees[tree_of(line, d)].index)
                    rs_tc_remove(&s->tc, s->trees[tree_of(line, d)].index, &minor, 1);
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
        set_scales(s);
        s->config = config;
    } else {
        s->config = config;
        rs_shaped_hosts_relimit(&s->hosts, config);
        for (uint32_t line = 1; line < RS_SHAPE_LINES; line++)
            for (int d = 0; d < 2 && has_line(config, line); d++) {
                put_frame(s, line, d, 0);
                for (uint32_t slot = 1; slot <= s->hosts.highest; slot++) {
                    const struct rs_shaped_host *host = &s->hosts.hosts[slot];
                    const struct rs_shape_limit *limit = limit_of(s, host);

                    if (host->lines >> line & 1 && host->group == (limit ? limit->group : 0))
                        put_host(s, slot, line, d, 0);
                }
                flush(s, tree_of(line, d));
            }
        regroup(s);
    }
    rs_shape_free(old);
    return 0;
}

static void adjust(struct rs_shaper *s, uint32_t line, int d);

/* ---- hosts ---- */

/* A table that was loaded anew has empty maps. */
static void refill(struct rs_shaper *s)
{
    struct rs_shaped_hosts *h = &s->hosts;
    uint64_t table = 0;

    if (rs_map_table(s->nft_fd, &table) < 0 || !table || table == s->table)
        return;
    s->table = table;
    rs_map_flush(s->nft_fd);
    h->added_count = h->removed_count = 0;
    for (uint32_t i = 0; i < RS_HOST_SLOTS; i++)
        for (uint32_t line = 1; line < RS_SHAPE_LINES; line++) {
            struct rs_map_element *element;

            if (!(h->known[i].lines >> line & 1))
                continue;
            if (h->added_count == RS_HOST_SLOTS) {
                note(s, rs_map_change(s->nft_fd, h->added, h->added_count, 1));
                h->added_count = 0;
            }
            element = &h->added[h->added_count++];
            memcpy(element->address, h->known[i].address, 16);
            element->line = line;
            element->minor = line << 12 | h->known[i].slot;
        }
}

/* Classes first, then the maps that point to them; the other way round for those that leave. */
static void tend_hosts(struct rs_shaper *s)
{
    struct rs_shaped_hosts *h = &s->hosts;
    int result;

    rs_shaped_hosts_scan(h, s->config, lines_mask(s->config));
    if (h->is_relimited) { /* another address of a machine has shown whose it is */
        h->is_relimited = 0;
        regroup(s);
        for (uint32_t line = 1; line < RS_SHAPE_LINES; line++)
            for (int d = 0; d < 2 && has_line(s->config, line); d++)
                adjust(s, line, d);
    }
    if (h->removed_count)
        rs_map_change(s->nft_fd, h->removed, h->removed_count, 0);
    h->removed_count = 0;
    for (uint32_t tree = 0; tree < RS_SHAPE_LINES; tree++) {
        for (uint32_t slot = 1; slot <= h->highest; slot++)
            for (uint32_t line = 1; h->hosts[slot].fresh && line < RS_SHAPE_LINES; line++)
                if (h->hosts[slot].fresh >> line & 1 && (!tree || line == tree))
                    put_host(s, slot, line, tree ? RS_UP : RS_DOWN, 1);
        flush(s, tree);
    }
    for (uint32_t slot = 1; slot <= h->highest; slot++) {
        const struct rs_shape_limit *limit = limit_of(s, &h->hosts[slot]);

        if (h->hosts[slot].fresh)
            h->hosts[slot].group = limit ? limit->group : 0;
        h->hosts[slot].lines |= h->hosts[slot].fresh;
        h->hosts[slot].fresh = 0;
    }
    refill(s);
    if (h->added_count && (result = rs_map_change(s->nft_fd, h->added, h->added_count, 1)) < 0) {
        note(s, result);
        s->is_map_torn = 1;
    }
    h->added_count = 0;
}

/* Hosts that have long been silent on a line give their classes back. */
static void age(struct rs_shaper *s)
{
    struct rs_shaped_hosts *h = &s->hosts;

    for (uint32_t slot = 1; slot <= h->highest; slot++)
        for (uint32_t line = 1; line < RS_SHAPE_LINES; line++) {
            struct rs_share *shares;
            uint32_t minor = line << 12 | slot;

            if (!(h->hosts[slot].lines >> line & 1))
                continue;
            shares = h->shares[line][slot];
            if (shares[RS_UP].idle_ticks < AGE_TICKS || shares[RS_DOWN].idle_ticks < AGE_TICKS)
                continue;
            rs_shaped_hosts_leave(h, slot, line);
            if (h->removed_count)
                rs_map_change(s->nft_fd, h->removed, h->removed_count, 0);
            h->removed_count = 0;
            for (int d = 0; d < 2; d++)
                if (s->trees[tree_of(line, d)].index)
                    rs_tc_remove(&s->tc, s->trees[tree_of(line, d)].index, &minor, 1);
        }
}

/* ---- loads ---- */

struct reading {
    struct rs_shaper *s;
    int direction;
    uint64_t elapsed_ms;
    uint32_t elapsed_ticks;
};

static uint64_t rate_since(uint64_t now, uint64_t *before, uint64_t elapsed_ms)
{
    uint64_t delta = now >= *before ? now - *before : now;

    *before = now;
    return elapsed_ms ? delta * 8000 / elapsed_ms : 0;
}

static void hear_line(uint32_t minor, uint64_t bytes, uint32_t backlog, void *context)
{
    struct reading *r = context;
    struct carried *carried = &r->s->carried[minor >> 12 & 7][r->direction];

    (void)backlog;
    carried->used_bps = rate_since(bytes, &carried->bytes, r->elapsed_ms);
}

static void hear_host(uint32_t minor, uint64_t bytes, uint32_t backlog, void *context)
{
    struct reading *r = context;
    uint32_t line = minor >> 12 & 7, slot = minor & 0xfff;
    struct rs_share *share;

    if (slot < 1 || slot > RS_SLOT_HOSTS || !r->s->hosts.shares[line])
        return;
    share = &r->s->hosts.shares[line][slot][r->direction];
    share->idle_ticks = bytes == share->bytes ? share->idle_ticks + r->elapsed_ticks : 0;
    share->used_bps = rate_since(bytes, &share->bytes, r->elapsed_ms);
    share->backlog = backlog;
}

static int wants_more(const struct rs_share *share, const struct rs_shape_limit *limit, int direction,
                      struct carried *carried)
{
    uint64_t min = limit ? limit->rates[direction].min * carried->scale / 1024 : 0;
    uint64_t max = limit ? limit->rates[direction].max : 0;

    if (max && (share->used_bps * 10 >= max * 9 || (share->backlog && share->used_bps * 2 >= max))) {
        if (limit->is_always) /* he is held whatever becomes of the others, and gains nothing by their being held */
            return 0;
        carried->load.at_max++;
        return 1;
    }
    return share->used_bps * 50 >= carried->load.rate_bps && share->used_bps * 10 >= min * 9;
}

/* Sums a line's hosts up: who contends, and what they are guaranteed together, groups by what they share. */
static void weigh(struct rs_shaper *s, uint32_t line, int d)
{
    const struct rs_shape_config *c = s->config;
    struct carried *carried = &s->carried[line][d];
    uint8_t is_group_active[RS_SHAPE_GROUPS] = {0};
    uint64_t wanted = 0;

    carried->load.contenders = carried->load.at_max = carried->active = 0;
    for (uint32_t group = 0; group < c->group_count; group++)
        carried->groups[group].wanted = carried->groups[group].used_bps = 0;
    for (uint32_t slot = 1; slot <= s->hosts.highest; slot++) {
        const struct rs_shape_limit *limit = limit_of(s, &s->hosts.hosts[slot]);
        const struct rs_share *share;

        if (!(s->hosts.hosts[slot].lines >> line & 1))
            continue;
        share = &s->hosts.shares[line][slot][d];
        if (share->idle_ticks > ACTIVE_TICKS)
            continue;
        carried->active++;
        carried->load.contenders += (uint32_t)wants_more(share, limit, d, carried);
        if (limit && limit->group) {
            is_group_active[limit->group - 1] = 1;
            carried->groups[limit->group - 1].wanted += limit->rates[d].min;
            carried->groups[limit->group - 1].used_bps += share->used_bps;
        } else if (limit) {
            wanted += limit->rates[d].min;
        }
    }
    for (uint32_t group = 0; group < c->group_count; group++) {
        uint64_t max = c->groups[group].rates[d].max;

        if (!is_group_active[group])
            continue;
        wanted += group_minimum(c, d, group, carried);
        if (max && !c->groups[group].is_always && carried->groups[group].used_bps * 10 >= max * 9)
            carried->load.at_max++;
    }
    carried->scale = rs_shape_scale(carried->load.rate_bps, c->first_percent, wanted);
}

static int differs(uint64_t a, uint64_t b)
{
    return a != b && (a > b ? a - b : b - a) * 50 > b;
}

/* Classes follow what was decided: to hold somebody who is silent can wait, to free him cannot, as nobody looks then. */
static void adjust(struct rs_shaper *s, uint32_t line, int d)
{
    struct carried *carried = &s->carried[line][d];

    for (uint32_t group = 0; group < s->config->group_count; group++) {
        struct rs_class class = group_class(s, line, d, group);

        if (class.ceil != carried->groups[group].set_ceil || differs(class.rate, carried->groups[group].set_rate))
            put_group(s, line, d, group, 0);
    }
    for (uint32_t slot = 1; slot <= s->hosts.highest; slot++) {
        const struct rs_share *share;
        struct rs_class class;

        if (!(s->hosts.hosts[slot].lines >> line & 1))
            continue;
        share = &s->hosts.shares[line][slot][d];
        if (share->idle_ticks > ACTIVE_TICKS && carried->congestion.is_congested)
            continue;
        class = host_class(s, slot, line, d);
        if (class.ceil != share->set_ceil || differs(class.rate, share->set_rate))
            put_host(s, slot, line, d, 0);
    }
    flush(s, tree_of(line, d));
}

static void decide(struct rs_shaper *s, uint32_t line, int d)
{
    struct carried *carried = &s->carried[line][d];
    uint32_t delay_ms = atomic_load(&s->shm->header->line_delay_ms[line]);

    carried->load.rate_bps = s->config->lines[line].rate[d];
    carried->load.used_bps = carried->used_bps;
    carried->load.is_slow = s->config->max_delay_ms && delay_ms > s->config->max_delay_ms;
    weigh(s, line, d);
    rs_shape_congested(&carried->congestion, &carried->load, s->config->is_smart ? s->config->full_percent : 95);
    adjust(s, line, d);
}

/* A tree's lines first; its hosts only where a line is busy, and now and then to see who is still there. */
static void read_tree(struct rs_shaper *s, uint32_t tree, uint64_t now_ms)
{
    struct tree *t = &s->trees[tree];
    struct reading line_reading = {s, tree ? RS_UP : RS_DOWN, now_ms - s->tick_ms, 1}, reading = line_reading;
    int is_busy = s->ticks % (s->hosts.count <= FEW_HOSTS ? LOOK_EVERY : AGE_EVERY) == 0, result = 0;

    for (uint32_t line = 1; line < RS_SHAPE_LINES && result == 0; line++) {
        struct carried *carried = &s->carried[line][line_reading.direction];

        if (!has_line(s->config, line) || (tree && line != tree))
            continue;
        result = rs_tc_read_one(&s->tc, t->index, line << 12, hear_line, &line_reading);
        is_busy |= carried->congestion.is_congested || carried->scale < 1024 ||
                   carried->used_bps * 100 >= s->config->lines[line].rate[line_reading.direction] * BUSY_PERCENT;
    }
    if (result == -ENOENT || result == -EINVAL) { /* somebody took the tree away */
        plant(s, tree);
        return;
    }
    if (!is_busy && !t->is_busy)
        return;
    t->is_busy = is_busy;
    reading.elapsed_ms = t->read_ms ? now_ms - t->read_ms : 0;
    reading.elapsed_ticks = (uint32_t)(reading.elapsed_ms / RS_SHAPE_TICK_MS);
    t->read_ms = now_ms;
    note(s, rs_tc_read(&s->tc, t->index, hear_host, &reading));
    for (uint32_t line = 1; line < RS_SHAPE_LINES; line++)
        if (has_line(s->config, line) && (!tree || line == tree))
            decide(s, line, line_reading.direction);
}

void rs_shaper_tick(struct rs_shaper *s, uint64_t now_ms)
{
    if (!s->config)
        return;
    tend_intermediate(s);
    for (uint32_t tree = 0; tree < RS_SHAPE_LINES; tree++)
        if (!tree || has_line(s->config, tree))
            tend(s, tree);
    tend_hosts(s);
    for (uint32_t tree = 0; tree < RS_SHAPE_LINES; tree++)
        if (s->trees[tree].index)
            read_tree(s, tree, now_ms);
    if (s->ticks++ % AGE_EVERY == 0) {
        age(s);
        s->table = s->is_map_torn ? 0 : s->table;
        s->is_map_torn = 0;
    }
    s->tick_ms = now_ms;
}

/* ---- for the page ---- */

static void write_direction(const struct rs_shaper *s, FILE *out, uint32_t line, int d)
{
    const struct carried *c = &s->carried[line][d];

    fprintf(out,
            "\"%s\":{\"shaped\":%s,\"rate_bps\":%" PRIu64 ",\"used_bps\":%" PRIu64
            ",\"congested\":%s,\"scale_percent\":%u,\"active\":%u,\"contenders\":%u}",
            d == RS_UP ? "up" : "down", is_shaped(s, tree_of(line, d)) ? "true" : "false",
            s->config->lines[line].rate[d], c->used_bps, c->congestion.is_congested ? "true" : "false",
            c->scale * 100 / 1024, c->active, c->load.contenders);
}

static void write_host(const struct rs_shaper *s, FILE *out, uint32_t slot, uint32_t line)
{
    const struct rs_share *shares = s->hosts.shares[line][slot];
    const uint8_t *a = s->hosts.hosts[slot].address;

    fprintf(out, "{\"line\":%u,\"address\":\"", line);
    for (int i = 0; i < 16; i++)
        fprintf(out, "%02x", a[i]);
    fprintf(out, "\",\"limit\":\"%s\"",
            limit_of(s, &s->hosts.hosts[slot]) ? limit_of(s, &s->hosts.hosts[slot])->name : "");
    for (int d = 0; d < 2; d++)
        fprintf(out, ",\"%s\":{\"used_bps\":%" PRIu64 ",\"min_bps\":%" PRIu64 ",\"max_bps\":%" PRIu64 "}",
                d == RS_UP ? "up" : "down", shares[d].used_bps, shares[d].set_rate, shares[d].set_ceil);
    fputc('}', out);
}

void rs_shaper_write(const struct rs_shaper *s, FILE *out)
{
    const char *comma = "";

    fprintf(out, "{\"hosts\":%u,\"refused\":%u,\"errors\":%u,\"error\":\"%s\",\"queue\":\"%s\",\"lines\":{",
            s->hosts.count, s->hosts.refused, s->errors, s->last_error ? strerror(s->last_error) : "",
            s->tc.has_fq_codel ? "fq_codel" : "pfifo");
    for (uint32_t line = 1; s->config && line < RS_SHAPE_LINES; line++) {
        if (!has_line(s->config, line))
            continue;
        fprintf(out, "%s\"%u\":{\"plantings\":%u,", comma, line, s->trees[line].plantings);
        write_direction(s, out, line, RS_UP);
        fputc(',', out);
        write_direction(s, out, line, RS_DOWN);
        fputc('}', out);
        comma = ",";
    }
    fputs("},\"shares\":[", out);
    comma = "";
    for (uint32_t line = 1; s->config && line < RS_SHAPE_LINES; line++)
        for (uint32_t slot = 1; slot <= s->hosts.highest; slot++)
            if (s->hosts.hosts[slot].lines >> line & 1 &&
                (s->hosts.shares[line][slot][RS_UP].idle_ticks <= ACTIVE_TICKS ||
                 s->hosts.shares[line][slot][RS_DOWN].idle_ticks <= ACTIVE_TICKS)) {
                fputs(comma, out);
                write_host(s, out, slot, line);
                comma = ",";
            }
    fputs("]}\n", out);
}

/* ---- beginning and end ---- */

int rs_shaper_open(struct rs_shaper **out, rs_shm *shm)
{
    const struct timeval patience = {.tv_sec = ANSWER_S}; /* a lost answer must not stop the loop */
    struct rs_shaper *s = calloc(1, sizeof *s);
    int result;

    *out = NULL;
    if (!s)
        return -ENOMEM;
    s->shm = shm;
    s->nft_fd = s->tc.fd = -1;
    if ((result = rs_shaped_hosts_init(&s->hosts, shm)) < 0 || (result = rs_tc_open(&s->tc)) < 0 ||
        (result = s->nft_fd = rs_nl_open(NETLINK_NETFILTER, 0, 1 << 20)) < 0) {
        rs_shaper_close(s);
        return result;
    }
    setsockopt(s->nft_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(s->tc.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    rs_shaped_hosts_clear(&s->hosts);
    set_scales(s);
    *out = s;
    return 0;
}

void rs_shaper_close(struct rs_shaper *s)
{
    if (!s)
        return;
    if (s->nft_fd >= 0)
        close(s->nft_fd);
    rs_tc_close(&s->tc);
    rs_shaped_hosts_free(&s->hosts);
    rs_shape_free(s->config);
    free(s);
}
