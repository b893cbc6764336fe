/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lines and hosts carry, by the classes' counters, and what follows from it. */

#include <errno.h>

#include "shaper.h"

#define FEW_HOSTS    256u /* whose counters may be read each second, for who looks */
#define LOOK_EVERY   (1000u / RS_SHAPE_TICK_MS)
#define BUSY_PERCENT 50u /* of a line, from which its hosts are looked at each tick */

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
    struct rs_carried *carried = &r->s->carried[minor >> 12 & 7][r->direction];

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
                      struct rs_carried *carried)
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
    struct rs_carried *carried = &s->carried[line][d];
    uint8_t is_group_active[RS_SHAPE_GROUPS] = {0};
    uint64_t wanted = 0;

    carried->load.contenders = carried->load.at_max = carried->active = 0;
    for (uint32_t group = 0; group < c->group_count; group++)
        carried->groups[group].wanted = carried->groups[group].used_bps = 0;
    for (uint32_t slot = 1; slot <= s->hosts.highest; slot++) {
        const struct rs_shape_limit *limit = rs_shaper_limit_of(s, &s->hosts.hosts[slot]);
        const struct rs_share *share;

        if (!(s->hosts.hosts[slot].lines >> line & 1))
            continue;
        share = &s->hosts.shares[line][slot][d];
        if (share->idle_ticks > RS_SHAPER_ACTIVE_TICKS)
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
        wanted += rs_shaper_group_minimum(c, d, group, carried);
        if (max && !c->groups[group].is_always && carried->groups[group].used_bps * 10 >= max * 9)
            carried->load.at_max++;
    }
    carried->scale = rs_shape_scale(carried->load.rate_bps, c->first_percent, wanted);
}

static void decide(struct rs_shaper *s, uint32_t line, int d)
{
    struct rs_carried *carried = &s->carried[line][d];
    uint32_t delay_ms = atomic_load(&s->shm->header->line_delay_ms[line]);

    carried->load.rate_bps = s->config->lines[line].rate[d];
    carried->load.used_bps = carried->used_bps;
    carried->load.is_slow = s->config->max_delay_ms && delay_ms > s->config->max_delay_ms;
    weigh(s, line, d);
    rs_shape_congested(&carried->congestion, &carried->load, s->config->is_smart ? s->config->full_percent : 95);
    rs_shaper_adjust(s, line, d);
}

/* A tree's lines first; its hosts only where a line is busy, and now and then to see who is still there. */
void rs_shaper_read_tree(struct rs_shaper *s, uint32_t tree, uint64_t now_ms)
{
    struct rs_tree *t = &s->trees[tree];
    struct reading line_reading = {s, tree ? RS_UP : RS_DOWN, now_ms - s->tick_ms, 1}, reading = line_reading;
    int is_busy = s->ticks % (s->hosts.count <= FEW_HOSTS ? LOOK_EVERY : RS_SHAPER_AGE_EVERY) == 0, result = 0;

    for (uint32_t line = 1; line < RS_SHAPE_LINES && result == 0; line++) {
        struct rs_carried *carried = &s->carried[line][line_reading.direction];

        if (!rs_shape_has_line(s->config, line) || (tree && line != tree))
            continue;
        result = rs_tc_read_one(&s->tc, t->index, line << 12, hear_line, &line_reading);
        is_busy |= carried->congestion.is_congested || carried->scale < 1024 ||
                   carried->used_bps * 100 >= s->config->lines[line].rate[line_reading.direction] * BUSY_PERCENT;
    }
    if (result == -ENOENT || result == -EINVAL) { /* somebody took the tree away */
        rs_shaper_plant(s, tree);
        return;
    }
    if (!is_busy && !t->is_busy)
        return;
    t->is_busy = is_busy;
    reading.elapsed_ms = t->read_ms ? now_ms - t->read_ms : 0;
    reading.elapsed_ticks = (uint32_t)(reading.elapsed_ms / RS_SHAPE_TICK_MS);
    t->read_ms = now_ms;
    rs_shaper_note(s, rs_tc_read(&s->tc, t->index, hear_host, &reading));
    for (uint32_t line = 1; line < RS_SHAPE_LINES; line++)
        if (rs_shape_has_line(s->config, line) && (!tree || line == tree))
            decide(s, line, line_reading.direction);
}
