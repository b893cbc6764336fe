/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One queue thread's judgement: packet and ct mark in, new ct mark out. No clock, no allocation, no lock, and no I/O but
 * telling the kernel the sites of an answer's addresses, where they are asked for; tested without root.
 */
#ifndef RS_WORKER_H
#define RS_WORKER_H

#include "shm.h"
#include "sites.h"
#include "tables.h"
#include "view.h"

#define RS_MARK_APP              0x00000fffu
#define RS_MARK_WAN              0x0000f000u
#define RS_MARK_PRIORITY         0x000f0000u
#define RS_MARK_WAN_SHIFT        12
#define RS_MARK_PRIORITY_SHIFT   16
#define RS_MARK_ACTION_SHIFT     20
#define RS_MARK_GENERATION_SHIFT 24
#define RS_MARK_QUEUE            0x40000000u
#define RS_MARK_DECIDED          0x80000000u
#define RS_PACKETS               8u /* queued ones of a flow; the N of the rules also counts those that are not queued */

struct rs_worker {
    uint32_t index, packets_limit;
    rs_shm *shm;
    struct rs_worker_shared *shared;
    struct rs_ring *ring;
    rs_classifier *classifier;
    const rs_apps *apps;   /* what the classifier was told last */
    uint16_t dns;          /* its number for DNS */
    uint16_t suspected[3]; /* its numbers by enum rs_suspicion */
    struct rs_opening *openings;
    struct rs_sites sites;
};

struct rs_verdict {
    uint32_t mark;
    uint16_t application;
    uint8_t wants_page;  /* answer this packet, a request, by the block page */
    uint8_t wants_reset; /* tell the host, to which this packet goes, by RST: the forward chain tells only the sender */
    uint8_t mac[6];      /* of that host; all zero unknown */
};

/* Lays the worker out over its part of the shared file; the flow table starts anew. first: the worker whose learned
 * servers it shares, NULL for that one itself. */
int rs_worker_init(struct rs_worker *worker, rs_shm *shm, uint32_t index, struct rs_worker *first, uint32_t packets);
/* Before a batch: takes new tables over. */
void rs_worker_turn(struct rs_worker *worker, const struct rs_tables *tables);
void rs_worker_packet(struct rs_worker *worker, const struct rs_tables *tables, const rs_packet *packet, uint32_t mark,
                      struct rs_verdict *out);

#endif
