"""Application control: the policies in order, and the tasks block, allow, except."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from msgspec import to_builtins
from werkzeug.wrappers import Response

from firmware.model.config import Config, Policy
from webui import order, people, places, words
from webui.access import requires
from webui.charts import sparkline
from webui.forms import Form, identifier
from webui.i18n import gettext, language
from webui.router import router
from webui.security import local_path

bp = Blueprint("control", __name__, url_prefix="/control")

DAY_S = 86_400
SPANS_S = (3600, DAY_S, 7 * DAY_S, 31 * DAY_S, 365 * DAY_S)


@bp.get("/")
@requires("read")
def index() -> Any:
    config = router().config()
    return render_template("control/index.html", policies=order.ordered(config.policies), config=config)


@bp.get("/applications/<id>")
@requires("read")
def application(id: str) -> Any:
    """One application: who uses it, how much, and what to do about it."""
    asked = router()
    since_s = request.args.get("since_s", SPANS_S[0], int)
    since_s = since_s if since_s in SPANS_S else SPANS_S[0]
    config = asked.config()
    return render_template(
        "control/application.html",
        id=id,
        name=words.application(id),
        category=asked.names().category_of(id),
        hosts=asked.read("usage", by="host", since_s=max(since_s, DAY_S), limit=20, application=id),
        users_s=max(since_s, DAY_S),
        since_s=since_s,
        spans=SPANS_S,
        host_names=people.names_by_key(people.known(asked)),
        curve=sparkline(asked.read("series", kind="application", key=id, window_s=since_s)),
        policies=[(name, p) for name, p in order.ordered(config.policies) if id in p.applications],
        config=config,
    )


@bp.post("/block")
@requires("change")
def block() -> Response:
    """The short way: block an application or a category for everyone, or for one host."""
    asked = router()
    config = asked.config()
    what = {key: request.form[key] for key in ("application", "category") if request.form.get(key)}
    if not what:
        abort(400)
    groups = (_only(request.form["host"]),) if request.form.get("host") else ()
    policy = Policy(
        position=1,
        action="block",
        groups=groups,
        applications=tuple(what[key] for key in what if key == "application"),
        categories=tuple(what[key] for key in what if key == "category"),
    )
    same = next((name for name, other in config.policies.items() if _is_same(policy, other)), None)
    if same:
        asked.set(f"policies.{same}.enabled", True)
    else:
        name = identifier("block-" + next(iter(what.values())), config.policies, "policy")
        moved = _places("block", name, config)
        asked.set(f"policies.{name}", {**to_builtins(policy), "position": moved.pop(name)})
        places.put("policies", moved)
    return redirect(local_path(request.form.get("back"), url_for("control.index")), 303)


def _is_same(one: Policy, other: Policy) -> bool:
    return to_builtins(one) | {"position": 0} == to_builtins(other) | {"position": 0, "enabled": True}


def _only(key: str) -> str:
    """The group of just this host, made when there is none yet."""
    asked = router()
    config = asked.config()
    host = people.find(asked, key)
    existing = next((name for name, group in config.groups.items() if group.members == (host["key"],)), None)
    if existing:
        return existing
    name = identifier(f"only-{host['name']}", config.groups, "only")
    asked.set(f"groups.{name}", {"members": [host["key"]], "description": str(host["name"])})
    return name


def _places(action: str, name: str, config: Config) -> dict[str, int]:
    """The position of a new policy, and of those that must make room for it."""
    names = [key for key, _ in order.ordered(config.policies)]
    names.insert(order.place_for_new(config.policies, action), name)
    return order.positions(names, config.policies, name)


@bp.route("/new", methods=["GET", "POST"], defaults={"name": None})
@bp.route("/policies/<name>", methods=["GET", "POST"])
@requires("change")
def edit(name: str | None) -> Any:
    """What, for whom, when, and with which exceptions."""
    asked = router()
    config = asked.config()
    policy = config.policies.get(name) if name else None
    if name and policy is None:
        abort(404)
    form = Form(to_builtins(policy) if policy else _asked_for())
    if form.is_sent and _save(form, name, policy, config):
        return redirect(url_for("control.index"), 303)
    names = asked.names()
    # While somebody searches, what is ticked so far comes along in the address.
    chosen = request.args.getlist("applications") if request.headers.get("HX-Request") else form.values("applications")
    page = render_template(
        "control/policy.html",
        form=form,
        name=name,
        policy=policy,
        config=config,
        q=request.args.get("q", ""),
        found=names.find(request.args.get("q", ""), language()),
        chosen=chosen,
        suspected=[key for key, item in sorted(names.by_id.items()) if item.suspected],
        known_categories={item.category for item in names.by_id.values()},
        group_options=[(key, words.group(key, config)) for key in config.groups],
        schedule_options=[
            ("", gettext("Always")),
            *((key, words.schedule_name(key, config)) for key in config.schedules),
        ],
        application_options=[(key, words.application(key)) for key in sorted(names.by_id)],
    )
    return page, 422 if form.is_wrong else 200


def _asked_for() -> dict[str, Any]:
    """What the address asked for: ``?action=allow&application=wechat&group=sales``."""
    action = request.args.get("action", "block")
    return {
        "action": action if action in ("allow", "block") else "block",
        "applications": request.args.getlist("application") + request.args.getlist("applications"),
        "categories": request.args.getlist("category") + request.args.getlist("categories"),
        "groups": request.args.getlist("group"),
        "enabled": True,
    }


def _save(form: Form, name: str | None, policy: Policy | None, config: Config) -> bool:
    value = {
        "action": form.text("action"),
        "applications": form.values("applications"),
        "categories": form.values("categories"),
        "groups": form.values("groups"),
        "except_groups": form.values("except_groups"),
        "except_applications": form.values("except_applications"),
        "schedule": form.optional("schedule"),
        "description": form.text("description"),
        "enabled": policy.enabled if policy else True,
    }
    if not value["applications"] and not value["categories"] and not form.checked("everything"):
        form.add_error("applications", gettext("Choose an application or category, or tick “all internet traffic”."))
        return False
    if policy is not None:
        return form.save(f"policies.{name}", {**value, "position": policy.position}, to_builtins(policy))
    first = (*value["applications"], *value["categories"], "all")[0]
    name = identifier(f"{value['action']}-{first}", config.policies, "policy")
    moved = _places(value["action"], name, config)
    position = moved.pop(name)
    places.put("policies", moved)  # first: two at one place are refused
    if form.save(f"policies.{name}", {**value, "position": position}):
        return True
    places.put("policies", {other: config.policies[other].position for other in moved})
    return False


@bp.post("/policies/<name>/move")
@requires("change")
def move(name: str) -> Response:
    """One place up (``by=-1``) or down (``by=1``)."""
    places.move("policies", router().config().policies, name)
    return redirect(url_for("control.index"), 303)


@bp.post("/policies/<name>/switch")
@requires("change")
def switch(name: str) -> Response:
    """On or off, without losing it."""
    policies = router().config().policies
    if name not in policies:
        abort(404)
    router().set(f"policies.{name}.enabled", not policies[name].enabled)
    return redirect(local_path(request.form.get("back"), url_for("control.index")), 303)


@bp.post("/policies/<name>/delete")
@requires("change")
def delete(name: str) -> Response:
    router().delete(f"policies.{name}")
    return redirect(url_for("control.index"), 303)
