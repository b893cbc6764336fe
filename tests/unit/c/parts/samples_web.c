/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The web, names, mail and what surrounds them: RFC 8446, 9110, 9000, 1035, 6762, 5321, 959, 1939, 9051, 4253, 8489, 9147. */
#include "sample.h"

#define RANDOM   "0123456789abcdef0123456789abcdef"
#define SNI      "\0\0\0\x14\0\x12\0\0\x0f" "www.example.com" /* RFC 6066 3 */
#define QUESTION "\x03" "www\x07" "example\x03" "com\0\0\1\0\1"

const struct sample samples_web[] = {
    {"tls", 443, RS_P_TLS, .host = "www.example.com",
     BYTES("\x16\3\1\0\x47\1\0\0\x43\3\3" RANDOM "\0\0\2\x13\1\1\0\0\x18" SNI)},
    {"tls", 993, RS_P_IMAPS, .host = "www.example.com",
     BYTES("\x16\3\1\0\x47\1\0\0\x43\3\3" RANDOM "\0\0\2\x13\1\1\0\0\x18" SNI)},
    {"ssl2", 443, RS_P_TLS, BYTES("\x80\x2e\1\3\1\0\x15\0\0\0\x10"), .pad = 48},
    {"dtls", 4433, RS_P_DTLS, .host = "www.example.com",
     BYTES("\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\x50\1\0\0\x44\0\0\0\0\0\0\0\x44\xfe\xfd" RANDOM "\0\0\0\2\x13\1\1\0\0\x18" SNI)},
    {"http", 80, RS_P_HTTP, .host = "www.example.com",
     BYTES("GET /index.html HTTP/1.1\r\nUser-Agent: a/1\r\nHost: WWW.example.com:80\r\n\r\n")},
    {"http", 3128, RS_P_HTTP_CONNECT, .host = "mail.example.com", BYTES("CONNECT mail.example.com:443 HTTP/1.1\r\n\r\n")},
    {"http", 3128, RS_P_HTTP_PROXY, .host = "www.example.com",
     BYTES("GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n")},
    {"http", 80, RS_P_HTTP, .host = "[2001:db8::1]", BYTES("GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n")},
    {"http_answer", 80, RS_P_HTTP, BYTES("HTTP/1.1 200 OK\r\n"), .is_from_server = 1, .others = 1},
    {"http2", 80, RS_P_HTTP2, BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")},
    {"quic", 443, RS_P_QUIC, BYTES("\x40"), .pad = 40, .times = 5}, /* Initial packets: test_quic.c */
    {"gquic", 443, RS_P_QUIC, .host = "www.example.com",
     BYTES("\x09" "12345678Q043\1CHLO\1\0\0\0SNI\0\x0f\0\0\0www.example.com")},
    {"dns", 53, RS_P_DNS, .host = "www.example.com", BYTES("\x12\x34\1\0\0\1\0\0\0\0\0\0" QUESTION)},
    {"dns_tcp", 53, RS_P_DNS, .host = "www.example.com", BYTES("\0\x21\x12\x34\1\0\0\1\0\0\0\0\0\0" QUESTION)},
    {"mdns", 5353, RS_P_MDNS, .host = "_http._tcp.local",
     BYTES("\0\0\0\0\0\1\0\0\0\0\0\0\x05_http\x04_tcp\x05local\0\0\x0c\0\1")},
    {"llmnr", 5355, RS_P_LLMNR, .host = "wpad", BYTES("\x12\x34\0\0\0\1\0\0\0\0\0\0\x04wpad\0\0\1\0\1")},
    {"dnscrypt", 443, RS_P_DNSCRYPT, BYTES("q6fnvWj8"), .pad = 512},
    {"smtp", 25, RS_P_SMTP, BYTES("220 mail.example.org ESMTP\r\n"), .is_from_server = 1, .host = "mail.example.org"},
    {"smtp", 25, RS_P_SMTP, BYTES("EHLO box.example.org\r\n")},
    {"ftp", 21, RS_P_FTP_CONTROL, BYTES("USER anonymous\r\n")},
    {"ftp", 21, RS_P_FTPS, BYTES("AUTH TLS\r\n")},
    {"pop3", 110, RS_P_POP3, BYTES("USER joe\r\n")},
    {"pop3", 110, RS_P_POPS, BYTES("STLS\r\n")},
    {"imap", 143, RS_P_IMAP, BYTES("a1 LOGIN joe secret\r\n")},
    {"imap", 143, RS_P_IMAP, BYTES("* OK IMAP4rev2 ready\r\n"), .is_from_server = 1},
    {"nntp", 119, RS_P_USENET, BYTES("200 news.example.org ready\r\n"), .is_from_server = 1},
    {"irc", 6667, RS_P_IRC, BYTES("NICK joe\r\nUSER joe 0 * :joe\r\n")},
    {"whois", 43, RS_P_WHOIS_DAS, BYTES("example.org\r\n")},
    {"stun", 19302, RS_P_STUN, .application = RS_P_GOOGLECALL, BYTES("\0\1\0\0\x21\x12\xa4\x42" "ABCDEFGHIJKL")},
    {"stun_tcp", 19302, RS_P_STUN, .application = RS_P_GOOGLECALL, BYTES("\0\1\0\0\x21\x12\xa4\x42" "ABCDEFGHIJKL")},
    {"rtp", 5006, RS_P_RTCP, BYTES("\x80\xc8\0\6\1\2\3\4"), .pad = 28, .client_port = 5004}, /* RTP: test_dissectors.c */
    {"sip", 5060, RS_P_SIP, BYTES("REGISTER sip:example.org SIP/2.0\r\n"), .client_port = 5060},
    {"sip_tcp", 5060, RS_P_SIP, BYTES("INVITE sip:joe@example.org SIP/2.0\r\n")},
    {"rtsp", 554, RS_P_RTSP, BYTES("DESCRIBE rtsp://example.org/a RTSP/1.0\r\n")},
    {"rtsp_udp", 554, RS_P_RTSP, BYTES("RTSP/1.0 200 OK\r\n"), .is_from_server = 1},
    {"rtmp", 1935, RS_P_RTMP, BYTES("\x03"), .pad = 1537},
    {"h323", 1720, RS_P_H323, BYTES("\x03\0\0\x20\x08\x02"), .pad = 32},
    {"skinny", 2000, RS_P_CISCOSKINNY, BYTES("\x10\0\0\0\0\0\0\0\1\0\0\0"), .pad = 24},
    {"mgcp", 2427, RS_P_MGCP, BYTES("RSIP 1 *@gw.example.org MGCP 1.0\r\n")},
    {"mpegts", 1234, RS_P_MPEG_TS, BYTES("\x47"), THEN(188, "\x47"), .pad = 376},
    {"flute", 5555, RS_P_FLUTE, BYTES("\x10\0\4\0"), THEN(16, "<?xml version=\"1.0\"?><FDT-Instance/>")},
    {0},
};
