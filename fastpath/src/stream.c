/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bounded reassembly: see stream.h for its rules. */

#include "stream.h"

#include <stddef.h>
#include <string.h>

uint16_t rs_stream_take(struct rs_stream_pool *pool, uint32_t owner)
{
    uint32_t best = 0, age = 0;

    pool->clock++;
    for (uint32_t i = 0; i < pool->count; i++) {
        if (pool->streams[i].owner == 0) {
            best = i;
            age = 0;
            break;
        }
        if (pool->clock - pool->streams[i].used >= age) {
            age = pool->clock - pool->streams[i].used;
            best = i;
        }
    }
    pool->evicted += pool->streams[best].owner != 0;
    memset(&pool->streams[best], 0, offsetof(struct rs_stream, data));
    pool->streams[best].owner = owner;
    pool->streams[best].used = pool->clock;
    return (uint16_t)best;
}

struct rs_stream *rs_stream_get(struct rs_stream_pool *pool, uint16_t index, uint32_t owner)
{
    if (index >= pool->count || pool->streams[index].owner != owner)
        return NULL;
    pool->streams[index].used = ++pool->clock;
    return &pool->streams[index];
}

void rs_stream_release(struct rs_stream_pool *pool, uint16_t index, uint32_t owner)
{
    if (index < pool->count && pool->streams[index].owner == owner)
        pool->streams[index].owner = 0;
}

/* Enters [start, end) into the list; 0 when the list is full, and then the piece does not count. */
static int enter(struct rs_stream *s, uint32_t start, uint32_t end)
{
    uint32_t at = 0, last;

    while (at < s->pieces && s->piece[at].end < start)
        at++;
    last = at;
    while (last < s->pieces && s->piece[last].start <= end) {
        start = s->piece[last].start < start ? s->piece[last].start : start;
        end = s->piece[last].end > end ? s->piece[last].end : end;
        last++;
    }
    if (last == at) {
        if (s->pieces == RS_STREAM_PIECES)
            return 0;
        memmove(&s->piece[at + 1], &s->piece[at], (s->pieces - at) * sizeof s->piece[0]);
        s->pieces++;
    } else {
        memmove(&s->piece[at + 1], &s->piece[last], (s->pieces - last) * sizeof s->piece[0]);
        s->pieces -= last - at - 1;
    }
    s->piece[at].start = (uint16_t)start;
    s->piece[at].end = (uint16_t)end;
    return 1;
}

/* Copies only where nothing is yet: whoever sends a second, other copy does not change what was judged. */
static void copy_missing(struct rs_stream *s, uint32_t start, uint32_t end, const uint8_t *data)
{
    uint32_t at = start;

    for (uint32_t i = 0; i < s->pieces && at < end; i++) {
        if (s->piece[i].end <= at)
            continue;
        if (s->piece[i].start >= end)
            break;
        if (s->piece[i].start > at)
            memcpy(s->data + at, data + (at - start), s->piece[i].start - at);
        at = s->piece[i].end;
    }
    if (at < end)
        memcpy(s->data + at, data + (at - start), end - at);
}

void rs_stream_add(struct rs_stream *stream, uint64_t offset, const uint8_t *data, uint32_t length)
{
    uint32_t start, end;

    if (offset >= RS_STREAM_BYTES || length == 0)
        return;
    start = (uint32_t)offset;
    end = length > RS_STREAM_BYTES - start ? RS_STREAM_BYTES : start + length;
    copy_missing(stream, start, end, data);
    enter(stream, start, end);
}

uint32_t rs_stream_ready(const struct rs_stream *stream)
{
    return stream->pieces > 0 && stream->piece[0].start == 0 ? stream->piece[0].end : 0;
}
