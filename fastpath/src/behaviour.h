/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a host's unnamed flows look like taken together. A guess with a confidence: applications told so are marked as
 * suspected in the database, and no policy touches them unless it names them.
 */
#ifndef RS_BEHAVIOUR_H
#define RS_BEHAVIOUR_H

#include "opening.h"
#include "shm.h"

enum rs_suspicion { RS_SUSPECT_NOTHING = 0, RS_SUSPECT_P2P = 1, RS_SUSPECT_PROXY = 2 };

/* Takes one more flow of the host that nothing recognised into account. *confidence: per cent. */
enum rs_suspicion rs_behaviour_of(struct rs_host_slot *host, const struct rs_opening *opening, const rs_result *flow,
                                  uint64_t now_ms, uint8_t *confidence);

#endif
