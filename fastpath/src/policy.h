/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Layout of a compiled policy table and of an opened one; shared by policy.c (load), policy_decide.c and the tests.
 *
 * The blob is native-endian: it is compiled on the box that loads it. Sections follow the header in the order of its
 * counts, each padded to 8 bytes. "Sets" are ascending lists of group numbers, stored once however often used; set 0 is
 * empty. A second table behind it, over the same applications, tells what goes first on a line. Address tables hold only where an interval starts: it runs to the next start, so gaps are intervals of set 0.
 */
#ifndef RS_POLICY_H
#define RS_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "api.h"

#define RS_POLICY_MAGIC    "RSPOLICY"
#define RS_POLICY_ORDER    0x01020304u
#define RS_POLICY_ROWS_MAX 65534u
#define RS_POLICY_CLASSES  2048u /* cached per thread, four-way associative */
#define RS_POLICY_WAYS     4u

struct rs_policy_header {
    char magic[8];
    uint32_t version, order, length, crc; /* crc: CRC-32 of everything behind it */
    uint32_t generation, apps, apps_crc, groups;
    uint32_t sets, members, v4, v6, macs, appsets, rows, locals, url, reserved;
};

struct rs_policy_row {
    uint32_t groups; /* set: one of them must hold; set 0 is everybody */
    uint32_t except; /* set: none of them may hold */
    uint32_t appset; /* applications, 0 (unknown) included */
    uint32_t action;
};

/* What the rows say to hosts of one class: the same groups by address, alias and MAC. */
struct rs_policy_class {
    uint32_t address_set, alias_set, mac_set;
    uint8_t is_used, is_certain;
};

struct rs_policy_cache {
    struct rs_policy_class *classes; /* RS_POLICY_CLASSES */
    uint16_t *rows;                  /* [class][apps + 1]: row + 1, 0 none */
    uint64_t *groups;                /* scratch bitset */
    uint32_t next_way;
};

struct rs_policy {
    struct rs_policy_header *blob; /* own copy */
    uint32_t words;                /* of 64 bits per appset */
    const uint32_t *set_start, *members, *v4_start, *v4_set, *v6_set, *mac_set;
    const uint8_t (*v6_start)[16];
    const uint64_t *macs, *appsets;
    const struct rs_policy_row *rows;
    const uint8_t (*locals)[2][16]; /* first, last */
    const char *url;
    uint32_t threads;
    void *cache_memory;
    size_t cache_length;
    struct rs_policy_cache *caches;
    struct rs_policy *lanes; /* the table behind: its action tells what goes first on a line; NULL: nothing does */
};

#endif
