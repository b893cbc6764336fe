/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables in force: application database and policy, always as a pair that fits together. Readers (queue threads and
 * the account thread) take the pair for a turn; the main thread swaps the pointer and frees the old pair when every reader
 * that was within a turn has ended it. A reader between turns never delays that.
 */
#ifndef RS_TABLES_H
#define RS_TABLES_H

#include <stdatomic.h>

#include "api.h"
#include "shm.h"

#define RS_READERS_MAX (RS_QUEUES_MAX + 1)

struct rs_tables {
    rs_policy *policy; /* NULL: none was loaded yet, everything passes unjudged */
    rs_apps *apps;     /* NULL: none was loaded yet; shared by successive pairs while the database stays the same */
    void *apps_data;   /* mapped */
    size_t apps_length;
    uint32_t generation;
    uint32_t numbering; /* of the database: another number, another database */
    uint64_t foreign;   /* bit g: marks of generation g carry application numbers that mean something else now */
};

struct rs_tables_box {
    _Atomic(const struct rs_tables *) current;
    _Atomic uint32_t *turns[RS_READERS_MAX];
    _Atomic uint32_t *adopted[RS_READERS_MAX]; /* by queue thread: the numbering its classifier uses */
    uint32_t readers;                          /* queue threads and, last, the account thread */
};

/* Loads what the files beside the shared file hold, as far as the header asks for something new (or is_start). The header
 * gets the loaded or refused serials and the reason. 1: swapped, 0: nothing new, -EINVAL: refused. */
int rs_tables_load(struct rs_tables_box *box, rs_shm *shm, const char *apps_path, int is_start);
void rs_tables_close(struct rs_tables_box *box);

static inline const struct rs_tables *rs_tables_enter(struct rs_tables_box *box, _Atomic uint32_t *turn)
{
    atomic_store(turn, atomic_load_explicit(turn, memory_order_relaxed) | 1); /* before the pointer is read: seq_cst */
    return atomic_load(&box->current);
}

static inline void rs_tables_leave(_Atomic uint32_t *turn)
{
    atomic_store_explicit(turn, (atomic_load_explicit(turn, memory_order_relaxed) | 1) + 1, memory_order_release);
}

#endif
