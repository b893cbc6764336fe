/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What flows that nothing named at once began with: the first bytes of both sides and the fingerprint of a TLS client, for
 * the person who shall find out what they are. Beside the flow table, so that flows that are recognised do not pay.
 */
#ifndef RS_OPENING_H
#define RS_OPENING_H

#include "api.h"

struct rs_opening {
    _Alignas(64) uint32_t tag; /* of the flow it belongs to; places of the flow table change hands */
    uint8_t length[2];         /* by side, 0 the client's; 0: has not spoken */
    uint8_t confidence;        /* in per cent, where the application was told by behaviour; 0: it was not */
    uint8_t bytes[2][RS_OPENING_SIZE];
    char ja4[RS_JA4_SIZE];
};

_Static_assert(sizeof(struct rs_opening) == 128, "an opening is two cache lines");

/* Notes what the packet adds to the place of its flow. */
void rs_opening_note(struct rs_opening *opening, const rs_result *result, const rs_packet *packet);
/* NULL when the place is another flow's. */
const struct rs_opening *rs_opening_of(const struct rs_opening *opening, const rs_result *result);
/* Whether the client's first bytes are ciphertext from the very first on, as obfuscated protocols send them. */
int rs_opening_is_random(const struct rs_opening *opening);

#endif
