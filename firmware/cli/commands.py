"""The table of rsctl's commands: help, parser and completion all come from it."""

from __future__ import annotations

from firmware.cli.command import Command, argument

_CONFIRM = argument("--confirm", metavar="SECONDS", type=int, help="undo by itself unless confirmed within that time")
_LIMIT = argument("--limit", type=int, metavar="N", help="at most that many rows")
_HOST = argument("--host", completer="host", help="only this host: name, address or MAC")
_APPLICATION = argument("--application", completer="application", help="only this application")
_LIST = argument("name", metavar="NAME", completer="prefix_list", help="the list, see rsctl prefixes list")
_LIST_SOURCE = argument(
    "source", nargs="?", metavar="SOURCE", completer="file", help="file or address; default: prefix_lists.NAME.url"
)
_PARTS = argument(
    "--parts", metavar="NAMES", help="configuration,applications,prefixes,statistics,business (default: all)"
)
_PASSPHRASE = argument("--stdin", action="store_true", help="read the passphrase from input")
_SHA256 = argument("--sha256", metavar="HASH", help="take only a file with this hash")
_BY_LINE = argument("--line", metavar="LINE", completer="line", help="over this line; default: as the router chooses")
_FAMILY = argument("--family", choices=("any", "ipv4", "ipv6"), default="any", help="only IPv4 or IPv6")
_TO = argument("host", metavar="HOST", help="name or address")
_OUTPUT = argument(
    "-o", "--output", metavar="FILE", completer="file", help="default: named after the box; - for output"
)

_BUSINESS_FILE = argument("file", metavar="FILE", completer="file", help="where it is written")

COMMANDS = (
    Command(
        ("show",),
        "show the configuration, or the part below a path",
        "configuration:show",
        (
            argument("path", nargs="?", default="", metavar="PATH", completer="path", help="for example lans.office"),
            argument("--running", action="store_true", help="what is in force, not the candidate"),
            argument("--revision", type=int, metavar="N", completer="revision", help="an older revision"),
        ),
    ),
    Command(
        ("set",),
        "set a value in the candidate",
        "configuration:set_value",
        (
            argument("path", metavar="PATH", completer="path", help="for example policies.no-games.action"),
            argument("value", metavar="VALUE", help="text, a number, true or false, or JSON; - reads JSON from input"),
        ),
    ),
    Command(
        ("delete",),
        "delete a value or an entry from the candidate",
        "configuration:delete",
        (argument("path", metavar="PATH", completer="path", help="for example policies.no-games"),),
    ),
    Command(("diff",), "show how the candidate differs from what is in force", "configuration:diff"),
    Command(("check",), "say what is wrong with the candidate", "configuration:check"),
    Command(("plan",), "show precisely what a commit would do", "configuration:plan"),
    Command(
        ("commit",),
        "put the candidate in force",
        "configuration:commit",
        (_CONFIRM, argument("-m", "--message", default="", help="what the change is for")),
    ),
    Command(("confirm",), "keep a change that waits for confirmation", "configuration:confirm"),
    Command(("discard",), "forget the candidate's changes", "configuration:discard"),
    Command(
        ("rollback",),
        "put an older revision in force again",
        "configuration:rollback",
        (
            argument(
                "revision",
                nargs="?",
                type=int,
                metavar="REVISION",
                completer="revision",
                help="default: the previous one",
            ),
            _CONFIRM,
        ),
    ),
    Command(("revisions",), "list the revisions", "configuration:revisions", (_LIMIT,)),
    Command(("export",), "print the configuration in force as text", "configuration:export"),
    Command(
        ("import",),
        "load a configuration text into the candidate",
        "configuration:import_text",
        (argument("file", metavar="FILE", completer="file", help="- reads from input"),),
    ),
    Command(
        ("backup",),
        "make an encrypted backup of everything, passwords included",
        "backup:make",
        (argument("file", metavar="FILE", completer="file", help="where it is written"), _PARTS, _PASSPHRASE),
    ),
    Command(
        ("restore",),
        "load a backup into the candidate; passwords and data follow with the commit",
        "backup:restore",
        (
            argument("file", metavar="FILE", completer="file", help="a file that rsctl backup or the page has made"),
            _PARTS,
            argument("--sections", metavar="NAMES", help="of the configuration: lines,lans (see the manual)"),
            argument(
                "--map", action="append", metavar="OLD=NEW", help="a port and which it is here; auto: as proposed"
            ),
            _PASSPHRASE,
        ),
    ),
    Command(("backups", "show"), "how automatic backups are doing", "backup:show"),
    Command(("backups", "run"), "make an automatic backup now", "backup:run_now"),
    Command(
        ("backups", "passphrase"), "set what automatic backups are encrypted by", "backup:passphrase", (_PASSPHRASE,)
    ),
    Command(
        ("backups", "login"),
        "set the share's password or HQ's token",
        "backup:login",
        (
            argument("destination", choices=("share", "hq"), help="whose it is"),
            argument("--stdin", action="store_true", help="read it from input"),
        ),
    ),
    Command(("business", "status"), "is the business on, and what is there?", "business:status"),
    Command(("business", "check"), "are the books sound? The exit code is 1 when they are not", "business:check"),
    Command(("business", "backup"), "its data in one file, not encrypted", "business:backup", (_BUSINESS_FILE,)),
    Command(
        ("business", "restore"),
        "put such a file in the place of all that is there",
        "business:restore",
        (argument("file", metavar="FILE", completer="file", help="a file that rsctl business backup has made"),),
    ),
    Command(("business", "export"), "every table as CSV, in one ZIP file", "business:export", (_BUSINESS_FILE,)),
    Command(("status",), "is the box well?", "state:status"),
    Command(("lines",), "the lines to the internet", "lines:lines"),
    Command(
        ("lines", "password"),
        "set the password of a dialled line",
        "lines:password",
        (
            argument("line", metavar="LINE", completer="line", help="see rsctl lines"),
            argument("--stdin", action="store_true", help="read the new password from input"),
        ),
    ),
    Command(
        ("speedtest",),
        "measure how fast a line is, and how much delay it adds when it is busy",
        "speedtest:speedtest",
        (
            argument("line", metavar="LINE", completer="line", help="see rsctl lines"),
            argument("--shaped", action="store_true", help="only the upload, through the shaper"),
        ),
    ),
    Command(("selfcheck",), "what is not as the configuration says", "state:selfcheck"),
    Command(("board",), "the board's lights and button", "state:board"),
    Command(("bandwidth",), "how full the lines are, and who uses them now", "state:bandwidth"),
    Command(("hosts",), "the hosts behind the router", "state:hosts"),
    Command(("flows",), "live connections", "state:flows", (_HOST, _APPLICATION, _LIMIT)),
    Command(
        ("usage",),
        "who used how much",
        "state:usage",
        (
            argument("--by", choices=("host", "application", "category", "wan"), default="host", help="what to sum by"),
            argument("--since", default="24h", metavar="TIME", help="how far back: 30m, 24h, 7d (default 24h)"),
            _HOST,
            _APPLICATION,
            _LIMIT,
        ),
    ),
    Command(("blocked",), "what was blocked last", "state:blocked", (_LIMIT,)),
    Command(("alarms",), "what needs attention", "state:alarms"),
    Command(
        ("why",),
        "explain what happens to a host's traffic",
        "state:why",
        (
            argument("ip", metavar="IP", completer="host", help="address of the host in the LAN"),
            argument(
                "host", metavar="HOST", completer="application", help="site, address or application it wants to reach"
            ),
        ),
    ),
    Command(("applications",), "the applications that can be recognised", "state:applications"),
    Command(
        ("unknown",),
        "live traffic that has no name yet, the largest first",
        "recognition:unknown",
        (_LIMIT, argument("--export", metavar="FILE", completer="file", help="write it for who keeps your database")),
    ),
    Command(("posture",), "how much traffic cannot be seen into", "recognition:posture"),
    Command(("database", "show"), "which application database is in force", "recognition:database_show"),
    Command(
        ("database", "update"),
        "put a signed application database in force",
        "recognition:database_update",
        (
            argument(
                "source",
                nargs="?",
                metavar="SOURCE",
                completer="file",
                help="file or address; default: recognition.update_url",
            ),
        ),
    ),
    Command(
        ("database", "rollback"), "put the application database before in force again", "recognition:database_rollback"
    ),
    Command(("update", "show"), "which version is running, and how far an update is", "update:show"),
    Command(("update", "check"), "look now at the list of versions at update.url", "update:check"),
    Command(
        ("update", "install"),
        "install a signed version into the slot that is not running",
        "update:install",
        (
            argument(
                "source",
                nargs="?",
                metavar="SOURCE",
                completer="file",
                help="file or address; default: what update.url offers",
            ),
            argument("--usb", action="store_true", help="look for rs-*.swu on a USB stick"),
            argument("--downgrade", action="store_true", help="also a version that is not newer"),
            argument("--restart", action="store_true", help="restart into it when it is installed"),
        ),
    ),
    Command(("update", "restart"), "restart into the version that is installed", "update:restart"),
    Command(("update", "cancel"), "end what is under way, or forget what is installed", "update:cancel"),
    Command(("prefixes", "list"), "what the prefix lists hold", "prefixes:show"),
    Command(
        ("prefixes", "preview"), "show what an import would change", "prefixes:preview", (_LIST, _LIST_SOURCE, _SHA256)
    ),
    Command(
        ("prefixes", "import"),
        "put the contents of a prefix list in force",
        "prefixes:import_list",
        (_LIST, _LIST_SOURCE, _SHA256),
    ),
    Command(("prefixes", "rollback"), "put the contents before in force again", "prefixes:rollback", (_LIST,)),
    Command(
        ("ping",),
        "does a host answer, how fast and how reliably?",
        "tools:ping",
        (
            _TO,
            _BY_LINE,
            _FAMILY,
            argument("--count", type=int, metavar="N", help="so many packets (default 5, at most 20)"),
            argument("--size", type=int, metavar="BYTES", help="bytes in each packet (default 56)"),
        ),
    ),
    Command(("trace",), "which routers lie on the way to a host?", "tools:trace", (_TO, _BY_LINE, _FAMILY)),
    Command(
        ("lookup",),
        "ask a name server",
        "tools:lookup",
        (
            argument("name", metavar="NAME", help="name, or address for PTR"),
            argument(
                "--type",
                choices=("A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"),
                default="A",
                help="kind of record (default A)",
            ),
            argument("--server", metavar="ADDRESS", help="ask this one; default: the line's, else the router itself"),
            _BY_LINE,
        ),
    ),
    Command(
        ("port",),
        "does a server take connections at a TCP port?",
        "tools:port",
        (_TO, argument("port", metavar="PORT", type=int, help="for example 443"), _BY_LINE, _FAMILY),
    ),
    Command(("cable",), "ports and cables: speed, errors, who is behind", "tools:cable"),
    Command(
        ("capture",),
        "capture packets into a pcap file; Ctrl-C ends it",
        "tools:capture",
        (
            argument("where", metavar="PLACE", help="line:NAME, lan:NAME or port:NAME"),
            argument("--host", metavar="ADDRESS", completer="host", help="only from and to this address"),
            argument("--port", metavar="PORT", type=int, help="only this TCP or UDP port"),
            argument(
                "--protocol", choices=("any", "arp", "icmp", "tcp", "udp"), default="any", help="only this protocol"
            ),
            argument("--whole", action="store_true", help="whole packets, not only their first 96 bytes"),
            argument("--seconds", type=int, metavar="N", help="so long (default 30, at most 60)"),
            argument("--packets", type=int, metavar="N", help="so many packets (default 5000, at most 20000)"),
            _OUTPUT,
        ),
    ),
    Command(
        ("diagnose",),
        "write all that helps to find a fault into one file, without passwords",
        "tools:diagnose",
        (argument("--anonymise", action="store_true", help="replace addresses and MACs"), _OUTPUT),
    ),
    Command(
        ("classify",),
        "recognise the flows of a capture file (needs no daemon)",
        "classify:classify",
        (
            argument("file", metavar="FILE", completer="file", help="pcap or pcapng"),
            argument("--no-ndpi", action="store_true", help="own stages only"),
        ),
        needs_daemon=False,
    ),
    Command(
        ("passwd",),
        "change a password",
        "accounts:passwd",
        (
            argument("user", nargs="?", metavar="USER", completer="user", help="default: the owner"),
            argument("--stdin", action="store_true", help="read the new password from input"),
        ),
    ),
    Command(
        ("token", "create"),
        "make a token for REST; it is shown once",
        "accounts:token_create",
        (
            argument("name", metavar="NAME", help="what it is for"),
            argument("role", metavar="ROLE", nargs="?", default="auditor", help="default: auditor, which only reads"),
        ),
    ),
    Command(("token", "list"), "list the tokens", "accounts:token_list"),
    Command(
        ("token", "revoke"),
        "revoke a token",
        "accounts:token_revoke",
        (argument("id", metavar="ID", type=int, completer="token", help="see rsctl token list"),),
    ),
    Command(("users",), "list the users", "accounts:users"),
    Command(("console",), "the menu of the serial console", "console:console"),
    Command(
        ("completion",),
        "print the shell's completion script: source <(rsctl completion bash)",
        "completion:script",
        (argument("shell", choices=("bash",), help="the shell"),),
        needs_daemon=False,
    ),
)

GROUPS = {
    "token": "tokens for REST",
    "database": "the database of applications",
    "update": "updates of the firmware",
    "prefixes": "the prefix lists that line rules use",
    "backups": "backups that make themselves",
    "business": "the data of the business",
}
