/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QUIC: RFC 9000, RFC 9369 (version 2), RFC 8999 (what all versions share), the drafts, Facebook's mvfst and Google's
 * Q046, Q050, T050. The client's Initial packets are decrypted and their CRYPTO frames put together, in whatever order
 * and number they come; inside is a TLS ClientHello, or Google's CHLO with its tags.
 */

#include <string.h>

#include "../src/classifier.h"
#include "../src/quic_crypto.h"
#include "tls.h"

#define DATAGRAM_MAX  1600u
#define COALESCED_MAX 4u /* Initial packets of a datagram that are opened: clients send one, two when they are torn */
#define Q046          0x51303436u

struct initial {
    uint32_t version, header, length; /* header: bytes before the packet number; length: number and payload */
    const uint8_t *id;
    uint8_t id_length;
};

/* RFC 9000 16; 0 when it is cut off. */
static uint32_t variable(const uint8_t *p, uint32_t have, uint64_t *value)
{
    uint32_t size = have == 0 ? 1 : 1u << (p[0] >> 6);

    if (size > have)
        return 0;
    *value = p[0] & 0x3f;
    for (uint32_t i = 1; i < size; i++)
        *value = *value << 8 | p[i];
    return size;
}

static int is_google(uint32_t version)
{
    return (version >> 24 == 'Q' || version >> 24 == 'T') && (version >> 16 & 0xff) == '0';
}

static int is_version(uint32_t version)
{
    return rs_quic_version_known(version) || is_google(version) || version == 0 || version >> 8 == 0xff0000 ||
           version >> 8 == 0xfaceb0 || (version & 0x0f0f0f0f) == 0x0a0a0a0a;
}

/* Reads a long header up to the packet number. 0 when it is no Initial that can be opened. */
static int parse_initial(const uint8_t *p, uint32_t have, struct initial *out)
{
    uint64_t value;
    uint32_t at = 6, size, kind = p[0] >> 4 & 3;

    out->version = rs_be32(p + 1);
    if (kind != (rs_quic_version_is_2(out->version) ? 1u : 0u) || !rs_quic_version_known(out->version))
        return 0;
    out->id_length = p[5];
    if (out->id_length > RS_QUIC_ID_MAX || at + out->id_length + 1 > have)
        return 0;
    out->id = p + at;
    at += out->id_length;
    if (p[at] > RS_QUIC_ID_MAX || at + 1u + p[at] > have)
        return 0;
    at += 1u + p[at];
    size = variable(p + at, have - at, &value); /* token */
    if (size == 0 || value > have - at - size)
        return 0;
    at += size + (uint32_t)value;
    size = variable(p + at, have - at, &value);
    if (size == 0 || value > have - at - size || value < 20)
        return 0;
    out->header = at + size;
    out->length = (uint32_t)value;
    return 1;
}

/* The packet's clear text; its length, or negative. */
static int open_packet(struct rs_dissect *d, const uint8_t *p, const struct initial *in,
                       const struct rs_quic_keys *keys, uint8_t *out)
{
    struct rs_quic_crypto *q = d->classifier->quic;
    uint8_t header[DATAGRAM_MAX], mask[16];
    uint32_t size, number = 0;

    if (rs_quic_mask(q, keys, p + in->header + 4, mask) < 0)
        return -1;
    memcpy(header, p, in->header + 4);
    header[0] ^= mask[0] & 0x0f;
    size = (header[0] & 3u) + 1;
    for (uint32_t i = 0; i < size; i++) {
        header[in->header + i] ^= mask[1 + i];
        number = number << 8 | header[in->header + i];
    }
    return rs_quic_decrypt(q, keys, number, header, in->header + size, p + in->header + size, in->length - size, out);
}

static struct rs_stream *stream_of(struct rs_dissect *d)
{
    struct rs_classifier *c = d->classifier;
    uint16_t *slot = &d->flow->detail.open.stream[0];
    uint32_t owner = (uint32_t)(d->flow - c->table.flows) * 2 + 1;
    struct rs_stream *s = rs_stream_get(&c->pool, *slot, owner);

    if (s == NULL) {
        *slot = rs_stream_take(&c->pool, owner);
        s = rs_stream_get(&c->pool, *slot, owner);
    }
    return s;
}

/* PADDING is a frame of one zero byte, and an Initial may hold a thousand. */
static uint32_t skip_padding(const uint8_t *p, uint32_t length, uint32_t at)
{
    while (at + 8 <= length && rs_be64(p + at) == 0)
        at += 8;
    while (at < length && p[at] == 0)
        at++;
    return at;
}

/* Adds the CRYPTO frames of a packet; 0 at a frame that an Initial cannot carry. */
static int add_frames(struct rs_stream *s, const uint8_t *p, uint32_t length, int google)
{
    uint32_t at = 0;

    while ((at = skip_padding(p, length, at)) < length) {
        uint64_t offset, size, value;
        uint32_t n, kind = p[at++];

        if (kind == 1)
            continue;
        if (kind == 6 || (google && kind == 8)) {
            n = variable(p + at, length - at, &offset);
            at += n;
            if (n == 0 || (n = variable(p + at, length - at, &size)) == 0 || size > length - at - n)
                return 0;
            at += n;
            rs_stream_add(s, offset, p + at, (uint32_t)size);
            at += (uint32_t)size;
        } else if (kind == 2 || kind == 3) { /* ACK: largest, delay, count, first range, then pairs */
            uint64_t count = 0, fields = 4;

            for (uint64_t i = 0; i < fields; i++) {
                n = variable(p + at, length - at, &value);
                if (n == 0)
                    return 0;
                at += n;
                if (i == 2) {
                    count = value;
                    if (count > 64)
                        return 0;
                    fields = 4 + count * 2 + (kind == 3 ? 3 : 0);
                }
            }
        } else {
            return 0;
        }
    }
    return 1;
}

/* Google's CHLO: tags with end offsets, then their values. */
static enum rs_state google_hello(struct rs_dissect *d, const uint8_t *p, uint32_t have)
{
    const uint8_t *hello = memmem(p, have, "CHLO", 4), *values;
    uint32_t count, left, start = 0;

    d->protocol = RS_P_QUIC;
    if (hello == NULL)
        return RS_NEED_MORE;
    left = have - (uint32_t)(hello - p);
    if (left < 8)
        return RS_NEED_MORE;
    count = rs_le16(hello + 4);
    if (count > 128 || 8 + count * 8 > left)
        return RS_DECIDED;
    values = hello + 8 + count * 8;
    left -= 8 + count * 8;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *tag = hello + 8 + i * 8;
        uint32_t end = rs_le32(tag + 4);

        if (end < start || end > left)
            return RS_DECIDED;
        if (memcmp(tag, "SNI\0", 4) == 0)
            rs_take_host(d, values + start, end - start);
        start = end;
    }
    return RS_DECIDED;
}

static enum rs_state read_hello(struct rs_dissect *d, const struct rs_stream *s, uint32_t version)
{
    struct rs_tls_hello hello;
    uint32_t ready = rs_stream_ready(s);
    enum rs_state state;

    d->protocol = RS_P_QUIC;
    if (version >> 24 == 'Q')
        return google_hello(d, s->data, ready);
    if (ready == 0)
        return RS_NEED_MORE;
    state = rs_tls_client_hello(d, &hello, s->data, ready, 0);
    if (state == RS_EXCLUDED)
        return RS_DECIDED;
    rs_tls_application(d, &hello);
    return state == RS_NEED_MORE && d->host[0] == 0 ? RS_NEED_MORE : RS_DECIDED;
}

/* All Initial packets of a datagram; several may be coalesced. */
static enum rs_state from_client(struct rs_dissect *d)
{
    uint8_t clear[DATAGRAM_MAX];
    const uint32_t version = rs_be32(d->data + 1); /* of the first packet: behind it anything may stand */
    struct initial in = {0};
    struct rs_quic_keys keys;
    uint32_t at = 0;
    struct rs_stream *s = NULL;

    for (uint32_t packet = 0; packet < COALESCED_MAX && at + 7 < d->length && d->length <= DATAGRAM_MAX &&
                              parse_initial(d->data + at, d->length - at, &in);
         packet++) {
        int n;

        if (s == NULL) {
            s = stream_of(d);
            if (s->key_length == 0) {
                memcpy(s->key, in.id, in.id_length);
                s->key_length = in.id_length;
            }
        }
        if (rs_quic_client_keys(d->classifier->quic, in.version, s->key, s->key_length, &keys) < 0)
            break;
        n = open_packet(d, d->data + at, &in, &keys, clear);
        if (n < 0 && memcmp(s->key, in.id, in.id_length) != 0) { /* after a Retry the client's id is a new one */
            rs_quic_client_keys(d->classifier->quic, in.version, in.id, in.id_length, &keys);
            n = open_packet(d, d->data + at, &in, &keys, clear);
        }
        if (n < 0 || !add_frames(s, clear, (uint32_t)n, is_google(in.version)))
            break;
        at += in.header + in.length;
    }
    d->protocol = RS_P_QUIC;
    return s == NULL ? RS_NEED_MORE : read_hello(d, s, version);
}

enum rs_state rs_dissect_quic(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t version;

    if ((p[0] & 0x80) == 0) {
        if ((d->flow->flags & RS_FLOW_PARTIAL) != 0)
            return RS_NEED_MORE;
        /* a connection whose start was not seen: the fixed bit, on QUIC's port, again and again */
        return (p[0] & 0x40) != 0 && rs_has_port(d, 443) ? rs_agree(d, RS_P_QUIC, 5) : RS_EXCLUDED;
    }
    version = rs_be32(p + 1);
    if (!is_version(version) || p[5] > RS_QUIC_ID_MAX + 160)
        return RS_EXCLUDED;
    if ((p[0] & 0x40) == 0 && version != 0 && (version & 0x0f0f0f0f) != 0x0a0a0a0a && !rs_has_port(d, 443))
        return RS_EXCLUDED;
    if (version == Q046) {
        enum rs_state state = google_hello(d, p, d->length);

        return state == RS_NEED_MORE && d->index > 2 ? RS_DECIDED : state;
    }
    if (!d->from_client || version == 0 || !rs_quic_version_known(version)) {
        d->protocol = RS_P_QUIC;
        return RS_NEED_MORE;
    }
    return from_client(d);
}

/* Google's versions up to Q043: a public header with flags, eight bytes of id and the version as text. */
enum rs_state rs_dissect_gquic(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t at;

    if (d->length < 26 || (p[0] & 0xc0) != 0 || !rs_has_port_in(d, 80, 443))
        return RS_EXCLUDED;
    if ((d->flow->flags & RS_FLOW_PARTIAL) != 0)
        return google_hello(d, p, d->length);
    if ((p[0] & 1) == 0) /* only the server is seen: its rejection carries a tagged message */
        return (p[0] & 8) != 0 && memmem(p, d->length < 80 ? d->length : 80, "REJ\0", 4) != NULL ? rs_is(d, RS_P_QUIC)
                                                                                                 : RS_EXCLUDED;
    at = (p[0] & 8) != 0 ? 9 : 1;
    if (p[at] != 'Q' || p[at + 1] != '0' || p[at + 2] < '0' || p[at + 2] > '9')
        return RS_EXCLUDED;
    return google_hello(d, p, d->length);
}
