/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One queue thread's judgement: packet and ct mark in, new ct mark out. No I/O, no clock, no allocation, no lock but on DNS
 * answers when there are several threads; tested without root.
 */
#ifndef RS_WORKER_H
#define RS_WORKER_H

#include <pthread.h>

#include "shm.h"
#include "tables.h"
#include "view.h"

#define RS_MARK_APP              0x00000fffu
#define RS_MARK_WAN              0x0000f000u
#define RS_MARK_PRIORITY         0x000f0000u
#define RS_MARK_ACTION_SHIFT     20
#define RS_MARK_GENERATION_SHIFT 24
#define RS_MARK_QUEUE            0x40000000u
#define RS_MARK_DECIDED          0x80000000u
#define RS_PACKETS               8u /* of a flow; below the N of the rules, so that a decision always finds a packet to travel on */

#define RS_DNS_SLOTS 64u
#define RS_DNS_BYTES 1500u

/* DNS answers seen by any thread, for all: a client's first packet may be another thread's. Each thread reads the board
 * before each batch, and the client has no address to send to before the answer's verdict was given. */
struct rs_dns_board {
    pthread_mutex_t lock;
    _Atomic uint64_t written;
    struct {
        uint32_t length, author;
        uint8_t data[RS_DNS_BYTES];
    } slots[RS_DNS_SLOTS];
};

struct rs_worker {
    uint32_t index, packets_limit;
    rs_shm *shm;
    struct rs_worker_shared *shared;
    struct rs_ring *ring;
    rs_classifier *classifier;
    struct rs_dns_board *board; /* NULL: this thread is the only one */
    uint64_t board_read;
    const rs_apps *apps; /* what the classifier was told last */
    uint32_t numbering;
    uint32_t flows, seed;
};

struct rs_verdict {
    uint32_t mark;
    uint16_t application;
    uint8_t wants_page; /* answer this packet, a request, by the block page */
    uint8_t host_is_source;
};

/* Lays the worker out over its part of the shared file; the flow table starts anew. */
int rs_worker_init(struct rs_worker *worker, rs_shm *shm, uint32_t index, struct rs_dns_board *board, uint32_t packets);
/* Before a batch: takes note of new tables and of the other threads' DNS answers. */
void rs_worker_turn(struct rs_worker *worker, const struct rs_tables *tables, uint64_t now_ms);
void rs_worker_packet(struct rs_worker *worker, const struct rs_tables *tables, const rs_packet *packet, uint32_t mark,
                      struct rs_verdict *out);

#endif
