"""All routes of the API, in the order of the document."""

from __future__ import annotations

from typing import Any

from firmware.model.config import Config, User
from firmware.model.tools import AnyRequest, Job
from webui.api import handlers, schemas
from webui.api.route import Route
from webui.uploads import LIST_BYTES

ROUTES = (
    # -- configuration
    Route(
        "GET", "/config", "readConfig", "config.get", "The whole configuration", "auditor",
        Config, schemas.Which, handler=handlers.read_config,
    ),
    Route(
        "PUT", "/config", "replaceConfig", "config.import", "Replace the candidate", "admin",
        schemas.Changed, body=Config, handler=handlers.put_config,
    ),
    Route(
        "PATCH", "/config", "patchConfig", "config.import", "Change parts of the candidate (RFC 7396)", "admin",
        schemas.Changed, body=Any, handler=handlers.patch_config,
    ),
    Route(
        "GET", "/config/{path}", "readValue", "config.get", "The value at a path such as lans.office.address",
        "auditor",
        Any, schemas.Which, handler=handlers.read_config,
    ),
    Route(
        "PUT", "/config/{path}", "setValue", "config.set", "Set the value at a path of the candidate", "admin",
        schemas.Changed, body=Any, handler=handlers.put_config,
    ),
    Route(
        "PATCH", "/config/{path}", "patchValue", "config.set", "Change parts of an object of the candidate (RFC 7396)",
        "admin", schemas.Changed, body=Any, handler=handlers.patch_config,
    ),
    Route(
        "DELETE", "/config/{path}", "deleteValue", "config.delete", "Delete an object, or set a value to its default",
        "admin", schemas.Changed, handler=handlers.delete_config,
    ),
    Route(
        "GET", "/check", "check", "config.check", "What is wrong with the candidate", "auditor",
        schemas.Changed, schemas.Which, handler=handlers.check_config,
    ),
    Route(
        "GET", "/diff", "diff", "config.diff", "What the candidate changes", "auditor",
        list[schemas.Change], schemas.Comparison, handler=handlers.read_diff,
    ),
    Route(
        "GET", "/plan", "plan", "config.plan", "What a commit would do to the box, precisely", "auditor",
        schemas.Document, schemas.Which, handler=handlers.read_plan,
    ),
    Route(
        "POST", "/commit", "commit", "config.commit", "Put the candidate in force", "admin",
        schemas.Committed, body=schemas.Commit,
    ),
    Route(
        "POST", "/confirm", "confirm", "config.confirm", "Keep a change that waits for it", "admin",
        schemas.Confirmed,
    ),
    Route(
        "POST", "/discard", "discard", "config.discard", "Forget the candidate", "admin", handler=handlers.done,
        status=204,
    ),
    Route(
        "POST", "/rollback", "rollback", "config.rollback", "Put an older revision in force again", "admin",
        schemas.Committed, body=schemas.Rollback,
    ),
    Route("GET", "/revisions", "revisions", "config.revisions", "Revisions, newest first", "auditor",
          list[schemas.Revision], schemas.Rows),
    Route("GET", "/revisions/{int:id}", "revision", "config.revision", "One revision", "auditor", schemas.FullRevision),
    Route(
        "GET", "/export", "exportConfig", "config.export", "The configuration in force as text", "auditor",
        schemas.Document, handler=handlers.export_text,
    ),
    Route(
        "POST", "/import", "importConfig", "config.import", "Load a text into the candidate", "admin",
        schemas.Changed, body=schemas.Text, handler=handlers.import_text,
    ),
    Route(
        "POST", "/backup", "makeBackup", "backup.make", "Make an encrypted backup", "owner", schemas.MadeBackup,
        body=schemas.MakeBackup,
    ),
    Route(
        "GET", "/backup/files/{name}", "readBackup", "backup.read", "The backup that was made last", "owner",
        handler=handlers.read_backup, binary="answer",
    ),
    Route(
        "POST", "/backup/open", "openBackup", "backup.open", "Look into a backup that was sent", "owner",
        schemas.OpenedBackup, body=schemas.OpenBackup,
    ),
    Route(
        "POST", "/backup/restore", "restoreBackup", "backup.restore",
        "Restore what was opened; its configuration becomes the candidate", "owner", schemas.RestoredBackup,
        body=schemas.RestoreBackup, handler=handlers.restore_backup,
    ),
    Route(
        "GET", "/backup/automatic", "automaticBackups", "backup.state", "How automatic backups are doing", "auditor",
        schemas.AutomaticBackups,
    ),
    Route(
        "POST", "/backup/automatic", "runBackup", "backup.run", "Make an automatic backup now", "admin",
        handler=handlers.done, status=204,
    ),
    Route(
        "PUT", "/backup/automatic/passphrase", "setBackupPassphrase", "backup.passphrase",
        "Set what automatic backups are encrypted by", "owner", body=schemas.BackupPassphrase, handler=handlers.done,
        status=204,
    ),
    Route(
        "PUT", "/backup/automatic/login/{name}", "setBackupLogin", "backup.login",
        "Set the share's password or HQ's token", "admin", body=schemas.BackupLogin,
        handler=handlers.put_backup_login, status=204,
    ),
    Route(
        "GET", "/business", "businessState", "business.state", "Whether the business is on, and what is there",
        "auditor", schemas.BusinessState,
    ),
    Route(
        "POST", "/business/check", "checkBusiness", "business.check", "Whether the books of the business are sound",
        "admin", schemas.BusinessCheck,
    ),
    Route(
        "POST", "/uploads", "newUpload", "whoami", "Ask for an address to send a large file to", "owner",
        schemas.NewUpload, handler=handlers.new_upload,
    ),
    Route(
        "PUT", "/uploads/file", "sendUpload", "whoami", "Send a file to the address that POST /uploads gave", "owner",
        schemas.Upload, handler=handlers.put_upload, binary="body",
    ),
    # -- state
    Route("GET", "/status", "status", "status", "Is the box well?", "auditor", schemas.Status),
    Route("GET", "/selfcheck", "selfcheck", "selfcheck", "What is not as the configuration says", "auditor",
          list[schemas.Finding]),
    Route("GET", "/board", "board", "board", "The board's lights and button", "auditor", schemas.Board),
    Route("GET", "/bandwidth", "bandwidth", "bandwidth", "How full the lines are, and who uses them", "auditor",
          schemas.Bandwidth),
    Route("GET", "/lines", "lines", "lines", "The lines to the internet", "auditor", list[schemas.Line]),
    Route(
        "PUT", "/lines/{name}/password", "setLinePassword", "line.password", "Set the password of a dialled line",
        "admin", body=schemas.LinePassword, handler=handlers.put_line_password, status=204,
    ),
    Route("GET", "/speedtest", "speedTests", "speedtest.state", "The last speed test of each line", "auditor",
          list[schemas.LineSpeed]),
    Route(
        "POST", "/lines/{name}/speedtest", "startSpeedTest", "speedtest.start",
        "Measure how fast a line is; it takes some 15 seconds", "admin", body=schemas.StartSpeedTest,
        handler=handlers.start_speed_test, status=204,
    ),
    # -- field tools
    Route("GET", "/tools", "tools", "tools.jobs", "The last field tools, without their results", "admin", list[Job]),
    Route(
        "POST", "/tools", "startTool", "tools.start", "Begin a field tool: ping, trace, lookup, port, cable, capture, "
        "diagnosis", "admin", schemas.StartedTool, body=AnyRequest, handler=handlers.start_tool, status=201,
    ),
    Route("GET", "/tools/{int:id}", "tool", "tools.job", "A field tool and its result", "admin", Job),
    Route(
        "DELETE", "/tools/{int:id}", "stopTool", "tools.stop", "End a field tool; one that is over is forgotten",
        "admin", handler=handlers.done, status=204,
    ),
    Route(
        "GET", "/tools/{int:id}/file", "toolFile", "tools.file",
        "The file of a capture or diagnosis, which is gone then", "admin", handler=handlers.tool_file, binary="answer",
    ),
    Route("GET", "/hosts", "hosts", "hosts", "The hosts behind the router", "auditor", list[schemas.SeenHost]),
    Route("GET", "/flows", "flows", "flows", "Live connections", "auditor", list[schemas.Flow], schemas.FlowsQuery),
    Route("GET", "/usage", "usage", "usage", "Who used how much", "auditor", list[schemas.Usage], schemas.UsageQuery),
    Route("GET", "/series", "series", "series", "Rates over time", "auditor", schemas.Series, schemas.SeriesQuery),
    Route(
        "GET", "/blocked", "blocked", "blocked", "What was blocked last", "auditor", list[schemas.Blocked],
        schemas.Rows,
    ),
    Route("GET", "/alarms", "alarms", "alarms", "What needs attention", "auditor", list[schemas.Alarm]),
    Route(
        "GET", "/applications", "applications", "applications", "The applications that can be recognised", "auditor",
        schemas.Applications,
    ),
    Route(
        "POST", "/applications/try", "tryApplication", "applications.try",
        "Live connections that an application would be that is not yet made", "auditor", list[schemas.TriedFlow],
        body=schemas.Trial,
    ),
    Route(
        "GET", "/applications/database", "database", "applications.database", "The application database in force",
        "auditor", schemas.Database,
    ),
    Route(
        "POST", "/applications/database", "updateDatabase", "applications.update",
        "Put a signed application database in force", "admin", schemas.Database, body=schemas.DatabaseUpdate,
    ),
    Route(
        "DELETE", "/applications/database", "rollBackDatabase", "applications.rollback",
        "Put the application database before in force again", "admin", schemas.Database,
    ),
    Route(
        "GET", "/update", "readUpdate", "update.state", "Which version is running, and how far an update is",
        "auditor", schemas.UpdateState,
    ),
    Route(
        "POST", "/update", "installUpdate", "update.install",
        "Install a signed version into the slot that is not running", "admin",
        schemas.UpdateBegun, body=schemas.InstallUpdate,
    ),
    Route(
        "POST", "/update/check", "checkUpdate", "update.check", "Look now at the list of versions that are published",
        "admin", schemas.UpdateState,
    ),
    Route(
        "DELETE", "/update", "cancelUpdate", "update.cancel", "End what is under way, or forget what is installed",
        "admin", schemas.UpdateState,
    ),
    Route(
        "POST", "/update/restart", "restartUpdate", "update.restart", "Restart into the version that is installed",
        "admin", schemas.UpdateState,
    ),
    Route(
        "GET", "/prefixes", "prefixLists", "prefixes.list", "What the prefix lists hold", "auditor",
        list[schemas.PrefixContents],
    ),
    Route(
        "POST", "/prefixes/{name}/preview", "previewPrefixes", "prefixes.preview",
        "What an import into a prefix list would change", "admin", schemas.PrefixPreview, body=schemas.PrefixImport,
        handler=handlers.of_list, body_max_bytes=LIST_BYTES,
    ),
    Route(
        "POST", "/prefixes/{name}", "importPrefixes", "prefixes.import", "Put the contents of a prefix list in force",
        "admin", schemas.PrefixContents, body=schemas.PrefixImport, handler=handlers.of_list,
        body_max_bytes=LIST_BYTES,
    ),
    Route(
        "DELETE", "/prefixes/{name}", "rollBackPrefixes", "prefixes.rollback",
        "Put the contents of a prefix list before in force again", "admin", schemas.PrefixContents,
        handler=handlers.of_list,
    ),
    Route(
        "GET", "/unknown", "unknown", "unknown", "Live traffic that has no name yet", "auditor",
        list[schemas.UnknownTraffic], schemas.Rows,
    ),
    Route(
        "GET", "/posture", "posture", "posture", "How much traffic cannot be seen into", "auditor", schemas.Posture,
        schemas.PostureQuery,
    ),
    Route(
        "GET", "/why", "why", "why", "What happens to a host's traffic, and why", "auditor", schemas.Why,
        schemas.WhyQuery, handler=handlers.why,
    ),
    Route(
        "GET", "/events", "events", "events", "Events as they happen (text/event-stream)", "auditor",
        str, handler=handlers.events,
    ),
    # -- people and tokens
    Route("GET", "/whoami", "whoami", "whoami", "Who asks", "worker", schemas.Identity),
    Route("POST", "/password", "password", "password.change", "Change a password", "worker", None,
          body=schemas.NewPassword, handler=handlers.done, status=204),
    Route("GET", "/users", "users", "config.get", "The users", "auditor", dict[str, User], handler=handlers.read_users),
    Route(
        "PUT", "/users/{name}", "putUser", "config.set", "Make or change a user in the candidate", "owner",
        schemas.Changed, body=User, handler=handlers.put_user,
    ),
    Route(
        "DELETE", "/users/{name}", "deleteUser", "config.delete", "Delete a user from the candidate", "owner",
        schemas.Changed, handler=handlers.delete_user,
    ),
    Route("GET", "/tokens", "tokens", "token.list", "The tokens", "admin", list[schemas.Token]),
    Route(
        "POST", "/tokens", "createToken", "token.create", "Make a token", "admin",
        schemas.CreatedToken, body=schemas.NewToken, status=201,
    ),
    Route("DELETE", "/tokens/{int:id}", "revokeToken", "token.revoke", "Revoke a token", "admin",
          handler=handlers.done, status=204),
    # -- this interface
    Route("GET", "/openapi.json", "document", "", "This interface (OpenAPI 3.1)", None, dict[str, Any],
          handler=handlers.openapi),
)  # fmt: skip
