/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Line protocols with a server that greets: SMTP (RFC 5321), POP3 (RFC 1939), IMAP (RFC 9051), FTP (RFC 959), NNTP
 * (RFC 3977), and IRC (RFC 2812). STARTTLS, STLS and AUTH TLS turn a flow into its encrypted kind.
 */

#include <string.h>
#include <strings.h>

#include "dissect.h"

#define LOGIN_MAX 24u /* an IMAP tag and the longest command behind it */

static int has_word(const struct rs_dissect *d, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(words[i]);

        if ((d->data[0] | 0x20) == (words[i][0] | 0x20) && d->length > n &&
            strncasecmp((const char *)d->data, words[i], n) == 0 &&
            (d->data[n] == ' ' || d->data[n] == '\r' || d->data[n] == '\n'))
            return 1;
    }
    return 0;
}

/* A reply of three digits with text behind; 0 when it is none. */
static uint32_t reply_code(const struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (d->length < 4 || p[0] < '1' || p[0] > '6' || p[1] < '0' || p[1] > '9' || p[2] < '0' || p[2] > '9' ||
        (p[3] != ' ' && p[3] != '-'))
        return 0;
    return (uint32_t)(p[0] - '0') * 100 + (uint32_t)(p[1] - '0') * 10 + (uint32_t)(p[2] - '0');
}

/* The server's name in "220 mail.example.org ESMTP". */
static void greeting_host(struct rs_dissect *d)
{
    const uint8_t *end = memchr(d->data + 4, ' ', d->length - 4);

    if (end != NULL && memchr(d->data + 4, '.', (size_t)(end - d->data - 4)) != NULL)
        rs_take_host(d, d->data + 4, (uint32_t)(end - d->data) - 4);
}

enum rs_state rs_dissect_smtp(struct rs_dissect *d)
{
    static const char *const words[] = {"EHLO", "HELO", "MAIL", "STARTTLS", "AUTH"};
    int on_port = d->server_port == 25 || d->server_port == 587 || d->server_port == 2525 || d->client_port == 25;

    if (!d->from_client) {
        if (d->length < 4)
            return RS_NEED_MORE;
        if (reply_code(d) == 554 && on_port)
            return rs_is(d, RS_P_SMTP);
        if (reply_code(d) != 220)
            return RS_EXCLUDED;
        if (memchr(d->data, '\n', d->length) == NULL && d->length < 512)
            return RS_NEED_MORE;
        greeting_host(d);
        if (!on_port && !rs_contains(d, 0, 200, "SMTP"))
            d->host[0] = 0;
        return on_port || rs_contains(d, 0, 200, "SMTP") ? rs_is(d, RS_P_SMTP) : RS_NEED_MORE;
    }
    if (d->length < 6)
        return d->data[0] >= 'A' ? RS_NEED_MORE : RS_EXCLUDED;
    return has_word(d, words, sizeof words / sizeof words[0]) && (on_port || d->others > 0) ? rs_is(d, RS_P_SMTP)
                                                                                            : RS_EXCLUDED;
}

enum rs_state rs_dissect_pop3(struct rs_dissect *d)
{
    static const char *const words[] = {"USER", "CAPA", "APOP", "AUTH", "STLS", "QUIT"};
    enum rs_state state;

    if (!d->from_client) {
        state = rs_starts(d, "+OK");
        if (state == RS_EXCLUDED)
            return d->server_port == 110 && d->length > 4
                       ? rs_starts(d, "-ERR") == RS_DECIDED ? rs_is(d, RS_P_POP3) : RS_EXCLUDED
                       : RS_EXCLUDED;
        if (state == RS_DECIDED)
            d->protocol = RS_P_POP3;
        return RS_NEED_MORE; /* the client's first word may be STLS */
    }
    if (d->length < 6)
        return RS_NEED_MORE;
    if (!has_word(d, words, sizeof words / sizeof words[0]) || (d->server_port != 110 && d->others == 0))
        return RS_EXCLUDED;
    d->protocol = RS_P_POP3;
    if (rs_contains(d, 0, d->length, "STLS\r\n"))
        return rs_is(d, RS_P_POPS);
    return rs_contains(d, 0, d->length, "USER ") || rs_contains(d, 0, d->length, "AUTH ") ||
                   rs_contains(d, 0, d->length, "QUIT")
               ? RS_DECIDED
               : RS_NEED_MORE;
}

enum rs_state rs_dissect_imap(struct rs_dissect *d)
{
    static const char *const commands[] = {" CAPABILITY", " LOGIN ", " ID (", " STARTTLS", " AUTHENTICATE ", " NOOP"};
    uint32_t end;

    if (!d->from_client) {
        if (d->length < 5)
            return d->data[0] == '*' ? RS_NEED_MORE : RS_EXCLUDED;
        if (memcmp(d->data, "* OK", 4) != 0 && memcmp(d->data, "* PREAUTH", d->length < 9 ? d->length : 9) != 0)
            return RS_EXCLUDED;
        return d->server_port == 143 || rs_contains(d, 0, 200, "IMAP") ? rs_is(d, RS_P_IMAP) : RS_NEED_MORE;
    }
    if (d->length < 8)
        return RS_NEED_MORE;
    end = d->length < 48 ? d->length : 48;
    for (uint32_t at = 1; at <= 10 && at < end && (d->server_port == 143 || d->others > 0); at++) {
        if (d->data[at] != ' ')
            continue;
        for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
            size_t n = strlen(commands[i]);

            if (n <= end - at && memcmp(d->data + at, commands[i], n) == 0)
                return rs_is(d, RS_P_IMAP);
        }
    }
    return d->length < LOGIN_MAX && d->server_port == 143 && memchr(d->data, '\n', d->length) == NULL ? RS_NEED_MORE
                                                                                                      : RS_EXCLUDED;
}

/* Files and their control: "220 (vsFTPd 3.0)" and USER; AUTH TLS makes it FTPS. */
enum rs_state rs_dissect_ftp(struct rs_dissect *d)
{
    static const char *const words[] = {"USER", "FEAT", "SYST", "OPTS", "PASS", "AUTH", "HOST", "QUIT"};
    uint32_t code = d->from_client ? 0 : reply_code(d);

    if (!d->from_client) {
        if (d->length < 4)
            return RS_NEED_MORE;
        if (code != 220 && code != 120 && code != 421 && code != 530 && code != 500)
            return RS_EXCLUDED;
        if (rs_contains(d, 0, 200, "SMTP"))
            return RS_EXCLUDED;
        if (d->server_port == 21 || rs_contains(d, 0, 200, "FTP"))
            d->protocol = RS_P_FTP_CONTROL;
        return RS_NEED_MORE; /* AUTH TLS may follow */
    }
    if (d->length < 5)
        return RS_NEED_MORE;
    if (!has_word(d, words, sizeof words / sizeof words[0]) || (d->server_port != 21 && d->others == 0))
        return RS_EXCLUDED;
    if (strncasecmp((const char *)d->data, "AUTH", 4) == 0)
        return rs_is(d, RS_P_FTPS);
    return rs_is(d, RS_P_FTP_CONTROL);
}

enum rs_state rs_dissect_nntp(struct rs_dissect *d)
{
    uint32_t code;

    if (d->from_client || d->length < 20)
        return d->from_client ? RS_EXCLUDED : RS_NEED_MORE;
    code = reply_code(d);
    if (code != 200 && code != 201)
        return RS_EXCLUDED;
    return d->server_port == 119 || rs_contains(d, 0, 120, "NNTP") || rs_contains(d, 0, 120, "InterNetNews")
               ? rs_is(d, RS_P_USENET)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_irc(struct rs_dissect *d)
{
    static const char *const words[] = {"NICK", "USER", "CAP", "PASS", "JOIN"};

    if (!d->from_client) {
        if (d->length < 12)
            return d->data[0] == ':' || d->data[0] == 'N' ? RS_NEED_MORE : RS_EXCLUDED;
        if (memcmp(d->data, "NOTICE AUTH ", 12) == 0)
            return rs_is(d, RS_P_IRC);
        return d->data[0] == ':' && (rs_contains(d, 1, 120, " NOTICE ") || rs_contains(d, 1, 120, " 001 "))
                   ? rs_is(d, RS_P_IRC)
                   : RS_EXCLUDED;
    }
    if (d->length < 8)
        return RS_NEED_MORE;
    if (!has_word(d, words, sizeof words / sizeof words[0]))
        return RS_EXCLUDED;
    return (rs_contains(d, 0, d->length, "NICK ") && rs_contains(d, 0, d->length, "USER ")) ||
                   rs_contains(d, 0, 16, "CAP LS") || rs_has_port_in(d, 6660, 6669)
               ? rs_is(d, RS_P_IRC)
               : RS_NEED_MORE;
}

enum rs_state rs_dissect_whois(struct rs_dissect *d)
{
    if (!d->from_client || (d->server_port != 43 && d->server_port != 4343))
        return RS_EXCLUDED;
    if (d->length < 3 || d->data[d->length - 1] != '\n')
        return d->length < 128 ? RS_NEED_MORE : RS_EXCLUDED;
    return rs_is(d, RS_P_WHOIS_DAS);
}
