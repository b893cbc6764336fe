/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shaper: one HTB tree per line and direction, a class per host and line, made when the host is first seen there.
 *
 * Units: rates are bits per second, 0 is "none given"; time is milliseconds. The configuration is a text that rsd writes
 * (firmware/features/qos.py); hosts come from the shared file; classes and their counters are the kernel's (tc-htb(8)).
 * A class is 1:LNNN, L the line, NNN one of the slots below, the same in both directions; upwards the tree stands on the
 * line's device, downwards one tree holds all lines, on the LAN's device or, for several, on an intermediate one.
 */
#ifndef RS_SHAPE_H
#define RS_SHAPE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "shm.h"

#define RS_SHAPE_LINES   8u /* places; lines are 1..7 */
#define RS_SHAPE_DEVICES 16u
#define RS_SHAPE_LANS    16u
#define RS_SHAPE_GROUPS  240u
#define RS_SHAPE_LIMITS  4096u

/* NNN of a class */
#define RS_SLOT_LINE   0x000u
#define RS_SLOT_HOSTS  0xeffu /* hosts have 1..RS_SLOT_HOSTS */
#define RS_SLOT_GROUP  0xf00u /* plus the group's number */
#define RS_SLOT_OTHERS 0xffeu
#define RS_SLOT_FIRST  0xfffu

#define RS_SHAPE_FIRST_PERCENT 10u /* of a line, guaranteed to what goes first */

#define RS_SHAPE_DEVICE 16
#define RS_SHAPE_NAME   40

enum rs_direction { RS_UP, RS_DOWN };

struct rs_rates {
    uint64_t min, max;
};

struct rs_shape_line {
    char device[RS_SHAPE_DEVICE]; /* "": no such line */
    uint64_t rate[2];             /* of the whole line, as it shall be used */
};

/* Hosts that share a rate. */
struct rs_shape_group {
    char name[RS_SHAPE_NAME];
    struct rs_rates rates[2];
    uint8_t is_always;
};

/* What each of some hosts gets. priority: 0 first .. 7 last, who gets what is left over. */
struct rs_shape_limit {
    char name[RS_SHAPE_NAME];
    struct rs_rates rates[2];
    uint16_t group; /* number + 1, 0 none */
    uint8_t priority, is_always;
};

struct rs_shape_range {
    uint8_t first[16], last[16];
    uint16_t limit;
};

struct rs_shape_mac {
    uint64_t mac;
    uint16_t limit;
};

struct rs_shape_config {
    char down[RS_SHAPE_DEVICE];
    char lans[RS_SHAPE_LANS][RS_SHAPE_DEVICE]; /* what is sent to `down` from; none: it is the LAN's own device */
    uint32_t lan_count, group_count, limit_count, range_count, mac_count;
    struct rs_shape_line lines[RS_SHAPE_LINES];
    struct rs_shape_group groups[RS_SHAPE_GROUPS];
    struct rs_shape_limit *limits; /* by position: the lowest that holds counts */
    struct rs_shape_range *ranges; /* ascending, disjoint */
    struct rs_shape_mac *macs;     /* ascending */
    uint16_t default_limit;        /* number + 1, 0 none */
    uint8_t is_smart, full_percent, first_percent;
    uint32_t max_delay_ms;
};

/* ---- shape_config.c ---- */

/* Reads the text. -EINVAL with line and reason in error, -ENOMEM. */
int rs_shape_parse(const char *text, size_t length, struct rs_shape_config **out, char *error);
void rs_shape_free(struct rs_shape_config *config);
/* The limit of a host, number + 1, 0 none. */
uint16_t rs_shape_limit_of(const struct rs_shape_config *config, const rs_identity *host);
/* Whether devices, groups and lanes are the same, so that trees of one can serve the other. */
int rs_shape_is_same_tree(const struct rs_shape_config *a, const struct rs_shape_config *b);

/* ---- shape_control.c: decisions without I/O ---- */

/* What one line carries in one direction. A contender wants more than it is guaranteed. */
struct rs_load {
    uint64_t rate_bps, used_bps;
    uint32_t contenders, at_max;
    int is_slow; /* its delay is above the limit */
};

struct rs_congestion {
    uint8_t is_congested, ticks; /* how often in a row the other state was found */
};

/* Takes a tick's load in; whether maximums hold now. full_percent: of the rate, from which a line counts as full. */
int rs_shape_congested(struct rs_congestion *state, const struct rs_load *load, uint32_t full_percent);
/* What of every guarantee can be given, in 1/1024, when those of active hosts sum up to `wanted`. */
uint32_t rs_shape_scale(uint64_t rate_bps, uint32_t first_percent, uint64_t wanted);

/* ---- shape_tc.c: the kernel's trees ---- */

struct rs_tc {
    int fd;
    int has_fq_codel;
};

struct rs_class {
    uint32_t id, parent; /* minor numbers; parent 0: the tree's root */
    uint64_t rate, ceil; /* bits per second */
    uint32_t quantum;    /* bytes */
    uint8_t priority, is_leaf;
};

typedef void (*rs_class_heard)(uint32_t minor, uint64_t bytes, uint32_t backlog, void *context);

int rs_tc_open(struct rs_tc *tc);
void rs_tc_close(struct rs_tc *tc);
/* A fresh tree on a device; what is unclassified goes to class 1:default_minor, or past the tree (0). */
int rs_tc_plant(struct rs_tc *tc, int index, uint32_t default_minor);
int rs_tc_fell(struct rs_tc *tc, int index);
/* Makes or changes classes (changing keeps what is queued); a new leaf gets its queue. */
int rs_tc_set(struct rs_tc *tc, int index, const struct rs_class *classes, uint32_t count, int is_new);
int rs_tc_remove(struct rs_tc *tc, int index, const uint32_t *minors, uint32_t count);
int rs_tc_read(struct rs_tc *tc, int index, rs_class_heard heard, void *context);
/* Counters of one class; -ENOENT when it is not there. */
int rs_tc_read_one(struct rs_tc *tc, int index, uint32_t minor, rs_class_heard heard, void *context);
/* Sends all that leaves by `from` through `to`, an intermediate device that is made where it lacks. */
int rs_tc_make_intermediate(struct rs_tc *tc, const char *name, int *index);
int rs_tc_redirect(struct rs_tc *tc, int from, int to);
int rs_tc_undirect(struct rs_tc *tc, int from);
int rs_tc_delete_device(struct rs_tc *tc, int index);

/* ---- shape_map.c: which class a host's packets get, as elements of nft's maps host4 and host6 ---- */

struct rs_map_element {
    uint8_t address[16];
    uint32_t line, minor;
};

/* The kernel's number of the table; another one than before is a new table with empty maps. -ENOENT: there is none. */
int rs_map_table(int fd, uint64_t *handle);
int rs_map_flush(int fd);
int rs_map_change(int fd, const struct rs_map_element *elements, uint32_t count, int is_add);

/* ---- shape_hosts.c: who is shaped ---- */

/* A host's class on one line in one direction. */
struct rs_share {
    uint64_t bytes, set_rate, set_ceil;
    uint64_t used_bps;
    uint32_t backlog, idle_ticks; /* ticks since its counter last moved */
};

struct rs_shaped_host {
    uint64_t key;          /* 0 free */
    uint16_t limit, group; /* number + 1, 0 none; group: under which its classes were made */
    uint16_t wanted;       /* limit by the addresses it has in this scan */
    uint16_t next, addresses;
    uint8_t lines, fresh; /* bits: where it has classes; where they are still to be made */
    uint8_t address[16];  /* the first one seen */
};

/* One per place of the shared host table: what the maps have of it. */
struct rs_shaped_address {
    uint8_t address[16];
    uint16_t slot; /* 0 none */
    uint8_t lines;
};

/* How the maps have an address on a line. */
static inline struct rs_map_element rs_shaped_element(const struct rs_shaped_address *known, uint32_t line)
{
    struct rs_map_element element = {.line = line, .minor = line << 12 | known->slot};

    memcpy(element.address, known->address, sizeof element.address);
    return element;
}

struct rs_shaped_hosts {
    rs_shm *shm;
    struct rs_shaped_host hosts[RS_SLOT_HOSTS + 1];
    struct rs_share (*shares[RS_SHAPE_LINES])[2];  /* by line, slot, direction; NULL where no host was ever seen */
    struct rs_shaped_address known[RS_HOST_SLOTS]; /* by place in the shared table */
    uint16_t buckets[4096];
    uint32_t highest, count, refused; /* refused: hosts for which there was no slot */
    int is_relimited;                 /* a host's limit is another since the caller looked */
    uint64_t changes;                 /* of the shared table that were taken in */
    struct rs_map_element *added, *removed;
    uint32_t added_count, removed_count;
};

int rs_shaped_hosts_init(struct rs_shaped_hosts *h, rs_shm *shm);
void rs_shaped_hosts_clear(struct rs_shaped_hosts *h);
/* Takes in what the shared table has new: fills hosts' `fresh`, and added and removed, which the caller empties. */
void rs_shaped_hosts_scan(struct rs_shaped_hosts *h, const struct rs_shape_config *config, uint32_t lines);
/* Looks all limits up anew. */
void rs_shaped_hosts_relimit(struct rs_shaped_hosts *h, const struct rs_shape_config *config);
/* A host is no longer on a line; its elements are in removed, and the shared table will tell when it comes again. */
void rs_shaped_hosts_leave(struct rs_shaped_hosts *h, uint32_t slot, uint32_t line);
void rs_shaped_hosts_free(struct rs_shaped_hosts *h);

/* ---- shape.c: the loop ---- */

struct rs_shaper;

#define RS_SHAPE_TICK_MS 250

int rs_shaper_open(struct rs_shaper **out, rs_shm *shm);
/* Takes a configuration over and owns it; NULL takes everything down. */
int rs_shaper_configure(struct rs_shaper *s, struct rs_shape_config *config);
/* Every RS_SHAPE_TICK_MS: new hosts, loads, decisions. */
void rs_shaper_tick(struct rs_shaper *s, uint64_t now_ms);
/* What the page shows, as JSON. */
void rs_shaper_write(const struct rs_shaper *s, FILE *out);
void rs_shaper_close(struct rs_shaper *s);

#endif
