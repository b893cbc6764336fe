/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the shaper's loop share (shape.c, shape_class.c, shape_tree.c, shape_load.c, shape_state.c): its state,
 * and the steps of a tick. One thread; every function takes the shaper it works on.
 */
#ifndef RS_SHAPER_H
#define RS_SHAPER_H

#include <errno.h>

#include "shape.h"

#define RS_SHAPER_AGE_EVERY    (10000u / RS_SHAPE_TICK_MS)
#define RS_SHAPER_ACTIVE_TICKS (3000u / RS_SHAPE_TICK_MS) /* so long after its last byte a host is still active */
#define RS_SHAPER_BATCH        512u

/* What one line carries in one direction. */
struct rs_carried {
    uint64_t bytes, used_bps;
    uint32_t backlog, scale, active;
    struct rs_shared {
        uint64_t wanted, used_bps, set_rate, set_ceil; /* wanted: what its active hosts are guaranteed together */
    } groups[RS_SHAPE_GROUPS];
    struct rs_load load;
    struct rs_congestion congestion;
};

/* tree 0 holds all lines downwards, tree L line L upwards. */
struct rs_tree {
    int index; /* of its device, 0: not there */
    uint32_t plantings;
    uint64_t read_ms;
    int is_busy;
};

struct rs_class_batch {
    struct rs_class classes[RS_SHAPER_BATCH];
    uint32_t count;
    int is_new;
};

struct rs_shaper {
    rs_shm *shm;
    struct rs_tc tc;
    int nft_fd;
    struct rs_shape_config *config;
    struct rs_tree trees[RS_SHAPE_LINES];
    struct rs_carried carried[RS_SHAPE_LINES][2];
    struct rs_shaped_hosts hosts;
    struct rs_class_batch batch;
    uint64_t tick_ms;
    uint32_t ticks, errors;
    int last_error, is_map_torn;  /* elements are missing: filled anew when there is time */
    int lan_index[RS_SHAPE_LANS]; /* of the devices that are sent through the one between */
    uint64_t table;               /* nft's, that the maps were last filled in; 0 none */
};

static inline uint32_t rs_shaper_tree_of(uint32_t line, int direction)
{
    return direction == RS_UP ? line : 0;
}

static inline int rs_shape_has_line(const struct rs_shape_config *c, uint32_t line)
{
    return c->lines[line].device[0] != 0;
}

/* What a host may have, NULL: whatever is left over. */
static inline const struct rs_shape_limit *rs_shaper_limit_of(const struct rs_shaper *s,
                                                              const struct rs_shaped_host *host)
{
    return host->limit ? &s->config->limits[host->limit - 1] : NULL;
}

static inline void rs_shaper_note(struct rs_shaper *s, int result)
{
    if (result < 0 && result != -ENODEV) {
        s->errors++;
        s->last_error = -result;
    }
}

/* ---- shape_class.c: what a class shall be, by what is decided now ---- */

struct rs_class rs_shaper_line_class(const struct rs_shape_config *c, uint32_t line, int direction, uint32_t slot);
struct rs_class rs_shaper_group_class(const struct rs_shaper *s, uint32_t line, int direction, uint32_t group);
struct rs_class rs_shaper_host_class(const struct rs_shaper *s, uint32_t slot, uint32_t line, int direction);
/* What a group takes of the line's guarantees: its own, or its hosts' where those are more, but not above its maximum. */
uint64_t rs_shaper_group_minimum(const struct rs_shape_config *c, int direction, uint32_t group,
                                 const struct rs_carried *carried);

/* ---- shape_tree.c: carrying it out ---- */

void rs_shaper_put_host(struct rs_shaper *s, uint32_t slot, uint32_t line, int direction, int is_new);
void rs_shaper_flush(struct rs_shaper *s, uint32_t tree); /* sends the classes that were put */
void rs_shaper_plant(struct rs_shaper *s, uint32_t tree);
/* Plants where a device came, came anew (a dialled line), or went. */
void rs_shaper_tend(struct rs_shaper *s, uint32_t tree);
void rs_shaper_tend_intermediate(struct rs_shaper *s);
/* Whether the tree holds all that it is for: downwards, the packets of every LAN that is there. */
int rs_shaper_is_whole(const struct rs_shaper *s, uint32_t tree);
void rs_shaper_set_scales(struct rs_shaper *s); /* as long as nothing is known every guarantee can be given */
void rs_shaper_regroup(struct rs_shaper *s);
void rs_shaper_adjust(struct rs_shaper *s, uint32_t line, int direction);

/* ---- shape_load.c: reading counters, and deciding ---- */

void rs_shaper_read_tree(struct rs_shaper *s, uint32_t tree, uint64_t now_ms);

#endif
