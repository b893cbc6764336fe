/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The queue loop: one thread, one NFQUEUE, one worker. A turn is: receive what waits (up to RS_BATCH packets in one call),
 * judge, send all verdicts in one call, answer requests by the page.
 */
#ifndef RS_QUEUE_H
#define RS_QUEUE_H

#include "page.h"
#include "tables.h"
#include "worker.h"

#define RS_BATCH 64u
/* Bytes of a packet copied to us. A ClientHello with post-quantum keys is 1.7-2.2 kB and comes as one packet where GRO
 * merged its segments; a request head with cookies has Host within the first kilobyte. With netlink's headers (some 200
 * bytes) the message stays within a page, which is what the kernel allocates for it. Larger copies only cost: the first
 * packets of a bulk flow are merged ones of up to 64 kB. */
#define RS_COPY_BYTES 3584u
/* Packets that may wait in the kernel, merged ones of up to 64 kB among them: should we hang, a small box must not run out
 * of memory. More than these pass (NFQA_CFG_F_FAIL_OPEN). */
#define RS_QUEUE_LENGTH 1024u

struct rs_queue {
    struct rs_worker worker;
    struct rs_tables_box *tables;
    struct rs_page_sender page;
    const _Atomic int *stop;
    int fd;
    uint16_t number;
    int result; /* of the thread, negative errno */
};

int rs_queue_open(
    struct rs_queue *queue); /* binds queue->number; negative errno: -EBUSY when another process reads it */
void rs_queue_close(struct rs_queue *queue);
void *rs_queue_run(void *queue); /* the thread; returns when *stop is set or the socket fails */

#endif
