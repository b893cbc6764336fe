"""The page's front: lighttpd speaks TLS, serves static files and hands the rest to rsweb's socket."""

from __future__ import annotations

from firmware.features.part import Part
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.plan import File, Unit
from firmware.model.problem import Problem

CONF = "lighttpd.conf"
_CONNECTIONS_PER_ADDRESS = 64
_TEXT = f"""\
server.modules = ("mod_openssl", "mod_alias", "mod_redirect", "mod_setenv", "mod_evasive", "mod_proxy", "mod_deflate")
server.document-root = "{{static}}"
server.pid-file = "{{run}}/lighttpd.pid"
server.port = 80
server.use-ipv6 = "enable"
server.tag = ""
server.max-request-size = 16384
server.max-connections = 512
server.stream-response-body = 2
evasive.max-conns-per-ip = {_CONNECTIONS_PER_ADDRESS}
mimetype.assign = (
  ".css" => "text/css; charset=utf-8", ".js" => "text/javascript; charset=utf-8", ".svg" => "image/svg+xml",
  ".png" => "image/png", ".ico" => "image/x-icon", ".woff2" => "font/woff2", ".json" => "application/json",
  ".webmanifest" => "application/manifest+json", ".txt" => "text/plain; charset=utf-8"
)
alias.url = ("/static/" => "{{static}}/")
setenv.set-request-header = ("X-Forwarded-For" => "")
$HTTP["url"] =~ "^/static/" {{
  setenv.set-response-header = ("Cache-Control" => "public, max-age=86400", "X-Content-Type-Options" => "nosniff")
  deflate.mimetypes = ("text/", "image/svg+xml", "application/json")
}} else {{
  proxy.server = ("" => (("socket" => "{{run}}/rsweb.sock", "connect-timeout" => 5)))
}}
$SERVER["socket"] == "0.0.0.0:443" {{ include "{{run}}/lighttpd-tls.conf" }}
"""


def verify(config: Config, facts: Facts) -> list[Problem]:
    return []


def render(config: Config, facts: Facts) -> Part:
    if not facts.web_argv:
        return Part()
    argv = (*facts.web_argv, "-D", "-f", f"{{run}}/{CONF}")
    return Part(files=(File(path=CONF, content=_TEXT),), units=(Unit(name="lighttpd", argv=argv, restart_on=(CONF,)),))
