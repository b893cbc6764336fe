"""The page's front: lighttpd speaks TLS, serves static files and hands the rest to rsweb's socket.

How many connections one client may hold is counted in nft, since Debian's lighttpd has no mod_evasive any more.
"""

from __future__ import annotations

from firmware.features.part import Part
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.plan import File, NftSet, Unit
from firmware.model.problem import Problem

CONF = "lighttpd.conf"
CONNECTIONS_PER_CLIENT = 64
_TEXT = """\
server.modules = ("mod_openssl", "mod_alias", "mod_redirect", "mod_setenv", "mod_proxy")
server.document-root = "{static}"
server.pid-file = "{run}/lighttpd.pid"
server.tag = ""
server.max-request-size = 16384
server.max-connections = 512
# A new certificate is taken up by SIGUSR1: who connects meanwhile waits this long at most, nobody is refused.
server.feature-flags = ("server.graceful-shutdown-timeout" => 1)
# Events are one long answer: each piece must leave at once.
server.stream-response-body = 2
mimetype.assign = (
  ".css" => "text/css; charset=utf-8",
  ".ico" => "image/x-icon",
  ".js" => "text/javascript; charset=utf-8",
  ".json" => "application/json",
  ".png" => "image/png",
  ".svg" => "image/svg+xml",
  ".txt" => "text/plain; charset=utf-8",
  ".webmanifest" => "application/manifest+json",
  ".woff2" => "font/woff2",
)
alias.url = ("/static/" => "{static}/")
# Only lighttpd says whom it answers: what the client claims is dropped.
setenv.set-request-header = ("X-Forwarded-For" => "", "Forwarded" => "")
# Large files go on as they come; rsweb takes more than others may send only by its own ticket (webui/uploads.py).
$HTTP["url"] =~ "^/(api/v1/uploads/file|system/[a-z]+/upload|business/files/[a-z_.]+/[^/]+)$" {
  server.max-request-size = 262144
  server.stream-request-body = 2
}
server.port = 80
server.bind = "0.0.0.0"
$SERVER["socket"] == "[::]:80" {}
$SERVER["socket"] == "0.0.0.0:443" { ssl.engine = "enable" }
$SERVER["socket"] == "[::]:443" { ssl.engine = "enable" }
ssl.pemfile = "{state}/tls/box.pem"
ssl.openssl.ssl-conf-cmd = ("MinProtocol" => "TLSv1.2")
$HTTP["url"] =~ "^/static/" {
  setenv.set-response-header = ("Cache-Control" => "public, max-age=86400", "X-Content-Type-Options" => "nosniff")
} else $HTTP["url"] =~ "^/update/bundle/" {
  # An update goes as it comes to who awaits it (firmware/daemon/upload.py): no memory would hold it.
  server.max-request-size = 262144
  server.stream-request-body = 2
  proxy.server = ("" => (("socket" => "{run}/update.sock", "connect-timeout" => 5)))
} else {
  proxy.server = ("" => (("socket" => "{run}/web/rsweb.sock", "connect-timeout" => 5)))
}
# Who is blocked is told so without TLS, whose certificate his browser does not know. A job card that is scanned opens
# without it too, on the LANs only (webui/business.py): a phone's scanner stops at such a certificate.
$HTTP["scheme"] == "http" {
  $HTTP["url"] !~ "^/(blocked($|[?/])|static/|business/(production/scan|static)/)" {
    url.redirect-code = 308
    url.redirect = ("" => "https://${url.authority}${url.path}${qsa}")
  }
}
"""


def verify(config: Config, facts: Facts) -> list[Problem]:
    return []


def render(config: Config, facts: Facts) -> Part:
    if not facts.web_argv:
        return Part()
    argv = (*facts.web_argv, "-D", "-f", f"{{run}}/{CONF}")
    over = f"ct count over {CONNECTIONS_PER_CLIENT}"
    return Part(
        rules={
            "input": (
                f"tcp dport {{ 80, 443 }} ct state new add @web_clients4 {{ ip saddr {over} }} goto refuse",
                f"tcp dport {{ 80, 443 }} ct state new add @web_clients6 {{ ip6 saddr {over} }} goto refuse",
            )
        },
        sets=(
            NftSet(name="web_clients4", kind="set", type="ipv4_addr", flags=("dynamic",)),
            NftSet(name="web_clients6", kind="set", type="ipv6_addr", flags=("dynamic",)),
        ),
        files=(File(path=CONF, content=_TEXT),),
        units=(Unit(name="lighttpd", argv=argv, restart_on=(CONF,), reload_signal="USR1"),),
    )
