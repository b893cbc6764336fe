"""SMTP (RFC 5321), POP3 (RFC 1939), IMAP (RFC 9051), each with STARTTLS (RFC 3207, 2595), and FTP (RFC 959, 4217)."""

from __future__ import annotations

from tests.captures.generate.case import Case, Truth
from tests.captures.generate.tls import client_hello, noise, record, server_hello_13

HELLO = record(client_hello(None))


def smtp() -> Case:
    case = Case(
        "smtp",
        "Sending mail in clear, with STARTTLS on 587, and over IPv6 to a server that names its host in the greeting "
        "only, on an odd port; SMTPS on 465 by its server's name.",
    )
    clear = Truth("smtp", "smtp", "mail", "mail.example.org", after=4)
    flow = case.tcp(25, clear).hear(b"220 mail.example.org ESMTP ready\r\n").say(b"EHLO pc.example.com\r\n")
    flow.hear(b"250 mail.example.org\r\n").say(b"MAIL FROM:<a@example.com>\r\n").hear(b"250 ok\r\n")
    flow.say(b"QUIT\r\n").hear(b"221 bye\r\n").close()
    flow = case.tcp(587, Truth("smtp", "smtp", "mail", "mx.example.net", after=4))
    flow.hear(b"220 mx.example.net ESMTP\r\n").say(b"EHLO pc\r\n").hear(b"250-mx.example.net\r\n250 STARTTLS\r\n")
    flow.say(b"STARTTLS\r\n").hear(b"220 go ahead\r\n").say(HELLO).hear(server_hello_13()).close()
    flow = case.tcp6(10025, Truth("smtp", "smtp", "mail", "odd.example.net", after=4))
    flow.hear(b"220 odd.example.net ESMTP\r\n").say(b"EHLO pc\r\n").hear(b"250 odd.example.net\r\n").close()
    flow = case.tcp(465, Truth("outlook", "smtps", "mail", "smtp.office365.com", after=4))
    flow.say(record(client_hello("smtp.office365.com", alpn=()))).hear(server_hello_13()).close()
    return case


def pop3() -> Case:
    case = Case("pop3", "Fetching mail in clear, with STLS, and POP3S on 995 without a name.")
    flow = case.tcp(110, Truth("pop3", "pop3", "mail", after=5)).hear(b"+OK ready\r\n").say(b"USER li\r\n")
    flow.hear(b"+OK\r\n").say(b"PASS secret\r\n").hear(b"+OK\r\n").close()
    flow = case.tcp6(110, Truth("pops", "pops", "mail", after=7)).hear(b"+OK ready\r\n").say(b"CAPA\r\n")
    flow.hear(b"+OK\r\nSTLS\r\n.\r\n").say(b"STLS\r\n").hear(b"+OK begin\r\n").say(HELLO).close()
    flow = case.tcp(995, Truth("pops", "pops", "mail", after=5)).say(HELLO).hear(server_hello_13()).close()
    return case


def imap() -> Case:
    case = Case("imap", "Reading mail in clear, with STARTTLS on 143, and IMAPS on 993 by its server's name.")
    flow = case.tcp(143, Truth("imap", "imap", "mail", after=4)).hear(b"* OK IMAP4rev2 ready\r\n")
    flow.say(b"a1 LOGIN li secret\r\n").hear(b"a1 OK\r\n").close()
    flow = case.tcp6(143, Truth("imap", "imap", "mail", after=4)).hear(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n")
    flow.say(b"a1 STARTTLS\r\n").hear(b"a1 OK begin\r\n").say(HELLO).hear(server_hello_13()).close()
    flow = case.tcp(993, Truth("gmail", "imaps", "mail", "imap.gmail.com", after=4))
    flow.say(record(client_hello("imap.gmail.com", alpn=()))).hear(server_hello_13()).close()
    return case


def ftp() -> Case:
    case = Case(
        "ftp",
        "A session with its data connections: passive over IPv4 (227), extended passive over IPv6 (229), active from "
        "port 20; and FTPS by AUTH TLS.",
    )
    data = Truth("ftp_data", "ftp_data", "download", stage="learned", after=1)
    control = case.tcp(21, Truth("ftp_control", "ftp_control", "download", after=5), 5)
    control.hear(b"220 (vsFTPd 3.0.3)\r\n").say(b"USER anonymous\r\n").hear(b"331 please\r\n").say(b"PASS a@b\r\n")
    control.hear(b"230 in\r\n").say(b"TYPE I\r\n").hear(b"200 ok\r\n").say(b"PASV\r\n")
    control.hear(b"227 Entering Passive Mode (198,51,100,5,195,149).\r\n").say(b"RETR a.bin\r\n")
    case.tcp(195 * 256 + 149, data, 5).hear(noise("file", 900)).close()
    control.hear(b"226 done\r\n").close()

    control = case.tcp6(21, Truth("ftp_control", "ftp_control", "download", after=5))
    control.hear(b"220 ready\r\n").say(b"USER li\r\n").hear(b"331 please\r\n").say(b"PASS b\r\n").hear(b"230 in\r\n")
    control.say(b"EPSV\r\n").hear(b"229 Entering Extended Passive Mode (|||50123|)\r\n").say(b"LIST\r\n")
    flow = case.flow("TCP", (control.client, 41234), (control.server, 50123), data).open()
    flow.hear(b"-rw-r--r-- 1 0 0 900 Jan 01 00:00 a.bin\r\n").close()

    case.flow("TCP", ("198.51.100.5", 20), ("192.0.2.10", 40999), data).open().say(noise("active", 900)).close()

    flow = case.tcp(21, Truth("ftps", "ftps", "download", after=5)).hear(b"220 ready\r\n").say(b"AUTH TLS\r\n")
    flow.hear(b"234 go\r\n").say(HELLO).hear(server_hello_13()).close()
    return case


CASES = [smtp, pop3, imap, ftp]
