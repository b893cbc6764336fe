/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All flows of a capture, however many: the classifier's own table forgets, a report must not. Grows by allocation. */
#ifndef RS_CAPTURE_FLOWS_H
#define RS_CAPTURE_FLOWS_H

#include <stdint.h>
#include <stdio.h>

#include "api.h"

struct rs_capture_flow {
    rs_result last;                  /* what the last packet said */
    uint32_t packets, decided_after; /* decided_after: packets until the first decision, 0 none */
    uint64_t bytes, decided_bytes;   /* of payload: so far, and until the first decision */
};

struct rs_capture_flows {
    struct rs_capture_flow *flows; /* in the order of their first packets */
    uint32_t count, room;
    uint32_t *slots; /* open addressing: index + 1 */
    uint32_t slot_count;
};

/* Counts one packet. */
void rs_capture_flows_add(struct rs_capture_flows *all, const rs_result *result);
/* One JSON object a line. */
void rs_capture_flows_print(const struct rs_capture_flows *all, const rs_apps *apps, FILE *out);
void rs_capture_flows_free(struct rs_capture_flows *all);

#endif
