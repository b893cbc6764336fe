/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shaper's loop: takes hosts in and lets them go, and has trees tended, counters read and maximums held. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink.h"
#include "shaper.h"

#define AGE_TICKS (300000u / RS_SHAPE_TICK_MS) /* of silence, after which a host gives its classes back */
#define ANSWER_S  3

static uint32_t lines_mask(const struct rs_shape_config *c)
{
    uint32_t mask = 0;

    for (uint32_t line = 1; line < RS_SHAPE_LINES; line++)
        mask |= rs_shape_has_line(c, line) ? 1u << line : 0;
    return mask;
}

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
            if (!(h->known[i].lines >> line & 1))
                continue;
            if (h->added_count == RS_HOST_SLOTS) {
                rs_shaper_note(s, rs_map_change(s->nft_fd, h->added, h->added_count, 1));
                h->added_count = 0;
            }
            h->added[h->added_count++] = rs_shaped_element(&h->known[i], line);
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
        rs_shaper_regroup(s);
        for (uint32_t line = 1; line < RS_SHAPE_LINES; line++)
            for (int d = 0; d < 2 && rs_shape_has_line(s->config, line); d++)
                rs_shaper_adjust(s, line, d);
    }
    if (h->removed_count)
        rs_map_change(s->nft_fd, h->removed, h->removed_count, 0);
    h->removed_count = 0;
    for (uint32_t tree = 0; tree < RS_SHAPE_LINES; tree++) {
        for (uint32_t slot = 1; slot <= h->highest; slot++)
            for (uint32_t line = 1; h->hosts[slot].fresh && line < RS_SHAPE_LINES; line++)
                if (h->hosts[slot].fresh >> line & 1 && (!tree || line == tree))
                    rs_shaper_put_host(s, slot, line, tree ? RS_UP : RS_DOWN, 1);
        rs_shaper_flush(s, tree);
    }
    for (uint32_t slot = 1; slot <= h->highest; slot++) {
        const struct rs_shape_limit *limit = rs_shaper_limit_of(s, &h->hosts[slot]);

        if (h->hosts[slot].fresh)
            h->hosts[slot].group = limit ? limit->group : 0;
        h->hosts[slot].lines |= h->hosts[slot].fresh;
        h->hosts[slot].fresh = 0;
    }
    refill(s);
    if (h->added_count && (result = rs_map_change(s->nft_fd, h->added, h->added_count, 1)) < 0) {
        rs_shaper_note(s, result);
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
                if (s->trees[rs_shaper_tree_of(line, d)].index)
                    rs_tc_remove(&s->tc, s->trees[rs_shaper_tree_of(line, d)].index, &minor, 1);
        }
}

void rs_shaper_tick(struct rs_shaper *s, uint64_t now_ms)
{
    if (!s->config)
        return;
    rs_shaper_tend_intermediate(s);
    for (uint32_t tree = 0; tree < RS_SHAPE_LINES; tree++)
        if (!tree || rs_shape_has_line(s->config, tree))
            rs_shaper_tend(s, tree);
    tend_hosts(s);
    for (uint32_t tree = 0; tree < RS_SHAPE_LINES; tree++)
        if (s->trees[tree].index)
            rs_shaper_read_tree(s, tree, now_ms);
    if (s->ticks++ % RS_SHAPER_AGE_EVERY == 0) {
        age(s);
        s->table = s->is_map_torn ? 0 : s->table;
        s->is_map_torn = 0;
    }
    s->tick_ms = now_ms;
}

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
    rs_shaper_set_scales(s);
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
