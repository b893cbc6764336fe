/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One dissector. Input: a byte (bit 0 from the server, bits 4-5 portions less one), packets before in this direction, in the
 * other, two ports, then the bytes: of a stream that grows by portions, or so many datagrams.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define HEADER 7u

static enum rs_state ask(struct asking *a, const uint8_t *data, uint32_t length)
{
    uint8_t *copy = fuzz_copy(data, length);
    enum rs_state state = asking_next(a, copy, length);

    CHECK(state == RS_NEED_MORE || state == RS_DECIDED || state == RS_EXCLUDED);
    CHECK(a->d.protocol < RS_P_COUNT && a->d.application < RS_P_COUNT);
    CHECK(state != RS_DECIDED || a->d.protocol != RS_P_UNKNOWN);
    fuzz_check_host(a->d.host);
    if (state == RS_NEED_MORE && a->d.protocol != RS_P_UNKNOWN)
        a->d.flow->flags |= RS_FLOW_PARTIAL;
    free(copy);
    return state;
}

void row_run(const struct rs_row *row, const uint8_t *data, size_t length)
{
    struct asking a;
    uint32_t portions, size, at = 0;
    enum rs_state state = RS_NEED_MORE;

    if (length <= HEADER || length > 8192)
        return;
    asking_begin(&a, fuzz_classifier(), row, rs_be16(data + 3), rs_be16(data + 5));
    a.d.from_client = (data[0] & 1) == 0;
    a.d.index = data[1];
    a.d.others = data[2];
    portions = (data[0] >> 4 & 3u) + 1;
    data += HEADER;
    size = (uint32_t)(length - HEADER) / portions;
    for (uint32_t i = 0; i < portions && state == RS_NEED_MORE; i++) {
        uint32_t end = i + 1 == portions ? (uint32_t)(length - HEADER) : at + size;

        state = a.d.transport == RS_TCP ? ask(&a, data, end) : ask(&a, data + at, end - at);
        at = end;
    }
}

void row_seed(const struct rs_row *row)
{
    uint8_t input[HEADER + 4 * SAMPLE_BYTES];
    const struct sample *s;

    for (uint32_t n = 0; (s = sample_at(n)) != NULL; n++) {
        uint32_t times = s->times > 1 && s->times <= 4 ? s->times : 1, length, client;

        if (strcmp(s->row, row->name) != 0)
            continue;
        client = s->client_port ? s->client_port : CLIENT_PORT;
        memcpy(input,
               (uint8_t[]){(uint8_t)((times - 1) << 4 | s->is_from_server), 0, s->others, (uint8_t)(client >> 8),
                           (uint8_t)client, (uint8_t)(s->port >> 8), (uint8_t)s->port},
               HEADER);
        length = sample_fill(s, input + HEADER);
        for (uint32_t i = 1; i < times; i++)
            memcpy(input + HEADER + i * length, input + HEADER, length);
        seed_write(input, HEADER + times * length);
    }
}
