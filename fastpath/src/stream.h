/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bounded reassembly: a pool of buffers that put the pieces of one direction of a flow (TCP segments, QUIC CRYPTO
 * frames) in order. A piece may come early, twice, or overlap; the first copy of a byte counts.
 *
 * Eviction: when no buffer is free, the one that was used longest ago is taken; its flow does without (counted).
 */
#ifndef RS_STREAM_H
#define RS_STREAM_H

#include <stdint.h>

#define RS_STREAM_BYTES  8192u
#define RS_STREAM_PIECES 8u

struct rs_stream {
    uint32_t owner; /* flow * 2 + direction + 1; 0 free */
    uint32_t used;  /* value of the pool's clock when last touched */
    uint32_t pieces;
    struct {
        uint16_t start, end;
    } piece[RS_STREAM_PIECES]; /* ascending, disjoint, not touching */
    uint8_t key[20];           /* QUIC: the client's first connection id */
    uint8_t key_length;
    uint8_t data[RS_STREAM_BYTES];
};

struct rs_stream_pool {
    struct rs_stream *streams;
    uint32_t count, clock;
    uint64_t evicted;
};

/* Takes a buffer for the owner; its index. */
uint16_t rs_stream_take(struct rs_stream_pool *pool, uint32_t owner);
/* The owner's buffer, or NULL when it was given to somebody else. */
struct rs_stream *rs_stream_get(struct rs_stream_pool *pool, uint16_t index, uint32_t owner);
void rs_stream_release(struct rs_stream_pool *pool, uint16_t index, uint32_t owner);
/* Puts a piece in its place; what lies behind the buffer's end is dropped. */
void rs_stream_add(struct rs_stream *stream, uint64_t offset, const uint8_t *data, uint32_t length);
/* Bytes that are there without a gap from the start. */
uint32_t rs_stream_ready(const struct rs_stream *stream);

#endif
