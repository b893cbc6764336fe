"""What a line's questions meet on the internet: names, connections and pages. ``python -m tests.kernel.answerer``."""

from __future__ import annotations

import http.server
import socket
import socketserver
import struct
import sys
import threading

ADDRESS = "203.0.113.80"  # of every name that there is


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = {"/generate_204": 204, "/elsewhere": 302, "/broken": 503}.get(self.path, 200)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://login.example/portal")
        body = f"{self.client_address[0]}\n".encode() if self.path == "/address" else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class Pages(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that is only opened and reset is what is asked for here."""


class Names(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        message, door = self.request
        question = message[12:]
        kind = struct.unpack("!H", question[-4:-2])[0]
        answer = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(ADDRESS) if kind == 1 else b""
        door.sendto(
            message[:2] + struct.pack("!HHHHH", 0x8180, 1, bool(answer), 0, 0) + question + answer, self.client_address
        )


def main() -> None:
    servers = [
        socketserver.ThreadingUDPServer(("0.0.0.0", 53), Names),
        Pages(("0.0.0.0", 80), Page),
        Pages(("0.0.0.0", 443), Page),
    ]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
