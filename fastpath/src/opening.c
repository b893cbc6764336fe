/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "opening.h"

#include <string.h>

#define RANDOM_BYTES 32u /* fewer say too little */

/* Direction does not matter: who the client is may be told otherwise later. A connection that follows on the same ports
 * keeps what the one before began with; it is the same program. */
static uint32_t tag_of(const rs_result *r)
{
    uint32_t tag = (uint32_t)r->client_port * r->server_port + r->transport, words[4];

    for (int side = 0; side < 2; side++) {
        memcpy(words, side ? r->server : r->client, 16);
        tag += (words[0] ^ words[1] * 3 ^ words[2] * 5 ^ words[3] * 7) * 0x9e3779b1u;
    }
    return tag | 1;
}

void rs_opening_note(struct rs_opening *o, const rs_result *r, const rs_packet *packet)
{
    uint32_t side = !r->from_client, length = r->payload_length, tag = tag_of(r);

    if (o->tag != tag) {
        memset(o, 0, sizeof *o);
        o->tag = tag;
    }
    if (o->length[side] == 0 && length > 0) {
        length = length < RS_OPENING_SIZE ? length : RS_OPENING_SIZE;
        memcpy(o->bytes[side], packet->data + r->payload_offset, length);
        o->length[side] = (uint8_t)length;
    }
    if (r->ja4[0] != 0)
        memcpy(o->ja4, r->ja4, sizeof o->ja4);
}

const struct rs_opening *rs_opening_of(const struct rs_opening *o, const rs_result *r)
{
    return o->tag == tag_of(r) ? o : NULL;
}

/*
 * The rules by which a national firewall finds fully encrypted protocols (Wu et al., "How the Great Firewall of China
 * Detects and Blocks Fully Encrypted Traffic", USENIX Security 2023): about as many ones as zeros, and no text.
 */
int rs_opening_is_random(const struct rs_opening *o)
{
    uint32_t length = o->length[0], ones = 0, printable = 0, run = 0, longest = 0, first = 0;

    if (length < RANDOM_BYTES)
        return 0;
    for (uint32_t i = 0; i < length; i++) {
        int is_printable = o->bytes[0][i] >= 0x20 && o->bytes[0][i] < 0x7f;

        ones += (uint32_t)__builtin_popcount(o->bytes[0][i]);
        printable += (uint32_t)is_printable;
        run = is_printable ? run + 1 : 0;
        longest = run > longest ? run : longest;
        first += is_printable && i < 6;
    }
    return ones * 10 > length * 34 && ones * 10 < length * 46 && first < 6 && printable * 2 <= length && longest <= 20;
}
