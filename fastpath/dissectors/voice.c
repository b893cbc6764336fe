/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls and streams by a signalling protocol: SIP (RFC 3261), H.323 (H.225 over TPKT), Cisco's Skinny, MGCP (RFC 3435),
 * Megaco (RFC 3525), RTSP (RFC 7826), RTMP (Adobe), MPEG transport stream, IAX2 (RFC 5456), BFCP (RFC 8855), H.225
 * RAS, RTP over TCP (RFC 4571) and Mumble's ping (its protocol document).
 */

#include <string.h>

#include "dissect.h"

enum rs_state rs_dissect_sip(struct rs_dissect *d)
{
    static const char *const starts[] = {"INVITE sip", "REGISTER sip", "OPTIONS sip", "SIP/2.0 ",
                                         "ACK sip",    "BYE sip",      "CANCEL sip",  "SUBSCRIBE sip",
                                         "NOTIFY sip", "MESSAGE sip",  "PUBLISH sip", "REFER sip",
                                         "INFO sip",   "PRACK sip",    "UPDATE sip",  "INVITE tel"};
    enum rs_state answer = RS_EXCLUDED;

    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        enum rs_state state = rs_starts(d, starts[i]);

        if (state == RS_DECIDED)
            return rs_is(d, RS_P_SIP);
        if (state == RS_NEED_MORE)
            answer = RS_NEED_MORE;
    }
    if (d->transport == RS_UDP &&
        rs_has_port(d, 5060)) { /* keep-alives, and a word of which nobody has written down what it is */
        if (d->length >= 5 && memcmp(d->data, "hello", 5) == 0)
            return rs_is(d, RS_P_SIP);
        return d->length <= 4 ? RS_NEED_MORE : answer;
    }
    return answer;
}

/* TPKT with a Q.931 message (protocol discriminator 8) in it. */
enum rs_state rs_dissect_h323(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] != 3)
        return RS_EXCLUDED;
    if (d->length < 7)
        return RS_NEED_MORE;
    return p[1] == 0 && rs_be16(p + 2) >= 20 && p[4] == 8 && p[5] <= 2 && rs_has_port_in(d, 1719, 1721)
               ? rs_is(d, RS_P_H323)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_skinny(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t size;

    if (!rs_has_port_in(d, 2000, 2002))
        return RS_EXCLUDED;
    if (d->length < 12)
        return RS_NEED_MORE;
    size = rs_le32(p);
    return size >= 4 && size < 4096 && rs_le32(p + 4) <= 0x20 && rs_le32(p + 8) < 0x1000 ? rs_is(d, RS_P_CISCOSKINNY)
                                                                                         : RS_EXCLUDED;
}

enum rs_state rs_dissect_mgcp(struct rs_dissect *d)
{
    static const char *const verbs[] = {"AUEP ", "AUCX ", "CRCX ", "DLCX ", "EPCF ",
                                        "MDCX ", "NTFY ", "RQNT ", "RSIP "};

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (memcmp(d->data, verbs[i], 5) == 0 && rs_contains(d, 5, d->length, "MGCP "))
            return rs_is(d, RS_P_MGCP);
    return memcmp(d->data, "MEGACO/", 7) == 0 || memcmp(d->data, "!/1 ", 4) == 0 || memcmp(d->data, "!/2 ", 4) == 0
               ? rs_is(d, RS_P_MEGACO)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_rtsp(struct rs_dissect *d)
{
    static const char *const starts[] = {
        "RTSP/1.",       "RTSP/2.",     "DESCRIBE rtsp", "SETUP rtsp",         "PLAY rtsp",          "OPTIONS rtsp",
        "ANNOUNCE rtsp", "RECORD rtsp", "TEARDOWN rtsp", "GET_PARAMETER rtsp", "SET_PARAMETER rtsp", "PAUSE rtsp",
        "OPTIONS * RTSP"};
    enum rs_state answer = RS_EXCLUDED;

    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        enum rs_state state = rs_starts(d, starts[i]);

        if (state == RS_DECIDED)
            return rs_is(d, RS_P_RTSP);
        if (state == RS_NEED_MORE)
            answer = RS_NEED_MORE;
    }
    return answer;
}

/* Handshake C0 + C1: version 3, time, four zero bytes (or the peer's version), then 1528 random bytes. */
enum rs_state rs_dissect_rtmp(struct rs_dissect *d)
{
    if (d->data[0] != 3 && d->data[0] != 6)
        return RS_EXCLUDED;
    if (d->length < 9)
        return RS_NEED_MORE;
    if (rs_be32(d->data + 5) != 0 && !rs_has_port(d, 1935))
        return RS_EXCLUDED;
    if (d->data[1] == 0 && d->data[2] == 0 && d->data[3] != 0 && !rs_has_port(d, 1935))
        return RS_EXCLUDED; /* TPKT: a length stands there */
    return d->length >= 1537 || (rs_has_port(d, 1935) && d->length >= 1000) ? rs_is(d, RS_P_RTMP) : RS_NEED_MORE;
}

enum rs_state rs_dissect_mpegts(struct rs_dissect *d)
{
    return d->length % 188 == 0 && d->data[0] == 0x47 && (d->length == 188 || d->data[188] == 0x47) && d->length >= 376
               ? rs_is(d, RS_P_MPEG_TS)
               : RS_EXCLUDED;
}

/* A full frame (bit F) of type IAX with a subclass that may open a call; the peer's call number is still 0 then. */
enum rs_state rs_dissect_iax(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    return rs_has_port(d, 4569) && (p[0] & 0x80) != 0 && p[10] == 6 && p[11] >= 1 && p[11] <= 0x28 ? rs_is(d, RS_P_IAX)
                                                                                                   : RS_EXCLUDED;
}

/* Version 1 or 2, a primitive, the payload's length in words, conference, transaction and user. */
enum rs_state rs_dissect_bfcp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] != 0x20 && p[0] != 0x40 && p[0] != 0x50)
        return RS_EXCLUDED;
    if (d->length < 12)
        return d->transport == RS_TCP && d->length < 2 ? RS_NEED_MORE : RS_EXCLUDED;
    return p[1] >= 1 && p[1] <= 18 && rs_be16(p + 2) * 4u + 12 == d->length && rs_be32(p + 4) != 0 ? rs_is(d, RS_P_BFCP)
                                                                                                   : RS_EXCLUDED;
}

/* Shoutcast's and Icecast's own head line; the source of a station says where it puts its stream. */
enum rs_state rs_dissect_icecast(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, d->from_client ? "SOURCE /" : "ICY 200 OK");

    return state == RS_DECIDED ? rs_is(d, RS_P_ICECAST) : state;
}

/* Registration and admission: a choice of the PER-coded request on its port. */
enum rs_state rs_dissect_h225_ras(struct rs_dissect *d)
{
    return rs_has_port_in(d, 1718, 1719) && d->length <= 300 && d->data[0] <= 0x70 ? rs_agree(d, RS_P_H323, 1)
                                                                                   : RS_EXCLUDED;
}

/* Each packet behind its length; two in a row of one source, numbered one after the other, are no accident. */
enum rs_state rs_dissect_rtp_tcp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t at = 0, source = 0, sequence = 0;

    while (at + 14 <= d->length) {
        uint32_t size = rs_be16(p + at);

        if (size < 12 || size > 1500 || (p[at + 2] & 0xc0) != 0x80)
            return RS_EXCLUDED;
        if (at > 0)
            return rs_be32(p + at + 10) == source && rs_be16(p + at + 4) == ((sequence + 1) & 0xffff)
                       ? rs_is(d, RS_P_RTP)
                       : RS_EXCLUDED;
        source = rs_be32(p + 10);
        sequence = rs_be16(p + 4);
        at += 2 + size;
    }
    return d->length < 3 || (p[2] & 0xc0) == 0x80 ? RS_NEED_MORE : RS_EXCLUDED;
}

/* Ping: twelve bytes that begin with four zeros; the answer has 24 and the server's version first. */
enum rs_state rs_dissect_mumble(struct rs_dissect *d)
{
    return rs_has_port(d, 64738) && ((d->length == 12 && rs_be32(d->data) == 0) ||
                                     (d->length == 24 && d->data[0] == 0 && d->data[1] >= 1))
               ? rs_is(d, RS_P_MUMBLE)
               : RS_EXCLUDED;
}
